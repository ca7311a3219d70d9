"""A photo as people see it."""

from __future__ import annotations

import numpy as np

from u2bg.imaging import Photo


def test_what_is_transparent_is_seen_on_white() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (8, 9, 4), np.uint8)
    rgba[0, :, 3], rgba[1, :, 3] = 0, 255

    shown = Photo(rgba, has_alpha=True).shown[..., :3]

    part = rgba[..., 3:] / 255
    np.testing.assert_allclose(shown, part * rgba[..., :3] + (1 - part) * 255, atol=0.51)
    assert (shown[0] == 255).all()
    assert np.array_equal(shown[1], rgba[1, :, :3])


def test_an_opaque_photo_is_seen_as_it_is_without_a_copy() -> None:
    rgba = np.zeros((8, 9, 4), np.uint8)

    assert Photo(rgba).shown is rgba
