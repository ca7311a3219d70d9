"""The cores that may be used are those of the affinity, not of the host."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from u2bg.cores import photos_at_once, shared_by, usable_cores


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
