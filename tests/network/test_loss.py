"""Deep supervision: the sum that the paper writes, one pass, every weight learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from tests.network.conftest import TINY, random_network

from u2bg.errors import UnknownName
from u2bg.network import OUTPUTS, U2Net, deep_supervision, every_output

Floats = npt.NDArray[np.float32]
SIZE = 32


def batch(seed: int = 3) -> tuple[Floats, Floats]:
    """Four images with a bright disc, and the discs as masks."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    centres = rng.uniform(8, 24, (4, 2))
    masks = np.stack([((rows - y) ** 2 + (columns - x) ** 2 < 49)[..., None] for y, x in centres]).astype(
        np.float32
    )
    images = 2 * masks + rng.normal(0, 0.5, (4, SIZE, SIZE, 3))
    return images.astype(np.float32), masks


def compiled(network: U2Net, weights: Mapping[str, float] | None = None, rate: float = 1e-3) -> U2Net:
    network.compile(keras.optimizers.Adam(rate), **deep_supervision(weights), run_eagerly=True)
    return network


def slow_loss(logits: Mapping[str, Any], masks: Floats, weights: Mapping[str, float]) -> float:
    """Pixel by pixel, in float64, as the equation stands."""
    total = 0.0
    for name in OUTPUTS:
        z = keras.ops.convert_to_numpy(logits[name]).astype(np.float64).ravel()
        terms = [
            y * np.log1p(np.exp(-one)) + (1 - y) * np.log1p(np.exp(one))
            for one, y in zip(z, masks.ravel(), strict=True)
        ]
        total += weights.get(name, 1.0) * sum(terms) / len(terms)
    return total


@pytest.mark.parametrize(
    "weights", [{}, {"fused": 2.0, "side3": 0.5}, {"side6": 0.0}], ids=["ones", "some", "zero"]
)
def test_the_loss_is_the_sum_that_a_slow_loop_makes(weights: dict[str, float]) -> None:
    images, masks = batch()
    network = random_network()

    got = compiled(network, weights).evaluate(
        images, every_output(masks), batch_size=4, verbose=0, return_dict=True
    )

    assert got["loss"] == pytest.approx(slow_loss(network(images, training=False), masks, weights), rel=1e-4)


def test_a_map_that_is_surely_wrong_has_a_finite_loss_and_still_a_gradient() -> None:
    network = random_network()
    kernel, bias = network.get_layer("fuse").get_weights()
    network.get_layer("fuse").set_weights([kernel, np.full_like(bias, 200.0)])
    compiled(network, rate=1.0)
    images, masks = batch()

    loss = network.train_on_batch(images, every_output(np.zeros_like(masks)), return_dict=True)["loss"]

    assert 200 < loss < 300
    assert network.get_layer("fuse").get_weights()[1] < 199.5


def test_weight_zero_switches_an_output_off() -> None:
    network = compiled(random_network(), dict.fromkeys(OUTPUTS, 0.0) | {"side6": 1.0})
    images, masks = batch()
    before = {name: network.get_layer(name).get_weights()[0] for name in ("fuse", "De_1_side", "En_6_side")}

    network.train_on_batch(images, every_output(masks))

    moved = {name for name, old in before.items() if (network.get_layer(name).get_weights()[0] != old).any()}
    assert moved == {"En_6_side"}


def test_a_weight_for_no_output_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        UnknownName, match=r"no output named 'side7'; expected one of fused, side1, .*; did you mean"
    ):
        deep_supervision({"side7": 1.0})


def test_every_trainable_weight_gets_a_gradient() -> None:
    # With stochastic descent and no momentum, a weight that moves is a weight with a gradient.
    network = random_network()
    network.compile(keras.optimizers.SGD(1.0), **deep_supervision(), run_eagerly=True)
    before = {weight.path: weight.numpy() for weight in network.trainable_weights}
    images, masks = batch()

    network.train_on_batch(images, every_output(masks))

    after = {weight.path: weight.numpy() for weight in network.trainable_weights}
    assert all(np.isfinite(value).all() for value in after.values())
    # BatchNorm takes away what a bias before it adds, so only rounding moves those.
    normalised = {
        f"{layer.name.removesuffix('_bn')}/bias" for layer in network.layers if layer.name.endswith("_bn")
    }
    still = {path for path, old in before.items() if (after[path] == old).all()}
    assert still <= normalised


def test_steps_lower_the_loss() -> None:
    network = compiled(U2Net(TINY))
    images, masks = batch()

    losses = [network.train_on_batch(images, every_output(masks), return_dict=True)["loss"] for _ in range(3)]

    assert losses[2] < losses[0]


def test_a_step_runs_the_network_forward_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = compiled(random_network())
    images, masks = batch()
    passes = []
    entry = network.get_layer("En_1_in")
    call = entry.call

    def counted(*given: Any, **named: Any) -> Any:
        passes.append(given)
        return call(*given, **named)

    monkeypatch.setattr(entry, "call", counted)

    network.train_on_batch(images, every_output(masks))

    assert len(passes) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("compiling")
def test_fit_learns_to_find_discs() -> None:
    network = U2Net(TINY)
    network.compile(keras.optimizers.Adam(1e-2), **deep_supervision())
    images, masks = batch()

    history = network.fit(images, every_output(masks), batch_size=4, epochs=25, verbose=0).history["loss"]

    assert history[-1] < 0.5 * history[0]
