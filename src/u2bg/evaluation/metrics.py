"""The scores of one mask against its truth: PySODMetrics' own, and boundary IoU. The one table of what they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import MissingExtra
from u2bg.evaluation.truth import THRESHOLD, Grey, Truth

Floats = NDArray[np.float64]

BETA2 = 0.3
"""β² of every F-measure but the weighted one: precision counts more than recall (Achanta et al., 2009)."""

BOUNDARY = 0.02
"""Width of the boundary as a share of the picture's diagonal (Cheng et al., 2021)."""


class Metric(NamedTuple):
    """A row of the table: its key in JSON, its name for people, which way is better, what it is."""

    key: str
    name: str
    better: Literal["lower", "higher"]
    about: str


METRICS = (
    Metric("mae", "MAE raw", "lower", "mean absolute difference of mask and truth, nothing stretched"),
    Metric("mae_stretched", "MAE stretched", "lower", "the same after each mask was stretched to 0..1"),
    Metric("f_max_set", "max F, set", "higher", "greatest F of precision and recall averaged over pictures"),
    Metric("f_mean_set", "mean F, set", "higher", "mean over 256 thresholds of that F"),
    Metric(
        "f_adaptive_set", "adaptive F, set", "higher", "that F at each mask's own threshold, twice its mean"
    ),
    Metric("f_max_picture", "max F, picture", "higher", "greatest of the F averaged over pictures"),
    Metric("f_mean_picture", "mean F, picture", "higher", "mean over 256 thresholds of that F"),
    Metric("f_adaptive_picture", "adaptive F, picture", "higher", "F at each mask's own threshold, averaged"),
    Metric("f_weighted", "weighted F", "higher", "F with errors weighted by place (Margolin et al., 2014)"),
    Metric("s", "S", "higher", "structure: regions and object (Fan et al., 2017)"),
    Metric("e_max", "max E", "higher", "enhanced alignment (Fan et al., 2018), at the best threshold"),
    Metric("e_mean", "mean E", "higher", "the same, mean over 256 thresholds"),
    Metric("e_adaptive", "adaptive E", "higher", "the same, at each mask's own threshold"),
    Metric("iou", "IoU", "higher", "overlap of mask > 127 with the truth"),
    Metric("boundary_iou", "boundary IoU", "higher", "the same, within 2 % of the diagonal of the outlines"),
    Metric("has_subject", "subject found", "higher", "share of pictures in which a subject was found"),
)

BACKGROUND_METRICS = (
    Metric("no_subject", "no subject", "higher", "share of pictures in which no subject was found"),
    Metric("mean_alpha", "mean alpha", "lower", "mean of the mask: the MAE against an empty truth"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One picture's scores. Curves have 256 values, for the thresholds 255, 254, … 0 of the stretched mask.

    Where the truth is empty nothing can be found: all but MAE, S and E are undefined, NaN.
    """

    mae: float
    mae_stretched: float
    s: float
    e_adaptive: float
    e: Floats
    precision: Floats
    recall: Floats
    f: Floats
    precision_adaptive: float
    recall_adaptive: float
    f_adaptive: float
    f_weighted: float
    iou: float
    boundary_iou: float


def score(mask: Grey, truth: Truth) -> Scores:
    """Score an 8-bit mask against a truth of the same size.

    PySODMetrics stretches each mask to 0..1 by itself, for everything but the raw MAE and the two IoUs.

    Args:
        mask: (H, W) uint8, alpha. truth: (H, W) bool.

    Raises:
        MissingExtra: PySODMetrics is not installed.
    """
    sod = scorer()
    pair = {"pred": mask, "gt": truth.astype(np.uint8) * np.uint8(255)}
    e = _measured(sod.Emeasure(), pair)["em"]
    f = _measured(sod.FmeasureV2(_handlers(sod)), pair)
    raw = {"pred": mask / 255, "gt": truth, "normalize": False}
    found = mask > THRESHOLD
    scores = Scores(
        mae=float(_measured(sod.MAE(), raw)["mae"]),
        mae_stretched=float(_measured(sod.MAE(), pair)["mae"]),
        s=float(_measured(sod.Smeasure(), pair)["sm"]),
        e_adaptive=float(e["adp"]),
        e=e["curve"],
        precision=f["precision"]["dynamic"],
        recall=f["recall"]["dynamic"],
        f=f["f"]["dynamic"],
        precision_adaptive=float(f["precision"]["adaptive"]),
        recall_adaptive=float(f["recall"]["adaptive"]),
        f_adaptive=float(f["f"]["adaptive"]),
        f_weighted=float(_measured(sod.WeightedFmeasure(), pair)["wfm"]),
        iou=iou(found, truth),
        boundary_iou=boundary_iou(found, truth),
    )
    return scores if truth.any() else _undefined(scores)


def scorer() -> ModuleType:
    """PySODMetrics, imported when it is needed (it takes seconds).

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import py_sod_metrics
    except ImportError as error:
        raise MissingExtra("u2bg evaluate", "evaluate") from error
    module: ModuleType = py_sod_metrics
    return module


def f_measure(precision: Floats, recall: Floats) -> Floats:
    """F = (1 + β²)·P·R / (β²·P + R), and 0 where both are 0 (Achanta et al., 2009)."""
    below = BETA2 * precision + recall
    return np.divide((1 + BETA2) * precision * recall, below, out=np.zeros_like(below), where=below != 0)


def iou(found: Truth, truth: Truth) -> float:
    """|A ∩ B| / |A ∪ B|; NaN where both are empty."""
    union = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / union if union else float("nan")


def boundary_iou(found: Truth, truth: Truth, width: float = BOUNDARY) -> float:
    """IoU of the parts of both masks that lie within a distance of their own outlines (Cheng et al., 2021).

    Args:
        found, truth: (H, W) bool.
        width: that distance as a share of the picture's diagonal; at least a pixel. The picture's border
            counts as an outline where a mask reaches it, as in the authors' code.
    """
    distance_px = max(1, round(width * float(np.hypot(*truth.shape))))
    return iou(found & ~_eroded(found, distance_px), truth & ~_eroded(truth, distance_px))


def _measured(measure: Any, pair: dict[str, Any]) -> Any:
    """What a fresh measure of PySODMetrics says of one pair."""
    measure.step(**pair)
    return measure.get_results()


def _handlers(sod: ModuleType) -> dict[str, Any]:
    asked = {"with_dynamic": True, "with_adaptive": True}
    return {
        "precision": sod.PrecisionHandler(**asked),
        "recall": sod.RecallHandler(**asked),
        "f": sod.FmeasureHandler(**asked, beta=BETA2),
    }


def _undefined(scores: Scores) -> Scores:
    nothing, none = float("nan"), np.full_like(scores.f, np.nan)
    return replace(
        scores,
        precision=none,
        recall=none,
        f=none,
        precision_adaptive=nothing,
        recall_adaptive=nothing,
        f_adaptive=nothing,
        f_weighted=nothing,
        iou=nothing,
        boundary_iou=nothing,
    )


def _eroded(mask: Truth, radius_px: int) -> Truth:
    """True where the whole square of `radius_px` around a pixel lies in the mask, and in the picture."""
    side = 2 * radius_px + 1
    for axis in (0, 1):
        margin = [(0, 0), (0, 0)]
        margin[axis] = (radius_px + 1, radius_px)
        counts = np.moveaxis(np.cumsum(np.pad(mask, margin), axis=axis, dtype=np.int32), axis, 0)
        mask = np.moveaxis(counts[side:] - counts[:-side] == side, 0, axis)
    return mask
