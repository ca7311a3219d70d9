"""The cores that may be used are those of the affinity, not of the host."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_bound_to_one_core_uses_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from u2bg.cores import usable_cores; "

    assert subprocess.check_output([sys.executable, "-c", code + "print(usable_cores())"], text=True) == "1\n"
