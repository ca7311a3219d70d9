"""The subject's own colours, where the photo shows them mixed with the background's.

I = αF + (1 − α)B is solved for smooth F and B by multi-level estimation (Germer, Uelwer, Conrad & Harmeling, 2020), at
reduced size; what the photo shows beyond that smooth mixture, its texture, is then given back to F at full size.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import usable_cores
from u2bg.matting import grid
from u2bg.matting.blend import to_bytes
from u2bg.matting.grid import Field

LARGEST_SIDE_PX = 640
SMALLEST_SIDE_PX = 24
ROUNDS_SMALL, ROUNDS_LARGE = 10, 2
SMOOTHNESS = np.float32(1e-5)
"""How much neighbours pull where alpha is level; along its slopes they pull by |Δα| more (section 3 of the paper)."""

TEXTURE = np.float32(0.1)


def estimate(pixels: NDArray[np.uint8], alpha: Field) -> NDArray[np.uint8]:
    """Colours of the subject alone, in the band where 0 < alpha < 1.

    Args:
        pixels: (H, W, 4) uint8, C-contiguous; the fourth channel is not looked at.
        alpha: (H, W) float32 in [0, 1].

    Returns:
        (H, W, 4) uint8, a copy of `pixels` with other colours in the band; byte-identical where alpha is 1 or 0.
    """
    photo = alpha.shape[0], alpha.shape[1]
    result = pixels.copy()
    mask = to_bytes(alpha)
    open_tiles = [tile for tile in grid.tiles(photo) if _is_open(mask[tile])]
    if not open_tiles:
        return result
    scale = min(1, LARGEST_SIDE_PX / max(photo))
    size = max(1, round(photo[0] * scale)), max(1, round(photo[1] * scale))
    layers = _layers(grid.shrink_colours(pixels, size), _shrink(alpha, size))
    read = grid.Reader(size, photo, grid.linear)

    def correct(tile: tuple[slice, slice]) -> None:
        here = (mask[tile] > 0) & (mask[tile] < 255)
        shown = pixels[tile][here][:, :3].T / np.float32(255)
        smooth = read(layers, *tile)[:, here]
        part = alpha[tile][here]
        front, back = smooth[:3], smooth[3:]
        texture = shown - part * front - (1 - part) * back
        share = part / (part**2 + (1 - part) ** 2 + TEXTURE)
        colours = to_bytes(np.clip(front + share * texture, 0, 1))
        result[tile][here, :3] = colours.T

    with ThreadPoolExecutor(usable_cores()) as pool:
        list(pool.map(correct, open_tiles))
    return result


def _is_open(mask: NDArray[np.uint8]) -> bool:
    return bool(((mask > 0) & (mask < 255)).any())


def _shrink(alpha: Field, size: tuple[int, int]) -> Field:
    """Mean alpha of every cell of a grid of (height, width)."""
    height, width = size
    picture = Image.fromarray(alpha)
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0))


def _layers(colours: Field, alpha: Field) -> Field:
    """(3, h, w) colours and (h, w) alpha to (6, h, w): smooth foreground and background, coarse to fine."""
    sizes = [(alpha.shape[0], alpha.shape[1])]
    while max(sizes[-1]) > SMALLEST_SIDE_PX:
        sizes.append((max(1, sizes[-1][0] // 2), max(1, sizes[-1][1] // 2)))
    layers = np.repeat(colours.mean((1, 2), keepdims=True), 2, axis=0).reshape(6, 1, 1)
    for size in reversed(sizes):
        shades, part = grid.resize(colours, size), grid.resize(alpha[None], size)[0]
        rounds = ROUNDS_SMALL if max(size) <= 2 * SMALLEST_SIDE_PX else ROUNDS_LARGE
        layers = _refined(grid.resize(layers, size), shades, part, rounds)
    return layers


def _refined(layers: Field, colours: Field, alpha: Field, rounds: int) -> Field:
    """One level: every tile with a piece of the band is relaxed, seeing as far beyond it as the rounds reach."""
    size = alpha.shape[0], alpha.shape[1]
    result = layers.copy()
    for rows, columns in grid.tiles(size):
        if not ((alpha[rows, columns] > 0) & (alpha[rows, columns] < 1)).any():
            continue
        seen = tuple(slice(max(0, part.start - rounds), part.stop + rounds) for part in (rows, columns))
        around = (slice(None), *seen)
        relaxed = _relax(layers[around], colours[around], alpha[seen], rounds)
        top, left = rows.start - seen[0].start, columns.start - seen[1].start
        height, width = rows.stop - rows.start, columns.stop - columns.start
        result[:, rows, columns] = relaxed[:, top : top + height, left : left + width]
    return result


def _relax(layers: Field, colours: Field, alpha: Field, rounds: int) -> Field:
    """Jacobi rounds of the 2×2 normal equations of every pixel: fit the photo, and follow the neighbours."""
    pulls = _pulls(alpha)
    pull = sum(pulls)
    front, back = alpha, 1 - alpha
    a, b, d = front * front + pull, front * back, back * back + pull
    determinant = a * d - b * b
    for _ in range(rounds):
        pulled = [weight * moved for weight, moved in zip(pulls, _neighbours(layers), strict=True)]
        wanted = np.add.reduce(pulled)
        for_front = wanted[:3] + front * colours
        for_back = wanted[3:] + back * colours
        layers = np.concatenate([d * for_front - b * for_back, a * for_back - b * for_front]) / determinant
        layers = np.clip(layers, 0, 1)
    return np.asarray(layers, np.float32)


def _neighbours(field: Field) -> tuple[Field, ...]:
    """The field as its four neighbours have it; the edge repeats itself."""
    padded = np.pad(field, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]


def _pulls(alpha: Field) -> list[Field]:
    """How strongly each of the four neighbours pulls: (h, w) each."""
    return [SMOOTHNESS + np.abs(alpha - moved[0]) for moved in _neighbours(alpha[None])]
