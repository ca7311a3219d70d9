"""Trimaps."""

from __future__ import annotations

import numpy as np
import pytest

from u2bg.matting.trimap import trimap


def _slow(alpha: np.ndarray, margin: int) -> np.ndarray:  # type: ignore[type-arg]
    """The definition, pixel by pixel."""
    result = np.empty(alpha.shape, np.uint8)
    for y, x in np.ndindex(alpha.shape):
        window = alpha[max(0, y - margin) : y + margin + 1, max(0, x - margin) : x + margin + 1]
        result[y, x] = 255 if (window == 1).all() else 0 if (window == 0).all() else 128
    return result


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_a_trimap_is_what_its_definition_says(margin: int) -> None:
    alpha = np.zeros((20, 24), np.float32)
    alpha[5:15, 8:] = 1
    alpha[4, 3] = 0.5

    assert np.array_equal(trimap(alpha, margin), _slow(alpha, margin))


@pytest.mark.parametrize(("level", "expected"), [(0.0, 0), (1.0, 255), (0.5, 128)])
def test_a_flat_alpha_has_one_value(level: float, expected: int) -> None:
    assert (trimap(np.full((5, 1), level, np.float32), 2) == expected).all()


def test_what_is_nearly_sure_can_be_taken_as_sure() -> None:
    alpha = np.array([[0.0, 0.01, 0.03, 0.97, 0.99, 1.0]], np.float32)

    assert trimap(alpha, 0, sure=0.02).tolist() == [[0, 0, 128, 128, 255, 255]]
    assert trimap(alpha, 0).tolist() == [[0, 128, 128, 128, 128, 255]]
