"""BatchNorm out and back in: the function stays, the numbers come back bit for bit."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
from tests.network.conftest import TINY, Photos, random_network

from u2bg.network import OUTPUTS, U2Net, saliency_maps
from u2bg.network.batchnorm import Moments, fold, measure, unfold
from u2bg.network.convolutions import convolutions

NORMALISED = [row for row in convolutions(TINY) if row.normalised]


def folded_network() -> U2Net:
    """A random network whose BatchNorm does nothing, as right after reading a published file."""
    network = random_network()
    unfold(network, fold(network), {})
    return network


def one_by_one(photos: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    return [photo[None] for photo in photos]


def test_folding_keeps_the_function() -> None:
    network = random_network()
    image = np.random.default_rng(5).normal(size=(1, 64, 64, 3)).astype(np.float32)
    before = saliency_maps(network, image)

    unfold(network, fold(network), {})

    for name in OUTPUTS:
        np.testing.assert_allclose(saliency_maps(network, image)[name], before[name], atol=1e-4)


def test_unfolding_keeps_the_function(photos: Photos) -> None:
    network, pictures = folded_network(), photos(64)
    before = saliency_maps(network, pictures)

    unfold(network, fold(network), measure(network, one_by_one(pictures)))

    for name in OUTPUTS:
        np.testing.assert_allclose(saliency_maps(network, pictures)[name], before[name], atol=1e-4)


def test_training_on_the_very_pictures_measured_starts_from_the_same_maps(photos: Photos) -> None:
    network, pictures = folded_network(), photos(64)
    unfold(network, fold(network), measure(network, one_by_one(pictures)))

    training = {
        name: keras.ops.convert_to_numpy(part) for name, part in network(pictures, training=True).items()
    }

    inference = network.predict_on_batch(pictures)
    for name in OUTPUTS:
        assert inference[name].std() > 1e-2
        np.testing.assert_allclose(training[name], inference[name], atol=1e-3)


def test_moments_are_those_of_all_pixels_of_all_pictures(photos: Photos) -> None:
    network, pictures = folded_network(), photos(64)
    name = "En_1_in"
    kernel, bias = network.get_layer(name).get_weights()
    padded = np.pad(pictures.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    slow = bias + sum(
        padded[:, y : y + 64, x : x + 64] @ kernel[y, x].astype(np.float64)
        for y in range(3)
        for x in range(3)
    )

    mean, variance = measure(network, one_by_one(pictures))[name]

    np.testing.assert_allclose(mean, slow.mean((0, 1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, slow.var((0, 1, 2)), rtol=1e-4)


def test_moments_of_a_flat_channel_are_its_value_and_nothing(photos: Photos) -> None:
    network = folded_network()
    kernel, bias = network.get_layer("En_1_in").get_weights()
    network.get_layer("En_1_in").set_weights([np.zeros_like(kernel), np.full_like(bias, 1361.0)])

    mean, variance = measure(network, one_by_one(photos(32)))["En_1_in"]

    np.testing.assert_allclose(mean, 1361.0, rtol=1e-6)
    assert (variance < 1e-3).all()


def test_folding_after_unfolding_gives_the_same_numbers_bit_for_bit() -> None:
    network, rng = folded_network(), np.random.default_rng(11)
    before = fold(network)

    for scale in (0.0, 1e-9, 1.0, 1e6):  # dead channels, nearly dead ones, usual ones, wild ones
        moments = {
            row.name: Moments(rng.normal(0, 30, row.outputs), scale * rng.uniform(0, 2, row.outputs))
            for row in NORMALISED
        }
        unfold(network, before, moments)
        after = fold(network)
        for name, (kernel, bias) in before.items():
            assert (after[name][0] == kernel).all()
            assert (after[name][1] == bias).all()
