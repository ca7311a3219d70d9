"""Small fields on the map's grid, and how they are read off at the photo's size.

A field is (height, width) float32, a stack of fields (n, height, width). Grid and photo share their corners: cell
(i, j) of an (h, w) grid covers the pixels [i·H/h, (i + 1)·H/h) × [j·W/w, (j + 1)·W/w) of an (H, W) photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import on_all_cores
from u2bg.shrinking import Overview, Pixels, overview

Field = NDArray[np.float32]
"""(height, width), or a stack of them, (n, height, width)."""

STRIP_PX, BLOCK_PX = 128, 256


def box_mean(fields: Field, radius: int) -> Field:
    """Mean over a square of side 2·radius + 1 around every cell; cells outside the grid count as 0."""
    side = 2 * radius + 1
    height, width = fields.shape[-2:]
    padded = np.pad(fields, ((0, 0), (radius, radius), (radius, radius)))
    rows = padded[:, :height].copy()
    for shift in range(1, side):
        rows += padded[:, shift : shift + height]
    means = rows[:, :, :width].copy()
    for shift in range(1, side):
        means += rows[:, :, shift : shift + width]
    means *= np.float32(1 / side**2)
    return means


def window(field: Field, radius: int, pick: Callable[[Field, Field], Field]) -> Field:
    """Maximum (`np.maximum`) or minimum (`np.minimum`) over a square of side 2·radius + 1; (h, w) to (h, w)."""
    height, width = field.shape
    padded = np.pad(field, radius, mode="edge")
    rows = padded[:height]
    for shift in range(1, 2 * radius + 1):
        rows = pick(rows, padded[shift : shift + height])
    best = rows[:, :width]
    for shift in range(1, 2 * radius + 1):
        best = pick(best, rows[:, shift : shift + width])
    return best


def halve(fields: Field) -> Field:
    """Mean of 2×2 cells; an odd last row or column is repeated first."""
    odd_rows, odd_columns = fields.shape[-2] % 2, fields.shape[-1] % 2
    if odd_rows or odd_columns:
        fields = np.pad(fields, ((0, 0), (0, odd_rows), (0, odd_columns)), mode="edge")
    rows = fields[:, ::2] + fields[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25))


def resize(fields: Field, size: tuple[int, int]) -> Field:
    """A stack of fields at another (height, width), bilinear."""
    result = np.empty((len(fields), *size), np.float32)

    def enlarge(which: int) -> None:
        large = Image.fromarray(fields[which]).resize(size[::-1], Image.Resampling.BILINEAR)
        result[which] = np.asarray(large)

    on_all_cores(enlarge, range(len(fields)))
    return result


def shrink_colours(pixels: Pixels | Overview, size: tuple[int, int]) -> Field:
    """(H, W, 4) uint8, or its overview, to (3, height, width) in [0, 1]: the mean colour of every cell."""
    return np.ascontiguousarray(overview(pixels).at(size)[..., :3].transpose(2, 0, 1) / np.float32(255))


class Reader:
    """Reads fields at any rectangle of a photo, as if they had been enlarged to its size whole.

    By Pillow, because its loops are compiled and leave Python's lock alone; a BLAS would start its threads anew for
    every small piece.

    Args:
        fields: each (h, w) float32, or (h, w, 4) uint8.
        photo: (height, width) of the photo, each at least the fields'.
        kernel: `BILINEAR`, or `BICUBIC` (Keys, 1981, a = −1/2).
    """

    def __init__(
        self, fields: Iterable[NDArray[Any]], photo: tuple[int, int], kernel: Image.Resampling
    ) -> None:
        self._pictures = [
            Image.fromarray(np.ascontiguousarray(field), "F" if field.ndim == 2 else "RGBX")
            for field in fields
        ]
        width, height = self._pictures[0].size
        self._cell = width / photo[1], height / photo[0]
        self._kernel = kernel

    def __call__(self, rows: slice, columns: slice) -> list[NDArray[Any]]:
        """Every field at these pixels: (rows, columns), or (rows, columns, 4)."""
        across, down = self._cell
        box = columns.start * across, rows.start * down, columns.stop * across, rows.stop * down
        size = columns.stop - columns.start, rows.stop - rows.start
        return [np.asarray(picture.resize(size, self._kernel, box=box)) for picture in self._pictures]


def strips(height: int) -> Iterator[slice]:
    """The rows that a photo is gone through in."""
    for top in range(0, height, STRIP_PX):
        yield slice(top, min(top + STRIP_PX, height))


def over_strips(work: Callable[[slice], None], height: int) -> None:
    """Do the work on every strip, on all cores."""
    on_all_cores(work, list(strips(height)))


def blocks(is_open: NDArray[np.bool_], rows: slice, photo: tuple[int, int]) -> Iterator[slice]:
    """The columns of a strip that lie over open cells, in pieces; is_open is (h, w) over a photo of (H, W).

    Pieces may overlap by a pixel where cells and pixels do not share a border.
    """
    height, width = photo
    open_columns = np.asarray(is_open[cells_of(rows, len(is_open), height)].any(axis=0))
    for run in runs(open_columns, width):
        for start in range(run.start, run.stop, BLOCK_PX):
            yield slice(start, min(start + BLOCK_PX, run.stop))


def runs(cells: NDArray[np.bool_], pixels: int) -> Iterator[slice]:
    """The pixels, of a row of so many, that lie over true cells."""
    edges = np.flatnonzero(np.diff(cells, prepend=False, append=False))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield slice(first * pixels // len(cells), -(-last * pixels // len(cells)))


def cells_of(part: slice, cells: int, pixels: int) -> slice:
    """The cells that the pixels of `part` lie in, along one side."""
    return slice(part.start * cells // pixels, -(-part.stop * cells // pixels))
