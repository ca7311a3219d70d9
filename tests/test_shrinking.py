"""Small pictures of a photo, beside means taken by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from u2bg import compiled, shrinking
from u2bg.shrinking import Overview, block_means, overview


def _photo(height: int, width: int) -> shrinking.Pixels:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 4), np.uint8)


def test_small_pictures_hold_the_mean_of_each_channel_apart() -> None:
    photo = _photo(40, 60)

    expected = photo.reshape(4, 10, 6, 10, 4).mean((1, 3))
    np.testing.assert_allclose(Overview(photo).at((4, 6)), expected, atol=1)  # each direction rounds


@pytest.mark.parametrize("size", [(3000, 2000), (2051, 4099)])
def test_a_large_photo_is_averaged_in_whole_blocks_without_a_shift(size: tuple[int, int]) -> None:
    """A ramp stays the same ramp, to the last pixel, whatever is left over in the last block."""
    height, width = size
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 4))
    small = Overview(np.ascontiguousarray(np.round(ramp).astype(np.uint8))).at((30, 40))

    expected = np.asarray(
        Image.fromarray(ramp[..., 0].astype(np.float32)).resize((40, 30), Image.Resampling.BOX)
    )
    assert np.abs(small[..., 0] - expected).max() < 1


@pytest.mark.parametrize("size", [(700, 900), (1000, 1100), (1500, 2300), (3, 5000)])
def test_coarse_is_the_mean_of_blocks_the_last_ones_cut_off(size: tuple[int, int]) -> None:
    photo = _photo(*size)
    whole = Overview(photo)

    step = whole.coarse_px
    down, across = (np.arange(0, side, step) for side in size)
    sums = np.add.reduceat(np.add.reduceat(photo.astype(float), down, 0), across, 1)
    counts = np.multiply.outer(np.diff([*down, size[0]]), np.diff([*across, size[1]]))
    inside = np.s_[
        : size[0] // step, : size[1] // step
    ]  # blocks of blocks: those cut off are weighed otherwise
    np.testing.assert_allclose(whole.coarse[inside], (sums / counts[..., None])[inside], atol=1)
    assert max(whole.coarse.shape) < 960


def test_a_mask_has_the_means_of_the_photos_blocks() -> None:
    photo = _photo(1500, 2300)

    assert np.array_equal(block_means(photo, 4)[..., 1], block_means(np.ascontiguousarray(photo[..., 1]), 4))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_any_photo_gives_any_size(height: int, width: int, down: int, across: int) -> None:
    assert Overview(_photo(height, width)).at((down, across)).shape == (down, across, 4)


def test_an_overview_that_is_handed_on_is_not_made_again() -> None:
    first = Overview(_photo(5, 5))

    assert overview(first) is first


@settings(deadline=None, max_examples=80)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    block_px=st.integers(1, 20),
    channels=st.sampled_from([1, 4]),
    brightest=st.sampled_from([255, 1]),
    seed=st.integers(0, 2**32 - 1),
)
def test_compiled_means_are_pillows_to_the_bit(
    size: tuple[int, int], block_px: int, channels: int, brightest: int, seed: int
) -> None:
    pytest.importorskip("u2bg._loops", reason="u2bg was built without a compiler")
    pixels = np.random.default_rng(seed).integers(brightest - 1, 256, (*size, channels), np.uint8)
    pixels = pixels if channels == 4 else pixels[..., 0].copy()

    means = block_means(pixels, block_px)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "loops", None)
        assert np.array_equal(means, block_means(pixels, block_px))
