"""The app behind uvicorn: a connection gets so long to ask, and what was taken is finished before the end."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from u2bg import memory
from u2bg.errors import UsageError
from u2bg.server import logs
from u2bg.server.app import create_app
from u2bg.server.fetch import Fetcher
from u2bg.server.settings import Settings

if TYPE_CHECKING:
    from asyncio import TimerHandle, Transport

HEAD_S = 10.0
"""For the first line and the headers of a request, from the connection or from their first byte."""

LINGER_S = 5.0
"""For what a client still sends after it has been refused: read and thrown away, so that it can read the answer."""

CONNECTIONS = 512

SWITCH_S = 0.0005
"""So long a worker may keep Python's lock from the thread that answers; each step of an answer waits for it anew."""


class Protocol(H11Protocol):
    """HTTP/1.1 with a deadline for the head of a request; uvicorn itself waits for ever."""

    _deadline: TimerHandle | None = None  # for a head
    _linger: TimerHandle | None = None  # for the rest of a body that was refused

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._linger is not None and self.conn.their_state is not h11.SEND_BODY:
            self._linger.cancel()  # it read our answer and sent the rest: the connection is as good as any
            self._linger = None
        if self.conn.their_state is h11.IDLE:
            self._expect_head()
        else:
            self._cancel()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._linger = self.loop.call_later(LINGER_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def server(settings: Settings, *, fetcher: Fetcher | None = None, **more: Any) -> uvicorn.Server:
    """A server for these settings, ready to run.

    Args:
        fetcher: as `create_app` takes it.
        more: passed on to `uvicorn.Config`, over ours.
    """
    ours = {
        "host": settings.host,
        "port": settings.port,
        "http": Protocol,
        "ws": "none",
        "log_config": logs.CONFIG,
        "access_log": False,
        "server_header": False,
        "limit_concurrency": CONNECTIONS,
        "timeout_keep_alive": 15,
        "timeout_graceful_shutdown": math.ceil(settings.timeout) + 5,
    }
    return uvicorn.Server(uvicorn.Config(create_app(settings, fetcher=fetcher), **{**ours, **more}))


def serve(settings: Settings, started: Callable[[str], None]) -> None:
    """Serve until told to stop; then finish what was taken.

    Args:
        started: told the address, once it listens there and the models are loaded.

    Raises:
        UsageError: the address cannot be listened on. UnknownName, BadModel, PullFailed: as `Remover`.
    """
    with _listen(settings) as listening:
        sys.setswitchinterval(SWITCH_S)
        memory.keep()
        ours = server(settings)
        app: Any = ours.config.app
        app.state.service.load().result()
        host, port = listening.getsockname()[:2]
        started(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        asyncio.run(ours.serve([listening]))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        system = (error.errno or 0) > 0  # a name that leads nowhere has a number and words of its own
        reason = os.strerror(error.errno or 0) if system else error.strerror
        raise UsageError(
            f"cannot listen on {settings.host}, port {settings.port}: {reason}; "
            "fix: choose another --host or --port (0 takes a free one)"
        ) from None
