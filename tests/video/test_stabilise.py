"""Maps steadied along the motion of the picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.video.clips import picture

from u2bg.video.stabilise import Memory, Stabiliser, on_grid

Field = NDArray[np.float32]
SIZE = (96, 128)


def _disc(index: int, value: float = 0.95) -> Field:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = np.hypot(rows - SIZE[0] / 2, columns - SIZE[1] / 4 - 2 * index) < SIZE[0] / 4
    return np.where(inside, value, 0.02).astype(np.float32)


def _steadied(maps: list[Field], pictures: list[NDArray[np.uint8]], strength: float) -> list[Field]:
    stabiliser = Stabiliser(strength)
    return [stabiliser(shown, one) for one, shown in zip(maps, pictures, strict=True)]


def test_strength_0_gives_every_map_back_itself() -> None:
    maps = [_disc(index) for index in range(4)]
    found = _steadied(maps, [picture(index, SIZE) for index in range(4)], 0)
    assert all(one is other for one, other in zip(found, maps, strict=True))


def test_a_moment_of_doubt_is_bridged_where_the_subject_moves() -> None:
    maps = [_disc(index, 0.3 if index == 5 else 0.95) for index in range(6)]
    found = _steadied(maps, [picture(index, SIZE) for index in range(6)], 0.9)
    inside = _disc(5) > 0.5
    assert maps[5][inside].max() < 0.5
    assert np.median(found[5][inside]) > 0.8


def test_what_two_frames_in_a_row_see_overrules_a_long_past() -> None:
    inside = _disc(0) > 0.5
    gone = np.where(inside, 0.05, _disc(0)).astype(np.float32)
    found = _steadied([_disc(0)] * 8 + [gone] * 2, [picture(0, SIZE)] * 10, 0.9)
    assert found[8][inside].min() > 0.6  # one frame may be a moment of doubt
    assert found[9][inside].max() < 0.4


def test_flicker_in_a_still_picture_falls_by_far_more_than_half() -> None:
    rng = np.random.default_rng(3)
    still = picture(0, SIZE)
    maps = [np.clip(_disc(0, 0.8) + rng.normal(0, 0.1, SIZE), 0, 1).astype(np.float32) for _ in range(30)]
    found = _steadied(maps, [still] * 30, 0.9)
    before, after = (np.abs(np.diff(np.stack(each)[10:], axis=0)).mean() for each in (maps, found))
    assert after < 0.35 * before


def test_no_ghost_is_left_after_a_cut() -> None:
    rng = np.random.default_rng(4)
    other = rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    nothing = np.full(SIZE, 0.02, np.float32)
    found = _steadied([_disc(0), _disc(1), nothing], [picture(0, SIZE), picture(1, SIZE), other], 1)
    assert np.array_equal(found[2], nothing)


def test_a_subject_that_leaps_is_not_dragged_along() -> None:
    found = _steadied([_disc(0), _disc(0), _disc(16)], [picture(index, SIZE) for index in (0, 0, 16)], 0.9)
    old, new = _disc(0) > 0.5, _disc(16) > 0.5
    assert found[2][old & ~new].mean() < 0.15
    assert found[2][new & ~old].mean() > 0.9


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_sure_maps_stay_exactly_sure_and_in_range(value: float) -> None:
    maps = [np.full(SIZE, value, np.float32)] * 3
    found = _steadied(maps, [picture(0, SIZE)] * 3, 0.9)
    assert np.allclose(found[2], value, atol=1e-5)
    assert found[2].min() >= 0
    assert found[2].max() <= 1
    assert found[2].dtype == np.float32


def test_going_on_from_a_memory_is_going_on() -> None:
    rng = np.random.default_rng(5)
    maps = [np.clip(_disc(i) + rng.normal(0, 0.1, SIZE), 0, 1).astype(np.float32) for i in range(6)]
    pictures = [picture(index, SIZE) for index in range(6)]
    stabiliser = Stabiliser(0.9)
    whole = [stabiliser(shown, one) for one, shown in zip(maps, pictures, strict=True)]
    later = Stabiliser(0.9, Memory(pictures[2], whole[2], maps[2]))
    assert all(np.array_equal(later(pictures[i], maps[i]), whole[i]) for i in range(3, 6))


def test_maps_of_another_size_begin_anew() -> None:
    stabiliser = Stabiliser(0.9)
    stabiliser(picture(0, SIZE), _disc(0))
    small = np.full((48, 64), 0.4, np.float32)
    assert np.array_equal(stabiliser(picture(0, (48, 64)), small), small)


def test_the_small_picture_is_the_mean_of_the_cells() -> None:
    pixels = np.zeros((4, 6, 4), np.uint8)
    pixels[:2, :2, 0] = 200
    assert on_grid(pixels, (2, 3))[..., 0].tolist() == [[200, 0, 0], [0, 0, 0]]
