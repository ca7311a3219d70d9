"""From pictures' scores to a set's: means, what is made of them, and the same of pictures drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from u2bg.evaluation.metrics import Floats, Scores, f_measure

ROUNDS = 2_000
"""How often pictures are drawn anew for an interval."""

LEVEL = (2.5, 97.5)
"""Percentiles that bound an interval."""

_ROUNDS_AT_ONCE = 200

Columns = dict[str, Floats]
"""Named values, pictures first: (pictures,), or (pictures, 256) for curves. Of means, rounds first or nothing."""


def stack(scores: Sequence[Scores]) -> Columns:
    """Pictures' scores as columns: (pictures,), or (pictures, 256) for curves."""
    return {
        row.name: np.array([getattr(one, row.name) for one in scores], np.float64) for row in fields(Scores)
    }


def means(columns: Columns) -> Columns:
    """Means over pictures (the first axis) of what is defined; NaN where nothing is."""
    return {name: _mean(column) for name, column in columns.items()}


def derive(mean: Columns) -> Columns:
    """The scores of `METRICS` from means over pictures; leading axes (rounds of a bootstrap) are kept.

    Means of backgrounds, which have no curves, are their scores already.
    """
    if "precision" not in mean:
        return mean
    curve = f_measure(mean["precision"], mean["recall"])
    same = ("mae", "mae_stretched", "s", "e_adaptive", "f_weighted", "iou", "boundary_iou", "has_subject")
    return {name: mean[name] for name in same if name in mean} | {
        "f_max_set": curve.max(axis=-1),
        "f_mean_set": curve.mean(axis=-1),
        "f_adaptive_set": f_measure(mean["precision_adaptive"], mean["recall_adaptive"]),
        "f_max_picture": mean["f"].max(axis=-1),
        "f_mean_picture": mean["f"].mean(axis=-1),
        "f_adaptive_picture": mean["f_adaptive"],
        "e_max": mean["e"].max(axis=-1),
        "e_mean": mean["e"].mean(axis=-1),
    }


def resampled(columns: Columns, rng: np.random.Generator, rounds: int = ROUNDS) -> Iterator[Columns]:
    """The means of pictures drawn anew with replacement, some rounds at a time (the first axis)."""
    count = len(next(iter(columns.values())))
    for start in range(0, rounds, _ROUNDS_AT_ONCE):
        drawn = rng.multinomial(
            count, np.full(count, 1 / count), min(_ROUNDS_AT_ONCE, rounds - start)
        ).astype(np.float64)
        yield {name: _drawn_mean(column, drawn) for name, column in columns.items()}


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of a bootstrap's values; NaN where none is defined."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, LEVEL)
    return float(low), float(high)


def _defined(column: Floats) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(column.reshape(len(column), -1)).any(axis=1))


def _mean(column: Floats) -> Floats:
    known = column[_defined(column)]
    if not len(known):
        return np.full(column.shape[1:], np.nan)
    return np.asarray(np.mean(known, axis=0))


def _drawn_mean(column: Floats, drawn: Floats) -> Floats:
    """(rounds, …) weighted means; NaN in a round that drew nothing defined."""
    defined = _defined(column)
    known, weights = column[defined], drawn[:, defined]
    total = weights.sum(axis=1).reshape(-1, *[1] * (column.ndim - 1))
    mean = np.full((len(drawn), *column.shape[1:]), np.nan)
    np.divide(weights @ known, total, out=mean, where=total > 0)
    return mean
