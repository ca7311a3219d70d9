"""The subject's own colours, where the photo shows them mixed with the background's.

I = αF + (1 − α)B is solved for smooth F and B by multi-level estimation (Germer, Uelwer, Conrad & Harmeling, 2020), at
reduced size; what the photo shows beyond that smooth mixture, its texture, is then given back to F at full size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.matting import grid
from u2bg.matting.blend import insert, to_bytes
from u2bg.matting.grid import Field
from u2bg.shrinking import Overview, Pixels, overview, shrink

LARGEST_SIDE_PX = 512
SMALLEST_SIDE_PX = 24
ROUNDS_SMALL, ROUNDS_LARGE = 10, 7
MOMENTUM = np.float32(0.75)
SMOOTHNESS = np.float32(1e-5)
"""How much neighbours pull where alpha is level; along its slopes they pull by |Δα| more (section 3 of the paper)."""

TEXTURE = np.float32(0.01)


def estimate(photo: Pixels | Overview, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of the subject alone, in the band where 0 < alpha < 1.

    Args:
        photo: (H, W, 4) uint8, C-contiguous, or its overview; the fourth channel is not looked at.
        mask: (H, W) uint8: the alpha, in the 255ths in which the cut-out will have it.

    Returns:
        (H, W, 4) uint8, the subject with straight alpha: as `blend.insert`, with other colours in the band;
        byte-identical to the photo where alpha is 1.
    """
    photo = overview(photo)
    result = insert(photo.pixels, mask)
    scale = min(1, LARGEST_SIDE_PX / max(photo.size))
    size = max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale))
    small = np.asarray(shrink(mask, size), np.float32) / np.float32(255)
    is_open = (small > 0) & (small < 1)
    if not is_open.any():
        return result
    layers = _layers(grid.shrink_colours(photo, size), small)
    read = grid.Reader(_pictures(layers), photo.size, Image.Resampling.BILINEAR)

    words = result.view(np.uint32)[..., 0]  # whole pixels move faster

    def correct(rows: slice) -> None:
        for columns in grid.blocks(is_open, rows, photo.size):
            block = words[rows, columns].ravel()
            level = mask[rows, columns].ravel()
            here = np.flatnonzero((level > 0) & (level < 255))
            part = level[here] * np.float32(1 / 255)
            shown = block[here].view(np.uint8).reshape(-1, 4)
            front, back = (layer.reshape(-1, 4)[here] for layer in read(rows, columns))
            colours = _with_texture(_shares(front), _shares(back), part, _shares(shown))
            shown[:, :3] = to_bytes(colours).T
            block[here] = shown.view(np.uint32)[:, 0]
            words[rows, columns] = block.reshape(words[rows, columns].shape)

    grid.over_strips(correct, photo.size[0])
    return result


def _pictures(layers: Field) -> list[NDArray[np.uint8]]:
    """(6, h, w) in [0, 1] to two pictures (h, w, 4): one read gives three channels, and texture mends the rounding."""
    pictures = np.zeros((2, *layers.shape[1:], 4), np.uint8)
    for picture, layer in zip(pictures, (layers[:3], layers[3:]), strict=True):
        picture[..., :3] = to_bytes(layer).transpose(1, 2, 0)
    return list(pictures)


def _shares(pixels: NDArray[np.uint8]) -> Field:
    """(n, 4) uint8 to the colours (3, n) in [0, 1]."""
    return np.asarray(pixels[:, :3].T, np.float32) / np.float32(255)


def _with_texture(front: Field, back: Field, alpha: Field, shown: Field) -> Field:
    """What the photo shows beyond the smooth mixture goes to the foreground, as far as alpha allows: (3, n)."""
    texture: Field = shown - alpha * front - (1 - alpha) * back
    texture *= alpha / (alpha**2 + (1 - alpha) ** 2 + TEXTURE)
    texture += front
    np.clip(texture, 0, 1, out=texture)
    return texture


