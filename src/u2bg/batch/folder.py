"""A folder of pictures, cut side by side: each worker takes a photo the whole way, and every end is written down.

One photo a core, not one photo on all cores: the workers are threads that share one network, so that decoding,
network, edges and encoding of different photos overlap by themselves, and nothing but a path goes from hand to hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path

from u2bg import memory
from u2bg.batch.budget import Budget, pixels_of
from u2bg.batch.cutting import attempt, refuse_overwriting, write_durably
from u2bg.batch.job import Job, Outcome
from u2bg.batch.listing import Listed
from u2bg.batch.manifest import Manifest
from u2bg.cores import shared_by
from u2bg.errors import SourceMissing
from u2bg.files import replacing

Make = Callable[[Path, Outcome], bytes]
"""The content of the file of one picture's cut-out; what is learnt about it is told to the outcome."""

_IN_HAND = 2
"""Pictures a worker may have: the one it cuts, and the next."""

_GIVEN_BACK_EVERY = 50
"""Pictures after which free memory goes back to the system: holes in the heap, which would slowly grow."""


class FolderRun:
    """One run over a folder: what is done and unchanged is left, the rest is cut, and all of it is written down.

    Args:
        make: what to write of each; its network was loaded with `shared_by(workers)`, so that each photo has one share
            of the cores.
        manifest: the folder's, begun.
        workers: how many photos are under way at once.
        resume: leave what is done; else cut everything again.
        overwrite: replace files, too, that no run of ours has written.
        budget: the pixels that may be under way at once.
    """

    def __init__(
        self,
        make: Make,
        manifest: Manifest,
        *,
        workers: int,
        resume: bool = True,
        overwrite: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self._make = make
        self._manifest = manifest
        self._workers = workers
        self._resume = resume
        self._overwrite = overwrite
        self._budget = budget or Budget()

    def __call__(self, listings: Iterable[Listed | None]) -> Iterator[Outcome]:
        """Cut what is listed; the outcomes as they come. None in the list asks for those that are ready.

        When the caller leaves, or is interrupted, the pictures in hand are finished and written down.

        Raises:
            CannotWrite: the disk is full; all that is done is written down.
        """
        yield from side_by_side(self._cut, self._examined(listings), self._workers)

    def _examined(self, listings: Iterable[Listed | None]) -> Iterator[Job | Outcome | None]:
        """What needs no cutting has its outcome: folders that cannot be listed, pictures that are done."""
        for listed in listings:
            if listed is None:
                yield None
                continue
            if listed.error:
                outcome = Outcome(
                    str(listed.place), None, error=listed.error, exit_code=SourceMissing.exit_code
                )
                self._manifest.write(outcome)
                yield outcome
            for job in listed.jobs:
                done = self._resume and self._manifest.is_done(job)
                yield Outcome(str(job.source), str(job.output), skipped=True) if done else job

    def _cut(self, job: Job) -> Outcome:
        """A worker's whole work."""

        def cut(outcome: Outcome) -> None:
            refuse_overwriting(job, overwrite=self._overwrite or self._manifest.may_replace(job))
            before = _status(job.source)
            content = self._make(job.source, outcome)
            with replacing(job.output, make_folder=True, mark=self._manifest.run) as part:
                write_durably(part, content)
                outcome.clock()
                self._manifest.write(outcome, self._manifest.facts(before, len(content)))

        with shared_by(self._workers), self._budget.hold(pixels_of(job.source)):
            outcome = attempt(job, cut)
        if outcome.error:
            self._manifest.write(outcome)
        return outcome


def side_by_side(
    work: Callable[[Job], Outcome], items: Iterable[Job | Outcome | None], workers: int
) -> Iterator[Outcome]:
    """Work on jobs in threads, never far ahead of the outcomes, which come as they are ready.

    However many jobs there are, memory stays as it is after the first: the threads share few heaps, and what is free in
    them goes back to the system now and then.

    Args:
        work: a worker's; must not raise, or it ends all.
        items: jobs; outcomes that are known already; None, an occasion to give outcomes while nothing new is there.
        workers: how many at once.
    """
    memory.share_heaps(workers)
    worked = count(1)

    def tidy_after(job: Job) -> Outcome:
        outcome = work(job)
        if next(worked) % _GIVEN_BACK_EVERY == 0:
            memory.give_back()
        return outcome

    waiting: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="u2bg-photo") as pool:
        try:
            for item in items:
                if isinstance(item, Outcome):
                    yield item
                elif item is not None:
                    waiting.add(pool.submit(tidy_after, item))
                full = len(waiting) >= _IN_HAND * workers
                if full or item is None:
                    done, waiting = wait(waiting, None if full else 0, FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in waiting:  # none, unless something went wrong: those not begun are left
                future.cancel()


def _status(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise SourceMissing(f"cannot read '{path}': {error.strerror}; fix: check the name") from error
