"""Photos made small: every look at a whole photo, the network's and the edges', begins here."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg import compiled
from u2bg.cores import on_all_cores

Pixels = NDArray[np.uint8]

LEAST_SIDE_PX = 1024
COARSE_SIDE_PX = 640
BAND_PX = 256
MOST_BLOCK_PX = 16
"""Side of the blocks whose means the compiled loop finds: the sum of a block's bytes has 16 bits."""


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
        height, width = (side / _least_block(self.size) for side in self.size)
        return np.asarray(_picture(self._reduced).resize(size[::-1], filter_, box=(0, 0, width, height)))

    @cached_property
    def coarse(self) -> Pixels:
        """(h, w, 4), the means of blocks of `coarse_px`: where what is smooth between pixels is found."""
        return block_means(self._reduced, self.coarse_px // _least_block(self.size))

    @property
    def coarse_px(self) -> int:
        """Side of the blocks of `coarse`, which has some 640 on its longer side; 1 for a photo that is no larger."""
        least = _least_block(self.size)
        return least * max(1, round(max(self.size) / least / COARSE_SIDE_PX))

    @cached_property
    def _reduced(self) -> Pixels:
        return block_means(self.pixels, _least_block(self.size))


def overview(pixels: Pixels | Overview) -> Overview:
    """The overview of a photo, or the one that was handed on."""
    return pixels if isinstance(pixels, Overview) else Overview(pixels)


def block_means(pixels: Pixels, block_px: int) -> Pixels:
    """(H, W) or (H, W, 4) uint8, C-contiguous, to the means of square blocks, the last ones cut off; on all cores."""
    if block_px == 1:
        return pixels
    height, width = pixels.shape[:2]
    picture = _picture(pixels)
    result = np.empty((-(-height // block_px), -(-width // block_px), *pixels.shape[2:]), np.uint8)
    step = -(-BAND_PX // block_px) * block_px

    def average(top: int) -> None:
        bottom = min(top + step, height)
        means = result[top // block_px : -(-bottom // block_px)]
        if compiled.loops is None or block_px > MOST_BLOCK_PX:
            means[:] = picture.reduce(block_px, box=(0, top, width, bottom))
        else:
            row = np.empty(pixels[0].size, np.uint16)
            compiled.loops.block_means(pixels[top:bottom], means, row, block_px)

    on_all_cores(average, range(0, height, step))
    return result


def _least_block(size: tuple[int, int]) -> int:
    """Of the blocks that are averaged first."""
    return max(1, max(size) // LEAST_SIDE_PX)


def _picture(pixels: Pixels) -> Image.Image:
    """The same memory for Pillow; as RGBX, because RGBA would be weighted by its fourth channel."""
    mode = "L" if pixels.ndim == 2 else "RGBX"
    return Image.frombuffer(mode, pixels.shape[1::-1], pixels, "raw", mode, 0, 1)
