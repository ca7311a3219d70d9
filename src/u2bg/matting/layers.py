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

from u2bg.matting import grid
from u2bg.matting.grid import Field

SMALLEST_SIDE = 24
ROUNDS_SMALL, ROUNDS_LARGE = 10, 4
OVERSHOOT = np.float32(1.7)
SMOOTHNESS = np.float32(1e-5)
"""ε: how much neighbours pull where alpha is level."""

Index = NDArray[np.intp]


def solve(colours: Field, alpha: Field) -> Field:
    """(3, h, w) colours and (h, w) alpha to (6, h, w): F and B, 0 where nothing near is mixed."""
    levels = [np.concatenate([colours, alpha[None]])]
    while max(levels[-1].shape) > SMALLEST_SIDE:
        levels.append(grid.halve(levels[-1]))
    coarsest = levels.pop()
    everywhere = np.ones(coarsest.shape[1:], np.bool_)
    mean = np.tile(colours.mean((1, 2)), 2)[:, None, None]
    found = _solved(coarsest, everywhere, mean * np.ones_like(coarsest[:1]), ROUNDS_SMALL)
    for level in reversed(levels):
        is_mixed = (level[3] > 0) & (level[3] < 1)
        unknown = grid.window(is_mixed, 1, np.logical_or)
        rounds = ROUNDS_SMALL if max(level.shape) <= 2 * SMALLEST_SIDE else ROUNDS_LARGE
        found = _solved(level, unknown, found, rounds)
    return found


class Half(NamedTuple):
    """The unknowns of one colour of the chessboard, and what they are solved from.

    Attributes:
        mine, others: where these n and those of the other colour stand among all.
        beside: (4, n), which of the others are their neighbours.
        pulls: (4, n), pᵢ; 0 where there is no neighbour.
        inverse: (3, n), of the matrix: its diagonal, and what stands beside.
        fixed: (6, n), what the photo alone says.
    """

    mine: slice
    others: slice
    beside: Index
    pulls: Field
    inverse: Field
    fixed: Field


def _solved(level: Field, unknown: NDArray[np.bool_], guess: Field, rounds: int) -> Field:
    """One level, (4, h, w) colours and alpha, from F and B of the same or half the size."""
    i, j = np.nonzero(unknown)
    is_red = (i + j) % 2 == 0
    i, j = (np.concatenate([side[is_red], side[~is_red]]) for side in (i, j))
    step = 1 if guess.shape[1:] == unknown.shape else 2
    state = _at(guess, i // step, j // step)
    halves = _halves(_at(level, i, j), _neighbours(i, j, unknown.shape), int(is_red.sum()))
    for _ in range(rounds):
        for half in halves:
            _relax(state, half)
    result = np.zeros((6, *unknown.shape), np.float32)
    result.reshape(6, -1)[:, i * unknown.shape[1] + j] = state
    return result


def _at(fields: Field, i: Index, j: Index) -> Field:
    """(m, h, w) at n cells: (m, n)."""
    return np.asarray(fields.reshape(len(fields), -1).take(i * fields.shape[2] + j, 1))


def _neighbours(i: Index, j: Index, size: tuple[int, ...]) -> Index:
    """(4, n): which of the n cells lie above, below, left and right of each; −1 where none does."""
    width = size[1] + 2
    places = (i + 1) * width + j + 1
    numbers = np.full((size[0] + 2) * width, -1)
    numbers[places] = np.arange(len(places))
    return np.stack([numbers.take(places + step) for step in (-width, width, -1, 1)])


def _halves(level: Field, beside: Index, red: int) -> list[Half]:
    """Both colours' equations: of (4, n) colours and alpha, the first `red` of them red."""
    colours, alpha = level[:3], level[3]
    pulls = np.where(beside < 0, np.float32(0), SMOOTHNESS + np.abs(alpha - alpha.take(beside)))
    pull = np.maximum(pulls.sum(0), SMOOTHNESS)
    front, back = alpha, 1 - alpha
    determinant = pull * (front * front + back * back + pull)
    inverse = np.stack([back * back + pull, front * front + pull, -front * back]) / determinant
    fixed = np.concatenate(
        [
            (inverse[0] * front + inverse[2] * back) * colours,
            (inverse[1] * back + inverse[2] * front) * colours,
        ]
    )
    return [
        Half(
            mine,
            others,
            np.maximum(beside[:, mine] - others.start, 0),
            *(np.ascontiguousarray(field[:, mine]) for field in (pulls, inverse, fixed)),
        )
        for mine, others in (
            (slice(0, red), slice(red, len(alpha))),
            (slice(red, len(alpha)), slice(0, red)),
        )
        if red and red < len(alpha)
    ]


def _relax(state: Field, half: Half) -> None:
    """Solve one colour's unknowns from the other's, and go beyond."""
    mine, others = state[:, half.mine], state[:, half.others]
    wanted, *more = (
        pull * others.take(beside, 1) for pull, beside in zip(half.pulls, half.beside, strict=True)
    )
    for also in more:
        wanted += also
    change = half.fixed - mine
    change[:3] += half.inverse[0] * wanted[:3] + half.inverse[2] * wanted[3:]
    change[3:] += half.inverse[1] * wanted[3:] + half.inverse[2] * wanted[:3]
    change *= OVERSHOOT
    change += mine
    np.clip(change, 0, 1, out=mine)
