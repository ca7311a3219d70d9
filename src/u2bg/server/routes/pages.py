"""`/`, its parts under `/page/`, and the description of the API at `/api`. All read once, when the server starts."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parents[1] / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    """The page."""
    return _answer(request, "index.html")


@router.get("/api")
async def api(request: Request) -> Response:
    """The API, described for people."""
    return _answer(request, "api.html")


@router.get("/page/{name}")
async def part(request: Request, name: str) -> Response:
    """A script, a style or a drawing of the page."""
    return _answer(request, name)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Name to content, type and tag. A name that is not in here leads nowhere, whatever it looks like."""
    found = {}
    for path in FOLDER.iterdir():
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = content, TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return found


def _answer(request: Request, name: str) -> Response:
    if name not in _files():
        raise HTTPException(404)
    content, media_type, tag = _files()[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
