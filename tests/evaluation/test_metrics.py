"""Scores of one picture: PySODMetrics' to the last digit, boundary IoU against a slow loop."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import py_sod_metrics
import pytest
from numpy.typing import NDArray
from tests.evaluation.drawn_sets import disc

from u2bg.errors import MissingExtra
from u2bg.evaluation.averages import derive, means, stack
from u2bg.evaluation.metrics import boundary_iou, f_measure, iou, score

Pair = tuple[NDArray[np.uint8], NDArray[np.bool_]]


def noisy_pairs(count: int = 4) -> list[Pair]:
    """Masks that are nearly right, with haze and noise, and their truths."""
    rng = np.random.default_rng(1)
    pairs = []
    for index in range(count):
        truth = disc(37, 53, 9 + index, (18, 20 + index)) > 0
        mask = np.clip(disc(37, 53, 10, (18, 22)) * 0.8 + rng.normal(20, 15, (37, 53)), 3, 250)
        pairs.append((mask.astype(np.uint8), truth))
    return pairs


def asked_directly(measure: Any, pairs: list[Pair]) -> Any:
    """What PySODMetrics itself says of a set."""
    for mask, truth in pairs:
        measure.step(pred=mask, gt=truth.astype(np.uint8) * np.uint8(255))
    return measure.get_results()


def test_a_set_scores_exactly_as_pysodmetrics_says() -> None:
    pairs = noisy_pairs()
    with warnings.catch_warnings(action="ignore"):  # it announces the removal of Fmeasure
        f = asked_directly(py_sod_metrics.Fmeasure(), pairs)
    e = asked_directly(py_sod_metrics.Emeasure(), pairs)["em"]

    ours = derive(means(stack([score(*pair) for pair in pairs])))

    assert ours["f_max_picture"] == f["fm"]["curve"].max()
    assert ours["f_mean_picture"] == f["fm"]["curve"].mean()
    assert ours["f_adaptive_picture"] == f["fm"]["adp"]
    assert ours["f_max_set"] == f_measure(f["pr"]["p"], f["pr"]["r"]).max()
    assert (ours["e_max"], ours["e_mean"], ours["e_adaptive"]) == (
        e["curve"].max(),
        e["curve"].mean(),
        e["adp"],
    )
    assert ours["s"] == asked_directly(py_sod_metrics.Smeasure(), pairs)["sm"]
    assert ours["f_weighted"] == asked_directly(py_sod_metrics.WeightedFmeasure(), pairs)["wfm"]
    assert ours["mae_stretched"] == asked_directly(py_sod_metrics.MAE(), pairs)["mae"]


def test_raw_mae_stretches_nothing_and_the_stretched_one_does() -> None:
    pairs = noisy_pairs()
    scores = [score(*pair) for pair in pairs]

    assert [one.mae for one in scores] == [np.abs(mask / 255 - truth).mean() for mask, truth in pairs]
    assert all(one.mae != one.mae_stretched for one in scores)


def test_a_perfect_mask_has_no_error_and_full_marks() -> None:
    mask = disc()
    ours = derive(means(stack([score(mask, mask > 127)])))

    assert ours["mae"] == ours["mae_stretched"] == 0
    assert ours["iou"] == ours["boundary_iou"] == 1
    for name in ("f_max_set", "f_max_picture", "f_adaptive_set", "f_adaptive_picture", "f_weighted", "s"):
        assert ours[name] == pytest.approx(1), name
    assert ours["e_max"] >= 1  # it divides by one pixel less than there are


def test_an_empty_truth_leaves_undefined_what_asks_for_a_subject() -> None:
    mask = np.full((20, 30), 51, np.uint8)
    scores = score(mask, np.zeros((20, 30), np.bool_))

    assert scores.mae == pytest.approx(0.2)
    undefined = ("precision", "recall", "f", "f_adaptive", "f_weighted", "iou", "boundary_iou")
    assert all(np.isnan(getattr(scores, name)).all() for name in undefined)
    assert not np.isnan([scores.s, scores.e_adaptive, *scores.e, scores.mae_stretched]).any()


@pytest.mark.parametrize("brightness", [0, 255])
def test_a_full_truth_is_scored_like_any_other(brightness: int) -> None:
    scores = score(np.full((20, 30), brightness, np.uint8), np.ones((20, 30), np.bool_))

    right = brightness / 255
    assert (scores.mae, scores.iou, scores.boundary_iou) == (1 - right, right, right)
    assert scores.f.max() == pytest.approx(1)  # at threshold 0 everything is found


def slow_boundary(mask: NDArray[np.bool_], distance_px: int) -> NDArray[np.bool_]:
    """What is within `distance_px` of something outside the mask or the picture."""
    height, width = mask.shape
    near = np.zeros_like(mask)
    for row in range(height):
        for column in range(width):
            for down in range(-distance_px, distance_px + 1):
                for across in range(-distance_px, distance_px + 1):
                    y, x = row + down, column + across
                    outside = not (0 <= y < height and 0 <= x < width)
                    near[row, column] |= mask[row, column] and (outside or not mask[y, x])
    return near


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (40, 60), (120, 90)])
def test_boundary_iou_is_that_of_a_slow_loop(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    truth = disc(*size, radius=min(size) / 2.5, centre=(size[0] // 2, 2)) > 0
    found = truth ^ (rng.random(size) < 0.02)
    distance_px = max(1, round(0.02 * float(np.hypot(*size))))

    expected = iou(slow_boundary(found, distance_px), slow_boundary(truth, distance_px))

    assert boundary_iou(found, truth) == pytest.approx(expected, nan_ok=True)


def test_boundary_iou_sees_an_outline_that_iou_forgives() -> None:
    truth, wide = disc(200, 200, 80, (100, 100)) > 0, disc(200, 200, 83, (100, 100)) > 0

    assert iou(wide, truth) > 0.9
    assert boundary_iou(wide, truth) < 0.5


def test_f_is_0_where_precision_and_recall_are() -> None:
    zeros = np.zeros(3)
    assert f_measure(zeros, zeros).tolist() == [0, 0, 0]


def test_without_pysodmetrics_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)
    with pytest.raises(MissingExtra) as raised:
        score(disc(), disc() > 127)
    assert str(raised.value) == (
        "u2bg evaluate needs packages that are not installed; fix: pip install 'u2bg[evaluate]'"
    )
