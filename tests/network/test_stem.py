"""A stem in front: the whole network at half the sides, its maps still of the picture's size."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from tests.network.conftest import TINY, random_network

from u2bg.errors import UsageError
from u2bg.network import BASE, OUTPUTS, U2NET, Stage, U2Net, saliency_maps
from u2bg.network.convolutions import convolutions, multiply_adds
from u2bg.network.export import export
from u2bg.network.stages import STEM

WITH_STEM = (Stage("stem", STEM, 0, 6), *TINY)


@pytest.fixture(scope="module")
def network() -> U2Net:
    return random_network(WITH_STEM)


@pytest.mark.parametrize("size", [(64, 64), (37, 50)], ids=str)
def test_each_of_seven_maps_has_the_size_of_the_picture(network: U2Net, size: tuple[int, int]) -> None:
    maps = saliency_maps(network, np.zeros((1, *size, 3), np.float32))

    assert {name: part.shape for name, part in maps.items()} == dict.fromkeys(OUTPUTS, (1, *size, 1))


def test_the_exported_maps_are_those_of_keras(network: U2Net) -> None:
    images = np.random.default_rng(2).normal(size=(2, 64, 128, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(export(network, all_maps=True), providers=["CPUExecutionProvider"])

    got = session.run(None, {"image": images.transpose(0, 3, 1, 2)})

    expected = saliency_maps(network, images)
    for name, found in zip(OUTPUTS, got, strict=True):
        assert expected[name].std() > 1e-3
        np.testing.assert_allclose(found.transpose(0, 2, 3, 1), expected[name], atol=1e-4)


def test_its_sides_are_multiples_of_64(network: U2Net) -> None:
    with pytest.raises(UsageError, match=r"size 96: expected a multiple of 64"):
        export(network, size=96)


def test_base_has_the_weights_and_the_work_that_it_promises() -> None:
    weights = sum(row.inputs * row.outputs * row.kernel**2 + row.outputs for row in convolutions(BASE))

    assert 8e6 < weights < 12e6
    assert multiply_adds(BASE, (640, 640)) < 0.37 * multiply_adds(U2NET, (320, 320))
