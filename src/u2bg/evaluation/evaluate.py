"""One picture after the other: cut through the shipped path, and scored against its truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from u2bg.cutout import Cutout
from u2bg.errors import InputError, ModelError
from u2bg.evaluation.metrics import Scores, score
from u2bg.evaluation.sets import Picture, Unscored
from u2bg.evaluation.truth import Grey, Truth, check_shape, fit, read_truth

Cut = Callable[[Path], Cutout]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a model said of one picture.

    Attributes:
        picture: which one.
        confidence, has_subject: as the cut-out has them.
        mae: raw, of the mask against the truth; against an empty one for a background.
        scores: None for a background.
        truth_is_empty: whether the truth shows no subject.
    """

    picture: Picture
    confidence: float
    has_subject: bool
    mae: float
    scores: Scores | None
    truth_is_empty: bool


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The arrays behind an answer, both (H, W); not kept, for whoever watches."""

    truth: Truth
    mask: Grey


Watch = Callable[[Answer, Seen], None]


@dataclass(slots=True)
class Answers:
    """All that was scored, and all that could not be."""

    scored: list[Answer] = field(default_factory=list)
    unscored: list[Unscored] = field(default_factory=list)


def evaluate(pictures: Iterable[Picture], cut: Cut, watch: Watch | None = None) -> Answers:
    """Cut and score pictures; one that cannot be scored is named and left out.

    Args:
        pictures: from `find_sets`.
        cut: a `Remover`. What is scored is the 8-bit mask that `u2bg remove --mask` writes.
        watch: sees each answer with its arrays as it comes.

    Raises:
        MissingExtra: PySODMetrics is not installed.
    """
    answers = Answers()
    for picture in pictures:
        try:
            answer, seen = _answer(picture, cut)
        except (InputError, ModelError) as error:
            answers.unscored.append(Unscored(picture.name, str(error)))
            continue
        except MemoryError:
            error_line = f"'{picture.image}' needs more memory than there is; fix: scale it and its mask down"
            answers.unscored.append(Unscored(picture.name, error_line))
            continue
        answers.scored.append(answer)
        if watch:
            watch(answer, seen)
    return answers


def _answer(picture: Picture, cut: Cut) -> tuple[Answer, Seen]:
    """The truth is read first: where it is broken, no network need run."""
    truth = read_truth(picture.mask) if picture.mask else None
    cutout = cut(picture.image)
    if truth is None:
        mask, truth = cutout.mask, np.zeros(cutout.size, np.bool_)
        scores, mae = None, float(np.mean(mask / 255))
    else:
        check_shape(cutout.size, truth, picture.image)
        mask = fit(cutout.mask, (truth.shape[0], truth.shape[1]))
        scores = score(mask, truth)
        mae = scores.mae
    answer = Answer(picture, cutout.confidence, cutout.has_subject, mae, scores, not truth.any())
    return answer, Seen(truth, mask)
