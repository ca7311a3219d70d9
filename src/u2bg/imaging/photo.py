"""The photo as the house sees it: upright, 8 bit, RGBA, with its colour profile beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from u2bg.imaging import color
from u2bg.imaging.kept import Kept
from u2bg.shrinking import Overview

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded picture.

    Attributes:
        rgba: (height, width, 4) uint8, upright, straight alpha, C-contiguous; alpha is 255 where the picture
            had none. Never written to once made, but by who spends the photo (`Remover.cut`).
        has_alpha: whether the picture came with an alpha of its own.
        icc: the ICC profile that the colours are in, or None for sRGB.
        dpi: horizontal and vertical resolution in dots per inch, or None.
        kept: what else goes on to the cut-out: EXIF, XMP, colours of 16 bits.
    """

    rgba: Pixels
    has_alpha: bool = False
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    kept: Kept = field(default_factory=Kept)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rgba.shape[0], self.rgba.shape[1]

    @property
    def own_alpha(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]: the alpha that the picture came with, at the depth that it came in."""
        if self.kept.deep is not None:
            return np.asarray(self.kept.deep[..., 3] / np.float32(65535), np.float32)
        return np.asarray(self.rgba[..., 3] / np.float32(255), np.float32)

    @property
    def shown(self) -> Pixels:
        """(H, W, 4) uint8 as people see it: what is transparent lies on white, and hidden colours stay hidden."""
        if not self.has_alpha:
            return self.rgba
        alpha = self.rgba[..., 3:].astype(np.uint16)
        mixed = (self.rgba * alpha + 255 * (255 - alpha) + 127) // 255
        return mixed.astype(np.uint8)

    @cached_property
    def overview(self) -> Overview:
        """The photo as people see it, with small pictures of it."""
        return Overview(self.shown)

    def to_srgb(self, pixels: Pixels) -> Pixels:
        """Colours of this photo, (h, w, 3) uint8 in its own profile, as sRGB of the same shape."""
        return pixels if self.icc is None else color.to_srgb(pixels, self.icc)
