"""Laying a foreground over a background, and floats into bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROWS = 32


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Floats in [0, 1] to uint8, rounded; the one place where this happens."""
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):  # row by row the working copy stays in the cache
        part = values[start : start + _ROWS] * np.float32(255)
        part += np.float32(0.5)
        result[start : start + _ROWS] = part
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
