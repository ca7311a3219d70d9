"""A small subject is looked at twice, and nothing is lost by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from u2bg.saliency import second_pass
from u2bg.saliency.models import InputSpec
from u2bg.saliency.predictor import Predictor
from u2bg.saliency.second_pass import Box, crop_box, look_again, merge

Field = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SPEC = InputSpec(size=64, keep_aspect=True, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class Brightness:
    """An engine that finds what is bright, and remembers what it was shown."""

    def __init__(self, *later: float) -> None:
        self.seen: list[tuple[int, ...]] = []
        self._later = later

    def __call__(self, batch: Field) -> Field:
        self.seen.append(batch.shape[2:])
        if len(self.seen) > 1 and self._later:
            return np.full((1, *batch.shape[2:]), self._later[0], np.float32)
        return np.asarray(batch.mean(1))


def _photo(size: tuple[int, int], subject: Box) -> Pixels:
    pixels = np.zeros((*size, 4), np.uint8)
    pixels[subject.top : subject.bottom, subject.left : subject.right] = 255
    return pixels


def _same(pixels: Pixels) -> Pixels:
    return pixels


def _maps(pixels: Pixels, engine: Brightness) -> tuple[Field, Field]:
    """The map of one pass, and what a second look makes of it."""
    predict = Predictor(engine, SPEC)
    first = predict(pixels, _same)
    return first, look_again(predict, first, pixels, _same)


def _error(saliency_map: Field, pixels: Pixels) -> float:
    truth = pixels[..., 0] / 255
    return float(np.abs(second_pass._resampled(saliency_map, truth.shape) - truth).mean())


def test_a_small_subject_gets_a_second_look_and_a_sharper_edge() -> None:
    engine = Brightness()
    pixels = _photo((400, 400), Box(131, 207, 153, 249))
    first, both = _maps(pixels, engine)

    assert len(engine.seen) == 2
    assert _error(both, pixels) < 0.7 * _error(first, pixels)


@pytest.mark.parametrize(
    "subject", [Box(0, 60, 0, 60), Box(340, 400, 340, 400), Box(0, 60, 150, 250), Box(150, 250, 340, 400)]
)
def test_a_subject_at_the_border_stays_whole_up_to_the_border(subject: Box) -> None:
    engine = Brightness()
    pixels = _photo((400, 400), subject)
    first, both = _maps(pixels, engine)

    assert len(engine.seen) == 2
    assert _error(both, pixels) < _error(first, pixels)
    rows, columns = (
        np.array([start, stop - 1]) * both.shape[0] // 400 for start, stop in (subject[:2], subject[2:])
    )
    touching = [(r, c) for r in rows for c in columns if r in (0, len(both) - 1) and c in (0, len(both) - 1)]
    assert all(both[corner] > 0.99 for corner in touching)


def test_a_large_subject_is_seen_once() -> None:
    engine = Brightness()
    first, both = _maps(_photo((400, 400), Box(50, 350, 50, 350)), engine)

    assert both is first
    assert len(engine.seen) == 1


def test_a_photo_with_no_more_pixels_than_the_network_has_seen_is_seen_once() -> None:
    engine = Brightness()
    first, both = _maps(_photo((80, 80), Box(30, 50, 30, 50)), engine)

    assert both is first
    assert len(engine.seen) == 1


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_a_second_pass_that_loses_the_subject_is_not_believed(lost: float) -> None:
    engine = Brightness(lost)
    first, both = _maps(_photo((400, 400), Box(130, 210, 150, 250)), engine)

    assert len(engine.seen) == 2
    assert both is first


@pytest.mark.parametrize("level", [0, 255])
def test_a_flat_map_is_left_as_it_is(level: int) -> None:
    engine = Brightness()
    first, both = _maps(np.full((400, 400, 4), level, np.uint8), engine)

    assert both is first
    assert len(engine.seen) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_a_photo_one_pixel_wide_is_seen_once(size: tuple[int, int]) -> None:
    engine = Brightness()
    pixels = np.zeros((*size, 4), np.uint8)
    pixels[: max(1, size[0] // 50), : max(1, size[1] // 50)] = 255
    first, both = _maps(pixels, engine)

    assert both is first
    assert len(engine.seen) == 1


def test_a_map_of_nan_is_left_as_it_is() -> None:
    assert crop_box(np.full((64, 64), np.nan, np.float32), (400, 400)) is None


def test_there_is_no_seam_where_the_maps_differ() -> None:
    """Where the crop's map is .4 above the first all around, no step of the merged map shows where it begins."""
    merged = merge(
        np.full((64, 64), 0.55, np.float32),
        np.full((64, 64), 0.95, np.float32),
        Box(100, 300, 100, 300),
        (400, 400),
    )

    assert merged.shape == (128, 128)
    assert merged[64, 64] == pytest.approx(0.95)
    assert merged[0, 0] == pytest.approx(0.55)
    assert max(np.abs(np.diff(merged, axis=axis)).max() for axis in (0, 1)) < 0.4 / 6


def test_outside_the_crop_the_first_map_is_only_enlarged() -> None:
    rng = np.random.default_rng(0)
    first = rng.random((64, 64), np.float32) * np.float32(0.4)
    first[28:36, 28:36] = 1
    closer = np.zeros((64, 64), np.float32)
    closer[16:48, 16:48] = 1
    merged = merge(first, closer, Box(150, 250, 150, 250), (400, 400))
    outside = np.ones(merged.shape, bool)
    outside[48:80, 48:80] = False

    assert merged.shape == (128, 128)
    np.testing.assert_array_equal(merged[outside], second_pass._resampled(first, (128, 128))[outside])


def test_a_mirrored_photo_gives_the_mirrored_map() -> None:
    pixels = _photo((384, 512), Box(96, 192, 128, 224))
    _, both = _maps(pixels, Brightness())
    _, mirrored = _maps(np.ascontiguousarray(pixels[:, ::-1]), Brightness())

    np.testing.assert_allclose(mirrored[:, ::-1], both, atol=0.02)  # a pixel of rounding at the crop's ends


@given(
    st.integers(1, 600),
    st.integers(1, 600),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_any_subject_in_any_photo_gives_a_map_within_bounds(
    height: int, width: int, corners: tuple[float, ...]
) -> None:
    (top, bottom), (left, right) = (sorted(corners[:2]), sorted(corners[2:]))
    subject = Box(int(top * height), int(bottom * height) + 1, int(left * width), int(right * width) + 1)
    engine = Brightness()
    first, both = _maps(_photo((height, width), subject), engine)

    assert len(engine.seen) <= 2
    assert both.dtype == np.float32
    assert 0 <= both.min() <= both.max() <= 1
    if both is not first:
        assert both.shape <= (height, width)
        assert all(
            old <= new <= 2 * old or new == pixels
            for old, new, pixels in zip(first.shape, both.shape, (height, width), strict=True)
        )


def test_the_finer_grid_is_bounded() -> None:
    first, closer = np.ones((640, 640), np.float32), np.ones((640, 640), np.float32)
    merged = merge(first, closer, Box(1000, 2000, 1000, 2000), (4000, 4000))

    assert first.size < merged.size <= 500_000
