"""A second look at a subject that is small in the frame: the network sees the crop around it, larger.

The answer is one map of the whole photo, on a grid as fine as the crop's own map, at most twice as fine as the first
on either side. So no other part of the program learns of two maps; outside the crop the first map is only enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.saliency.predictor import LONGEST, ToSrgb

Field = NDArray[np.float32]
Predict = Callable[[NDArray[np.uint8], ToSrgb], Field]

MARGIN = 0.3
"""What the crop shows around the subject's box on every side, as a share of the box: the network needs a background."""

SMALL = 0.35
"""Share of the frame up to which a crop is looked at again: above it, a second pass gives few more pixels."""

ENLARGED = 1.1
"""Pixels of the network for one of the crop, at most: where the photo has no more detail, there is none to be seen."""

AGREEMENT = 0.7
"""IoU of both maps, cut at 1/2 inside the crop, from which the second is believed."""

FINEST = 2.0
"""Cells of the finer grid for one of the first, per side, at most: the cost of all that follows grows with them."""

MAX_CELLS = 500_000

SOFT_BORDER = 0.1
"""Share of the crop's sides over which the first map passes into the second."""


class Box(NamedTuple):
    """Rows top to bottom and columns left to right of a picture, in its pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left


def look_again(predict: Predict, saliency_map: Field, pixels: NDArray[np.uint8], to_srgb: ToSrgb) -> Field:
    """The map of a photo, finer where a small subject gets a second forward pass.

    Args:
        predict: a picture to its map; called once, or not at all.
        saliency_map: (h, w) in [0, 1], what it said of the whole photo.
        pixels: (H, W, 4) uint8. to_srgb: as for `predict`.

    Returns:
        (h, w) float32 in [0, 1]: the map itself where the subject is large or the second pass lost it; else a finer
        one, with no more cells than the photo has pixels on either side.
    """
    photo = pixels.shape[0], pixels.shape[1]
    box = crop_box(saliency_map, photo)
    if box is None:
        return saliency_map
    crop = np.ascontiguousarray(pixels[box.top : box.bottom, box.left : box.right])
    return merge(saliency_map, predict(crop, to_srgb), box, photo)


def crop_box(saliency_map: Field, photo: tuple[int, int]) -> Box | None:
    """Where to look again, in a photo of (height, width): the subject's box with its margin, or None.

    None where nothing is above 1/2, where the crop is no small part of the frame, or where the photo has too few
    pixels there.
    """
    inside = saliency_map > 0.5
    if not inside.any():
        return None
    rows, columns = (
        _span(np.asarray(inside.any(axis)), side) for axis, side in ((1, photo[0]), (0, photo[1]))
    )
    height, width = ((1 + 2 * MARGIN) * (last - first) for first, last in (rows, columns))
    height, width = max(height, width / LONGEST), max(width, height / LONGEST)
    box = Box(*_placed(rows, height, photo[0]), *_placed(columns, width, photo[1]))
    share = math.prod(box.size) / math.prod(photo)
    enlargement = math.sqrt(saliency_map.size / math.prod(box.size))
    return box if share <= SMALL and enlargement <= ENLARGED else None


def merge(saliency_map: Field, closer: Field, box: Box, photo: tuple[int, int]) -> Field:
    """Both maps in one: the closer inside the box, behind a soft border; the first alone where they disagree.

    Args:
        saliency_map: (h, w) of the photo. closer: (h', w') of the box. photo: (height, width).
    """
    height, width = _fine_grid(saliency_map, closer, box, photo)
    inside, part = _cells(box, (height, width), photo, (closer.shape[0], closer.shape[1]))
    second = _resampled(closer, (inside.size[0], inside.size[1]), part)
    merged = _resampled(saliency_map, (height, width))
    first = merged[inside.top : inside.bottom, inside.left : inside.right]
    if not _agree(first, second):
        return saliency_map
    down = _fade(inside.size[0], inside.top > 0, inside.bottom < height)
    across = _fade(inside.size[1], inside.left > 0, inside.right < width)
    first += np.multiply.outer(down, across) * (second - first)
    return merged


def _span(along: NDArray[np.bool_], side_px: int) -> tuple[float, float]:
    """From where to where cells are true along one side of the photo, in pixels."""
    cells = np.flatnonzero(along)
    return float(cells[0] * side_px / along.size), float((cells[-1] + 1) * side_px / along.size)


def _placed(span: tuple[float, float], length: float, side_px: int) -> tuple[int, int]:
    """First and last pixel of a part of that length around a span, moved to lie inside the photo."""
    length = min(length, side_px)
    start = min(max((span[0] + span[1] - length) / 2, 0.0), side_px - length)
    return math.floor(start), min(math.ceil(start + length), side_px)


def _fine_grid(saliency_map: Field, closer: Field, box: Box, photo: tuple[int, int]) -> tuple[int, int]:
    """A grid over the whole photo on which the crop's cells keep their size, as far as the bounds allow."""
    sides = []
    for cells, closer_cells, box_px, photo_px in zip(
        saliency_map.shape, closer.shape, box.size, photo, strict=True
    ):
        finer = min(max(closer_cells * photo_px / box_px / cells, 1.0), FINEST)
        sides.append(cells * min(finer, max(1.0, math.sqrt(MAX_CELLS / saliency_map.size))))
    return min(int(sides[0]), photo[0]), min(int(sides[1]), photo[1])


def _cells(
    box: Box, grid: tuple[int, int], photo: tuple[int, int], closer: tuple[int, int]
) -> tuple[Box, tuple[float, float, float, float]]:
    """The whole cells of the grid that lie in the box, and what of the crop's map lies under them.

    Returns:
        A box in cells of the grid; (left, top, right, bottom) in cells of the crop's map, as Pillow wants it.
    """
    (top, bottom, y0, y1), (left, right, x0, x1) = (
        _cells_along(*side) for side in zip((box[:2], box[2:]), grid, photo, closer, strict=True)
    )
    return Box(top, bottom, left, right), (x0, y0, x1, y1)


def _cells_along(
    span: tuple[int, ...], cells: int, photo_px: int, closer_cells: int
) -> tuple[int, int, float, float]:
    """`_cells` along one side. A pixel is never larger than a cell, so a box of a few pixels holds a cell."""
    start, stop = span
    first, last = -(-start * cells // photo_px), stop * cells // photo_px
    scale = closer_cells / (stop - start)
    low, high = ((cell * photo_px / cells - start) * scale for cell in (first, last))
    return first, last, max(low, 0.0), min(high, float(closer_cells))


def _resampled(
    field: Field, size: tuple[int, int], part: tuple[float, float, float, float] | None = None
) -> Field:
    """A part of a map at another (height, width), in [0, 1]: cubic, over each cell's area where it gets smaller."""
    height, width = size
    resized = Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC, part)
    return np.asarray(np.clip(np.asarray(resized), 0, 1), np.float32)


def _agree(first: Field, second: Field) -> bool:
    """Whether both, cut at 1/2, are much the same."""
    one, other = first > 0.5, second > 0.5
    return bool((one & other).sum() >= AGREEMENT * max((one | other).sum(), 1))


def _fade(cells: int, from_start: bool, to_stop: bool) -> Field:
    """(cells,): weight of the second map along one side, rising from the ends that lie inside the photo."""
    reached = (np.arange(cells) + 0.5) / max(SOFT_BORDER * cells, 1)
    ends = [end for end, soft in ((reached, from_start), (reached[::-1], to_stop)) if soft]
    return np.asarray(np.minimum.reduce([np.ones(cells), *ends]), np.float32)
