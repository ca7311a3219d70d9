"""Fields on the grid, each operation beside a slow or another one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from u2bg.matting import grid


def _field(*shape: int) -> grid.Field:
    return np.random.default_rng(0).random(shape, np.float32)


def test_box_mean_is_scipys_with_zeros_outside() -> None:
    fields = _field(2, 9, 13)

    expected = ndimage.uniform_filter(fields, (0, 5, 5), mode="constant")
    np.testing.assert_allclose(grid.box_mean(fields, 2), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("pick", "scipys"), [(np.maximum, ndimage.maximum_filter), (np.minimum, ndimage.minimum_filter)]
)
def test_window_is_scipys(pick: np.ufunc, scipys: object) -> None:
    assert callable(scipys)
    field = _field(9, 13)

    assert np.array_equal(grid.window(field, 2, pick), scipys(field, 5, mode="nearest"))


@pytest.mark.parametrize("size", [(8, 12), (7, 11), (23, 1)])
def test_reading_between_cells_is_enlarging_the_whole(size: tuple[int, int]) -> None:
    fields = _field(2, 4, 6) if size[1] > 1 else _field(2, 6, 1)
    cells = np.flatnonzero(np.random.default_rng(1).random(size) < 0.5)

    expected = grid.at(grid.resize(fields, size), cells)
    np.testing.assert_allclose(grid.between(fields, size, cells), expected, atol=1e-6)


def test_what_is_put_into_cells_is_found_at_them() -> None:
    values, cells = _field(3, 4), np.array([1, 5, 6, 11])

    fields = grid.put(values, cells, (3, 4))
    assert np.array_equal(grid.at(fields, cells), values)
    assert np.count_nonzero(fields) == values.size


def test_halving_is_the_mean_of_four() -> None:
    field = _field(1, 4, 6)

    expected = field[0].reshape(2, 2, 3, 2).mean((1, 3))
    np.testing.assert_allclose(grid.halve(field)[0], expected, atol=1e-6)
    assert grid.halve(_field(1, 5, 7)).shape == (1, 3, 4)


def test_colours_are_the_means_of_their_cells() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 4), np.uint8)

    expected = pixels[..., :3].reshape(4, 10, 6, 10, 3).mean((1, 3)).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(grid.shrink_colours(pixels, (4, 6)), expected, atol=1.5 / 255)


def test_the_nearest_cell_is_the_one_around() -> None:
    cells = np.arange(6).reshape(2, 3)

    assert np.array_equal(grid.nearest(cells, (4, 9)), cells.repeat(2, 0).repeat(3, 1))
