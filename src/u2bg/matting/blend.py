"""Laying a foreground over a background, and floats into bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import on_all_cores

_STRIP, _ROWS = 256, 16
"""Rows of a thread's share, and rows whose working copies stay in the cache."""


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Floats in [0, 1] to uint8, rounded; the one place where this happens."""
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS] * np.float32(255)
        part += np.float32(0.5)
        result[start : start + _ROWS] = part
    return result


def insert(pixels: NDArray[np.uint8], mask: NDArray[np.uint8], *, spend: bool = False) -> NDArray[np.uint8]:
    """A photo and its alpha as one picture of straight alpha.

    Args:
        pixels: (H, W, 4) uint8, C-contiguous; the fourth channel is not looked at.
        mask: (H, W) uint8: the alpha.
        spend: make it of the photo's own memory.

    Returns:
        (H, W, 4) uint8; (0, 0, 0, 0) where alpha is 0, so that nothing hides there.
    """
    # What stays 0 in new memory is never touched, as it would be by zeros_like.
    result = pixels if spend else np.zeros(pixels.shape, np.uint8)
    words, shown = result.view(np.uint32)[..., 0], pixels.view(np.uint32)[..., 0]  # whole pixels move faster

    def fill(top: int) -> None:
        for first in range(top, min(top + _STRIP, len(mask)), _ROWS):
            rows = slice(first, first + _ROWS)
            there = np.flatnonzero(np.maximum.reduce(mask[rows]))
            left, right = (there[0], there[-1] + 1) if there.size else (0, 0)
            if spend:
                words[rows, :left] = words[rows, right:] = 0
            part = rows, slice(left, right)
            np.multiply(shown[part], mask[part] > 0, out=words[part])
            result[*part, 3] = mask[part]

    on_all_cores(fill, range(0, len(mask), _STRIP))
    return result


def blend(
    foreground: NDArray[np.uint8], alpha: NDArray[np.uint8], background: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Lay a foreground over a background: C = αF + (1 − α)B (Porter and Duff, 1984).

    Args:
        foreground, background: (H, W, 3) uint8; the background may be one colour, (3,).
        alpha: (H, W) uint8.

    Returns:
        (H, W, 3) uint8, rounded; exactly the foreground where alpha is 255, the background where it is 0.
    """
    weight = alpha[..., None].astype(np.uint16)
    total = foreground * weight + background * (np.uint16(255) - weight) + np.uint16(127)
    return (total // np.uint16(255)).astype(np.uint8)
