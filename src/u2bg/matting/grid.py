"""Small fields on the map's grid, and how they are read off at the photo's size.

A field is (height, width) float32, a stack of fields (n, height, width). Grid and photo share their corners: cell
(i, j) of an (h, w) grid covers the pixels [i·H/h, (i + 1)·H/h) × [j·W/w, (j + 1)·W/w) of an (H, W) photo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import usable_cores

Field = NDArray[np.float32]
"""(height, width), or a stack of them, (n, height, width)."""

Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]

STRIP_PX, BLOCK_PX = 64, 256


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
    fields = np.pad(fields, ((0, 0), (0, odd_rows), (0, odd_columns)), mode="edge")
    rows = fields[:, ::2] + fields[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25))


def resize(fields: Field, size: tuple[int, int]) -> Field:
    """A stack of fields at another (height, width), bilinear."""
    height, width = size
    bilinear = Image.Resampling.BILINEAR
    return np.stack(
        [np.asarray(Image.fromarray(field).resize((width, height), bilinear)) for field in fields]
    )


def shrink_colours(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Field:
    """(H, W, 4) uint8 to (3, height, width) in [0, 1]: the mean colour of every cell."""
    height, width = size
    picture = Image.frombuffer("RGBX", pixels.shape[1::-1], pixels, "raw", "RGBX", 0, 1)
    small = picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    return np.ascontiguousarray(np.asarray(small)[..., :3].transpose(2, 0, 1) / np.float32(255))


def linear(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The triangle: linear interpolation."""
    return np.asarray(np.maximum(1 - np.abs(distance), 0))


def cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys (1981) with a = −1/2: cubic interpolation."""
    x = np.abs(distance)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.asarray(np.where(x < 1, near, np.where(x < 2, far, 0)))


class Reader:
    """Reads stacks of fields at any rectangle of a photo.

    By taps and not by matrix products, because a BLAS would start its threads anew for every small piece.

    Args:
        grid: (height, width) of the fields.
        photo: (height, width) of the photo, each at least the grid's.
        kernel: `linear` or `cubic`.
    """

    def __init__(self, grid: tuple[int, int], photo: tuple[int, int], kernel: Kernel) -> None:
        self._sides = [_taps(cells, pixels, kernel) for cells, pixels in zip(grid, photo, strict=True)]

    def __call__(self, fields: Field, rows: slice, columns: slice) -> Field:
        """(n, h, w) to (n, rows, columns) of the photo."""
        (down, down_weights), (across, across_weights) = self._sides
        across, across_weights = across[:, columns], across_weights[:, columns]
        left, right = across.min(), across.max() + 1
        near = fields[:, :, left:right]
        lines = _blend(near, down[:, rows], down_weights[:, rows, None], axis=1)
        return _blend(lines, across - left, across_weights, axis=2)


def strips(height: int) -> Iterator[slice]:
    """The rows that a photo is gone through in."""
    for top in range(0, height, STRIP_PX):
        yield slice(top, min(top + STRIP_PX, height))


def over_strips(work: Callable[[slice], None], height: int) -> None:
    """Do the work on every strip, on all cores."""
    parts = list(strips(height))
    with ThreadPoolExecutor(min(usable_cores(), len(parts))) as pool:
        for _ in pool.map(work, parts):  # an error in a strip is raised here
            pass


def blocks(is_open: NDArray[np.bool_], rows: slice, photo: tuple[int, int]) -> Iterator[slice]:
    """The columns of a strip that lie over open cells, in pieces; is_open is (h, w) over a photo of (H, W).

    Pieces may overlap by a pixel where cells and pixels do not share a border.
    """
    height, width = photo
    down, across = is_open.shape
    columns = is_open[cells_of(rows, down, height)].any(axis=0)
    edges = np.flatnonzero(np.diff(columns, prepend=False, append=False))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        left, right = first * width // across, -(-last * width // across)
        for start in range(left, right, BLOCK_PX):
            yield slice(start, min(start + BLOCK_PX, right))


def cells_of(part: slice, cells: int, pixels: int) -> slice:
    """The cells that the pixels of `part` lie in, along one side."""
    return slice(part.start * cells // pixels, -(-part.stop * cells // pixels))


def _taps(cells: int, pixels: int, kernel: Kernel) -> tuple[NDArray[np.intp], Field]:
    """Which cells each pixel takes, and how much of each: (taps, pixels); half-pixel centres, the edge repeated."""
    centres = (np.arange(pixels) + 0.5) * cells / pixels - 0.5
    reach = 1 if kernel is linear else 2
    taken = np.floor(centres).astype(np.intp) + np.arange(1 - reach, 1 + reach)[:, None]
    return taken.clip(0, cells - 1), kernel(centres - taken).astype(np.float32)


def _blend(fields: Field, taken: NDArray[np.intp], weights: Field, axis: int) -> Field:
    """The weighted sum of the cells taken along one axis."""
    total: Field = fields.take(taken[0], axis)
    total *= weights[0]
    for cells, weight in zip(taken[1:], weights[1:], strict=True):
        total += fields.take(cells, axis) * weight
    return total
