"""How many pixels may be under way at once, so that memory holds whatever the sizes of the pictures."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from u2bg.imaging.formats import SIGNATURE_BYTES, recognise

BYTES_PER_PIXEL = 20
"""What a photo takes from its decoding to its file, at the most: its pixels, the cut-out's, alpha, the file."""

_SHARE = 0.5
_FALLBACK_BYTES = 4 << 30


class Budget:
    """Pixels that may be under way at once; a picture larger than all of it goes alone.

    Args:
        pixels: how many; by default what half of the memory that is free now can hold.
    """

    def __init__(self, pixels: int | None = None) -> None:
        self._all = self._free = pixels or max(1, int(_SHARE * free_bytes() / BYTES_PER_PIXEL))
        self._turn = threading.Lock()
        self._returned = threading.Condition()

    @contextlib.contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until so many pixels are free, then keep them during the block."""
        held = min(pixels, self._all)
        with self._turn, self._returned:  # in turn: a giant is not passed by for ever
            self._returned.wait_for(lambda: self._free >= held)
            self._free -= held
        try:
            yield
        finally:
            with self._returned:
                self._free += held
                self._returned.notify_all()


def pixels_of(path: Path) -> int:
    """What the headers of a picture file promise, all frames together; its bytes where none can be read."""
    try:
        with path.open("rb") as file:
            kind = recognise(file.read(SIGNATURE_BYTES))
            file.seek(0)
            Image.init()
            if kind and kind.pillow in Image.OPEN:
                # The decoder itself: `Image.open` would first hold the size against Pillow's own limit.
                picture = Image.OPEN[kind.pillow][0](file, os.fspath(path))
                return math.prod(picture.size) * max(1, getattr(picture, "n_frames", 1))
    except Exception:  # a damaged header in any of its ways; the remover will say which
        return path.stat().st_size if path.exists() else 0
    return path.stat().st_size


def free_bytes() -> int:
    """Memory that can be taken now: what the system has to give, within the container's limit (cgroup v2, v1)."""
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        there = int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        there = _FALLBACK_BYTES
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
            there = min(there, int(Path("/sys/fs/cgroup", limit).read_text()))
    return there
