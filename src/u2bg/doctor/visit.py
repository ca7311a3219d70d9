"""The whole visit, in the order in which people read it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from u2bg.doctor import machine, models, packages
from u2bg.doctor.findings import Finding

_SETTINGS = ("U2NET_HOME", "REMBG_HOME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "HTTPS_PROXY", "NO_PROXY")


def examine(*, timed: bool = True) -> Iterator[Finding]:
    """Look at everything; each finding as soon as it is made.

    Args:
        timed: run the network for three seconds, too.
    """
    yield from packages.examine()
    yield from machine.examine()
    yield _settings()
    yield from models.examine_files()
    yield from models.examine_devices()
    if timed:
        yield models.examine_speed()


def _settings() -> Finding:
    """The variables that change what u2bg does, by name; their values may hold passwords."""
    found = sorted(name for name in os.environ if name.startswith("U2BG_") or name in _SETTINGS)
    return Finding("settings", f"set: {', '.join(found)}" if found else "no variable is set")
