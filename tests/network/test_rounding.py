"""Weights on few steps: their answers change less than those of weights rounded one by one."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper
from tests.network.conftest import Photos

from u2bg.network import U2Net
from u2bg.network.export import export
from u2bg.network.rounding import STEPS, on_steps, round_weights


def layer(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Weights (8, 45) of 5 channels under 3 × 3 taps, and patches (2000, 45) of smooth pictures: neighbours agree."""
    rng = np.random.default_rng(seed)
    smooth = np.repeat(rng.uniform(0, 1, (2000, 5)), 9, axis=1) + rng.normal(0, 0.1, (2000, 45))
    return rng.normal(size=(8, 45)), smooth


def one_by_one(rows: np.ndarray) -> np.ndarray:
    step = np.abs(rows).max(1, keepdims=True) / STEPS
    return np.asarray(np.rint(rows / step) * step)


def test_answers_change_less_than_by_rounding_one_by_one() -> None:
    rows, patches = layer()
    moments = patches.T @ patches / len(patches)

    ours, nearest = (
        np.abs(patches @ (found - rows).T).mean() for found in (on_steps(rows, moments), one_by_one(rows))
    )

    assert ours < 0.5 * nearest


def test_every_weight_lies_on_a_step_and_the_largest_stays() -> None:
    rows, patches = layer(1)

    found = on_steps(rows, patches.T @ patches / len(patches))

    steps = found / (np.abs(rows).max(1, keepdims=True) / STEPS)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    np.testing.assert_array_equal(np.abs(found).max(1), np.abs(rows).max(1))


def test_weights_that_see_nothing_and_weights_of_nothing_are_taken() -> None:
    rows, nothing = np.stack([np.zeros(6), np.arange(6.0)]), np.zeros((6, 6))

    found = on_steps(rows, nothing)

    np.testing.assert_array_equal(found[0], rows[0])
    np.testing.assert_allclose(found[1], rows[1], atol=5 / STEPS)


def test_all_convolutions_but_the_fusion_are_rounded(tiny: U2Net, photos: Photos) -> None:
    graph = onnx.load_from_string(export(tiny))
    before = {array.name: numpy_helper.to_array(array).copy() for array in graph.graph.initializer}

    round_weights(graph, [np.ascontiguousarray(photo[None].transpose(0, 3, 1, 2)) for photo in photos(64)])

    after = {array.name: numpy_helper.to_array(array) for array in graph.graph.initializer}
    moved = {name for name in before if name.endswith("weight") and (before[name] != after[name]).any()}
    assert moved == {name for name in before if name.endswith("weight")} - {"fuse.weight"}
    assert all(np.isfinite(array).all() for array in after.values())
