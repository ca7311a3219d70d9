"""Rows of sets: means, intervals, and who is counted where."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.drawn_sets import answer, disc

from u2bg.evaluation.averages import interval, resampled
from u2bg.evaluation.calibration import calibrate
from u2bg.evaluation.evaluate import Answer
from u2bg.evaluation.metrics import BACKGROUND_METRICS, METRICS
from u2bg.evaluation.sets import Picture
from u2bg.evaluation.summary import Summary, summarise


def some_answers(set_name: str = "set", count: int = 6) -> list[Answer]:
    """Discs that are found a little too large, each by more than the one before."""
    truth = disc() > 0
    return [answer(disc(radius=12 + i), truth, f"{set_name}/{i}.png", 0.9 - 0.05 * i) for i in range(count)]


def background(has_subject: bool, mean_alpha: float) -> Answer:
    picture = Picture("rooms", "rooms/0.png", Path("0.png"), None)
    return Answer(picture, 0.9 if has_subject else 0.1, has_subject, mean_alpha, None, True)


def summary(answers: list[Answer], seed: int = 0) -> Summary:
    return summarise(answers, np.random.default_rng(seed), rounds=300)


def test_every_metric_of_the_table_is_in_a_row() -> None:
    made = summary([*some_answers(), background(False, 0.1)])
    assert made.overall
    assert made.overall_backgrounds
    assert set(made.overall.scores) == {metric.key for metric in METRICS}
    assert set(made.overall_backgrounds.scores) == {metric.key for metric in BACKGROUND_METRICS}


def test_an_interval_holds_its_value() -> None:
    row = summary(some_answers()).sets[0]
    for key, found in row.scores.items():
        assert found.low <= found.value <= found.high, key
    assert row.scores["mae"].low < row.scores["mae"].high


def test_the_same_pictures_and_seed_give_the_same_interval_whatever_else_is_scored() -> None:
    alone, together = summary(some_answers()), summary([*some_answers("other", 3), *some_answers()])
    assert alone.sets[0].scores == together.sets[1].scores
    assert summary(some_answers(), seed=1).sets[0].scores["mae"] != alone.sets[0].scores["mae"]


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(3).normal(0.1, 0.02, 400)
    drawn = resampled({"mae": values}, np.random.default_rng(0))
    low, high = interval(np.concatenate([part["mae"] for part in drawn]))
    # 1.96 standard errors; 2000 rounds leave some percent of noise
    width = 2 * 1.96 * values.std() / math.sqrt(len(values))
    assert high - low == pytest.approx(width, rel=0.1)


def test_one_picture_has_an_interval_of_no_width() -> None:
    found = summary(some_answers(count=1)).sets[0].scores["mae"]
    assert found.low == found.value == found.high


def test_pictures_without_a_subject_count_for_mae_but_not_for_f() -> None:
    nothing = answer(np.full((40, 60), 26, np.uint8), np.zeros((40, 60), np.bool_), "set/empty.png")
    with_it, without = summary([*some_answers(), nothing]).sets[0], summary(some_answers()).sets[0]

    assert (with_it.pictures, with_it.empty_truths) == (7, 1)
    for key in ("f_max_set", "f_weighted", "iou", "boundary_iou"):
        assert with_it.scores[key].value == without.scores[key].value
    assert with_it.scores["mae"].value > without.scores["mae"].value


def test_scores_that_nothing_defines_are_nan() -> None:
    nothing = answer(np.full((40, 60), 26, np.uint8), np.zeros((40, 60), np.bool_))
    found = summary([nothing]).sets[0].scores["f_max_set"]
    assert math.isnan(found.value)
    assert math.isnan(found.low)


def test_folders_of_sets_get_a_row_and_pictures_count_once() -> None:
    answers = [
        *some_answers("eval/davis/camel", 2),
        *some_answers("eval/davis/libby", 4),
        *some_answers("pets", 1),
    ]

    made = summary(answers)

    assert [(row.name, row.pictures) for row in made.sets] == [
        ("eval/davis/camel", 2),
        ("eval/davis/libby", 4),
        ("pets", 1),
    ]
    assert [(row.name, row.pictures) for row in made.groups] == [("eval", 6), ("eval/davis", 6)]
    assert made.overall
    assert made.overall.pictures == 7
    maes = [one.mae for one in answers]
    assert made.overall.scores["mae"].value == np.mean(maes)


def test_backgrounds_have_rows_of_their_own() -> None:
    made = summary([*some_answers(), background(True, 0.4), background(False, 0.0)])

    assert made.overall
    assert made.overall_backgrounds
    assert made.overall.pictures == 6
    assert made.overall_backgrounds.scores["no_subject"].value == 0.5
    assert made.overall_backgrounds.scores["mean_alpha"].value == 0.2


def test_calibration_bins_the_confidence_and_measures_the_gap() -> None:
    perfect, half = answer(disc(), disc() > 0), answer(disc(), disc() > 0)
    assert half.scores
    half = replace(half, confidence=0.55, scores=replace(half.scores, iou=0.35))

    found = calibrate([perfect, perfect, half, background(True, 0.5)])

    assert [(one.low, one.high, one.pictures) for one in found.bins] == [(0.5, 0.6, 1), (0.9, 1.0, 2)]
    assert found.error == pytest.approx((0.2 + 2 * 0.1) / 3)
    assert math.isnan(calibrate([]).error)
