"""How many cores this process may really use, and work shared out to them."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


_sharers = ContextVar("sharers", default=1)


def usable_cores() -> int:
    """This thread's share of the cores that the process may use; at least 1."""
    return max(1, _all_cores() // _sharers.get())


def photos_at_once() -> int:
    """How many photos share the cores in this thread, as far as there is a core for each."""
    return min(_sharers.get(), _all_cores())


@contextlib.contextmanager
def shared_by(photos: int) -> Iterator[None]:
    """Within the block, in this thread, a photo has its share of the cores, as so many are under way at once.

    Photos side by side use the cores better than many threads for one photo, which wait for each other at every step.
    """
    token = _sharers.set(max(1, photos))
    try:
        yield
    finally:
        _sharers.reset(token)


@cache
def _all_cores() -> int:
    """Cores by affinity and by the container's quota (cgroup v2 `cpu.max`, v1 `cpu.cfs_*`); at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, math.ceil(min(count, _quota())))


def on_all_cores(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Do independent work on every part, in threads; the results in the order of the parts.

    For work that leaves Python's lock alone (numpy, Pillow, deflate). The threads are the same few for the whole
    process, however many photos are under way; what is shared out within one of them it does itself.
    """
    if len(parts) < 2 or _alone():
        return [work(part) for part in parts]
    return list(_threads().map(work, parts))


def together(beside: Callable[[], Part], here: Callable[[], Result]) -> tuple[Part, Result]:
    """Do two things at once, the first in a thread of its own; what both return, when both are done."""
    if _alone():
        return beside(), here()
    started = _threads().submit(beside)
    try:
        done = here()
    finally:
        wait([started])
    return started.result(), done


def _alone() -> bool:
    return usable_cores() < 2 or getattr(_own, "is_shared", False)


_own = threading.local()


def _mark() -> None:
    _own.is_shared = True  # were it to wait for others of its kind, all might wait


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_all_cores(), thread_name_prefix="u2bg", initializer=_mark)


if hasattr(os, "register_at_fork"):  # a forked child has the pool, but none of its threads
    os.register_at_fork(after_in_child=_threads.cache_clear)


def _quota() -> float:
    """Cores' worth of time that the container may use; infinite where nothing limits it."""
    group = Path("/sys/fs/cgroup")
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (group / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    return math.inf if quota in {"max", "-1"} else int(quota) / int(period)
