"""Trimaps: what is surely subject, surely background, and what is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255

HALF_BYTE = 0.5 / 255


def trimap(alpha: NDArray[np.float32], margin_px: int, *, sure: float = HALF_BYTE) -> NDArray[np.uint8]:
    """(H, W) alpha in [0, 1] to (H, W) uint8: 0 background, 128 unknown, 255 foreground.

    Unknown is every pixel within `margin_px` (a square) of one whose alpha is further than `sure` from 0 and 1; as it
    is, of one that is neither to 8 bits.
    """
    known = np.where(alpha >= 1 - sure, np.uint8(255), np.uint8(0))
    empty = np.where(alpha <= sure, np.uint8(255), np.uint8(0))
    result = np.full(alpha.shape, UNKNOWN, np.uint8)
    result[_erode(known, margin_px) == 255] = FOREGROUND
    result[_erode(empty, margin_px) == 255] = BACKGROUND
    return result


def _erode(mask: NDArray[np.uint8], radius_px: int) -> NDArray[np.uint8]:
    """Minimum over a square of side 2·radius + 1; what lies outside the picture does not count."""
    if radius_px < 1:
        return mask
    return _lowest(_lowest(mask, radius_px).T, radius_px).T


def _lowest(mask: NDArray[np.uint8], radius_px: int) -> NDArray[np.uint8]:
    """Minimum over 2·radius + 1 rows, of which those outside do not count: windows of 1, 2, 4, … rows, then all."""
    lowest = np.pad(mask, ((radius_px, radius_px), (0, 0)), mode="edge")
    reach, side = 1, 2 * radius_px + 1
    while reach < side:
        step = min(reach, side - reach)
        lowest = np.minimum(lowest[:-step], lowest[step:])
        reach += step
    return lowest
