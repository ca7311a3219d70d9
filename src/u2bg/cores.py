"""How many cores this process may really use."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path


@cache
def usable_cores() -> int:
    """Cores by affinity and by the container's quota (cgroup v2 `cpu.max`, v1 `cpu.cfs_*`); at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, math.ceil(min(count, _quota())))


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
