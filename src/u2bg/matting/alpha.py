"""The alpha matte: the saliency map at the photo's size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FLOOR = 0.02
"""Saliency up to here, and from one minus it on, is the network's way of saying 0 and 1."""


def refine(saliency_map: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The alpha of every pixel.

    Bicubic interpolation (Keys, 1981, a = −1/2) with half-pixel centres, in float, then one fixed ramp that
    takes [FLOOR, 1 − FLOOR] to [0, 1]. Nothing depends on the lowest or highest value of this map.

    Args:
        saliency_map: (h, w) float32 in [0, 1].
        size: (height, width) of the photo.

    Returns:
        (height, width) float32 in [0, 1].
    """
    height, width = size
    large = Image.fromarray(saliency_map).resize((width, height), Image.Resampling.BICUBIC)
    alpha = np.array(large)
    alpha -= FLOOR
    alpha /= 1 - 2 * FLOOR
    return np.clip(alpha, 0, 1, out=alpha)
