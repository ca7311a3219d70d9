"""Smooth colours of subject and background, F and B, where a photo mixes them: I = αF + (1 − α)B.

Multi-level estimation (Germer, Uelwer, Conrad & Harmeling, 2020): fit the photo, follow the neighbours, from coarse to
fine. For each cell, with pᵢ = ε + |α − αᵢ| over its four neighbours and p = Σ pᵢ,

    [α² + p, α(1 − α); α(1 − α), (1 − α)² + p] [F; B] = [αI + Σ pᵢFᵢ; (1 − α)I + Σ pᵢBᵢ].

Unknown are only the cells of the band and those that touch it; so the cost grows with the band. They are solved like
the fields of a chessboard, the red from the black and the black from the red, over-relaxed (Young, 1954).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from u2bg.matting import grid, loops
from u2bg.matting.grid import Field, Index
from u2bg.shrinking import Pixels, block_means

SMALLEST_SIDE = 24
ROUNDS_SMALL, ROUNDS_LARGE = 10, 4
SMOOTHNESS = np.float32(1e-5)
"""ε: how much neighbours pull where alpha is level."""


class Layers(NamedTuple):
    """F and B, in 0..255, where they were solved for.

    Attributes:
        values: (6, n + 1): of n cells, and last the picture's mean, for all others.
        numbers: (h + 2, w + 2): which of the n is where, in the grid and a frame around it; −1 where none is.
    """

    values: Field
    numbers: Index

    @property
    def framed(self) -> Index:
        """The numbers, with the grid's edge repeated in the frame."""
        return np.pad(self.numbers[1:-1, 1:-1], 1, mode="edge")


def solve(picture: Pixels) -> Layers:
    """(h, w, 4) uint8, C-contiguous, colours and alpha, to F and B wherever alpha is mixed, and one cell around."""
    levels = [picture]
    while max(levels[-1].shape[:2]) > SMALLEST_SIDE:
        levels.append(block_means(levels[-1], 2))
    coarsest = levels.pop()
    mean = np.tile(coarsest[..., :3].mean((0, 1), np.float32), 2)[:, None]
    nothing = Layers(mean, np.full([side // 2 + 3 for side in coarsest.shape[:2]], -1))
    found = _solved(coarsest, np.ones(coarsest.shape[:2], np.bool_), nothing, ROUNDS_SMALL)
    for level in reversed(levels):
        is_mixed = (level[..., 3] > 0) & (level[..., 3] < 255)
        unknown = grid.window(is_mixed, 1, np.logical_or)
        rounds = ROUNDS_SMALL if max(unknown.shape) <= 2 * SMALLEST_SIDE else ROUNDS_LARGE
        found = _solved(level, unknown, found, rounds)
    return found


class Half(NamedTuple):
    """The unknowns of one colour of the chessboard, (6, n), and what they are solved from.

    Attributes:
        beside: (4, n), which of the other colour's are their neighbours.
        pulls: (4, n), pᵢ; 0 where there is no neighbour.
        own, across: (2, 1, n) and (n,), of the inverse matrix: its diagonal, and what stands beside.
        fixed: (6, n), what the photo alone says.
    """

    beside: Index
    pulls: Field
    own: Field
    across: Field
    fixed: Field


def _solved(level: Pixels, unknown: NDArray[np.bool_], guess: Layers, rounds: int) -> Layers:
    """One level, from F and B of half the size."""
    i, j = np.nonzero(unknown)
    is_red = (i + j) % 2 == 0
    i, j = (np.concatenate([side[is_red], side[~is_red]]) for side in (i, j))
    state = guess.values.take(guess.numbers[i // 2 + 1, j // 2 + 1], 1)
    width = unknown.shape[1] + 2
    places = (i + 1) * width + j + 1
    numbers = np.full((unknown.shape[0] + 2, width), -1)
    numbers.ravel()[places] = np.arange(len(places))
    beside = np.stack([numbers.take(places + step) for step in (-width, width, -1, 1)])
    shown = level.view(np.uint32)[..., 0][unknown]  # whole pixels move faster
    shown = np.concatenate([shown[is_red], shown[~is_red]])
    colours = shown.view(np.uint8).reshape(-1, 4).T.astype(np.float32)
    red = int(is_red.sum())
    halves = _halves(colours[:3], colours[3] / np.float32(255), beside, red)
    if halves:
        ours, theirs = np.ascontiguousarray(state[:, :red]), np.ascontiguousarray(state[:, red:])
        for _ in range(rounds):
            loops.relax(ours, theirs, *halves[0])
            loops.relax(theirs, ours, *halves[1])
        state = np.concatenate([ours, theirs], 1)
    return Layers(np.concatenate([state, guess.values[:, -1:]], 1), numbers)


def _halves(colours: Field, alpha: Field, beside: Index, red: int) -> list[Half]:
    """Both colours' equations, of n cells, the first `red` of them red; none where one colour has no cell."""
    pulls = np.where(beside < 0, np.float32(0), SMOOTHNESS + np.abs(alpha - alpha.take(beside)))
    pull = np.maximum(pulls.sum(0), SMOOTHNESS)
    front, back = alpha, 1 - alpha
    determinant = pull * (front * front + back * back + pull)
    own = np.stack([back * back + pull, front * front + pull]) / determinant
    across = -front * back / determinant
    fixed = np.concatenate(
        [(own[0] * front + across * back) * colours, (own[1] * back + across * front) * colours]
    )
    parts = (slice(0, red), red), (slice(red, len(alpha)), 0)
    return [
        Half(
            np.maximum(beside[:, mine] - start, 0),
            *(np.ascontiguousarray(field[..., mine]) for field in (pulls, own[:, None], across, fixed)),
        )
        for mine, start in parts
        if 0 < red < len(alpha)
    ]
