"""The app: its parts put together. `create_app(settings)` is what `u2bg serve`, tests and other servers use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

import u2bg
from u2bg.errors import U2bgError
from u2bg.server import keys, refusals
from u2bg.server.doorkeeper import Doorkeeper
from u2bg.server.fetch import Fetcher
from u2bg.server.jobs import Pool
from u2bg.server.metrics import Metrics
from u2bg.server.refusals import Refusal
from u2bg.server.routes import health, native, pages, rembg, removebg
from u2bg.server.service import Service
from u2bg.server.settings import Settings, load

ABOUT = """Removes the background of pictures. Pictures stay on this machine and are not stored.

Three ways to ask for the same: u2bg's own endpoint, and the contracts of rembg's server and of remove.bg."""


def create_app(settings: Settings | None = None, *, fetcher: Fetcher | None = None) -> FastAPI:
    """A server for these settings, else for those of the environment. The models are loaded when it starts.

    Args:
        settings: what it is told.
        fetcher: fetches pictures by their address; tests have their own.

    Raises:
        SourceMissing, UsageError: the file of API keys cannot be used.
    """
    settings = settings or load()
    metrics = Metrics()
    pool = Pool(settings.workers, settings.queue, settings.timeout, metrics)
    fetcher = fetcher or Fetcher(settings.max_upload)
    service = Service(settings, keys.read(settings.api_key_file), metrics, pool, fetcher)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if service.removers is None:
            await asyncio.wrap_future(service.load())
        yield
        await asyncio.to_thread(pool.close)
        await fetcher.close()

    app = FastAPI(
        title="u2bg",
        version=u2bg.__version__,
        description=ABOUT,
        lifespan=life,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    routers = (native.router, rembg.router, removebg.router, health.router, pages.router)
    for router in routers:
        app.include_router(router)
    for kind in (U2bgError, Refusal, HTTPException, Exception):
        app.add_exception_handler(kind, _refuse)
    paths = frozenset(
        route.path for router in routers for route in router.routes if isinstance(route, APIRoute)
    )
    app.add_middleware(Doorkeeper, service=service, routes=paths)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    return refusals.answer(request, error)
