"""EXIF orientation: how a stored picture is turned upright (EXIF 2.32, tag 0x0112)."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Pixels = TypeVar("Pixels", bound=np.generic)

TAG = 0x0112

# value: (swap rows and columns first, then flip top to bottom, then flip left to right)
_TURNS = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


def upright(pixels: NDArray[Pixels], orientation: int) -> NDArray[Pixels]:
    """(H, W, C) as stored to (H, W, C) or (W, H, C) upright, C-contiguous; unknown values count as 1."""
    swap, vertical, horizontal = _TURNS.get(orientation, _TURNS[1])
    turned: NDArray[Any] = pixels.swapaxes(0, 1) if swap else pixels
    turned = turned[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    return np.ascontiguousarray(turned)
