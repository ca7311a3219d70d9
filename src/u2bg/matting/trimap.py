"""Trimaps: what is surely subject, surely background, and what is open."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


def trimap(alpha: NDArray[np.float32], margin_px: int) -> NDArray[np.uint8]:
    """(H, W) alpha in [0, 1] to (H, W) uint8: 0 background, 128 unknown, 255 foreground.

    Unknown is every pixel within `margin_px` (a square) of one whose alpha is neither 0 nor 1 to 8 bits.
    """
    known = np.where(alpha >= 254.5 / 255, np.uint8(255), np.uint8(0))
    empty = np.where(alpha <= 0.5 / 255, np.uint8(255), np.uint8(0))
    result = np.full(alpha.shape, UNKNOWN, np.uint8)
    result[_erode(known, margin_px) == 255] = FOREGROUND
    result[_erode(empty, margin_px) == 255] = BACKGROUND
    return result


def _erode(mask: NDArray[np.uint8], radius_px: int) -> NDArray[np.uint8]:
    """Minimum over a square of side 2·radius + 1; what lies outside the picture does not count."""
    if radius_px < 1:
        return mask
    picture = Image.fromarray(np.pad(mask, radius_px, mode="edge"))
    for _ in range(radius_px):
        picture = picture.filter(ImageFilter.MinFilter(3))
    return np.asarray(picture)[radius_px:-radius_px, radius_px:-radius_px]
