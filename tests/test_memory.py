"""What glibc is told about memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from u2bg import memory

MEETING_THREADS = """
import ctypes, threading
from u2bg import memory
{told}
meeting = threading.Barrier(6)
def take():
    blocks = [bytes(100_000) for _ in range(9)]
    meeting.wait(30)
threads = [threading.Thread(target=take) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(memory._glibc() is None, reason="this system has another C library")
def test_threads_share_as_many_heaps_as_they_are_told() -> None:
    def heaps(told: str) -> int:
        code = MEETING_THREADS.format(told=told)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return done.stderr.count("Arena ")

    assert heaps("memory.share_heaps(2)") <= 2 < heaps("")
