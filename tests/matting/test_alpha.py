"""From a small map to the alpha of every pixel."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from u2bg.errors import BadArray
from u2bg.matting.alpha import METHODS, refine

MAPS = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)
SIZES = st.tuples(st.integers(1, 50), st.integers(1, 50))


def _photo(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*size, 4), np.uint8)


def _grey(size: tuple[int, int], level: int = 128) -> NDArray[np.uint8]:
    return np.full((*size, 4), level, np.uint8)


def _disc(side: int, radius: float) -> NDArray[np.float32]:
    """A disc in the middle, by the coverage of 4×4 points in each pixel; radius as a share of the side."""
    place = (np.arange(4 * side) + 0.5) / 4 - side / 2
    inside = np.hypot(place[:, None], place) < radius * side
    return inside.reshape(side, 4, side, 4).mean((1, 3)).astype(np.float32)


def _coarse(alpha: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    side = alpha.shape[0] // cells
    return alpha.reshape(cells, side, cells, side).mean((1, 3))


def _on(alpha: NDArray[np.float32], front: int, back: int) -> NDArray[np.uint8]:
    grey = np.round(alpha * front + (1 - alpha) * back).astype(np.uint8)
    return np.repeat(grey[..., None], 4, axis=2)


def _error(got: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(got - expected).sum())


@given(MAPS, SIZES, st.sampled_from(METHODS))
def test_alpha_has_the_photos_size_and_stays_between_0_and_1(
    saliency_map: NDArray[np.float32], size: tuple[int, int], method: str
) -> None:
    alpha = refine(saliency_map, _photo(size), method=method).alpha

    assert alpha.shape == size
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_a_mirrored_photo_gives_the_mirrored_alpha(method: str) -> None:
    rng = np.random.default_rng(0)
    saliency_map, photo = rng.random((8, 8), np.float32), _photo((160, 160))
    alpha = refine(saliency_map, photo, method=method).alpha

    for flip in (np.s_[:, ::-1], np.s_[::-1]):
        mirrored = refine(saliency_map[flip].copy(), photo[flip].copy(), method=method).alpha
        np.testing.assert_allclose(mirrored, alpha[flip], atol=0.02)  # 8-bit colour means may round apart


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_a_flat_map_stays_flat_and_is_never_stretched(level: float, method: str) -> None:
    alpha = refine(np.full((8, 8), level, np.float32), _grey((30, 20)), method=method).alpha

    assert np.ptp(alpha) < 2e-5  # one step of the matte
    assert alpha[0, 0] == pytest.approx(level, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_far_from_the_edge_alpha_is_exactly_0_or_1(method: str) -> None:
    half = np.full((32, 32), 0.01, np.float32)
    half[:, 16:] = 0.99

    alpha = refine(half, _photo((320, 320)), method=method).alpha

    assert (alpha[:, :110] == 0).all()
    assert (alpha[:, 210:] == 1).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_edge_does_not_shift_when_the_photo_is_larger(method: str) -> None:
    half = np.zeros((32, 32), np.float32)
    half[:, 16:] = 1

    assert refine(half, _grey((40, 3200)), method=method).alpha[5].sum() == pytest.approx(1600, abs=0.5)


def test_a_coarse_map_of_a_disc_becomes_the_disc() -> None:
    disc = _disc(640, 0.3)
    coarse, photo = _coarse(disc, 80), _on(disc, 200, 60)

    plain = refine(coarse, photo, method="off").alpha

    assert _error(refine(coarse, photo).alpha, disc) < 0.3 * _error(plain, disc)


def test_a_blurred_map_is_pulled_to_the_edge_that_colour_shows() -> None:
    """What a network gives: a ramp several cells wide, the edge somewhere on it."""
    disc = _disc(640, 0.3)
    soft = _coarse(_disc(640, 0.31), 80)
    for axis in (0, 1):
        soft = (np.roll(soft, 1, axis) + soft + np.roll(soft, -1, axis)) / np.float32(3)
    photo = _on(disc, 200, 60)

    plain = refine(soft, photo, method="off").alpha

    assert _error(refine(soft, photo).alpha, disc) < 0.5 * _error(plain, disc)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6])
def test_a_soft_edge_whose_colours_are_mixed_stays_soft(width: int) -> None:
    """A true matte, as soft as a network's guess or softer, over so many cells: no worse than cubic interpolation."""
    side, cell = 640, 10
    place = np.arange(side) - side / 2
    ramp = np.clip((200 - np.hypot(place[:, None], place)) / (width * cell) + 0.5, 0, 1)
    alpha = (ramp * ramp * (3 - 2 * ramp)).astype(np.float32)
    saliency_map = _coarse(alpha, side // cell)
    cubic = Image.fromarray(saliency_map).resize((side, side), Image.Resampling.BICUBIC)

    refined = refine(saliency_map, _on(alpha, 200, 60)).alpha
    assert _error(refined, alpha) < 1.05 * _error(np.asarray(cubic), alpha)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_where_colour_says_nothing_refining_does_no_harm(level: int) -> None:
    disc = _disc(640, 0.3)
    coarse, photo = _coarse(disc, 80), _on(disc, level, level)

    plain = refine(coarse, photo, method="off").alpha

    assert _error(refine(coarse, photo).alpha, disc) < 1.05 * _error(plain, disc)


def test_noise_is_not_read_as_alpha() -> None:
    disc = _disc(640, 0.3)
    coarse = _coarse(disc, 80)
    noisy = np.random.default_rng(0).normal(128, 20, (640, 640, 4)).clip(0, 255).astype(np.uint8)

    plain = refine(coarse, noisy, method="off").alpha

    assert _error(refine(coarse, noisy).alpha, disc) < 1.1 * _error(plain, disc)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_tiny_photos_are_answered(size: tuple[int, int], level: float) -> None:
    alpha = refine(np.full((32, 32), level, np.float32), _photo(size)).alpha

    assert alpha.shape == size
    assert np.isfinite(alpha).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_that_is_not_all_numbers_is_refused(method: str, bad: float) -> None:
    saliency_map = np.zeros((8, 9), np.float32)
    saliency_map[3, 4:6] = bad

    line = "a saliency map of which 2 values are no numbers; expected (8, 9) in [0, 1]"
    with pytest.raises(BadArray, match=f"^{re.escape(line)}$"):
        refine(saliency_map, _photo((40, 40)), method=method)


@pytest.mark.parametrize("method", METHODS)
def test_a_subject_that_touches_every_border_is_cut_up_to_them(method: str) -> None:
    alpha = _disc(640, 0.6)  # its corners alone are background
    saliency_map = _coarse(alpha, 80)

    found = refine(saliency_map, _on(alpha, 200, 60), method=method).alpha

    for side in (found[0], found[-1], found[:, 0], found[:, -1]):
        assert (side[250:390] == 1).all()
        assert side[0] == side[-1] == 0
    assert _error(found, alpha) < 0.005 * alpha.size


def test_map_and_photo_are_left_as_they_were() -> None:
    saliency_map, photo = np.random.default_rng(0).random((8, 8), np.float32), _photo((40, 40))
    before = saliency_map.copy(), photo.copy()

    refine(saliency_map, photo)

    assert np.array_equal(saliency_map, before[0])
    assert np.array_equal(photo, before[1])
