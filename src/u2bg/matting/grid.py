"""Small fields on the map's grid.

A field is (height, width) float32, a stack of fields (n, height, width). Grid and photo share their corners: cell
(i, j) of an (h, w) grid covers the pixels [i·H/h, (i + 1)·H/h) × [j·W/w, (j + 1)·W/w) of an (H, W) photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg import compiled
from u2bg.cores import on_all_cores
from u2bg.shrinking import Overview, Pixels, overview

Index = NDArray[np.intp]
Field = NDArray[np.float32]
"""(height, width), or a stack of them, (n, height, width)."""


def box_mean(fields: Field, radius: int) -> Field:
    """Mean over a square of side 2·radius + 1 around every cell; cells outside the grid count as 0."""
    side, pad = 2 * radius + 1, 2 * radius
    height, width = fields.shape[-2:]
    means = np.empty(fields.shape, np.float32)
    if compiled.loops is not None:
        row = np.zeros(width + pad, np.float32)
        compiled.loops.box_mean(np.ascontiguousarray(fields), means, row, radius, 1 / side**2)
        return means
    padded = np.zeros((height + pad, width + pad), np.float32)
    rows, sums = np.empty((2, height, width + pad), np.float32)
    along, total = rows.ravel(), sums.ravel()[: rows.size - pad]
    for field, mean in zip(fields, means, strict=True):  # one by one, so that they stay in the cache
        padded[radius : radius + height, radius : radius + width] = field
        _add([padded[shift : shift + height] for shift in range(side)], rows)
        _add([along[shift : shift + total.size] for shift in range(side)], total)
        np.multiply(sums[:, :width], np.float32(1 / side**2), out=mean)
    return means


def _add(parts: Sequence[Field], out: Field) -> None:
    np.add(parts[0], parts[1], out=out)
    for part in parts[2:]:
        out += part


def window(field: NDArray[Any], radius: int, pick: Callable[[Any, Any], Any]) -> NDArray[Any]:
    """Maximum (`np.maximum`), minimum or any (`np.logical_or`) over a square of side 2·radius + 1; (h, w) to (h, w)."""
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
    if compiled.loops is not None:
        many, height, width = fields.shape
        halves = np.empty((many, (height + 1) // 2, (width + 1) // 2), np.float32)
        compiled.loops.halve(np.ascontiguousarray(fields), halves)
        return halves
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


def at(fields: Field, cells: Index) -> Field:
    """(m, h, w) at n cells, by their places in the flat grid: (m, n)."""
    return np.asarray(fields.reshape(len(fields), -1).take(cells, 1))


def put(values: Field, cells: Index, size: tuple[int, ...]) -> Field:
    """(m, n) at n cells of an (h, w) grid, and 0 elsewhere: (m, h, w)."""
    fields = np.zeros((len(values), *size), np.float32)
    fields.reshape(len(values), -1)[:, cells] = values
    return fields


def between(fields: Field, size: tuple[int, ...], cells: Index) -> Field:
    """(m, h, w), read bilinearly at n cells of a finer grid: (m, n)."""
    width = fields.shape[2]
    sides = zip(np.divmod(cells, size[1]), size, fields.shape[1:], strict=True)
    (top, bottom, down), (left, right, across) = (_neighbours(*side) for side in sides)
    top, bottom = top * width, bottom * width
    if compiled.loops is not None:
        result = np.empty((len(fields), len(cells)), np.float32)
        compiled.loops.between(fields, top, bottom, left, right, down, across, result)
        return result
    upper, lower = (
        one + across * (other - one)
        for one, other in ((at(fields, row + left), at(fields, row + right)) for row in (top, bottom))
    )
    lower -= upper
    lower *= down
    lower += upper
    return np.asarray(lower)


def _neighbours(where: Index, fine: int, coarse: int) -> tuple[Index, Index, Field]:
    """Of places along a side of so many fine cells: the coarse cells before and behind, and how far between."""
    place = np.clip((np.arange(fine) + 0.5) * (coarse / fine) - 0.5, 0, coarse - 1)
    first = place.astype(np.intp)
    share = (place - first).astype(np.float32)
    return first[where], np.minimum(first + 1, coarse - 1)[where], share[where]


def nearest(cells: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """(h, w) at a larger (height, width): every place has what the cell around it has."""
    rows, columns = (np.arange(side) * count // side for count, side in zip(cells.shape, size, strict=True))
    return np.asarray(cells.take(columns, 1).take(rows, 0))


def shrink_colours(pixels: Pixels | Overview, size: tuple[int, int]) -> Field:
    """(H, W, 4) uint8, or its overview, to (3, height, width) in [0, 1]: the mean colour of every cell."""
    return shares(overview(pixels).at(size))


def shares(pixels: Pixels) -> Field:
    """(h, w, 4) uint8 to its colours, (3, h, w) in [0, 1]."""
    return np.stack([pixels[..., channel].astype(np.float32) for channel in range(3)]) / np.float32(255)
