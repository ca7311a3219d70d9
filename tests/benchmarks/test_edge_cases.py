"""The composed cases and the scores of `benchmarks/edges.py`: the truth is the truth, and ratios are ratios."""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import edge_cases
import edge_scores
from edge_drawing import Floats, Shape, coverage
from edge_scenes import SCENES
from edge_scores import Scores

SIZE = (96, 128)
PLAIN = sorted(name for name, scene in SCENES.items() if not scene.grain and scene.gain == 1)


def disc(centre: float, radius: float = 20) -> Floats:
    """A smooth-edged disc, (96, 128) float32."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.asarray(np.clip(radius - np.hypot(x - centre, y - 48) + 0.5, 0, 1), np.float32)


@pytest.mark.parametrize("edge_px", [50.0, 50.25, 50.5, 50.8])
def test_a_half_plane_covers_what_geometry_says(edge_px: float) -> None:
    edge = edge_px / SIZE[1]
    alpha = coverage([Shape(np.array([(-1, -1), (edge, -1), (edge, 2), (-1, 2)]))], SIZE)
    expected = np.clip(edge_px - np.arange(SIZE[1]), 0, 1)
    # one sample of eight across the pixel: outlines count as inside
    assert np.abs(alpha - expected).max() <= 1 / 8


def test_a_slanted_half_plane_covers_what_geometry_says() -> None:
    alpha = coverage([Shape(np.array([(0.0, 0.0), (0.75, 0.75), (0.0, 0.75)]))], SIZE)
    below, above = np.tril(np.ones(SIZE), -1), np.triu(np.ones(SIZE), 1)
    assert (alpha[below == 1] == 1).all()
    assert (alpha[above == 1] == 0).all()
    assert alpha.diagonal() == pytest.approx(0.5, abs=1 / 8)


def test_a_hole_is_cut_out_of_what_is_below() -> None:
    outer = np.array([(0.1, 0.1), (0.6, 0.1), (0.6, 0.6), (0.1, 0.6)])
    alpha = coverage([Shape(outer), Shape(0.35 + 0.4 * (outer - 0.35), 0)], SIZE)
    assert alpha[45, 45] == 0
    assert alpha[45, 16] == 1


@pytest.mark.parametrize("name", PLAIN)
def test_a_composed_picture_is_made_of_its_truth(name: str) -> None:
    case = edge_cases.draw(name, SCENES[name], SIZE)
    assert case.foreground is not None
    assert 0 <= case.alpha.min() < case.alpha.max() <= 1
    opaque, empty = case.alpha == 1, case.alpha == 0
    np.testing.assert_array_equal(case.pixels[opaque], case.foreground[opaque])
    part = ~opaque & ~empty
    alpha = case.alpha[part][:, None]
    background = (case.pixels[part] - alpha * case.foreground[part]) / (1 - alpha)
    # C is rounded to 8 bits, so B is known to half a level over 1 − α
    slack = 0.51 / (1 - alpha)
    assert (background >= -slack).all()
    assert (background <= 255 + slack).all()


def test_a_flat_scene_solves_for_one_background() -> None:
    case = edge_cases.draw("flat", SCENES["flat"], SIZE)
    assert case.foreground is not None
    background = case.pixels[case.alpha == 0]
    assert (background == background[0]).all()
    alpha = case.alpha[..., None]
    expected = alpha * case.foreground + (1 - alpha) * background[0]
    assert np.abs(case.pixels - expected).max() <= 0.51


def test_a_case_is_the_same_every_time_and_differs_by_name() -> None:
    one, again = (edge_cases.draw("hair", SCENES["hair"], SIZE) for _ in range(2))
    other = edge_cases.draw("other", SCENES["hair"], SIZE)
    np.testing.assert_array_equal(one.rgba, again.rgba)
    np.testing.assert_array_equal(one.alpha, again.alpha)
    assert not np.array_equal(one.alpha, other.alpha)


def test_a_scene_is_the_same_at_every_size() -> None:
    small = edge_cases.draw("leaves", SCENES["leaves"], (96, 128)).alpha
    large = edge_cases.draw("leaves", SCENES["leaves"], (384, 512)).alpha
    shrunk = large.reshape(96, 4, 128, 4).mean((1, 3))
    assert np.abs(small - shrunk).mean() < 0.01


def test_the_map_keeps_the_area_of_the_truth() -> None:
    alpha = disc(60)
    assert edge_cases.area_average(alpha, 32).mean() == pytest.approx(alpha.mean(), rel=1e-4)


def test_the_truth_itself_scores_nothing() -> None:
    case = edge_cases.draw("leaves", SCENES["leaves"], SIZE)
    assert case.foreground is not None
    band = edge_scores.rim_of_truth(case.alpha)
    scores = edge_scores.score(case.alpha, case.foreground, case.alpha, case.foreground, band)
    # the gradients may differ in their last bit between two calls
    assert scores._replace(grad=0) == Scores(sad=0, mse=0, grad=0, biou=1, colour=0)
    assert scores.grad == pytest.approx(0, abs=1e-12)


def test_the_further_an_edge_is_off_the_worse_it_scores() -> None:
    truth = disc(60)
    colours = np.full((*SIZE, 3), 90, np.uint8)
    band = edge_scores.rim_of_truth(truth)
    rows = [edge_scores.score(disc(60 + shift), colours, truth, colours, band) for shift in (0.5, 1, 2, 4)]
    for near, far in itertools.pairwise(rows):
        assert near.sad < far.sad
        assert near.mse < far.mse
        assert near.grad < far.grad
        assert near.biou > far.biou
        assert near.colour < far.colour


def test_gradient_error_of_a_step_is_that_of_gaussian_derivatives() -> None:
    truth = np.zeros(SIZE, np.float32)
    step = truth.copy()
    step[:, 64:] = 1
    x = np.arange(SIZE[1]) - 63.5
    slope = np.exp(-(x**2) / (2 * edge_scores.SIGMA**2)) / (edge_scores.SIGMA * math.sqrt(2 * math.pi))
    expected = SIZE[0] * np.sum(slope**2) / 1000
    # the kernel is sampled at whole pixels, the formula is continuous
    assert edge_scores.gradient_error(step, truth) == pytest.approx(expected, rel=0.05)


def test_boundary_iou_sees_the_rim_and_not_the_picture_border() -> None:
    whole = np.ones(SIZE, np.float32)
    assert edge_scores.boundary_iou(whole, whole) == 1
    half = whole.copy()
    half[:, 64:] = 0
    shifted = whole.copy()
    shifted[:, 65:] = 0
    # rims of one column each, next to each other
    assert edge_scores.boundary_iou(half, shifted, share=1 / 160) == 0


def test_the_photo_s_own_colours_leave_a_halo() -> None:
    case = edge_cases.draw("blob", SCENES["blob"], SIZE)
    assert case.foreground is not None
    assert edge_scores.true_alpha_error(case.foreground, case.alpha, case.foreground) == 0
    assert edge_scores.true_alpha_error(case.pixels, case.alpha, case.foreground) > 3


def test_a_summary_holds_mean_and_worst_ratios() -> None:
    def scores(sad: float, grad: float, biou: float) -> Scores:
        return Scores(sad, sad, grad, biou, math.nan)

    rows = {
        "one": {"bilinear": scores(4, 8, 0.5), "bicubic": scores(2, 4, 0.5), "m": scores(1, 2, 0.75)},
        "two": {"bilinear": scores(1, 1, 0.01), "bicubic": scores(1, 2, 0), "m": scores(1.5, 1, 0.1)},
        "three": {"bilinear": scores(1, 1, 1), "bicubic": scores(1, 1, 1)},
    }
    summary = edge_scores.summarise(rows, "m")
    assert summary is not None
    assert summary.cases == 2
    assert summary.where == "two"
    expected = {"sad": 0.875, "worst": 1.5, "worst_bicubic": 1.5, "grad": 0.625, "worst_grad_bicubic": 0.5}
    assert {name: getattr(summary, name) for name in expected} == pytest.approx(expected)
    assert summary.biou == pytest.approx((1.5 + 2) / 2)  # below the floor counts as the floor
    assert summary.biou_gain == pytest.approx((0.25 + 0.09) / 2)
    assert math.isnan(summary.colour)


def test_a_method_that_ran_nowhere_has_no_summary() -> None:
    assert edge_scores.summarise({"one": {"bilinear": Scores(1, 1, 1, 1, 1)}}, "m") is None
