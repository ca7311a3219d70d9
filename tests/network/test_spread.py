"""Side outputs by whole blocks: the same sums, and the way back."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from u2bg.network import OUTPUTS, U2Net
from u2bg.network.export import export
from u2bg.network.spread import BLOCK, SIDES, gathered, spread


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 32)])
def test_spread_sides_give_the_maps_of_the_others(tiny: U2Net, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).normal(size=(2, 3, *size)).astype(np.float32)
    plain, fast = (
        onnxruntime.InferenceSession(
            export(tiny, all_maps=True, spread=spread), providers=["CPUExecutionProvider"]
        ).run(list(OUTPUTS), {"image": picture})
        for spread in (False, True)
    )
    for one, other in zip(plain, fast, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_only_the_large_sides_are_spread(tiny: U2Net) -> None:
    graph = onnx.load_from_string(export(tiny)).graph
    laid = [node.input[0] for node in graph.node if node.op_type == "DepthToSpace"]
    assert sorted(laid) == [f"{name}_blocks" for name in SIDES]


def test_a_spread_kernel_is_found_again_and_others_are_left_alone() -> None:
    kernel = np.random.default_rng(0).random((1, 5, 3, 3), np.float32)
    assert spread(kernel).shape == (BLOCK**2, 5, BLOCK + 2, BLOCK + 2)
    assert np.array_equal(gathered(spread(kernel)), kernel)
    assert gathered(kernel) is kernel
