"""What every route shares, and a request's way through it: body, place, work, deadline."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from u2bg.errors import Busy, ClientLeft, FetchRefused, TooLarge, TooSlow
from u2bg.server import forms
from u2bg.server.fetch import Fetcher
from u2bg.server.forms import Form
from u2bg.server.jobs import Place, Pool, Work
from u2bg.server.keys import Keys
from u2bg.server.metrics import Metrics
from u2bg.server.removers import Removers
from u2bg.server.settings import Settings

T = TypeVar("T")


@dataclass(slots=True)
class Service:
    """One server's parts; made once, by the app."""

    settings: Settings
    keys: Keys
    metrics: Metrics
    pool: Pool
    fetcher: Fetcher
    removers: Removers | None = None  # until they are loaded
    arriving_bytes: int = 0  # of bodies that are still arriving

    def load(self) -> Future[None]:
        """Load the models, on a thread of the pool."""

        def load() -> None:
            self.removers = Removers(self.settings.models, self.settings.device)

        return self.pool.submit(load)

    def loaded(self) -> Removers:
        """The models.

        Raises:
            Busy: they are still being loaded.
        """
        if self.removers is None:
            raise Busy("the models are still being loaded; fix: ask again in 5 s", 5)
        return self.removers

    @contextlib.asynccontextmanager
    async def visit(self, request: Request) -> AsyncIterator[Visit]:
        """Let a request in that holds a key, and give it until the deadline.

        Raises:
            Forbidden: no key. Busy: no room, or not done in time. TooSlow: the body was not there in time.
        """
        self.keys.check(request.headers)
        self.pool.check()
        visit = Visit(self, request)
        try:
            async with asyncio.timeout(self.settings.timeout), contextlib.AsyncExitStack() as stack:
                visit.stack = stack
                yield visit
        except TimeoutError:
            if not visit.arrived:
                raise TooSlow(f"the body was not there within {self.settings.timeout:g} s") from None
            after = math.ceil(self.settings.timeout)
            raise Busy(f"not done within {self.settings.timeout:g} s; fix: ask again later", after) from None
        finally:
            visit.end()

    @contextlib.contextmanager
    def arriving(self) -> Iterator[Callable[[int], None]]:
        """A function to tell of every piece of a body that arrives; what is told is forgotten after the block.

        Raises:
            Busy: all bodies that are arriving hold more memory together than those in the places may.
        """
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            held += count
            self.arriving_bytes += count
            if self.arriving_bytes > self.pool.places * self.settings.max_upload:
                raise Busy("too much is being uploaded at once; fix: ask again in 5 s", 5)

        try:
            yield hold
        finally:
            self.arriving_bytes -= held

    def check_size(self, content: bytes) -> bytes:
        """The picture, if it is not too large.

        Raises:
            TooLarge
        """
        if len(content) > self.settings.max_upload:
            raise TooLarge(
                f"the file has {len(content):,} bytes; expected at most {self.settings.max_upload:,}"
            )
        return content


class Visit:
    """One request on its way."""

    stack: contextlib.AsyncExitStack

    def __init__(self, service: Service, request: Request) -> None:
        self._service, self._request = service, request
        self._place: Place | None = None
        self._gone: asyncio.Future[None] | None = None
        self.arrived = False

    async def body(self) -> bytes:
        """The whole body; then a place for the work on it."""
        settings = self._service.settings
        kind, _ = forms.kind_of(self._request)
        growth = forms.BASE64_GROWTH if kind in {forms.JSON, forms.URLENCODED} else 1
        limit = round(settings.max_upload * growth) + forms.FRAME_BYTES
        with self._service.arriving() as hold:
            content = await forms.read(self._request, limit, hold)
        self.arrived = True
        self._place = await self.stack.enter_async_context(self._service.pool.place())
        self._gone = asyncio.ensure_future(self._until_gone())
        self.stack.callback(self._gone.cancel)
        return content

    async def form(self, read: Callable[[Form], T]) -> T:
        """What `read` makes of the body as a form; taken apart on a thread.

        Raises:
            as `body`, `forms.parse` and `read`.
        """
        content = await self.body()
        _, content_type = forms.kind_of(self._request)
        return await self.run(lambda _: read(forms.parse(content_type, content)))

    async def run(self, work: Work[T]) -> T:
        """Do the work on a thread, unless the client leaves before it is done.

        Raises:
            ClientLeft, and whatever the work raises.
        """
        if self._place is None or self._gone is None:
            raise RuntimeError("work before the body was read")
        job = asyncio.ensure_future(self._place.run(work))
        try:
            await asyncio.wait((job, self._gone), return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                raise ClientLeft("who asked is gone")
            return job.result()
        finally:
            job.cancel()

    async def fetch(self, url: str) -> bytes:
        """The bytes behind an address that the request names.

        Raises:
            FetchRefused: this server fetches nothing, or not from there. FetchFailed, TooLarge.
        """
        if not self._service.settings.allow_url_fetch:
            raise FetchRefused("this server fetches no addresses; fix: send the picture itself")
        return await self._service.fetcher(url)

    def end(self) -> None:
        """Let go of everything, or the answer would stay in memory until Python looks for circles."""
        del self.stack
        self._place = self._gone = None

    async def _until_gone(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


def serving(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service
