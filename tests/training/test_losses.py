"""Each term against a slow and obvious form of it, and what must not count does not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from tests.datasets.conftest import disc

from u2bg.datasets.augment import Batch
from u2bg.network.u2net import OUTPUTS
from u2bg.training import losses
from u2bg.training.recipe import TERMS, Loss

RNG = np.random.default_rng(3)
LOGITS = RNG.normal(0, 3, (2, 32, 32, 1)).astype(np.float32)
TRUTH = np.stack([disc(32, 32), disc(32, 32, 0.1)])[..., None].astype(np.float32) / 255


def batch(**changes: Any) -> Batch:
    ones = np.ones_like(TRUTH)
    parts = {
        "truth": TRUTH,
        "known": ones,
        "teacher": ones * 0.3,
        "taught": np.ones((2, 1, 1, 1), np.float32),
    }
    return Batch(images=None, pictures=None, **{**parts, **changes})


def sigmoid(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-z.astype(np.float64))))


def entropy(y: Any) -> npt.NDArray[np.float64]:
    p = sigmoid(LOGITS)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def number(x: Any) -> float:
    return float(keras.ops.convert_to_numpy(x))


def test_bce_is_the_papers() -> None:
    assert number(losses.bce(LOGITS, batch())) == pytest.approx(entropy(TRUTH).mean(), rel=1e-5)


def test_the_error_is_the_mean_of_what_the_map_is_off() -> None:
    assert number(losses.error(LOGITS, batch())) == pytest.approx(
        np.abs(sigmoid(LOGITS) - TRUTH).mean(), rel=1e-5
    )


def test_distillation_is_cross_entropy_against_the_teachers_map() -> None:
    assert number(losses.distill(LOGITS, batch())) == pytest.approx(entropy(0.3).mean(), rel=1e-5)


def test_iou_is_of_each_picture_and_leaves_empty_ones_out() -> None:
    p = sigmoid(LOGITS)[0]
    both, either = (p * TRUTH[0]).sum(), (p + TRUTH[0] - p * TRUTH[0]).sum()
    empty = TRUTH * np.array([1, 0], np.float32).reshape(2, 1, 1, 1)

    assert number(losses.iou(LOGITS, batch(truth=empty))) == pytest.approx(
        1 - (both + 1) / (either + 1), rel=1e-4
    )


def test_boundary_counts_edges_more() -> None:
    near, far = np.zeros_like(LOGITS), np.zeros_like(LOGITS)
    near[0, 16, 26], far[0, 1, 1] = 4, 4  # a wrong pixel just outside the rim, one in the corner
    flat = number(losses.boundary(np.zeros_like(near), batch()))
    wrong_near, wrong_far = (number(losses.boundary(z, batch())) - flat for z in (near, far))
    assert wrong_near > 1.5 * wrong_far > 0


@pytest.mark.parametrize("term", ["bce", "error", "iou", "boundary"])
def test_what_is_unknown_does_not_count(term: str) -> None:
    known = np.ones_like(TRUTH)
    known[:, :16] = 0
    other = np.where(known > 0, LOGITS, 9).astype(np.float32)
    nothing = batch(known=np.zeros_like(TRUTH))

    one, two = (number(losses.TERMS[term](z, batch(known=known))) for z in (LOGITS, other))
    assert one == pytest.approx(two, rel=1e-6)
    assert number(losses.TERMS[term](LOGITS, nothing)) == 0


def test_the_whole_is_the_weighted_sum_over_maps_and_terms() -> None:
    logits = {name: LOGITS * (place + 1) for place, name in enumerate(OUTPUTS)}
    weights = Loss(bce=2.0, iou=0.5, maps=(1.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0))
    whole, shown = losses.total(logits, batch(), weights)

    expected = sum(
        share
        * (2 * number(losses.bce(logits[name], batch())) + number(losses.iou(logits[name], batch())) / 2)
        for name, share in (("fused", 1), ("side2", 3))
    )
    assert number(whole) == pytest.approx(expected, rel=1e-5)
    assert set(shown) == {"bce", "iou"}


def test_a_map_that_is_sure_of_itself_gives_no_infinity() -> None:
    sure = np.where(TRUTH > 0.5, -200, 200).astype(np.float32)
    assert all(np.isfinite(number(term(sure, batch()))) for term in losses.TERMS.values())


def test_every_term_of_a_recipe_is_there() -> None:
    assert tuple(losses.TERMS) == TERMS
