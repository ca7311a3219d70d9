"""`Cutout`: what can be made of a subject and its alpha."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from u2bg.cutout import Cutout, colour
from u2bg.errors import BadArray, CannotWrite, UnknownName, UsageError
from u2bg.matting.blend import insert
from u2bg.matting.matte import Matte


def _photo(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (*shape, 4), np.uint8)


def _cutout(alpha: NDArray[np.float32]) -> Cutout:
    matte = Matte.of(alpha.astype(np.float32))
    return Cutout(insert(_photo(alpha.shape), matte.mask), matte, confidence=0.9, has_subject=True)


@pytest.fixture
def cutout() -> Cutout:
    """A subject in the middle with a soft left edge."""
    alpha = np.zeros((12, 16), np.float32)
    alpha[3:9, 5:12] = 1
    alpha[3:9, 4] = 0.5
    return _cutout(alpha)


@given(arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32)))
def test_opaque_pixels_keep_the_photos_bytes_and_empty_ones_hide_nothing(alpha: NDArray[np.float32]) -> None:
    cutout = _cutout(alpha)

    opaque, empty = cutout.mask == 255, cutout.mask == 0
    assert np.array_equal(cutout.rgba[opaque][:, :3], _photo(alpha.shape)[opaque][:, :3])
    assert not cutout.rgba[empty].any()
    assert np.array_equal(cutout.rgba[..., 3], cutout.mask)


def test_half_transparent_pixels_are_straight_and_not_darkened(cutout: Cutout) -> None:
    assert np.array_equal(cutout.rgba[3:9, 4, :3], _photo(cutout.size)[3:9, 4, :3])


def test_a_background_shows_where_the_subject_is_not(cutout: Cutout) -> None:
    on_red = cutout.on("#f00")

    assert (on_red[0, 0] == (255, 0, 0)).all()
    assert np.array_equal(on_red[5, 8], _photo(cutout.size)[5, 8, :3])
    assert np.array_equal(cutout.on("red"), on_red)
    assert np.array_equal(cutout.on((255, 0, 0)), on_red)


def test_a_background_picture_covers_and_is_centred(cutout: Cutout) -> None:
    stripes = np.zeros((12, 48, 3), np.uint8)
    stripes[:, 16:32] = 200  # the middle third is what a 16-wide cut-out sees

    assert (cutout.on(stripes)[0] == 200).all()
    assert np.array_equal(cutout.on(Image.fromarray(stripes)), cutout.on(stripes))


def test_a_background_of_another_shape_is_refused(cutout: Cutout) -> None:
    with pytest.raises(BadArray, match=r"a background of shape \(4, 4\) uint8; expected \(H, W, 3\) uint8"):
        cutout.on(np.zeros((4, 4), np.uint8))


def test_crop_takes_the_box_of_the_subject_and_its_margin(cutout: Cutout) -> None:
    assert cutout.crop().size == (6, 8)
    assert cutout.crop(margin=2).size == (10, 12)
    assert cutout.crop(margin=100).size == cutout.size
    assert np.array_equal(cutout.crop().rgba, cutout.rgba[3:9, 4:12])


def test_a_margin_may_be_a_share_of_the_subjects_longer_side(cutout: Cutout) -> None:
    assert cutout.crop("25%").size == (10, 12)  # 8 columns, so 2 pixels
    for margin in ("x", "-1", "1.5", "%", ""):
        with pytest.raises(UsageError, match=r"no margin '.*'; expected pixels or a share of the subject"):
            cutout.crop(margin)


def test_a_blurred_background_is_laid_where_the_photo_had_it_even_cropped(cutout: Cutout) -> None:
    backdrop = np.zeros((12, 16, 3), np.uint8)
    backdrop[:, 8:] = 200
    kept = replace(cutout, backdrop=backdrop)
    assert (kept.on("blur")[0, 0] == 0).all()
    assert (kept.crop(1).on("blur") == kept.on("blur")[2:10, 3:13]).all()
    with pytest.raises(UsageError, match="no blurred background was kept; fix: Remover"):
        cutout.on("blur")


def test_a_shadow_makes_the_cut_out_larger_and_keeps_the_subject(cutout: Cutout) -> None:
    whole = cutout.shadowed()
    opaque = cutout.mask == 255
    assert np.array_equal(whole.rgba[opaque], cutout.rgba[opaque])
    assert (whole.mask >= cutout.mask).all()
    assert (whole.mask > 0).sum() > (cutout.mask > 0).sum()


def test_crop_of_nothing_is_the_whole() -> None:
    empty = _cutout(np.zeros((4, 4), np.float32))

    assert empty.crop().size == (4, 4)


def test_the_trimap_is_open_around_the_edge(cutout: Cutout) -> None:
    trimap = cutout.trimap(margin_px=1)

    assert trimap[5, 8] == 255
    assert trimap[0, 0] == 0
    assert (trimap[3:9, 3:6] == 128).all()


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_save_writes_the_kind_that_the_suffix_says(cutout: Cutout, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"

    cutout.save(path)

    with Image.open(path) as written:
        assert written.mode == ("RGB" if suffix == "jpg" else "RGBA")
        assert written.size == (16, 12)


def test_jpeg_without_a_background_gets_white() -> None:
    empty = _cutout(np.zeros((16, 16), np.float32))

    assert (np.asarray(Image.open(io.BytesIO(empty.encode("jpg")))) == 255).all()


def test_the_mask_alone_is_grey(cutout: Cutout) -> None:
    written = Image.open(io.BytesIO(cutout.encode(layer="mask")))

    assert written.mode == "L"
    assert np.array_equal(np.asarray(written), cutout.mask)


def test_a_background_makes_png_opaque(cutout: Cutout) -> None:
    written = Image.open(io.BytesIO(cutout.encode("png", background="white")))

    assert written.mode == "RGB"
    assert np.array_equal(np.asarray(written), cutout.on("white"))


def test_an_unknown_suffix_is_refused_before_anything_is_written(cutout: Cutout, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no output format named '\.xyz'"):
        cutout.save(tmp_path / "out.xyz")
    with pytest.raises(CannotWrite, match="its folder does not exist"):
        cutout.save(tmp_path / "none" / "out.png")

    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("text", ["no such", "#12", "rgb(1,2)", "", "#ffffff80", "rgba(1, 2, 3, 4)"])
def test_what_is_no_opaque_colour_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"no opaque colour .*; expected one such as white, #fff or #ffffff"):
        colour(text)


def test_notebooks_show_the_cut_out(cutout: Cutout) -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cutout._repr_png_()))), cutout.rgba)


def test_foreground_cannot_be_scribbled_on(cutout: Cutout) -> None:
    with pytest.raises(ValueError, match="read-only"):
        cutout.foreground[0, 0] = 0
