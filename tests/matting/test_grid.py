"""Fields on the grid, each operation beside a slow or another one."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
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


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_reading_block_by_block_is_enlarging_the_whole(kernel: Image.Resampling) -> None:
    field = _field(7, 10)
    size = (150, 333)
    read = grid.Reader([field], size, kernel)
    whole = np.full(size, np.nan, np.float32)
    for rows in grid.strips(size[0]):
        for columns in grid.blocks(np.ones(field.shape, bool), rows, size):
            (whole[rows, columns],) = read(rows, columns)

    expected = np.asarray(Image.fromarray(field).resize(size[::-1], kernel))
    np.testing.assert_allclose(whole, expected, atol=1e-5)


def test_halving_is_the_mean_of_four() -> None:
    field = _field(1, 4, 6)

    expected = field[0].reshape(2, 2, 3, 2).mean((1, 3))
    np.testing.assert_allclose(grid.halve(field)[0], expected, atol=1e-6)
    assert grid.halve(_field(1, 5, 7)).shape == (1, 3, 4)


def test_cells_of_a_tile_are_those_that_its_pixels_touch() -> None:
    assert grid.cells_of(slice(0, 64), 10, 640) == slice(0, 1)
    assert grid.cells_of(slice(60, 130), 10, 640) == slice(0, 3)


def test_colours_are_the_means_of_their_cells() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 4), np.uint8)

    expected = pixels[..., :3].reshape(4, 10, 6, 10, 3).mean((1, 3)).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(grid.shrink_colours(pixels, (4, 6)), expected, atol=1.5 / 255)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 20), st.integers(1, 20), st.randoms())
def test_blocks_cover_every_pixel_of_every_open_cell(
    height: int, width: int, down: int, across: int, random: Random
) -> None:
    is_open = np.array([[random.random() < 0.3 for _ in range(across)] for _ in range(down)])
    cell_rows, cell_columns = np.arange(height) * down // height, np.arange(width) * across // width
    covered = np.zeros((height, width), bool)
    for rows in grid.strips(height):
        for columns in grid.blocks(is_open, rows, (height, width)):
            covered[rows, columns] = True

    assert covered[is_open[np.ix_(cell_rows, cell_columns)]].all()
