"""Smooth foreground and background."""

from __future__ import annotations

import numpy as np
import pytest

from u2bg.matting import layers
from u2bg.matting.grid import Field

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.9)


def _mixed(alpha: Field) -> Field:
    red, blue = (np.array(colour, np.float32)[:, None, None] for colour in (RED, BLUE))
    return np.asarray(alpha * red + (1 - alpha) * blue, np.float32)


@pytest.mark.parametrize("size", [(40, 60), (41, 63), (200, 5), (3, 97)])
def test_a_mixture_of_two_colours_is_taken_apart(size: tuple[int, int]) -> None:
    alpha = np.empty(size, np.float32)
    alpha[:] = np.clip((np.arange(size[1]) - size[1] / 2) / 4 + 0.5, 0, 1)

    found = layers.solve(_mixed(alpha), alpha)

    band = (alpha > 0) & (alpha < 1)
    assert np.abs(found[:3, band].mean(1) - RED).max() < 0.05
    assert np.abs(found[3:, band].mean(1) - BLUE).max() < 0.05


def test_each_colour_of_the_board_ends_where_its_equations_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a dense solution of all equations at once."""
    monkeypatch.setattr(layers, "ROUNDS_SMALL", 4000)
    rng = np.random.default_rng(0)
    alpha, colours = rng.random((5, 6), np.float32), rng.random((3, 5, 6), np.float32)

    found = layers.solve(colours, alpha)

    matrix, right = np.zeros((60, 60)), np.zeros((60, 3))
    for cell, (i, j) in enumerate(np.ndindex(5, 6)):
        a = float(alpha[i, j])
        front, back = cell, 30 + cell
        matrix[[front, front, back, back], [front, back, front, back]] = (
            a * a,
            a * (1 - a),
            a * (1 - a),
            (1 - a) ** 2,
        )
        right[front], right[back] = a * colours[:, i, j], (1 - a) * colours[:, i, j]
        for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= k < 5 and 0 <= m < 6:
                pull = float(layers.SMOOTHNESS) + abs(a - float(alpha[k, m]))
                for one, other in ((front, k * 6 + m), (back, 30 + k * 6 + m)):
                    matrix[one, one] += pull
                    matrix[one, other] -= pull
    expected = np.linalg.solve(matrix, right).reshape(2, 5, 6, 3).transpose(0, 3, 1, 2).reshape(6, 5, 6)
    inside = (expected > 0.02) & (expected < 0.98)
    assert inside.any()
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.02)


def test_far_from_the_band_nothing_is_asked() -> None:
    alpha = np.zeros((64, 64), np.float32)
    alpha[30:34] = 0.5

    found = layers.solve(_mixed(alpha), alpha)

    assert found[:, 29:35].any()
    assert not found[:, :28].any()
    assert not found[:, 36:].any()
