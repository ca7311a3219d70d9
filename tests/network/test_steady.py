"""Constants that cancel each other are taken out; inside the picture the maps stay what they were."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from tests.network.conftest import TINY, Photos, random_network

from u2bg.network import U2Net, saliency_maps
from u2bg.network.batchnorm import fold, unfold
from u2bg.network.steady import floors, lowered, settle

SOURCE, READER = "De_2_2d", "De_2_1d"
HIGH = 200.0
"""What a channel of SOURCE lies at, and READER's bias takes off again; the authors' † has 226 there."""


def with_a_high_channel() -> U2Net:
    """A random network, folded; one channel of SOURCE hardly moves around HIGH, as it is in the authors' †."""
    network = U2Net(TINY, folded=True, kernels="zeros")
    folded = fold(random_network())
    kernel, bias = (part.copy() for part in folded[SOURCE])
    kernel[..., 1] *= 0.01
    bias[1] = HIGH
    folded[SOURCE] = kernel, bias
    kernel, bias = (part.copy() for part in folded[READER])
    kernel[:, :, 1] = 0
    kernel[1, 1, 1] = np.linspace(-1, 1, kernel.shape[-1])  # one tap: then even the outermost pixels stay
    folded[READER] = kernel, bias - HIGH * kernel[1, 1, 1]
    unfold(network, folded, {})
    return network


def one_by_one(photos: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    return [photo[None] for photo in photos]


def largest_bias(network: U2Net, name: str) -> float:
    return float(np.abs(fold(network)[name][1]).max())


def test_large_constants_go(photos: Photos) -> None:
    network, pictures = with_a_high_channel(), photos(64)

    settled = settle(network, one_by_one(pictures))

    assert largest_bias(network, SOURCE) == HIGH
    assert largest_bias(network, READER) > HIGH / 2
    assert largest_bias(settled, SOURCE) < HIGH / 10
    assert largest_bias(settled, READER) < HIGH / 10
    assert floors(settled, one_by_one(pictures))[SOURCE][1] == 0


def test_what_reads_it_at_one_pixel_sees_no_change(photos: Photos) -> None:
    network, pictures = with_a_high_channel(), photos(64)
    before, found = saliency_maps(network, pictures), floors(network, one_by_one(pictures))[SOURCE]
    assert HIGH / 2 < found[1] < HIGH

    unfold(network, lowered(fold(network), network, {SOURCE: found * (np.arange(4) == 1)}), {})

    for name, after in saliency_maps(network, pictures).items():
        assert before[name].std() > 1e-3
        np.testing.assert_allclose(after, before[name], atol=1e-3)


def test_a_second_time_finds_little_left(photos: Photos) -> None:
    pictures = one_by_one(photos(64))
    once = settle(with_a_high_channel(), pictures)

    twice = settle(once, pictures)

    for name, (_, bias) in fold(twice).items():
        assert np.abs(bias - fold(once)[name][1]).max() < 5


def test_constants_pass_through_pools_resizes_joins_and_sums_to_every_reader() -> None:
    # Kernels of one tap see no border, so the whole map must stay, whatever is taken off wherever.
    network, rng = U2Net(TINY, folded=True, kernels="zeros"), np.random.default_rng(3)
    folded = fold(random_network())
    taken_off = {}
    for name, (kernel, bias) in folded.items():
        one_tap = np.zeros_like(kernel)
        middle = kernel.shape[0] // 2
        one_tap[middle, middle] = 0.3 * np.abs(kernel[middle, middle])  # positive: no ReLU ever cuts
        folded[name] = one_tap, np.abs(bias) + 2
        taken_off[name] = rng.uniform(0, 1, len(bias)) * (
            name.startswith(("En_", "De_")) and "side" not in name
        )
    unfold(network, folded, {})
    image = rng.uniform(0, 1, (1, 64, 64, 3)).astype(np.float32)
    before = network.predict_on_batch(image)

    unfold(network, lowered(folded, network, taken_off), {})

    for name, logits in network.predict_on_batch(image).items():
        np.testing.assert_allclose(logits, before[name], rtol=1e-3, atol=1e-3)
