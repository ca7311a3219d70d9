"""The alpha of every pixel of a photo, kept small: 0 and 1 nearly everywhere, fractions in the band alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from u2bg.matting.grid import Field
from u2bg.matting.loops import FINE, to_bytes
from u2bg.matting.mesh import Tiles


class Piece(NamedTuple):
    """Alpha of some tiles of a photo: (rows, columns, n) uint16, in 65,535ths."""

    tiles: Tiles
    alpha: NDArray[np.uint16]


class Matte:
    """An alpha matte.

    A photo of 48 megapixels has 192 MB of alpha in floats, nearly all of them 0 or 1. So it is kept as bytes, which is
    what a picture file takes, and in finer steps where there is anything between.

    Attributes:
        mask: (H, W) uint8: alpha in 255ths, rounded.
    """

    def __init__(
        self, mask: NDArray[np.uint8], pieces: Sequence[Piece], corner: tuple[int, int] = (0, 0)
    ) -> None:
        """`pieces` hold everything that is neither 0 nor 1; `corner`: the row and column of theirs that is ours."""
        self.mask = mask
        self._pieces = pieces
        self._corner = corner

    @classmethod
    def of(cls, alpha: Field) -> Matte:
        """The matte of an alpha that is there as a whole, (H, W) float32 in [0, 1]."""
        matte = cls(to_bytes(alpha), [])
        matte.__dict__["alpha"] = alpha  # what the cached property would find
        return matte

    def cropped(self, rows: slice, columns: slice) -> Matte:
        """The matte of a box of the photo; both slices have their ends, inside it."""
        corner = self._corner[0] + rows.start, self._corner[1] + columns.start
        matte = Matte(np.ascontiguousarray(self.mask[rows, columns]), self._pieces, corner)
        if "alpha" in self.__dict__:
            matte.__dict__["alpha"] = np.ascontiguousarray(self.alpha[rows, columns])
        return matte

    @cached_property
    def alpha(self) -> Field:
        """(H, W) float32 in [0, 1], exactly 0 and 1 outside the band."""
        alpha = np.asarray(self.mask > 127, np.float32)
        for piece in self._pieces:
            rows, columns = (
                side - start for side, start in zip(piece.tiles.places, self._corner, strict=True)
            )
            inside = (rows >= 0) & (rows < alpha.shape[0]) & (columns >= 0) & (columns < alpha.shape[1])
            where = (rows * alpha.shape[1] + columns)[inside]
            alpha.ravel()[where] = piece.alpha[inside] / np.float32(FINE)
        return alpha
