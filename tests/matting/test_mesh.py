"""Fields read at a photo's pixels, tile by tile."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from u2bg.matting.mesh import Mesh, corners, framed

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


def test_without_an_open_tile_nothing_is_read() -> None:
    assert not Mesh((3, 4), (30, 40)).tiles(np.zeros((4, 5), bool))
