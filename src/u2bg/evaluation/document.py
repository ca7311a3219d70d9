"""Everything that was measured as one JSON document; what is undefined is null."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import u2bg
from u2bg.evaluation.averages import ROUNDS
from u2bg.evaluation.calibration import Calibration, calibrate
from u2bg.evaluation.evaluate import Answer, Answers
from u2bg.evaluation.summary import Row, Summary, summarise
from u2bg.saliency.models import MODELS

DIGITS = 6

_PER_PICTURE = ("mae_stretched", "f_adaptive", "f_weighted", "s", "e_adaptive", "iou", "boundary_iou")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One model on some sets: what the table, the JSON and the report are made of.

    Attributes:
        model: a name of the table, or the path of a file.
        sha256: of the model's file.
    """

    model: str
    sha256: str
    answers: Answers
    summary: Summary
    calibration: Calibration


def conclude(model: str, answers: Answers, rng: np.random.Generator) -> Evaluation:
    """What the answers of a model come to; `rng` draws the pictures of the bootstrap."""
    row = MODELS.get(model)
    sha256 = row.sha256 if row else hashlib.sha256(Path(model).read_bytes()).hexdigest()
    return Evaluation(model, sha256, answers, summarise(answers.scored, rng), calibrate(answers.scored))


def document(evaluation: Evaluation) -> dict[str, Any]:
    """A dictionary for `json.dumps(…, allow_nan=False)`; see docs/evaluation.md for its keys."""
    summary = evaluation.summary
    made: dict[str, Any] = {
        "u2bg": u2bg.__version__,
        "pysodmetrics": metadata.version("pysodmetrics"),
        "model": evaluation.model,
        "sha256": evaluation.sha256,
        "interval": {
            "level": 0.95,
            "method": "percentile bootstrap over pictures",
            "rounds": ROUNDS,
        },
        "overall": _row(summary.overall) if summary.overall else None,
        "overall_backgrounds": _row(summary.overall_backgrounds) if summary.overall_backgrounds else None,
        "groups": [_row(row) for row in summary.groups],
        "sets": [_row(row) for row in summary.sets],
        "calibration": asdict(evaluation.calibration),
        "unscored": [asdict(one) for one in evaluation.answers.unscored],
        "pictures": [_picture(answer) for answer in evaluation.answers.scored],
    }
    rounded: dict[str, Any] = _plain(made)
    return rounded


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "pictures": row.pictures,
        "empty_truths": row.empty_truths,
        "scores": {key: asdict(estimate) for key, estimate in row.scores.items()},
        "curves": {name: curve.tolist() for name, curve in row.curves.items()},
    }


def _picture(answer: Answer) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": answer.picture.name,
        "set": answer.picture.set_name,
        "confidence": answer.confidence,
        "has_subject": answer.has_subject,
        "mae": answer.mae,
    }
    if scores := answer.scores:
        row |= {name: getattr(scores, name) for name in _PER_PICTURE}
        row |= {"f_max": scores.f.max(), "e_max": scores.e.max(), "e_mean": scores.e.mean()}
    return row


def _plain(value: Any) -> Any:
    """Floats rounded to what they can tell, NaN as None."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):  # numpy's float64 is one
        return round(float(value), DIGITS) if math.isfinite(value) else None
    return value
