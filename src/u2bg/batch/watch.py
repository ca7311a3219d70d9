"""A folder that pictures keep arriving in: each is taken once it is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from u2bg.batch.job import Job
from u2bg.batch.listing import Folder, Listed

POLL_S = 1.0
_SHARE_OF_TIME = 0.1

Look = tuple[int, int]
"""Bytes and time of change, in ns."""


def arrivals(folder: Folder, poll_s: float = POLL_S) -> Iterator[Listed | None]:
    """What has arrived since the last look, for ever; None at the end of each look.

    A file is whole when it is not empty and two looks in a row find it with the same size and time. By looking and not
    by the system's notices, because those do not come from network drives, and are lost when there are too many. A
    large tree is looked at less often, so that looking takes a tenth of one core at most.

    Args:
        folder: where to look, and where the cut-outs go.
        poll_s: the least time between two looks.
    """
    settled: dict[
        int, int
    ] = {}  # by hash, for the sake of memory: a path to how it looked when it was given out
    arriving: dict[str, Look] = {}
    while True:
        start = time.monotonic()
        before, arriving = arriving, {}
        for listed in folder.listed():
            if listed.error:
                if hash(str(listed.place)) not in settled:
                    settled[hash(str(listed.place))] = 0
                    yield listed
                continue
            whole = []
            for job in listed.jobs:
                path = str(job.source)
                look = _look(job)
                if look is None or settled.get(hash(path)) == hash(look):
                    continue
                if before.get(path) == look:
                    settled[hash(path)] = hash(look)
                    whole.append(job)
                else:
                    arriving[path] = look
            if whole:
                yield Listed(listed.place, whole)
        yield None
        spent = time.monotonic() - start
        time.sleep(max(poll_s, spent / _SHARE_OF_TIME - spent))


def _look(job: Job) -> Look | None:
    try:
        status = os.stat(job.source)
    except OSError:  # gone again
        return None
    return (status.st_size, status.st_mtime_ns) if status.st_size else None
