"""Laying a foreground over a background, and a photo under its alpha."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import on_all_cores
from u2bg.matting import loops

_STRIP = 256
"""Rows of a thread's share."""


def insert(pixels: NDArray[np.uint8], mask: NDArray[np.uint8], *, spend: bool = False) -> NDArray[np.uint8]:
    """A photo and its alpha as one picture of straight alpha.

    Args:
        pixels: (H, W, 4) uint8, C-contiguous; the fourth channel is not looked at.
        mask: (H, W) uint8: the alpha.
        spend: make it of the photo's own memory.

    Returns:
        (H, W, 4) uint8; (0, 0, 0, 0) where alpha is 0, so that nothing hides there.
    """
    mask = np.ascontiguousarray(mask)
    # What stays 0 in new memory is never touched, as it would be by zeros_like.
    result = pixels if spend else np.zeros(pixels.shape, np.uint8)

    def fill(top: int) -> None:
        rows = slice(top, top + _STRIP)
        loops.insert(pixels[rows], mask[rows], result[rows])

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
