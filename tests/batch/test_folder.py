"""Photos side by side: each is accounted for, however the run ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from u2bg.batch.folder import side_by_side
from u2bg.batch.job import Job, Outcome

JOBS = [Job(Path(f"{number}.jpg"), Path(f"{number}.png")) for number in range(50)]


def _done(job: Job) -> Outcome:
    return Outcome(str(job.source), str(job.output))


def test_every_job_has_one_outcome() -> None:
    outcomes = list(side_by_side(_done, JOBS, 4))

    assert sorted(outcome.path for outcome in outcomes) == sorted(str(job.source) for job in JOBS)


def test_so_many_are_under_way_at_once_and_no_more() -> None:
    together, inside, most = threading.Barrier(3), threading.Semaphore(3), []

    def work(job: Job) -> Outcome:
        assert inside.acquire(blocking=False)
        together.wait(timeout=30)  # ends only when three are in it
        most.append(3)
        inside.release()
        return _done(job)

    assert len(list(side_by_side(work, JOBS[:48], 3))) == 48
    assert len(most) == 48


def test_the_list_is_read_only_as_far_as_the_workers_are() -> None:
    read = []

    def listed() -> Iterator[Job]:
        for job in JOBS:
            read.append(job)
            yield job

    outcomes = side_by_side(_done, listed(), 2)
    for _ in range(5):
        next(outcomes)
    assert len(read) <= 5 + 2 * 2
    outcomes.close()  # type: ignore[attr-defined]


def test_what_is_known_needs_no_worker() -> None:
    known = Outcome("a.jpg", "a.png", skipped=True)

    assert list(side_by_side(_done, [known, None], 1)) == [known]


def test_none_brings_what_is_ready_though_more_could_be_taken() -> None:
    ready = threading.Event()

    def work(job: Job) -> Outcome:
        ready.set()
        return _done(job)

    def trickle() -> Iterator[Job | None]:
        yield JOBS[0]
        while not got:
            ready.wait(timeout=30)
            yield None

    got: list[Outcome] = []
    for outcome in side_by_side(work, trickle(), 8):
        got.append(outcome)  # noqa: PERF402
    assert len(got) == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_when_it_ends_early_those_in_hand_are_finished_and_no_other_begun(
    kind: type[BaseException],
) -> None:
    begun, finished = [], []

    def work(job: Job) -> Outcome:
        begun.append(job)
        threading.Event().wait(0.02)
        finished.append(job)
        return _done(job)

    def interrupted() -> Iterator[Job]:
        yield from JOBS[:3]
        raise kind

    with pytest.raises(kind):
        list(side_by_side(work, interrupted(), 2))
    assert set(begun) == set(finished)
    assert len(begun) <= 3
