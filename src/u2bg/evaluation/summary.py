"""From pictures to rows: of each set, of folders of sets, of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from u2bg.evaluation.averages import ROUNDS, Columns, derive, interval, means, resampled, stack
from u2bg.evaluation.evaluate import Answer
from u2bg.evaluation.metrics import Floats, f_measure

SEED = 0
"""Of the pictures that are drawn for intervals: two runs tell the same."""

Kind = Literal["pairs", "backgrounds"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score and its 95 % interval; NaN where nothing defines it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The scores of some pictures: of a set, of sets that share a folder, or of all.

    Attributes:
        name: of the set or the folder; `overall`.
        kind: of which table the scores are, `METRICS` or `BACKGROUND_METRICS`.
        pictures: how many were scored.
        empty_truths: how many of them show no subject by their truth.
        scores: by the keys of that table.
        curves: precision, recall, f_set and f_picture, each (256,), thresholds falling; none for backgrounds.
    """

    name: str
    kind: Kind
    pictures: int
    empty_truths: int
    scores: dict[str, Estimate]
    curves: dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Every row: sets; folders that hold several, but not all; all pairs, and all backgrounds."""

    sets: list[Row]
    groups: list[Row]
    overall: Row | None
    overall_backgrounds: Row | None


def summarise(answers: Sequence[Answer], rng: np.random.Generator, rounds: int = ROUNDS) -> Summary:
    """The rows of what was scored. Each picture counts once in each row that it is in.

    Args:
        answers: from `evaluate`.
        rng: draws one seed, from which the bootstrap of every row starts: the same pictures get the same
            interval, whatever else was scored.
        rounds: how often pictures are drawn anew.
    """
    seed = int(rng.integers(2**63))
    names = list(dict.fromkeys(answer.picture.set_name for answer in answers))
    sets = [_row(name, _of(answers, [name]), seed, rounds) for name in names]
    groups = []
    for folder in _folders(names):
        below = [name for name in names if name.startswith(f"{folder}/")]
        for part, whole in zip(_by_kind(_of(answers, below)), _by_kind(answers), strict=True):
            if len({answer.picture.set_name for answer in part}) > 1 and len(part) < len(whole):
                groups.append(_row(folder, part, seed, rounds))
    pairs, backgrounds = (_row("overall", part, seed, rounds) if part else None for part in _by_kind(answers))
    return Summary(sets, groups, pairs, backgrounds)


def _of(answers: Sequence[Answer], sets: Sequence[str]) -> list[Answer]:
    return [answer for answer in answers if answer.picture.set_name in sets]


def _by_kind(answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Pairs, then backgrounds."""
    pairs = [answer for answer in answers if answer.scores is not None]
    return pairs, [answer for answer in answers if answer.scores is None]


def _folders(names: Sequence[str]) -> list[str]:
    """The folders above sets, nearest to the root first."""
    above = {name.rsplit("/", level)[0] for name in names for level in range(1, name.count("/") + 1)}
    return sorted(above, key=lambda folder: (folder.count("/"), folder))


def _row(name: str, answers: Sequence[Answer], seed: int, rounds: int) -> Row:
    """A row of pictures of one kind."""
    columns = _columns(answers)
    kind: Kind = "pairs" if "precision" in columns else "backgrounds"
    mean = means(columns)
    drawn = [derive(part) for part in resampled(columns, np.random.default_rng(seed), rounds)]
    estimates = {
        key: Estimate(float(value), *interval(np.concatenate([part[key] for part in drawn])))
        for key, value in derive(mean).items()
    }
    empty = sum(answer.truth_is_empty for answer in answers)
    return Row(name, kind, len(answers), empty, estimates, _curves(mean) if kind == "pairs" else {})


def _columns(answers: Sequence[Answer]) -> Columns:
    has_subject = np.array([answer.has_subject for answer in answers], np.float64)
    if scores := [answer.scores for answer in answers if answer.scores is not None]:
        return stack(scores) | {"has_subject": has_subject}
    return {"no_subject": 1 - has_subject, "mean_alpha": np.array([answer.mae for answer in answers])}


def _curves(mean: Columns) -> Columns:
    return {
        "precision": mean["precision"],
        "recall": mean["recall"],
        "f_set": f_measure(mean["precision"], mean["recall"]),
        "f_picture": mean["f"],
    }
