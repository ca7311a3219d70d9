"""What happens to every request, whatever it asks: its id, its headers, its line in the log, its end."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from u2bg.server import logs, refusals
from u2bg.server.service import Service

log = logging.getLogger("u2bg.server")

SEND_S = 60.0
"""A client that takes nothing of its answer for so long is left."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
}
SHARED = ("/v1.0/", "/api/remove")
"""Pages of other origins may use these, as with the services whose contracts they are; credentials are never taken."""

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "X-Api-Key, Authorization, Content-Type, Accept",
    "Access-Control-Expose-Headers": "*",
    "Access-Control-Max-Age": "86400",
}


class Doorkeeper:
    """The outermost layer of the app.

    Args:
        app: what answers.
        service: whose metrics are told.
        routes: the paths that are counted by their names; others are counted together.
    """

    def __init__(self, app: ASGIApp, service: Service, routes: frozenset[str]) -> None:
        self._app, self._service, self._routes = app, service, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        token = logs.request_id.set(_id(request))
        start, answered = time.perf_counter(), _Answered()

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                message["headers"] = [*message.get("headers", []), *self._extra(scope["path"], message)]
            else:
                answered.sent += len(message.get("body", b""))
            async with asyncio.timeout(SEND_S):
                await send(message)

        try:
            if scope["method"] == "OPTIONS" and scope["path"].startswith(SHARED):
                await guarded({"type": "http.response.start", "status": 204, "headers": []})
                await guarded({"type": "http.response.body"})
            else:
                await self._answer(request, scope, receive, guarded, answered)
        finally:
            self._tell(request, answered, time.perf_counter() - start)
            logs.request_id.reset(token)

    async def _answer(
        self, request: Request, scope: Scope, receive: Receive, send: Send, answered: _Answered
    ) -> None:
        try:
            await self._app(scope, receive, send)
        except (
            Exception
        ) as error:  # the last line: whatever it is, it becomes an answer and a line in the log
            if not answered.status:
                await refusals.answer(request, error)(scope, receive, send)
            elif not isinstance(error, TimeoutError):
                log.error("an answer broke off", exc_info=error)

    def _extra(self, path: str, message: Message) -> list[tuple[bytes, bytes]]:
        """Headers that every answer of an address has."""
        headers = {**HEADERS, "X-Request-Id": logs.request_id.get()}
        if not any(name.lower() == b"cache-control" for name, _ in message.get("headers", [])):
            headers["Cache-Control"] = "no-store"
        if path.startswith(SHARED):
            headers |= CORS
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    def _tell(self, request: Request, answered: _Answered, seconds: float) -> None:
        path = request.url.path
        route = path if path in self._routes else "other"
        status = answered.status or 499
        self._service.metrics.request(route, status, seconds)
        fields: dict[str, Any] = {
            "method": request.method,
            "path": path[:200],  # without the query, which may hold addresses
            "status": status,
            "seconds": round(seconds, 4),
            "sent": answered.sent,
            "client": request.client.host if request.client else None,
        }
        code = getattr(request.state, "code", None)
        log.info("answered", extra={"fields": fields | ({"code": code} if code else {})})


class _Answered:
    """What went out: status and bytes."""

    def __init__(self) -> None:
        self.status, self.sent = 0, 0


def _id(request: Request) -> str:
    """The caller's own id where it is a decent one, so that logs can be followed through a proxy."""
    given = request.headers.get("x-request-id", "")
    return given if re.fullmatch(r"[\w.-]{1,64}", given, re.ASCII) else uuid.uuid4().hex
