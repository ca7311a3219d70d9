"""What colour says about alpha, cell by cell: α ≈ a·I + b, and how far that is to be believed.

Two ways to know it, for two kinds of map. A *faithful* map is right and only coarse: alpha is regressed on colour
inside it (He, Sun & Tang 2010: the guided filter), shrunk to nothing where colour explains nothing. A *corrective* look
takes the map as a soft guess: it models the colours of subject and background around every cell and asks them (Fisher's
discriminant). A network's map needs the second, a map with detail of its own the first; `sharpness` tells them apart,
and `dissent` where that is in doubt. A soft map that its colours confirm is an edge out of focus: nothing is to be
sharpened there.

Both return a stack of five fields: a (3), b, and the gain K in [0, 1]; alpha = a·I + b + (1 − K)·map. Colours are in
[0, 1]. Covariances are six fields: rr, rg, rb, gg, gb, bb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg import compiled
from u2bg.cores import together
from u2bg.matting import grid
from u2bg.matting.grid import Field, Index, box_mean, halve, resize, window

TINY = np.float32(1e-6)
DIAGONAL = (0, 3, 5)

SCALES = 3
UNDECIDED = 0.1
"""Nearer to 0 and 1, a map says little of how soft an edge is."""

SHRINKAGE = 0.02 / 3
"""Of the mean variance of the clouds' colours, what is added to each."""

TRUST_RADIUS = 3.0
"""Squared Mahalanobis distance from both colours at which a discriminant has lost half its say, and more beyond."""


