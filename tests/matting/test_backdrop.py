"""The blurred background knows nothing of the subject; the shadow leaves the subject alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from u2bg.matting.backdrop import LONGEST_PX, blurred, shadowed


def test_the_subject_leaves_no_glow() -> None:
    """A red disc on blue: the background that is found is blue everywhere, behind the disc too."""
    rows, columns = np.ogrid[:90, :120]
    alpha = ((rows - 45) ** 2 + (columns - 60) ** 2 < 30**2).astype(np.float32)
    photo = np.where(alpha[..., None] > 0, [255, 0, 0], [10, 20, 200]).astype(np.uint8)
    assert np.abs(blurred(photo, alpha).astype(int) - [10, 20, 200]).max() <= 1


def test_what_is_fine_is_gone_and_what_is_large_stays() -> None:
    stripes = np.zeros((320, 320, 3), np.uint8)
    stripes[::2, :160] = 255
    soft = blurred(stripes, np.zeros((320, 320), np.float32))
    assert max(soft.shape) == LONGEST_PX
    assert np.abs(soft[:, :40].astype(int) - 128).max() <= 2
    assert soft[:, -40:].max() <= 2


@settings(max_examples=20)
@given(height=st.integers(1, 40), width=st.integers(1, 40), level=st.floats(0, 1, width=32))
def test_any_size_and_any_alpha_give_a_picture(height: int, width: int, level: float) -> None:
    photo = np.full((height, width, 4), 77, np.uint8)
    soft = blurred(photo, np.full((height, width), level, np.float32))
    assert soft.shape[2] == 3
    if level < 0.9:
        assert np.abs(soft.astype(int) - 77).max() <= 1


def test_an_opaque_subject_keeps_its_bytes_over_its_shadow() -> None:
    rgba = np.zeros((60, 60, 4), np.uint8)
    rgba[20:40, 20:40] = (200, 150, 100, 255)
    whole = shadowed(rgba)
    assert (whole[20:40, 20:40] == rgba[20:40, 20:40]).all()
    assert whole[41, 30, 3] > whole[18, 30, 3]  # it falls downwards
    assert (whole[rgba[..., 3] == 0][:, :3] == 0).all()
    assert whole[0, 0, 3] == 0


@pytest.mark.parametrize("opacity", [0.0, 0.5])
def test_a_shadow_darkens_what_is_laid_under_by_its_opacity(opacity: float) -> None:
    rgba = np.zeros((400, 400, 4), np.uint8)
    rgba[:200] = 255
    under = shadowed(rgba, opacity)[202:205, 200, 3].astype(float) / 255
    assert under.max() <= opacity
    assert (under > 0).all() == (opacity > 0)
