"""The resize to another map's size."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from u2bg.network.layers import ResizeLike

SIZES = [(64, 32), (37, 50), (33, 97), (1, 2), (2, 1)]


def halves_to_full() -> keras.Model:
    small, full = keras.Input((None, None, 2)), keras.Input((None, None, 1))
    return keras.Model([small, full], ResizeLike()(small, full))


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("slack", [0, 1])
def test_compiled_for_any_size_it_is_the_resize_of_keras(slack: int) -> None:
    model, rng = halves_to_full(), np.random.default_rng(6)

    for height, width in SIZES:  # from the second size on, TensorFlow's compiled graph leaves the size open
        small = rng.normal(size=(2, (height + 1) // 2 + slack, (width + 1) // 2, 2)).astype(np.float32)
        expected = keras.ops.image.resize(small, (height, width), "bilinear", antialias=False)
        got = model.predict_on_batch([small, np.zeros((2, height, width, 1), np.float32)])
        np.testing.assert_allclose(got, keras.ops.convert_to_numpy(expected), atol=1e-5)


def test_a_map_of_the_same_size_stays_as_it_is() -> None:
    picture = np.random.default_rng(1).normal(size=(1, 5, 7, 2)).astype(np.float32)

    got = halves_to_full().predict_on_batch([picture, np.zeros((1, 5, 7, 1), np.float32)])

    np.testing.assert_allclose(got, picture, atol=1e-6)
