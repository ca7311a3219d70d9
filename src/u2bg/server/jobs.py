"""Work is bounded: so many at once, so many waiting, so long for each; the rest is refused at once."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

from u2bg import memory
from u2bg.cores import shared_by
from u2bg.errors import Busy, ClientLeft
from u2bg.server.metrics import Metrics

T = TypeVar("T")

Stage = Callable[[str], AbstractContextManager[None]]
"""`with stage("cut"):` times a part of the work, and ends work there that nobody waits for any more."""

Work = Callable[[Stage], T]

TIDY_S = 5.0
"""So often, at most, free memory is given back."""


class Pool:
    """Threads that do all work on pictures, and the places in front of them.

    Args:
        workers: how many jobs run at once.
        queue: how many more may wait.
        timeout_s: what a request may take; who would have to wait longer than that is refused at once.
        metrics: told of places, stages and times.
    """

    def __init__(self, workers: int, queue: int, timeout_s: float, metrics: Metrics) -> None:
        self._threads = ThreadPoolExecutor(workers, "u2bg-worker")
        self._workers, self.places, self._timeout_s = workers, workers + queue, timeout_s
        self._metrics = metrics
        self._taken = 0
        self._usual_s = 0.0  # of a job, a mean that forgets
        self._tidied = -math.inf  # on the monotonic clock

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place, kept until the block is left and the last thread of it is done.

        Raises:
            Busy: there is none, or the wait would be longer than the deadline.
        """
        self.check()
        place = Place(self, asyncio.get_running_loop())
        self._count(+1)
        try:
            yield place
        finally:
            place.leave(lambda: self._free(place))

    def check(self) -> None:
        """Whether there is room now; asked before a body is read, too.

        Raises:
            Busy
        """
        wait_s = self._usual_s * (self._taken + 1) / self._workers
        if self._taken >= self.places or (self._taken and wait_s > self._timeout_s):
            after = max(1, min(math.ceil(wait_s), math.ceil(self._timeout_s)))
            raise Busy(f"the server is busy; fix: ask again in {after} s", after)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have a thread do it, in turn, with one worker's share of the cores."""

        def shared() -> T:
            with shared_by(self._workers):
                return work()

        return self._threads.submit(shared)

    def stage(self, name: str, gone: threading.Event) -> AbstractContextManager[None]:
        """A part of a job, timed."""
        return self._stage(name, gone)

    def close(self) -> None:
        """Wait for what runs; start nothing more."""
        self._threads.shutdown(cancel_futures=True)

    @contextlib.contextmanager
    def _stage(self, name: str, gone: threading.Event) -> Iterator[None]:
        if gone.is_set():
            raise ClientLeft("who asked is gone")
        with self._metrics.stage(name):
            yield

    def _free(self, place: Place) -> None:
        self._count(-1)
        if place.seconds:
            self._usual_s += (place.seconds - self._usual_s) * (0.2 if self._usual_s else 1)
        if time.monotonic() >= self._tidied + TIDY_S:
            self._tidied = time.monotonic()
            with contextlib.suppress(RuntimeError):  # the pool is closed
                self._threads.submit(memory.give_back)

    def _count(self, step: int) -> None:
        self._taken += step
        self._metrics.places.set(self._taken)


class Place:
    """One request's right to the threads."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool, self._loop = pool, loop
        self.seconds = 0.0  # that threads worked for it
        self._gone = threading.Event()
        self._last: Future[object] | None = None

    async def run(self, work: Work[T]) -> T:
        """Do the work on a thread. When the caller is cancelled, it stops before its next stage."""

        def job() -> T:
            start = time.perf_counter()
            try:
                return work(lambda name: self._pool.stage(name, self._gone))
            finally:
                self.seconds += time.perf_counter() - start

        future = self._pool.submit(job)
        self._last = future  # type: ignore[assignment]
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._gone.set()
            raise
        finally:
            if future.done():
                self._last = None  # nor keep its answer

    def leave(self, free: Callable[[], None]) -> None:
        """Give the place back, once the last thread is done with it."""
        self._gone.set()
        if self._last is None or self._last.done():
            free()
            return

        def done(_: Future[object]) -> None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(free)

        self._last.add_done_callback(done)
