"""The loops over single pixels and cells, where nearly all the time of edges and colours goes.

Each is here in numpy, which says what it does. Where u2bg was built with a compiler, `_loops.c` does the same, to the
bit, in one pass over the memory instead of dozens, and without Python's lock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg import compiled
from u2bg.matting.grid import Field, Index
from u2bg.matting.mesh import Tiles
from u2bg.shrinking import Pixels

FINE = 65_535
OVERSHOOT = 1.7
TEXTURE = 0.01
"""The share of texture that even an alpha of 1/2 does not give back, see `purify`."""

_ROWS = 16
"""Rows whose working copies stay in the cache."""


def to_bytes(values: Field) -> NDArray[np.uint8]:
    """Floats in [0, 1] to uint8, rounded; the one place where this happens."""
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS] * np.float32(255)
        part += np.float32(0.5)
        result[start : start + _ROWS] = part
    return result


def stretch(alpha: Field, ramp: float) -> Field:
    """[ramp, 1 − ramp] to [0, 1], in place."""
    alpha -= np.float32(ramp)
    alpha *= np.float32(1 / (1 - 2 * ramp))
    return np.clip(alpha, 0, 1, out=alpha)


def render(
    tiles: Tiles,
    models: Field,
    saliency_map: Field,
    pixels: Pixels,
    mask: NDArray[np.uint8],
    ramp: float,
) -> NDArray[np.uint16]:
    """Alpha of every pixel of some tiles: a·I + b + (1 − K)·map, and [ramp, 1 − ramp] of that to [0, 1].

    Args:
        models: (5, h + 2, w + 2), framed by 1: a for colours in 0..255, b, K, read bilinearly.
        saliency_map: (h + 4, w + 4), framed by 2, read by cubic convolution.
        pixels: (H, W, 4), the photo.
        mask: (H, W), gets the alpha in 255ths.

    Returns:
        (rows, columns, n), alpha in 65,535ths.
    """
    if compiled.loops is not None:
        fine = np.empty((len(tiles.i), *tiles.shape), np.uint16)
        keys = tiles.mesh.down.keys, tiles.mesh.across.keys
        compiled.loops.render(
            *tiles.arrays, *keys, models, saliency_map, pixels, mask, fine, ramp, 1 / (1 - 2 * ramp)
        )
        return fine.transpose(1, 2, 0)
    where = tiles.pixels
    *slopes, offset, gain = tiles.read(models)
    alpha = tiles.read_cubic(saliency_map)
    alpha *= np.subtract(1, gain, out=gain)
    alpha += offset
    colours = _words(pixels).take(where).view(np.uint8).reshape(*where.shape, 4)
    for channel, slope in enumerate(slopes):
        part = colours[..., channel].astype(np.float32)
        part *= slope
        alpha += part
    mask.ravel()[where] = to_bytes(stretch(alpha, ramp))
    return (alpha * np.float32(FINE) + np.float32(0.5)).astype(np.uint16)


def purify(tiles: Tiles, numbers: Index, smooth: Field, levels: NDArray[np.uint8], pixels: Pixels) -> None:
    """Smooth foreground, and as much of the photo's texture as alpha allows, wherever alpha is between; in place.

    Args:
        numbers: (h + 2, w + 2), framed by 1: which of the n values is where.
        smooth: (6, n), F and B in 0..255, read bilinearly.
        levels: (H, W), alpha in 255ths.
        pixels: (H, W, 4), the photo.
    """
    if compiled.loops is not None:
        compiled.loops.purify(*tiles.arrays, numbers, smooth, levels, pixels, TEXTURE)
        return
    where, words = tiles.pixels, _words(pixels)
    level, chosen = levels.take(where), words.take(where)
    shown = chosen.view(np.uint8).reshape(*where.shape, 4)
    fields = tiles.read(smooth, numbers)
    alpha = level * np.float32(1 / 255)
    weight = alpha / (alpha**2 + (1 - alpha) ** 2 + np.float32(TEXTURE))
    is_mixed = (level > 0) & (level < 255)
    for channel, (front, back) in enumerate(zip(fields[:3], fields[3:], strict=True)):
        texture = shown[..., channel].astype(np.float32)
        texture -= back
        contrast = front - back
        contrast *= alpha
        texture -= contrast  # I − αF − (1 − α)B
        texture *= weight
        texture += front
        texture += np.float32(0.5)
        np.clip(texture, 0, 255, out=texture)
        np.copyto(shown[..., channel], texture.astype(np.uint8), where=is_mixed)
    words[where] = chosen


def relax(
    mine: Field, others: Field, beside: Index, pulls: Field, own: Field, across: Field, fixed: Field
) -> None:
    """Solve the unknowns of one colour of the chessboard from the other's, and go beyond; `mine` in place.

    Args:
        mine, others: (6, n) and (6, m), F and B in 0..255. The others: see `layers.Half`.
    """
    if compiled.loops is not None:
        compiled.loops.relax(mine, others, beside, pulls, own, across, fixed, OVERSHOOT)
        return
    wanted = others.take(beside[0], 1)
    wanted *= pulls[0]
    for there, pull in zip(beside[1:], pulls[1:], strict=True):
        more = others.take(there, 1)
        more *= pull
        wanted += more
    wanted = wanted.reshape(2, 3, -1)
    change = (fixed - mine).reshape(wanted.shape)
    change += own * wanted
    change += across * wanted[::-1]
    change *= np.float32(OVERSHOOT)
    change += mine.reshape(wanted.shape)
    np.clip(change.reshape(mine.shape), 0, 255, out=mine)


def insert(pixels: Pixels, mask: NDArray[np.uint8], result: Pixels) -> None:
    """Some rows of a photo and of its alpha as one picture: (0, 0, 0, 0) where alpha is 0.

    Args:
        pixels: (h, W, 4). mask: (h, W). result: (h, W, 4), the photo itself, or all 0: what stays 0 is not touched.
    """
    if compiled.loops is not None:
        compiled.loops.insert(pixels, mask, result)
        return
    words, shown = result.view(np.uint32)[..., 0], pixels.view(np.uint32)[..., 0]  # whole pixels move faster
    for first in range(0, len(mask), _ROWS):
        rows = slice(first, first + _ROWS)
        there = np.flatnonzero(np.maximum.reduce(mask[rows]))
        left, right = (there[0], there[-1] + 1) if there.size else (0, 0)
        if np.may_share_memory(result, pixels):
            words[rows, :left] = words[rows, right:] = 0
        part = rows, slice(left, right)
        np.multiply(shown[part], mask[part] > 0, out=words[part])
        result[*part, 3] = mask[part]


def _words(pixels: Pixels) -> NDArray[np.uint32]:
    """The photo's pixels in a row: whole ones move faster than their bytes."""
    return pixels.view(np.uint32).ravel()