def sharpness(saliency_map: Field) -> float:
    """Energy of the second differences over that of the first, of an (h, w) map.

    A step of one cell has 2 and more, a ramp over several cells 1 and less. Measured: means of true mattes 1.4 to 6.7,
    maps of U²-Net† 0.6 to 1.4.
    """
    padded = np.pad(saliency_map, 1, mode="edge")
    centre = padded[1:-1, 1:-1]
    bend = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * centre
    down, across = (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2, (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2
    slope = float((down**2).sum() + (across**2).sum())
    return float((bend**2).sum()) / slope if slope > TINY else 0.0


def dissent(models: Field, saliency_map: Field, colours: Field) -> float:
    """How far from the map, where it is undecided, its colours put alpha: a mean in [0, 1], of those that say anything.

    In a soft edge that is one, colours are mixed as the map has it; behind a guess that is blurred over a sharp edge
    they are one side's or the other's. Measured: means of true mattes .04 to .13, maps of U²-Net† .13 to .31.

    Args:
        models: (5, h, w), as `corrective` has them.
    """
    gain = models[4]
    said = np.clip((models[:3] * colours).sum(0) + models[3], 0, gain)
    is_open = (saliency_map > UNDECIDED) & (saliency_map < 1 - UNDECIDED)
    total = float(gain[is_open].sum())
    return float(np.abs(said - gain * saliency_map)[is_open].sum()) / total if total > TINY else 0.0


def faithful(saliency_map: Field, colours: Field, noise: float, grain: Field) -> Field:
    """Regress the map on colour in 3×3 cells.

    Args:
        saliency_map: (h, w) in [0, 1].
        colours: (3, h, w), mean colour of each cell.
        noise: variance of the photo's pixel noise.
        grain: (6,) covariance of colour inside cells that hold no edge; with the noise, it keeps texture that
            means nothing from being read as alpha.
    """
    colour, level, shared, spread, variance = _regression(saliency_map, colours)
    spread += np.float32(0.3) * grain[:, None, None]
    for field in DIAGONAL:
        spread[field] += np.float32(5e-5 + 4 * noise)
    slope = solve(spread, shared)
    gain = np.clip((slope * shared).sum(0) / (variance + np.float32(1e-5)), 0, np.float32(0.999))
    slope *= gain / (gain + np.float32(1e-5))
    return np.concatenate([slope, [gain * level - (slope * colour).sum(0), gain]])


def corrective(saliency_map: Field, colours: Field, noise: float, band: NDArray[np.bool_]) -> Field:
    """Ask the colours of subject and background, around every cell of the band at three scales.

    They are asked twice: first on the halved grid, where it costs a quarter, who belongs to subject and background;
    then, with that for an answer, cell by cell.

    Args: as `faithful`, and
        band: (h, w), the cells that are asked; the others get 0.
    """
    coarse, shades = halve(saliency_map[None])[0], halve(colours)
    slope, offset, gain = _ask(coarse, coarse, shades, noise, _halved(band))
    answer = np.clip((slope * shades).sum(0) + offset + (1 - gain) * coarse, 0, 1)
    change = resize((answer - coarse)[None], (saliency_map.shape[0], saliency_map.shape[1]))[0]
    guess = np.clip(saliency_map + change, 0, 1)
    slope, offset, gain = _ask(guess, saliency_map, colours, noise, band)
    return np.concatenate([slope, [offset, gain]])


def solve(matrix: Field, vector: Field) -> Field:
    """Solve the symmetric 3×3 system of every cell: (6, h, w), (3, h, w) to (3, h, w), by cofactors."""
    rr, rg, rb, gg, gb, bb = matrix
    c0, c1, c2 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c3, c4, c5 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    determinant = rr * c0 + rg * c1 + rb * c2
    r, g, b = vector
    solved = np.stack([c0 * r + c1 * g + c2 * b, c1 * r + c3 * g + c4 * b, c2 * r + c4 * g + c5 * b])
    return np.asarray(solved / determinant)


def products(colours: Field) -> Field:
    """(3, …) to (6, …): the products of every two channels."""
    result = np.empty((6, *colours.shape[1:]), colours.dtype)
    np.multiply(colours, colours[0], out=result[:3])
    np.multiply(colours[1:], colours[1], out=result[3:5])
    np.multiply(colours[2], colours[2], out=result[5])
    return result


def _regression(saliency_map: Field, colours: Field) -> tuple[Field, Field, Field, Field, Field]:
    """Over 3×3 cells: mean colour (3), mean map, their covariance (3), that of colour (6), variance of the map."""
    one = np.ones_like(saliency_map)
    terms = [colours, saliency_map[None], colours * saliency_map, products(colours), (saliency_map**2)[None]]
    means = box_mean(np.concatenate([*terms, one[None]]), 1)
    means = means[:-1] / means[-1]
    colour, level = means[:3], means[3]
    variance = np.maximum(means[13] - level**2, 0)
    return colour, level, means[4:7] - colour * level, means[7:13] - products(colour), variance


def _doubt(saliency_map: Field) -> Field:
    """Prior variance of the map: large on its ramps, small on plateaus, where it means what it says."""
    rise = window(saliency_map, 1, np.maximum) - window(saliency_map, 1, np.minimum)
    undecided = saliency_map * (1 - saliency_map) * np.minimum(np.float32(0.25) + 4 * rise, 1)
    return np.asarray(np.maximum(undecided, rise**2 / 4) / 2)


def _ask(
    guess: Field, saliency_map: Field, colours: Field, noise: float, band: NDArray[np.bool_]
) -> tuple[Field, Field, Field]:
    """Slope (3, h, w), offset and gain (h, w): the discriminants of all scales, weighted by their separability.

    Args:
        guess: who belongs to subject and background.
        saliency_map: what is to be corrected.
        band: where; 0 elsewhere.
    """
    cells = np.flatnonzero(band)
    clouds = _clouds(guess, colours)

    def on_larger_scales() -> list[Field]:
        sums, shades, asked = clouds, colours, band
        found = []
        for _ in range(1, SCALES):
            sums, shades, asked = halve(sums), halve(shades), _halved(asked)
            there = np.flatnonzero(asked)
            models = _discriminant(box_mean(sums, 2), shades, there, noise)
            found.append(grid.between(grid.put(models, there, asked.shape), band.shape, cells))
        return found

    larger, total = together(
        on_larger_scales, lambda: _discriminant(box_mean(clouds, 2), colours, cells, noise)
    )
    for found in larger:
        total += found
    trust = grid.at(_doubt(saliency_map)[None], cells)[0] * total[4] / SCALES
    gain = trust / (1 + trust)
    total[:4] *= gain / (total[4] + np.float32(1e-9))
    total[4] = gain
    models = grid.put(total, cells, band.shape)
    return models[:3], models[3], models[4]


def _halved(band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells of the halved grid that the band, read bilinearly, looks at."""
    height, width = band.shape
    padded = np.pad(band, ((0, height % 2), (0, width % 2)))
    rows = padded[::2] | padded[1::2]
    return window(rows[:, ::2] | rows[:, 1::2], 1, np.logical_or)


def _clouds(guess: Field, colours: Field) -> Field:
    """(14, h, w): weights of subject and background, colours weighted by either, products of colours by both."""
    sums = np.empty((14, *guess.shape), np.float32)
    for membership, part in ((2 * guess - 1, 0), (1 - 2 * guess, 1)):
        np.maximum(membership, 0, out=sums[part])
        sums[part] *= sums[part] * sums[part]  # what is half sure weighs little
        np.multiply(sums[part], colours, out=sums[2 + 3 * part : 5 + 3 * part])
    np.multiply(sums[0] + sums[1], products(colours), out=sums[8:])
    return sums


def _discriminant(means: Field, colours: Field, cells: Index, noise: float) -> Field:
    """Fisher's discriminant of two colour clouds, scaled to 0 at the background's mean and 1 at the subject's.

    Args:
        means: (14, h, w), of `_clouds`. colours: (3, h, w). cells: (n,), where.

    Returns: (5, n): slope times J, offset times J, and J, the separability (a squared Mahalanobis distance).
    """
    if compiled.loops is not None:
        models = np.empty((5, len(cells)), np.float32)
        compiled.loops.discriminate(
            means, np.ascontiguousarray(colours), cells, models, SHRINKAGE, 1e-4 + noise, TINY, TRUST_RADIUS
        )
        return models
    means, colours = grid.at(means, cells), grid.at(colours, cells)
    subject, background = means[0], means[1]
    front, back = means[2:5] / (subject + TINY), means[5:8] / (background + TINY)
    within = means[8:14] - subject * products(front) - background * products(back)
    within /= subject + background + TINY
    trace = np.maximum(within[0] + within[3] + within[5], 0)
    for field in DIAGONAL:
        within[field] += np.float32(SHRINKAGE) * trace + np.float32(1e-4 + noise)
    difference = front - back
    slope = solve(within, difference)
    separability = np.maximum((slope * difference).sum(0), 0)
    slope /= separability + TINY
    offset = -(slope * back).sum(0)
    place = np.clip((slope * colours).sum(0) + offset, 0, 1)
    beside = colours - back - place * difference
    distance = np.maximum((beside * solve(within, beside)).sum(0), 0)
    seen = np.minimum(subject, background)
    say = separability * seen / (seen + np.float32(1e-3)) / (1 + (distance / np.float32(TRUST_RADIUS)) ** 2)
    return np.concatenate([slope * say, [offset * say, say]])
