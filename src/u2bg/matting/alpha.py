"""The alpha matte: the saliency map at the photo's size, its edge where the photo's colours put it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cores import on_all_cores, together
from u2bg.errors import BadArray, UnknownName
from u2bg.matting import closed_form, colour_models, grid, loops
from u2bg.matting.grid import Field
from u2bg.matting.matte import Matte, Piece
from u2bg.matting.mesh import Mesh, Tiles, corners, framed
from u2bg.matting.trimap import trimap
from u2bg.shrinking import Overview, Pixels, overview

METHODS = ("auto", "off", "closed-form")

SURE = 0.02
"""A map below this, or above one minus this, all around a cell leaves nothing open there."""

BLURRED, SOFT = 0.35, 0.55
"""`sharpness` of a picture out of focus, and of the softest guess of a network."""

BLUNT, SHARP = 1.3, 1.45
"""`sharpness`, with `dissent` as the scale's thumb, up to which a map is a guess, and from which it is taken at its
word."""

USUAL_DISSENT, THUMB = 0.12, 4.0
"""`dissent` at which the thumb lies still, and what it weighs."""

CONFIRMED, DENIED = 0.09, 0.13
"""`dissent` up to which a soft map shows a soft edge, which must not be sharpened, and from which it is a guess."""

UNMISTAKABLE = 2.75
"""`sharpness` from which nothing else is asked."""

OPEN_CELLS = 0.5
"""How far around the edge `closed-form` solves, in cells of the map."""

FAITHFUL_PRIOR = 1.0
"""What `closed-form` lets the alpha before it weigh where the map is to be taken at its word."""

TEXTURE = 0.03
"""How far the pixels of a cell may be from its mean: beyond 0 or 1 by more, the whole cell is decided."""

GUESS_RAMP, FAITHFUL_RAMP = 0.1, SURE
"""How far from 0 and 1 a value still means 0 and 1: a network's tails are long, a true matte has none."""


def check(method: str) -> None:
    """Raises: UnknownName, or MissingExtra where the method's packages are not installed."""
    if method not in METHODS:
        raise UnknownName("refinement", method, METHODS)
    if method == "closed-form":
        closed_form.require()


def refine(saliency_map: Field, photo: Pixels | Overview, *, method: str = "auto") -> Matte:
    """The alpha of every pixel.

    The statistics are taken on the map's grid; only in the band where the map is undecided is anything computed
    at the photo's size, in float from end to end. Nothing depends on the map's lowest or highest value.

    Args:
        saliency_map: (h, w) float32 in [0, 1].
        photo: (H, W, 4) uint8, C-contiguous, or its overview; the fourth channel is not looked at.
        method: `auto`; `off` for the map's bicubic interpolation alone (Keys, 1981); `closed-form` to solve the
            edge anew after `auto`, see `closed_form`.

    Returns:
        The matte of an (H, W) photo, exactly 0 and 1 outside the band.

    Raises:
        MissingExtra: `closed-form` without pymatting. BadArray: a map that is not all numbers.
    """
    if not np.isfinite(saliency_map).all():
        bad = int((~np.isfinite(saliency_map)).sum())
        raise BadArray(
            f"a saliency map of which {bad} values are no numbers; expected {saliency_map.shape} in [0, 1]"
        )
    photo = overview(photo)
    if method == "closed-form":
        return _closed_form(saliency_map, photo)
    pixels, size = photo.pixels, photo.size
    cells = saliency_map.shape[0], saliency_map.shape[1]
    if cells[0] > size[0] or cells[1] > size[1]:
        return Matte.of(loops.stretch(_interpolate(saliency_map, size), GUESS_RAMP))
    band, near, colours, noise, asked, guess, word = _look(saliency_map, photo)
    models = np.zeros((5, *cells), np.float32)
    if method == "auto":
        if asked is not None and guess > 0:
            models[:, *near] += guess * asked
        if word > 0:
            grain = _grain(pixels, band)
            models[:, *near] += word * colour_models.faithful(saliency_map[near], colours, noise, grain)
    ramp = guess * GUESS_RAMP + word * FAITHFUL_RAMP
    models = grid.box_mean(models * band, 1)
    answer = models[3] + (1 - models[4]) * saliency_map
    answer[near] += (models[:3, *near] * colours).sum(0)
    is_open = _undecided(answer, float(ramp)) & corners(band, np.logical_or)
    mask = grid.nearest(np.where(answer > 0.5, np.uint8(255), np.uint8(0)), size)
    return _rendered(mask, saliency_map, models, pixels, is_open, float(ramp))


class Look(NamedTuple):
    """What a map and its photo tell of each other.

    Attributes:
        band: (h, w). near: the rows and columns of it and its surroundings. colours: (3, …) of these.
        noise: of the photo's pixels.
        asked: (5, …), `corrective` models of `near`; None where it is clear that they are not wanted.
        guess, word: how far the map is a guess, and how far to be taken at its word; what is left to 1 is a
            soft edge.
    """

    band: NDArray[np.bool_]
    near: tuple[slice, slice]
    colours: Field
    noise: float
    asked: Field | None
    guess: np.float32
    word: np.float32


