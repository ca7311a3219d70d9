"""Whether `confidence` keeps its word: confidence in bins, beside the overlap that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from u2bg.evaluation.evaluate import Answer

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures whose confidence lies in [low, high): how many, their mean confidence, their mean IoU."""

    low: float
    high: float
    pictures: int
    confidence: float
    iou: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins that hold pictures, and the mean gap |confidence − IoU| between their means, by pictures."""

    bins: tuple[Bin, ...]
    error: float


def calibrate(answers: Sequence[Answer]) -> Calibration:
    """Bin the pictures whose truth shows a subject; the error is NaN where there is none."""
    known = [answer for answer in answers if answer.scores is not None and not answer.truth_is_empty]
    confidence = np.array([answer.confidence for answer in known], np.float64)
    overlap = np.array([answer.scores.iou for answer in known if answer.scores], np.float64)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(
            i / BINS,
            (i + 1) / BINS,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(overlap[inside].mean()),
        )
        for i in range(BINS)
        if (inside := place == i).any()
    )
    gaps = sum(one.pictures * abs(one.confidence - one.iou) for one in bins)
    return Calibration(bins, gaps / len(known) if known else float("nan"))
