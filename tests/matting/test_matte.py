"""A matte: bytes for files, floats where bytes are not enough."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from u2bg.matting.alpha import refine
from u2bg.matting.loops import to_bytes
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


@given(st.data())
def test_a_box_of_a_matte_is_the_matte_of_the_box(data: st.DataObject) -> None:
    saliency_map = np.random.default_rng(0).random((8, 8), np.float32).round(1)
    matte = refine(saliency_map, np.random.default_rng(1).integers(0, 256, (96, 130, 4), np.uint8))
    (top, bottom), (left, right) = (
        sorted(data.draw(st.lists(st.integers(0, side), min_size=2, max_size=2, unique=True)))
        for side in matte.mask.shape
    )
    box = np.s_[top:bottom, left:right]

    before = matte.cropped(*box)
    whole = matte.alpha  # drawn now, so that the next crop has it to cut

    for cropped in (before, matte.cropped(*box)):
        assert np.array_equal(cropped.alpha, whole[box])
        assert np.array_equal(cropped.mask, matte.mask[box])


def test_a_box_is_cut_without_the_alpha_of_the_whole() -> None:
    matte = refine(np.eye(8, dtype=np.float32), np.zeros((96, 130, 4), np.uint8))

    matte.cropped(slice(10, 20), slice(30, 40))

    assert "alpha" not in vars(matte)
