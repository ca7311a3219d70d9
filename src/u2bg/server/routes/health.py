"""`/healthz`, `/readyz` and `/metrics`: what those ask who keep a server running."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from u2bg.server import openapi
from u2bg.server.metrics import CONTENT_TYPE
from u2bg.server.service import serving

router = APIRouter(tags=["operations"])


@router.get("/healthz", responses=openapi.OPEN)
async def healthz() -> dict[str, str]:
    """Whether the process answers. Needs no key."""
    return {"status": "ok"}


@router.get("/readyz", responses=openapi.READY)
async def readyz(request: Request) -> JSONResponse:
    """Whether the models are loaded, so that work may be sent. Needs no key."""
    ready = serving(request).removers is not None
    return JSONResponse({"status": "ready" if ready else "loading"}, 200 if ready else 503)


@router.get("/metrics", responses=openapi.TEXT_ONLY)
async def metrics(request: Request) -> Response:
    """Counts for Prometheus. Needs a key where others do; a bearer token will do."""
    service = serving(request)
    service.keys.check(request.headers)
    return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})
