"""A matte: bytes for files, floats where bytes are not enough."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from u2bg.matting.alpha import refine
from u2bg.matting.blend import to_bytes
from u2bg.matting.matte import Matte


@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_a_whole_alpha_comes_back_as_it_was(alpha: NDArray[np.float32]) -> None:
    matte = Matte.of(alpha)

    assert np.array_equal(matte.alpha, alpha)
    assert np.array_equal(matte.mask, to_bytes(alpha))


def test_bytes_and_floats_of_a_refined_alpha_are_the_same_matte() -> None:
    saliency_map = np.random.default_rng(0).random((32, 32), np.float32).round(1)
    photo = np.random.default_rng(1).integers(0, 256, (300, 500, 4), np.uint8)

    matte = refine(saliency_map, photo)

    assert np.array_equal(to_bytes(matte.alpha), matte.mask)
    assert ((matte.alpha > 0) & (matte.alpha < 1)).any()