def _look(saliency_map: Field, photo: Overview) -> Look:
    band = _band(saliency_map)
    near = _surroundings(band)
    there = saliency_map[near]
    noise, small = together(lambda: _noise(photo.pixels), lambda: photo.at(band.shape))
    colours = grid.shares(small[near])
    sharpness = colour_models.sharpness(there)
    asked, dissent = None, USUAL_DISSENT
    if sharpness < UNMISTAKABLE:
        asked = colour_models.corrective(there, colours, noise, band[near])
        dissent = colour_models.dissent(asked, there, colours)
    thumb = THUMB * (USUAL_DISSENT - dissent)
    word = _rise(sharpness + thumb, BLUNT, SHARP) if sharpness > SOFT else 0.0
    guess = (1 - word) * _rise(sharpness, BLURRED, SOFT) * _rise(dissent, CONFIRMED, DENIED)
    return Look(band, near, colours, noise, asked, np.float32(guess), np.float32(word))


def _closed_form(saliency_map: Field, photo: Overview) -> Matte:
    """`auto`, then closed-form matting around its edge; a map that is taken at its word holds it back."""
    closed_form.require()
    alpha = refine(saliency_map, photo).alpha
    radius_px = max(1, round(OPEN_CELLS * (alpha.size / saliency_map.size) ** 0.5))
    prior = closed_form.PRIOR * (FAITHFUL_PRIOR / closed_form.PRIOR) ** float(_look(saliency_map, photo).word)
    improved = closed_form.improve(alpha, photo.pixels, trimap(alpha, radius_px, sure=SURE), prior=prior)
    return Matte.of(improved)


def _interpolate(saliency_map: Field, size: tuple[int, int]) -> Field:
    """The map at the (height, width) of a photo that is smaller than it."""
    height, width = size
    return np.array(Image.fromarray(saliency_map).resize((width, height), Image.Resampling.BICUBIC))


def _band(saliency_map: Field) -> NDArray[np.bool_]:
    """(h, w): cells with anything undecided within two cells."""
    highest = grid.window(saliency_map, 2, np.maximum)
    lowest = grid.window(saliency_map, 2, np.minimum)
    return np.asarray((highest > SURE) & (lowest < 1 - SURE))


def _undecided(answer: Field, ramp: float) -> NDArray[np.bool_]:
    """(h + 1, w + 1): tiles between whose corners pixels may end up between 0 and 1, or on both sides."""
    highest, lowest = corners(answer, np.maximum), corners(answer, np.minimum)
    return np.asarray((highest > ramp - TEXTURE) & (lowest < 1 - ramp + TEXTURE))


def _surroundings(band: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the band and of all that its colour models look at, in whole cells of the coarsest scale."""
    step = 2**colour_models.SCALES
    sides = []
    for cells, axis in zip(band.shape, (1, 0), strict=True):
        there = np.flatnonzero(band.any(axis=axis)) if band.any() else (0,)
        first, last = int(there[0]) // step, int(there[-1]) // step
        sides.append(slice(max(0, first - 2) * step, min((last + 3) * step, cells)))
    return sides[0], sides[1]


def _rise(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, linear between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _noise(pixels: NDArray[np.uint8], most: int = 16) -> float:
    """Variance of the photo's pixel noise: a low quantile of its squared second differences along some rows."""
    rows = pixels[:: max(1, pixels.shape[0] // most), :, :3].astype(np.float32)
    if rows.shape[1] < 3:
        return 0.0
    bend = (rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]) ** 2
    bend = (bend[..., 0] + bend[..., 1] + bend[..., 2]).ravel() / 3  # a mean over so few is slow
    low = int(0.4 * (bend.size - 1))  # np.quantile would load numpy.ma for it
    return float(np.partition(bend, low)[low]) / (6 * 255**2)


def _grain(pixels: NDArray[np.uint8], band: NDArray[np.bool_], most: int = 128) -> Field:
    """(6,) covariance of colour inside a cell: the median over some cells that are not in the band."""
    calm = np.argwhere(~band)
    if not calm.size:
        return np.zeros(6, np.float32)
    calm = calm[:: max(1, len(calm) // most)]
    across, down = (
        (calm[:, side] * (pixels.shape[side] / band.shape[side])).astype(np.intp)[:, None]
        + np.arange(pixels.shape[side] // band.shape[side])
        for side in (1, 0)
    )
    inside = pixels[down[:, :, None], across[:, None, :]][..., :3] / np.float32(255)
    colours = inside.reshape(len(calm), -1, 3).transpose(2, 0, 1)
    spread = colour_models.products(colours - colours.mean(2, keepdims=True)).mean(2)
    return np.asarray(np.median(spread, axis=1), np.float32)


def _rendered(
    mask: NDArray[np.uint8],
    saliency_map: Field,
    models: Field,
    pixels: NDArray[np.uint8],
    is_open: NDArray[np.bool_],
    ramp: float,
) -> Matte:
    """The matte: map and models read at every pixel of the open tiles, and elsewhere the mask, which is 0 or 255."""
    models[:3] /= 255  # colours come as bytes
    models, saliency_map = framed(models), framed(saliency_map[None], 2)[0]

    def render(tiles: Tiles) -> Piece:
        return Piece(tiles, loops.render(tiles, models, saliency_map, pixels, mask, ramp))

    mesh = Mesh((models.shape[1] - 2, models.shape[2] - 2), (pixels.shape[0], pixels.shape[1]))
    return Matte(mask, on_all_cores(render, mesh.tiles(is_open)))
