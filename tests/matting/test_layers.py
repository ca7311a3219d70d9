"""Smooth foreground and background."""

from __future__ import annotations

import numpy as np
import pytest

from u2bg.matting import layers
from u2bg.matting.grid import Field
from u2bg.shrinking import Pixels

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.9)


def _picture(colours: Field, alpha: Field) -> Pixels:
    """Of (3, h, w) and (h, w) in [0, 1]."""
    whole = np.concatenate([colours, alpha[None]]).transpose(1, 2, 0)
    return np.ascontiguousarray(np.rint(255 * whole).astype(np.uint8))


def _mixed(alpha: Field) -> Pixels:
    red, blue = (np.array(colour, np.float32)[:, None, None] for colour in (RED, BLUE))
    return _picture(alpha * red + (1 - alpha) * blue, alpha)


def _solved(picture: Pixels) -> Field:
    """(6, h, w) in [0, 1]; 0 where nothing was solved for."""
    found = layers.solve(picture)
    numbers = found.numbers[1:-1, 1:-1]
    return np.asarray(np.where(numbers < 0, 0, found.values[:, numbers] / 255), np.float32)


@pytest.mark.parametrize("size", [(40, 60), (41, 63), (200, 5), (3, 97)])
def test_a_mixture_of_two_colours_is_taken_apart(size: tuple[int, int]) -> None:
    alpha = np.empty(size, np.float32)
    alpha[:] = np.clip((np.arange(size[1]) - size[1] / 2) / 4 + 0.5, 0, 1)

    found = _solved(_mixed(alpha))

    band = (alpha > 0) & (alpha < 1)
    assert np.abs(found[:3, band].mean(1) - RED).max() < 0.05
    assert np.abs(found[3:, band].mean(1) - BLUE).max() < 0.05


def test_each_colour_of_the_board_ends_where_its_equations_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a dense solution of all equations at once."""
    monkeypatch.setattr(layers, "ROUNDS_SMALL", 4000)
    rng = np.random.default_rng(0)
    alpha, colours = rng.random((5, 6), np.float32), rng.random((3, 5, 6), np.float32)

    picture = _picture(colours, alpha)
    found = _solved(picture)
    colours, alpha = np.split(np.asarray(picture.transpose(2, 0, 1) / np.float32(255), np.float32), [3])
    alpha = alpha[0]

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

    found = _solved(_mixed(alpha))

    assert found[:, 29:35].any()
    assert not found[:, :28].any()
    assert not found[:, 36:].any()


def test_what_is_solved_nowhere_has_the_pictures_mean() -> None:
    alpha = np.zeros((64, 64), np.float32)
    alpha[30:34] = 0.5

    found = layers.solve(_mixed(alpha))

    assert np.abs(found.values[:, -1] - np.tile(_mixed(alpha)[..., :3].mean((0, 1)), 2)).max() < 1


def test_one_mixed_pixel_is_a_picture() -> None:
    picture = np.array([[[200, 100, 50, 128]]], np.uint8)

    np.testing.assert_allclose(layers.solve(picture).values, np.tile([200, 100, 50], 2)[:, None] * [1, 1])
