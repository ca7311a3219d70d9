"""Hints: what the user says is surely subject (`keep`) or surely background (`erase`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.errors import BadArray, UsageError
from u2bg.matting import grid
from u2bg.matting.grid import Field
from u2bg.shrinking import Overview, Pixels

Hint = NDArray[np.bool_] | NDArray[np.uint8] | Image.Image | Sequence[tuple[float, float]]
"""A mask of the upright photo's size (bool, or uint8 of which 128 and more counts), or points (x, y) in its pixels."""

Mask = NDArray[np.bool_]

POINT_SHARE, LEAST_POINT_PX = 0.005, 2.0
"""Radius of the disc that a point stands for: this much of the photo's diagonal, and the least."""

REACH = 16
"""How many cells of the map a hint spreads over, where the photo is flat."""

EDGE = 20.0
"""What a hint pays, of its 1, per squared difference in colour: .22 of the range stops it, texture hardly does."""


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """What was said of each pixel; nothing is both.

    Attributes:
        keep, erase: (H, W) bool.
    """

    keep: Mask
    erase: Mask


def read(keep: Hint | None, erase: Hint | None, size: tuple[int, int]) -> Hints | None:
    """Hints for a photo of (height, width); None where nothing was said.

    Raises:
        BadArray: a mask of another size or type, a point outside. UsageError: a pixel is to be kept and erased.
    """
    if keep is None and erase is None:
        return None
    hints = Hints(_mask("keep", keep, size), _mask("erase", erase, size))
    both = hints.keep & hints.erase
    if both.any():
        y, x = np.argwhere(both)[0].tolist()
        raise UsageError(
            f"keep and erase share {int(both.sum())} pixels, the first at ({x}, {y}); fix: take them out of one"
        )
    return hints


def keeps_any(hints: Hints | None) -> bool:
    """Whether anything was said to be subject."""
    return hints is not None and bool(hints.keep.any())


def guide(saliency_map: Field, photo: Pixels | Overview, hints: Hints) -> Field:
    """The saliency map, raised around what is kept and lowered around what is erased.

    A hint fades over `REACH` cells, and sooner across edges of colour, so that it takes the object it lies on.

    Args:
        saliency_map: (h, w) float32 in [0, 1].
        photo: (H, W, 4) uint8, C-contiguous, or its overview; the fourth channel is not looked at.
    """
    cells = saliency_map.shape[0], saliency_map.shape[1]
    colours = grid.shrink_colours(photo, cells)
    say = _spread(_coverage(hints.keep, cells), colours) - _spread(_coverage(hints.erase, cells), colours)
    return np.asarray(saliency_map + np.where(say > 0, say * (1 - saliency_map), say * saliency_map))


def enforce(alpha: Field, hints: Hints) -> Field:
    """Alpha with 1 wherever it was to be kept, and 0 wherever it was to be erased."""
    return np.where(hints.keep, np.float32(1), np.where(hints.erase, np.float32(0), alpha))


def _mask(name: str, hint: Hint | None, size: tuple[int, int]) -> Mask:
    if hint is None:
        return np.zeros(size, np.bool_)
    if isinstance(hint, Image.Image):
        hint = np.asarray(hint.convert("L"))
    if not isinstance(hint, np.ndarray):
        return _discs(name, hint, size)
    if hint.shape != size or hint.dtype not in (np.bool_, np.uint8):
        raise BadArray(
            f"{name} of shape {hint.shape} {hint.dtype}; expected {size} bool or uint8, the upright photo's size"
        )
    return np.asarray(hint if hint.dtype == np.bool_ else hint >= 128, np.bool_)


def _discs(name: str, points: Sequence[tuple[float, float]], size: tuple[int, int]) -> Mask:
    """A disc around every point."""
    height, width = size
    radius = max(LEAST_POINT_PX, POINT_SHARE * float(np.hypot(height, width)))
    mask = np.zeros(size, np.bool_)
    for x, y in _numbers(name, points):
        if not (0 <= x < width and 0 <= y < height):
            raise BadArray(
                f"{name} point ({x:g}, {y:g}) outside the photo; expected x < {width} and y < {height}"
            )
        top, left = max(0, int(y - radius)), max(0, int(x - radius))
        part = mask[top : int(y + radius) + 2, left : int(x + radius) + 2]
        rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
        part |= (rows + top - y) ** 2 + (columns + left - x) ** 2 <= radius**2
    return mask


def _numbers(name: str, points: Any) -> list[tuple[float, float]]:
    try:
        return [(float(x), float(y)) for x, y in points]
    except (TypeError, ValueError):
        what = " ".join(repr(points).split())[:80]
        raise BadArray(f"{name} is {what}; expected points (x, y), or a mask of the photo's size") from None


def _coverage(mask: Mask, cells: tuple[int, int]) -> Field:
    """(h, w): 1 where half of a cell is hinted at, and less where less of it is."""
    height, width = cells
    picture = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    covered = np.asarray(picture.resize((width, height), Image.Resampling.BOX)) / np.float32(255)
    return np.asarray(np.minimum(2 * covered, 1))


def _spread(say: Field, colours: Field) -> Field:
    """A hint's say in every cell: what the best of four neighbours has, less the cost of the step, `REACH` times."""
    if not say.any():
        return say
    say = say.copy()
    down, across = (1 / REACH + EDGE * (np.diff(colours, axis=axis) ** 2).sum(axis=0) for axis in (1, 2))
    for _ in range(REACH):
        np.maximum(say[1:], say[:-1] - down, out=say[1:])
        np.maximum(say[:-1], say[1:] - down, out=say[:-1])
        np.maximum(say[:, 1:], say[:, :-1] - across, out=say[:, 1:])
        np.maximum(say[:, :-1], say[:, 1:] - across, out=say[:, :-1])
    return say
