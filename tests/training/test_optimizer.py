"""Steps of a kernel as a whole: in proportion to it, and within it to the gradient."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from u2bg.training.optimizer import adamw
from u2bg.training.recipe import Optimizer

RNG = np.random.default_rng(5)
SIZES = {"small": 0.01, "large": 2.0}
GRADIENT = RNG.normal(0, 1, (3, 3, 4, 8)).astype(np.float32)


def moved(scale: str, gradients: list[Any]) -> tuple[list[Any], list[Any]]:
    """Two kernels before, and how far each has gone after these gradients."""
    before = [(size * RNG.normal(0, 1, GRADIENT.shape)).astype(np.float32) for size in SIZES.values()]
    variables = [keras.Variable(kernel) for kernel in before]
    made = adamw(Optimizer(scale=scale, clip=0.0), variables)
    made.learning_rate.assign(1e-3)
    for gradient in gradients:
        made.apply([keras.ops.convert_to_tensor(gradient)] * 2, variables)
    after = [keras.ops.convert_to_numpy(variable) for variable in variables]
    return before, [new - old for new, old in zip(after, before, strict=True)]


def size(x: Any) -> float:
    return float(np.sqrt(np.square(x).mean()))


def test_a_kernel_moves_by_the_rate_times_its_size_along_its_gradient() -> None:
    before, steps = moved("kernel", [GRADIENT])
    for kernel, step in zip(before, steps, strict=True):
        assert size(step) == pytest.approx(1e-3 * size(kernel), rel=1e-2)
        along = float((step * -GRADIENT).mean()) / size(step) / size(GRADIENT)
        assert along > 0.999


def test_how_large_gradients_are_makes_no_difference() -> None:
    assert size(moved("kernel", [GRADIENT * 1e-4])[1][1]) == pytest.approx(
        size(moved("kernel", [GRADIENT * 10])[1][1]), rel=0.1
    )


def test_weights_that_hardly_matter_stay_and_those_of_adam_do_not() -> None:
    faint = np.ones_like(GRADIENT)
    faint[..., :4] *= 1e-3
    for scale, least, most in (("kernel", 0, 1e-2), ("weight", 0.9, 1.1)):
        step = np.abs(moved(scale, [faint])[1][1])
        assert least <= step[..., :4].mean() / step[..., 4:].mean() <= most


def test_noise_averages_out_and_what_is_steady_adds_up() -> None:
    noise = [RNG.normal(0, 1, GRADIENT.shape).astype(np.float32) for _ in range(50)]
    gone = size(moved("kernel", noise)[1][1])
    steady = size(moved("kernel", [GRADIENT] * 50)[1][1])
    assert gone < steady / 3
