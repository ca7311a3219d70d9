"""From a small map to the alpha of every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from u2bg.matting.alpha import FLOOR, refine

MAPS = arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)
SIZES = st.tuples(st.integers(1, 50), st.integers(1, 50))


@given(MAPS, SIZES)
def test_alpha_has_the_photos_size_and_stays_between_0_and_1(
    saliency_map: NDArray[np.float32], size: tuple[int, int]
) -> None:
    alpha = refine(saliency_map, size)

    assert alpha.shape == size
    assert alpha.dtype == np.float32
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@given(MAPS, SIZES)
def test_a_mirrored_map_gives_the_mirrored_alpha(
    saliency_map: NDArray[np.float32], size: tuple[int, int]
) -> None:
    alpha = refine(saliency_map, size)

    np.testing.assert_allclose(refine(saliency_map[:, ::-1].copy(), size), alpha[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(refine(saliency_map[::-1].copy(), size), alpha[::-1], atol=1e-5)


@pytest.mark.parametrize("level", [0.0, FLOOR, 0.3, 0.5, 1 - FLOOR, 1.0])
def test_a_flat_map_stays_flat_and_is_never_stretched(level: float) -> None:
    alpha = refine(np.full((8, 8), level, np.float32), (30, 20))

    expected = np.clip((level - FLOOR) / (1 - 2 * FLOOR), 0, 1)
    np.testing.assert_allclose(alpha, expected, atol=1e-6)


def test_far_from_the_edge_alpha_is_exactly_0_or_1() -> None:
    half = np.full((32, 32), 0.01, np.float32)
    half[:, 16:] = 0.99

    alpha = refine(half, (320, 320))

    assert (alpha[:, :130] == 0).all()
    assert (alpha[:, 190:] == 1).all()


def test_the_edge_does_not_shift_when_the_photo_is_larger() -> None:
    half = np.zeros((32, 32), np.float32)
    half[:, 16:] = 1

    alpha = refine(half, (10, 3200))

    assert alpha[5].sum() == pytest.approx(1600, abs=0.5)


def test_the_map_is_left_as_it_was() -> None:
    saliency_map = np.random.default_rng(0).random((8, 8), np.float32)
    before = saliency_map.copy()

    refine(saliency_map, (8, 8))

    assert np.array_equal(saliency_map, before)
