"""The cores that may be used are those of the affinity, not of the host."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from u2bg.cores import on_all_cores, photos_at_once, shared_by, together, usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_bound_to_one_core_uses_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from u2bg.cores import usable_cores; "

    assert subprocess.check_output([sys.executable, "-c", code + "print(usable_cores())"], text=True) == "1\n"


def test_photos_side_by_side_have_their_share_of_the_cores() -> None:
    every = usable_cores()

    with shared_by(every):
        assert usable_cores() == 1
        assert photos_at_once() == every
        with shared_by(10 * every):
            assert (usable_cores(), photos_at_once()) == (1, every)
    with shared_by(1):
        assert (usable_cores(), photos_at_once()) == (every, 1)
    assert (usable_cores(), photos_at_once()) == (every, 1)


def test_what_is_shared_out_within_shared_work_is_done_there() -> None:
    def inner(part: int) -> tuple[int, int]:
        return part, threading.get_ident()

    def outer(part: int) -> bool:
        done = on_all_cores(inner, range(5))
        return [one for one, _ in done] == [*range(5)] and {where for _, where in done} == {
            threading.get_ident()
        }

    if usable_cores() > 1:
        assert on_all_cores(outer, range(50)) == [True] * 50  # and none waits for ever


def test_two_things_are_done_together() -> None:
    assert together(lambda: 1, lambda: "two") == (1, "two")
    assert all(together(lambda: together(lambda: 1, lambda: 2), lambda: 3) == ((1, 2), 3) for _ in range(50))


def test_an_error_beside_is_told_when_both_are_done() -> None:
    done = []
    with pytest.raises(ZeroDivisionError):
        together(lambda: 1 // 0, lambda: done.append(True))
    with pytest.raises(StopIteration):
        together(lambda: done.append(True), lambda: next(iter(())))
    assert done == [True, True]
