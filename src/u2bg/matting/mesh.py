"""A mesh over a photo: fields that are read off at its pixels in small tiles, and only in those that matter.

A field lies in the middles of the cells of an (h, w) grid, as everywhere (`grid`). Four neighbouring middles are the
corners of a tile; within it every pixel is read bilinearly. Half a tile hangs over each border, where cells repeat.
Tiles are gone through by hundreds, so that a step costs as much as its pixels and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg.matting.grid import Field

Index = NDArray[np.intp]

AT_ONCE_PX = 131_072
"""Pixels of a handful of tiles: enough that threads do not wait for each other at every step of numpy, and few enough
that their working copies stay in the cache."""


class Side:
    """One side of a photo of so many pixels under so many cells, of `cell_px` each.

    Attributes:
        first: (cells + 2,): the first pixel of each tile, and the end.
        pixels: (k, cells + 1): those of each tile; k is of the longest, the others repeat their last.
        share: (photo_px,) float32 in [0, 1]: how far each pixel lies from its tile's first corner to its second.
        filled: (cells + 1,): which tiles have pixels at all.
    """

    def __init__(self, cells: int, photo_px: int, cell_px: float) -> None:
        place = (np.arange(photo_px) + 0.5) / cell_px + 0.5
        self.first = np.searchsorted(place, np.arange(cells + 2))
        count = np.diff(self.first)
        last = np.maximum(self.first[1:] - 1, 0)
        self.pixels = np.minimum(self.first[:-1] + np.arange(count.max())[:, None], last)
        self.share = (place - np.floor(place)).astype(np.float32)
        self.filled = count > 0

    @cached_property
    def keys(self) -> Field:
        """(4, photo_px), weights of the four corners around each pixel along this side (Keys, 1981, a = −1/2)."""
        t, s = self.share, 1 - self.share
        weights = [-t * s * s, 2 - 5 * t * t + 3 * t**3, 2 - 5 * s * s + 3 * s**3, -s * t * t]
        return np.asarray(np.stack(weights) / 2, np.float32)


class Mesh:
    """The mesh of a grid of (h, w) cells over a photo of (H, W) pixels, neither side shorter than the grid's.

    The cells are square with `cell_px`, and the last ones may hang over; without, they just fill the photo.
    """

    def __init__(self, cells: tuple[int, int], photo: tuple[int, int], cell_px: float | None = None) -> None:
        self.photo = photo
        self.down, self.across = (
            Side(count, side, cell_px or side / count) for count, side in zip(cells, photo, strict=True)
        )

    def tiles(self, is_open: NDArray[np.bool_]) -> list[Tiles]:
        """The open ones of all (h + 1, w + 1) tiles, by handfuls."""
        is_open = is_open & np.logical_and.outer(self.down.filled, self.across.filled)
        i, j = np.array(np.nonzero(is_open))
        step = max(1, AT_ONCE_PX // (len(self.down.pixels) * len(self.across.pixels)))
        return [
            Tiles(self, i[start : start + step], j[start : start + step]) for start in range(0, len(i), step)
        ]


@dataclass(frozen=True, eq=False)
class Tiles:
    """A handful of n tiles of a mesh, by their rows and columns, (n,).

    What is said of their pixels has the shape (rows, columns, n): whatever a tile's size, numpy's inner loop is long.
    """

    mesh: Mesh
    i: Index
    j: Index

    @property
    def places(self) -> tuple[Index, Index]:
        """The rows, (rows, 1, n), and columns, (1, columns, n), of the photo that the pixels stand in."""
        rows, columns = self._sides
        return rows[:, None], columns[None]

    @property
    def _sides(self) -> tuple[Index, Index]:
        return self.mesh.down.pixels.take(self.i, 1), self.mesh.across.pixels.take(self.j, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the largest tile."""
        return len(self.mesh.down.pixels), len(self.mesh.across.pixels)

    @property
    def arrays(self) -> tuple[Index, Index, Index, Index, Field, Field]:
        """All that compiled loops have to know."""
        down, across = self.mesh.down, self.mesh.across
        return self.i, self.j, down.first, across.first, down.share, across.share

    @property
    def pixels(self) -> Index:
        """(rows, columns, n): where the pixels stand in the flat photo; some of a tile may stand there twice."""
        rows, columns = self.places
        return np.asarray(rows * self.mesh.photo[1] + columns)

    def read(self, fields: Field, numbers: Index | None = None) -> Field:
        """Fields framed by 1, (m, h + 2, w + 2), at every pixel: (m, rows, columns, n).

        Args:
            numbers: (h + 2, w + 2), which of (m, k) `fields` stands where, if they do not fill the grid.
        """
        rows, columns = self._sides
        down, across = self.mesh.down.share.take(rows), self.mesh.across.share.take(columns)
        flat = fields.reshape(len(fields), -1)
        width = fields.shape[2] if numbers is None else numbers.shape[1]
        first = self.i * width + self.j

        def corner(step: int) -> Field:
            where = first + step
            return np.asarray(flat.take(where if numbers is None else numbers.take(where), 1))

        left, right = (
            top[:, None] + down * (bottom - top)[:, None]
            for top, bottom in ((corner(side), corner(side + width)) for side in (0, 1))
        )
        right -= left
        result = across * right[:, :, None]
        result += left[:, :, None]
        return np.asarray(result)

    def read_cubic(self, field: Field) -> Field:
        """A field framed by 2, (h + 4, w + 4), at every pixel by cubic convolution: (rows, columns, n)."""
        flat, width = field.ravel(), field.shape[1]
        first = self.i * width + self.j
        rows, columns = self._sides
        down, across = self.mesh.down.keys.take(rows, 1), self.mesh.across.keys.take(columns, 1)
        result = np.zeros((down.shape[1], *across.shape[1:]), np.float32)
        for column, weight in enumerate(across):
            along = sum(share * flat.take(first + row * width + column) for row, share in enumerate(down))
            result += along[:, None] * weight
        return result


def framed(fields: Field, cells: int = 1) -> Field:
    """(m, h, w) to (m, h + 2·cells, w + 2·cells): the edge repeated all around."""
    return np.pad(fields, ((0, 0), (cells, cells), (cells, cells)), mode="edge")


def corners(cells: NDArray[Any], pick: Callable[[Any, Any], Any]) -> NDArray[Any]:
    """(h, w) to (h + 1, w + 1): maximum, minimum or any over the four corners of each tile."""
    padded = np.pad(cells, 1, mode="edge")
    rows = pick(padded[:-1], padded[1:])
    return np.asarray(pick(rows[:, :-1], rows[:, 1:]))
