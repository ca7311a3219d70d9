"""The alpha of every pixel of a photo, kept small: 0 and 1 nearly everywhere, fractions in the band alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from u2bg.matting.blend import to_bytes
from u2bg.matting.grid import Field

_FINE = 65_535


class Piece(NamedTuple):
    """Alpha of a rectangle of a photo: (rows, columns) uint16, in 65,535ths."""

    rows: slice
    columns: slice
    alpha: NDArray[np.uint16]

    @classmethod
    def of(cls, rows: slice, columns: slice, alpha: Field) -> Piece:
        """From (rows, columns) float32 in [0, 1]."""
        return cls(rows, columns, (alpha * np.float32(_FINE) + np.float32(0.5)).astype(np.uint16))

    def cropped(self, rows: slice, columns: slice) -> Piece | None:
        """What of it lies in a box, as seen from the box; None where nothing does."""
        (down, within_rows), (across, within_columns) = _meet(self.rows, rows), _meet(self.columns, columns)
        alpha = np.ascontiguousarray(self.alpha[within_rows, within_columns])
        return Piece(down, across, alpha) if alpha.size else None


def _meet(piece: slice, box: slice) -> tuple[slice, slice]:
    """Where two stretches of one side meet: as counted from the box's start, and from the piece's."""
    start = max(piece.start, box.start)
    stop = max(start, min(piece.stop, box.stop))
    return slice(start - box.start, stop - box.start), slice(start - piece.start, stop - piece.start)


class Matte:
    """An alpha matte.

    A photo of 48 megapixels has 192 MB of alpha in floats, nearly all of them 0 or 1. So it is kept as bytes, which is
    what a picture file takes, and in finer steps where there is anything between.

    Attributes:
        mask: (H, W) uint8: alpha in 255ths, rounded.
    """

    def __init__(self, mask: NDArray[np.uint8], pieces: Sequence[Piece]) -> None:
        """`pieces` hold everything that is neither 0 nor 1."""
        self.mask = mask
        self._pieces = pieces

    @classmethod
    def of(cls, alpha: Field) -> Matte:
        """The matte of an alpha that is there as a whole, (H, W) float32 in [0, 1]."""
        matte = cls(to_bytes(alpha), [])
        matte.__dict__["alpha"] = alpha  # what the cached property would find
        return matte

    def cropped(self, rows: slice, columns: slice) -> Matte:
        """The matte of a box of the photo; both slices have their ends, inside it."""
        pieces = (piece.cropped(rows, columns) for piece in self._pieces)
        matte = Matte(np.ascontiguousarray(self.mask[rows, columns]), [piece for piece in pieces if piece])
        if "alpha" in self.__dict__:
            matte.__dict__["alpha"] = np.ascontiguousarray(self.alpha[rows, columns])
        return matte

    @cached_property
    def alpha(self) -> Field:
        """(H, W) float32 in [0, 1], exactly 0 and 1 outside the band."""
        alpha = np.asarray(self.mask > 127, np.float32)
        for piece in self._pieces:
            alpha[piece.rows, piece.columns] = piece.alpha / np.float32(_FINE)
        return alpha
