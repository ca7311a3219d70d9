"""Fields read at a photo's pixels, tile by tile."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from u2bg.matting.mesh import Mesh, Tiles, corners, framed

SIDES = st.integers(1, 20).flatmap(lambda cells: st.tuples(st.just(cells), st.integers(cells, 300)))


@pytest.mark.parametrize("kernel", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@given(down=SIDES, across=SIDES)
def test_reading_tile_by_tile_is_enlarging_the_whole(
    kernel: Image.Resampling, down: tuple[int, int], across: tuple[int, int]
) -> None:
    cells, photo = zip(down, across, strict=True)
    field = np.random.default_rng(0).random(cells, np.float32)
    whole = np.full(photo[0] * photo[1], np.nan, np.float32)
    for tiles in Mesh(cells, photo).tiles(corners(np.ones(cells, bool), np.logical_or)):
        if kernel == Image.Resampling.BILINEAR:
            (whole[tiles.pixels],) = tiles.read(framed(field[None]))
        else:
            whole[tiles.pixels] = tiles.read_cubic(framed(field[None], 2)[0])

    frame = (
        0 if kernel == Image.Resampling.BILINEAR else 2
    )  # where Pillow has fewer points, it weighs them up
    expected = Image.fromarray(framed(field[None], frame)[0])
    box = (frame, frame, frame + cells[1], frame + cells[0])
    enlarged = np.asarray(expected.resize(photo[::-1], kernel, box=box))
    np.testing.assert_allclose(whole.reshape(photo), enlarged, atol=1e-4)


@given(SIDES, SIDES, st.randoms())
def test_tiles_cover_every_pixel_of_every_open_cell(
    down: tuple[int, int], across: tuple[int, int], random: Random
) -> None:
    cells, photo = zip(down, across, strict=True)
    is_open = np.array([[random.random() < 0.3 for _ in range(cells[1])] for _ in range(cells[0])])
    covered = np.zeros(photo, bool)
    for tiles in Mesh(cells, photo).tiles(corners(is_open, np.logical_or)):
        covered.ravel()[tiles.pixels] = True

    rows, columns = (np.arange(side) * count // side for count, side in zip(cells, photo, strict=True))
    assert covered[is_open[np.ix_(rows, columns)]].all()


@given(st.integers(1, 9), st.integers(1, 60), st.integers(1, 60))
def test_square_cells_may_hang_over_and_no_pixel_stands_in_two_tiles(
    cell_px: int, height: int, width: int
) -> None:
    cells = -(-height // cell_px), -(-width // cell_px)
    mesh = Mesh(cells, (height, width), cell_px)
    tiles = [
        Tiles(mesh, handful.i[[n]], handful.j[[n]])
        for handful in mesh.tiles(np.ones((cells[0] + 1, cells[1] + 1), bool))
        for n in range(handful.i.size)
    ]

    pixels = np.concatenate([np.unique(one.pixels) for one in tiles])
    assert sorted(pixels) == list(range(height * width))


def test_square_cells_are_read_where_they_lie() -> None:
    """A ramp stays the same ramp, between the middles of the first cell and the last."""
    ramp = np.tile(np.arange(5, dtype=np.float32), (3, 1))
    whole = np.empty(7 * 13, np.float32)
    for tiles in Mesh((3, 5), (7, 13), 3).tiles(np.ones((4, 6), bool)):
        (whole[tiles.pixels],) = tiles.read(framed(ramp[None]))

    expected = np.clip((np.arange(13) + 0.5) / 3 - 0.5, 0, 4)
    np.testing.assert_allclose(whole.reshape(7, 13), np.tile(expected, (7, 1)), atol=1e-6)


def test_without_an_open_tile_nothing_is_read() -> None:
    assert not Mesh((3, 4), (30, 40)).tiles(np.zeros((4, 5), bool))
