"""Photos made small: every look at a whole photo, the network's and the edges', begins here."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import on_all_cores

Pixels = NDArray[np.uint8]

LEAST_SIDE_PX = 1024
COARSE_SIDE_PX = 640
BAND_PX = 256


class Overview:
    """A photo, and small pictures of it, for which it is gone through once, however many are asked for.

    Whole blocks of pixels are averaged first, until the longer side has little more than 1,024 pixels; small pictures
    are made from that.

    Attributes:
        pixels: (H, W, 4) uint8, C-contiguous; no channel weighs the others.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the photo in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def at(self, size: tuple[int, int], filter_: Image.Resampling = Image.Resampling.BOX) -> Pixels:
        """The photo as (height, width, 4): the mean over each target pixel's area, or by another filter."""
        picture, extent = self._reduced
        return np.asarray(picture.resize(size[::-1], filter_, box=(0, 0, *extent)))

    @cached_property
    def coarse(self) -> Overview:
        """The photo with 640 pixels on its longer side, or as it is: where what is smooth between pixels is found."""
        longer = max(self.size)
        if longer <= COARSE_SIDE_PX:
            return self
        height, width = (max(1, round(side * COARSE_SIDE_PX / longer)) for side in self.size)
        return Overview(self.at((height, width)))

    @cached_property
    def _reduced(self) -> tuple[Image.Image, tuple[float, float]]:
        return _block_means(self.pixels)


def overview(pixels: Pixels | Overview) -> Overview:
    """The overview of a photo, or the one that was handed on."""
    return pixels if isinstance(pixels, Overview) else Overview(pixels)


def shrink(mask: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W) uint8, C-contiguous, to (height, width): the mean over each target pixel's area."""
    picture, extent = _block_means(mask)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BOX, box=(0, 0, *extent)))


def _block_means(pixels: Pixels) -> tuple[Image.Image, tuple[float, float]]:
    """The means of square blocks, on all cores; and the (width, height) that the photo fills of them."""
    height, width = pixels.shape[:2]
    block = max(1, max(height, width) // LEAST_SIDE_PX)
    picture = _picture(pixels)
    if block == 1:
        return picture, (width, height)
    result = np.empty((-(-height // block), -(-width // block), *pixels.shape[2:]), np.uint8)
    step = -(-BAND_PX // block) * block

    def average(top: int) -> None:
        bottom = min(top + step, height)
        result[top // block : -(-bottom // block)] = picture.reduce(block, box=(0, top, width, bottom))

    on_all_cores(average, range(0, height, step))
    return _picture(result), (width / block, height / block)


def _picture(pixels: Pixels) -> Image.Image:
    """The same memory for Pillow; as RGBX, because RGBA would be weighted by its fourth channel."""
    mode = "L" if pixels.ndim == 2 else "RGBX"
    return Image.frombuffer(mode, pixels.shape[1::-1], pixels, "raw", mode, 0, 1)
