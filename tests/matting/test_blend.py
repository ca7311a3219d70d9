"""Blending and rounding."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from u2bg.matting.blend import blend, insert
from u2bg.matting.foreground import estimate
from u2bg.matting.loops import to_bytes

BYTE = st.integers(0, 255)


@given(BYTE, BYTE, BYTE)
def test_blend_is_the_rounded_formula(foreground: int, alpha: int, background: int) -> None:
    front = np.full((1, 1, 3), foreground, np.uint8)
    result = blend(front, np.full((1, 1), alpha, np.uint8), np.full((1, 1, 3), background, np.uint8))

    assert (result == round((alpha * foreground + (255 - alpha) * background) / 255)).all()


@given(BYTE, BYTE)
def test_an_opaque_pixel_is_the_foreground_and_an_empty_one_the_background(front: int, back: int) -> None:
    foreground, colour = np.full((1, 2, 3), front, np.uint8), np.full(3, back, np.uint8)

    assert blend(foreground, np.array([[255, 0]], np.uint8), colour)[0, :, 0].tolist() == [front, back]


@given(BYTE)
def test_bytes_survive_the_way_to_floats_and_back(value: int) -> None:
    assert to_bytes(np.full((70, 2), value / 255, np.float32)).tolist() == [[value, value]] * 70


def test_a_mask_may_be_part_of_another_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    wide = np.random.default_rng(1).choice([0, 128, 255], (20, 60)).astype(np.uint8)

    assert np.array_equal(insert(pixels, wide[:, ::2]), insert(pixels, wide[:, ::2].copy()))
    assert np.array_equal(estimate(pixels, wide[:, ::2]), estimate(pixels, wide[:, ::2].copy()))
