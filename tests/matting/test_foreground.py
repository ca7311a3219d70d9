"""The subject's colours, free of the old background."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from u2bg.matting import foreground
from u2bg.matting.loops import to_bytes


def estimate(photo: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    return foreground.estimate(photo, to_bytes(alpha))


def _soft_disc(size: int, edge_px: float) -> NDArray[np.float32]:
    place = np.arange(size) + 0.5 - size / 2
    distance = size / 4 - np.hypot(place[:, None], place)
    return np.clip(distance / edge_px + 0.5, 0, 1).astype(np.float32)


def _composed(alpha: NDArray[np.float32], front: tuple[int, ...], back: tuple[int, ...]) -> NDArray[np.uint8]:
    mixed = alpha[..., None] * np.array(front) + (1 - alpha[..., None]) * np.array(back)
    rgba = np.full((*alpha.shape, 4), 255, np.uint8)
    rgba[..., :3] = np.round(mixed)
    return rgba


@pytest.mark.parametrize("size", [200, 1200])
@pytest.mark.parametrize("back", [(0, 0, 255), (255, 255, 255), (0, 0, 0), (0, 255, 0)])
def test_a_red_disc_leaves_its_background_behind(back: tuple[int, ...], size: int) -> None:
    alpha = _soft_disc(size, edge_px=size / 40)
    red = (200, 30, 20)

    colours = estimate(_composed(alpha, red, back), alpha)[..., :3]

    band = (alpha > 0) & (alpha < 1)
    shown = alpha[band][:, None] * (colours[band].astype(float) - red)
    assert np.abs(shown).mean() < 3


def test_a_subject_that_touches_every_border_leaves_its_background_behind_there() -> None:
    alpha = _soft_disc(1200, edge_px=30)[320:880, 320:880]
    assert min(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) > 0.9
    red = (200, 30, 20)

    colours = estimate(_composed(alpha, red, (0, 0, 255)), alpha)[..., :3]

    band = (alpha > 0) & (alpha < 1)
    band[4:-4, 4:-4] = False
    shown = alpha[band][:, None] * (colours[band].astype(float) - red)
    assert np.abs(shown).mean() < 3


def test_opaque_pixels_keep_their_bytes_and_empty_ones_hide_nothing() -> None:
    alpha = _soft_disc(150, 10)
    photo = np.random.default_rng(0).integers(0, 256, (150, 150, 4), np.uint8)

    colours = estimate(photo, alpha)

    assert np.array_equal(colours[alpha == 1][:, :3], photo[alpha == 1][:, :3])
    assert not colours[alpha == 0].any()
    band = (alpha > 0.1) & (alpha < 0.9)
    assert not np.array_equal(colours[band][:, :3], photo[band][:, :3])


@given(
    arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.floats(0, 1, width=32))
)
def test_any_alpha_is_answered_and_the_photo_left_as_it_was(alpha: NDArray[np.float32]) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (*alpha.shape, 4), np.uint8)
    before = photo.copy()

    assert estimate(photo, alpha).shape == photo.shape
    assert np.array_equal(photo, before)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_without_a_band_nothing_changes(level: float) -> None:
    photo = np.random.default_rng(2).integers(0, 256, (40, 30, 4), np.uint8)

    colours = estimate(photo, np.full((40, 30), level, np.float32))
    assert np.array_equal(colours[..., :3], photo[..., :3] * np.uint8(level))
    assert (colours[..., 3] == 255 * level).all()


def test_texture_of_the_subject_survives_in_the_band() -> None:
    """A striped subject on black: the stripes stay stripes where alpha is high."""
    alpha = _soft_disc(400, 30)
    stripes = np.where(np.arange(400) % 8 < 4, 220, 120)[None, :, None].repeat(400, 0).repeat(3, 2)
    photo = np.full((400, 400, 4), 255, np.uint8)
    photo[..., :3] = np.round(alpha[..., None] * stripes)

    colours = estimate(photo, alpha)[..., :3].astype(float)

    band = (alpha > 0.5) & (alpha < 1)
    assert np.abs(colours[band] - stripes[band]).mean() < 0.35 * 50
