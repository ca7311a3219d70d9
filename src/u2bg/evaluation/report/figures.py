"""The three figures of a report, as SVG."""

from __future__ import annotations

import math

import numpy as np

from u2bg.evaluation.calibration import Calibration
from u2bg.evaluation.document import Evaluation
from u2bg.evaluation.metrics import Floats
from u2bg.evaluation.report.chart import COLOURS, Chart
from u2bg.evaluation.summary import Row

THRESHOLDS = np.arange(255, -1, -1) / 255
"""Where the 256 values of a curve stand."""


def draw(evaluation: Evaluation) -> dict[str, str]:
    """Name of the file to its content; curves only where pairs with a subject were scored."""
    overall = evaluation.summary.overall
    if not overall or np.isnan(overall.curves["f_set"]).any():
        return {}
    return {
        "precision-recall.svg": _precision_recall(overall, evaluation.summary.sets),
        "f-threshold.svg": _f_threshold(overall),
        "calibration.svg": _calibration(evaluation.calibration),
    }


def _precision_recall(overall: Row, sets: list[Row]) -> str:
    """The curve of all pictures, of each set while they can be told apart, and the points of the greatest F."""
    chart = Chart("Precision and recall", "Precision against recall, 256 thresholds", "recall", "precision")
    known = [row for row in sets if row.curves and not np.isnan(row.curves["f_set"]).any()]
    shown = [overall, *(known if 1 < len(known) < COLOURS else [])]
    for colour, row in enumerate(shown):
        precision, recall = row.curves["precision"], row.curves["recall"]
        chart.line(list(zip(recall.tolist(), precision.tolist(), strict=True)), colour, row.name)
        best = int(np.argmax(row.curves["f_set"]))
        words = f"{row.name}: max F {row.curves['f_set'][best]:.4f} at {_threshold(best)}"
        chart.dot((float(recall[best]), float(precision[best])), colour, words)
    return chart.svg()


def _f_threshold(overall: Row) -> str:
    """Both definitions of F over the threshold."""
    chart = Chart("F over the threshold", "F-measure at each of 256 thresholds", "threshold", "F")
    names = {"f_set": "F of averaged precision and recall", "f_picture": "F averaged over pictures"}
    for colour, (key, name) in enumerate(names.items()):
        curve: Floats = overall.curves[key]
        chart.line(list(zip(THRESHOLDS.tolist(), curve.tolist(), strict=True)), colour, name)
        best = int(np.argmax(curve))
        words = f"max {curve[best]:.4f} at {_threshold(best)}"
        chart.dot((float(THRESHOLDS[best]), float(curve[best])), colour, words)
    return chart.svg()


def _calibration(calibration: Calibration) -> str:
    """Measured IoU over confidence; the area of a dot is its share of the pictures."""
    about = "Mean IoU with the truth of pictures of like confidence; on the dashed line both are the same"
    chart = Chart("Calibration of the confidence", about, "confidence", "IoU with the truth")
    chart.diagonal()
    total = sum(one.pictures for one in calibration.bins)
    for one in calibration.bins:
        words = (
            f"{one.pictures} pictures of confidence {one.low:.1f} to {one.high:.1f}: mean IoU {one.iou:.3f}"
        )
        chart.dot((one.confidence, one.iou), 0, words, 4 + 14 * math.sqrt(one.pictures / total))
    for one in calibration.bins:
        chart.label((one.confidence, one.iou + 0.04), str(one.pictures))
    return chart.svg()


def _threshold(index: int) -> str:
    return f"threshold {255 - index} of 255"
