"""The network: what the paper counts, seven maps of the input's size, the same on every backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tests.network.conftest import TINY, random_network

from u2bg.network import OUTPUTS, U2NET, U2NETP, Stage, U2Net, saliency_maps, write

OTHER_BACKEND = """
import sys
import numpy as np
import u2bg.network
from pathlib import Path

network = u2bg.network.read(Path(sys.argv[1]))
images = np.load(sys.argv[2])
maps = {key: u2bg.network.saliency_maps(network, images[key]) for key in images}
np.savez(sys.argv[3], **{f"{key} {name}": part for key, found in maps.items() for name, part in found.items()})
"""


@pytest.mark.parametrize(
    ("stages", "count"), [(U2NET, 44_009_869), (U2NETP, 1_131_181)], ids=["U2NET", "U2NETP"]
)
def test_it_has_as_many_trainable_parameters_as_the_authors(stages: tuple[Stage, ...], count: int) -> None:
    network = U2Net(stages, kernels="zeros")

    assert sum(np.prod(weight.shape) for weight in network.trainable_weights) == count


@pytest.mark.parametrize("size", [(64, 64), (37, 50), (101, 64), (1, 3)])
def test_each_of_seven_maps_has_the_size_of_the_input(tiny: U2Net, size: tuple[int, int]) -> None:
    maps = tiny(np.zeros((2, *size, 3), np.float32), training=False)

    assert {name: tuple(part.shape) for name, part in maps.items()} == dict.fromkeys(OUTPUTS, (2, *size, 1))


def test_saliency_maps_are_the_sigmoid_of_the_logits(tiny: U2Net) -> None:
    image = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype(np.float32)

    logits = tiny(image, training=False)
    maps = saliency_maps(tiny, image)

    for name in OUTPUTS:
        expected = 1 / (1 + np.exp(-keras.ops.convert_to_numpy(logits[name]).astype(np.float64)))
        np.testing.assert_allclose(maps[name], expected, atol=1e-5)
        assert maps[name].dtype == np.float32


def test_huge_logits_become_maps_without_overflow() -> None:
    network = random_network()
    kernel, bias = network.get_layer("fuse").get_weights()
    network.get_layer("fuse").set_weights([kernel, np.full_like(bias, -1e4)])

    assert not saliency_maps(network, np.zeros((1, 32, 32, 3), np.float32))["fused"].any()


def test_mixed_precision_still_hands_out_float32() -> None:
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        maps = U2Net(TINY)(np.zeros((1, 32, 32, 3), np.float32))
    finally:
        keras.config.set_dtype_policy(before)

    assert {keras.backend.standardize_dtype(part.dtype) for part in maps.values()} == {"float32"}


def test_jax_and_tensorflow_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    images = {
        "at 320": rng.normal(size=(1, 320, 320, 3)).astype(np.float32),
        "odd": rng.normal(size=(1, 101, 133, 3)).astype(np.float32),
    }
    network = random_network(U2NETP)
    write(network, tmp_path / "random.keras")
    np.savez(tmp_path / "images.npz", **images)  # type: ignore[arg-type]
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    arguments = [tmp_path / "random.keras", tmp_path / "images.npz", tmp_path / "maps.npz"]
    subprocess.run(
        [sys.executable, "-c", OTHER_BACKEND, *arguments],
        check=True,
        env={**os.environ, "KERAS_BACKEND": other},
    )
    found = np.load(tmp_path / "maps.npz")

    for key, tolerance in (("at 320", 1e-3), ("odd", 4e-3)):  # float32 noise of 60 layers with random weights
        for name, expected in saliency_maps(network, images[key]).items():
            assert expected.std() > 1e-3  # a flat map would prove nothing
            np.testing.assert_allclose(
                found[f"{key} {name}"], expected, atol=tolerance, err_msg=f"{name} {key}"
            )
