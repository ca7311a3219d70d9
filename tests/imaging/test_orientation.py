"""EXIF orientation, held against Pillow's own turning and against the cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from u2bg.imaging.orientation import TAG, upright


@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_comes_upright_as_pillow_turns_it(value: int) -> None:
    stored = np.random.default_rng(value).integers(0, 256, (5, 7, 4), np.uint8)
    picture = Image.fromarray(stored)
    picture.getexif()[TAG] = value

    turned = upright(stored, value)

    assert np.array_equal(turned, np.asarray(ImageOps.exif_transpose(picture)))
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("value", [0, 9, -1, 65535])
def test_values_that_exif_does_not_define_leave_the_picture_as_it_is(value: int) -> None:
    stored = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)

    assert np.array_equal(upright(stored, value), stored)