def _layers(colours: Field, alpha: Field) -> Field:
    """(3, h, w) colours and (h, w) alpha to (6, h, w): smooth foreground and background, coarse to fine."""
    levels = [np.concatenate([colours, alpha[None]])]
    while max(levels[-1].shape) > SMALLEST_SIDE_PX:
        levels.append(grid.halve(levels[-1]))
    layers = np.repeat(colours.mean((1, 2), keepdims=True), 2, axis=0).reshape(6, 1, 1)
    for level in reversed(levels):
        size = level.shape[1], level.shape[2]
        rounds = ROUNDS_SMALL if max(size) <= 2 * SMALLEST_SIDE_PX else ROUNDS_LARGE
        layers = _refined(grid.resize(layers, size), level[:3], level[3], rounds)
    return layers


def _refined(layers: Field, colours: Field, alpha: Field, rounds: int) -> Field:
    """One level: every block with a piece of the band is relaxed, seeing as far beyond it as the rounds reach."""
    size = alpha.shape[0], alpha.shape[1]
    is_open = (alpha > 0) & (alpha < 1)
    result = layers.copy()

    def relax(rows: slice) -> None:
        for columns in grid.blocks(is_open, rows, size):
            seen = _around(rows, rounds), _around(columns, rounds)
            relaxed = _relax(layers[:, *seen], colours[:, *seen], alpha[seen], rounds)
            top, left = rows.start - seen[0].start, columns.start - seen[1].start
            height, width = rows.stop - rows.start, columns.stop - columns.start
            result[:, rows, columns] = relaxed[:, top : top + height, left : left + width]

    grid.over_strips(relax, size[0])
    return result


def _around(part: slice, reach: int) -> slice:
    return slice(max(0, part.start - reach), part.stop + reach)


def _relax(layers: Field, colours: Field, alpha: Field, rounds: int) -> Field:
    """Jacobi rounds, with momentum, of the 2×2 normal equations of every pixel: fit the photo, follow the neighbours.

    For each pixel [α² + p, α(1 − α); α(1 − α), (1 − α)² + p] [F; B] = [αI + Σ pᵢFᵢ; (1 − α)I + Σ pᵢBᵢ], p = Σ pᵢ.
    """
    pulls = [SMOOTHNESS + np.abs(alpha - moved) for moved in _neighbours(_framed(alpha[None])[0])]
    pull = np.add.reduce(pulls)
    front, back = alpha, 1 - alpha
    a, b, d = front * front + pull, front * back, back * back + pull
    determinant = a * d - b * b
    a, b, d = a / determinant, b / determinant, d / determinant
    fixed = np.concatenate([(d * front - b * back) * colours, (a * back - b * front) * colours])
    now, before = _framed(layers), _framed(layers)
    for _ in range(rounds):
        wanted, *others = (weight * moved for weight, moved in zip(pulls, _neighbours(now), strict=True))
        for other in others:
            wanted += other
        after = before[:, 1:-1, 1:-1]  # each round overwrites the round before the last
        after *= -MOMENTUM
        after += MOMENTUM * now[:, 1:-1, 1:-1]
        after += fixed
        after[:3] += d * wanted[:3] - b * wanted[3:]
        after[3:] += a * wanted[3:] - b * wanted[:3]
        np.clip(after, 0, 1, out=after)
        _frame(before)
        now, before = before, now
    return now[:, 1:-1, 1:-1]


def _framed(fields: Field) -> Field:
    """(n, h, w) to (n, h + 2, w + 2): the edge repeated all around."""
    framed = np.empty((len(fields), fields.shape[1] + 2, fields.shape[2] + 2), np.float32)
    framed[:, 1:-1, 1:-1] = fields
    _frame(framed)
    return framed


def _frame(framed: Field) -> None:
    """Repeat the edge, in place; the corners are nobody's neighbours."""
    framed[:, 0], framed[:, -1] = framed[:, 1], framed[:, -2]
    framed[:, :, 0], framed[:, :, -1] = framed[:, :, 1], framed[:, :, -2]


def _neighbours(framed: Field) -> tuple[Field, ...]:
    """Framed fields as the four neighbours of every pixel have them."""
    return framed[..., :-2, 1:-1], framed[..., 2:, 1:-1], framed[..., 1:-1, :-2], framed[..., 1:-1, 2:]
