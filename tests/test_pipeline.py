"""The whole way of a photo, with the embedded model."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

import u2bg
from u2bg import imaging

EXAMPLES = Path(__file__).parents[1] / "examples"
CAT = EXAMPLES / "cat.jpg"


def _cat() -> Image.Image:
    with Image.open(CAT) as picture:
        return picture.convert("RGB")


@pytest.fixture(scope="module")
def remover() -> u2bg.Remover:
    """The embedded model, loaded once."""
    return u2bg.Remover()


def _iou(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    inside, elsewhere = one > 127, other > 127
    return float((inside & elsewhere).sum() / (inside | elsewhere).sum())


def test_a_photo_of_a_cat_becomes_a_cat(remover: u2bg.Remover) -> None:
    cutout = remover(CAT)

    assert cutout.has_subject
    assert cutout.confidence > 0.8
    assert cutout.mask[150, 200] > 250  # between the eyes
    assert cutout.size == cutout.alpha.shape
    assert cutout.alpha.dtype == np.float32


def test_other_options_share_the_network_and_leave_the_first_remover_as_it_was(remover: u2bg.Remover) -> None:
    strict = remover.with_options(u2bg.Options(require_subject=True))
    flat = Image.new("RGB", (64, 64), "grey")

    assert not remover(flat).has_subject
    with pytest.raises(u2bg.NoSubject):
        strict(flat)


def test_opaque_pixels_are_the_photos_to_the_bit(remover: u2bg.Remover) -> None:
    cutout = remover(CAT)
    decoded = np.asarray(_cat())

    opaque = cutout.alpha == 1
    assert opaque.sum() > 10_000
    assert np.array_equal(cutout.rgba[opaque][:, :3], decoded[opaque])


def test_remove_and_remover_agree(remover: u2bg.Remover, tmp_path: Path) -> None:
    cutout = u2bg.remove(CAT)
    cutout.save(tmp_path / "cat.png")

    assert np.array_equal(cutout.rgba, remover(CAT).rgba)
    with Image.open(tmp_path / "cat.png") as written:
        assert np.array_equal(np.asarray(written), cutout.rgba)


def test_a_flat_picture_has_no_subject(remover: u2bg.Remover) -> None:
    for grey in (0, 128, 255):
        cutout = remover(np.full((50, 80, 3), grey, np.uint8))

        assert not cutout.has_subject, grey
        assert np.isfinite(cutout.alpha).all()


def test_a_required_subject_that_is_not_there_is_an_error() -> None:
    with pytest.raises(
        u2bg.NoSubject, match=r"no subject was found \(confidence 0\.\d\d\); fix: try another"
    ):
        u2bg.remove(np.full((50, 80, 3), 128, np.uint8), require_subject=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (31, 33)])
def test_tiny_and_thin_pictures_are_answered(remover: u2bg.Remover, size: tuple[int, int]) -> None:
    cutout = remover(np.zeros((*size, 3), np.uint8))

    assert cutout.rgba.shape == (*size, 4)


def test_own_alpha_is_multiplied_in(remover: u2bg.Remover) -> None:
    picture = _cat()
    ramp = Image.linear_gradient("L").resize(picture.size)
    opaque = picture.copy()
    opaque.putalpha(255)
    picture.putalpha(ramp)

    cutout = remover(picture)

    assert (cutout.alpha <= np.asarray(ramp) / np.float32(255) + 1e-6).all()
    assert np.array_equal(remover(opaque).rgba, remover(CAT).rgba)


def test_colours_hidden_under_transparency_do_not_reach_the_network(remover: u2bg.Remover) -> None:
    picture = np.array(_cat().convert("RGBA"))
    picture[:, 300:, 3] = 0
    scribbled = picture.copy()
    scribbled[:, 300:, :3] = np.random.default_rng(0).integers(0, 256, scribbled[:, 300:, :3].shape)

    assert np.array_equal(remover(picture).alpha, remover(scribbled).alpha)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_gives_the_upright_cut_out(remover: u2bg.Remover, turn: int) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = _cat()
    stored = upright.transpose(back[turn]) if turn > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    file = io.BytesIO()
    stored.save(file, "PNG", exif=exif)

    assert np.array_equal(remover(file.getvalue()).rgba, remover(upright).rgba)


@pytest.mark.parametrize(("mode", "kind"), [("P", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("CMYK", "TIFF")])
def test_a_photo_of_any_mode_is_cut_like_the_same_photo_in_rgb(
    remover: u2bg.Remover, mode: str, kind: str
) -> None:
    photo = _cat().convert(mode)
    file = io.BytesIO()
    photo.save(file, kind)

    assert np.array_equal(remover(file.getvalue()).rgba, remover(photo.convert("RGB")).rgba)


def test_a_photo_in_another_colour_space_is_cut_the_same_and_keeps_its_profile(
    remover: u2bg.Remover, tmp_path: Path
) -> None:
    photo = _cat()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp1").replace(b"bXYZ", b"rXYZ").replace(b"tmp1", b"bXYZ")
    blue, green, red = reversed(photo.split())
    file = io.BytesIO()
    Image.merge("RGB", (blue, green, red)).save(file, "PNG", icc_profile=swapped, dpi=(300, 300))

    cutout = remover(file.getvalue())
    cutout.save(tmp_path / "out.png")

    assert _iou(cutout.mask, remover(photo).mask) > 0.98
    with Image.open(tmp_path / "out.png") as written:
        assert written.info["icc_profile"] == swapped
        assert written.info["dpi"] == pytest.approx((300, 300), abs=0.02)


def test_sources_are_never_changed(remover: u2bg.Remover) -> None:
    pixels = np.array(_cat())
    before = pixels.copy()
    picture = Image.fromarray(pixels)
    remover(pixels).rgba.fill(0)
    remover(picture).rgba.fill(0)

    assert np.array_equal(pixels, before)
    assert np.array_equal(np.asarray(picture), before)


@pytest.mark.parametrize(
    "options", [u2bg.Options(backdrop=True), u2bg.Options(foreground=False), u2bg.Options()]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_photo_that_is_spent_gives_the_same_cut_out_and_one_that_is_not_stays(
    remover: u2bg.Remover, options: u2bg.Options, mode: str
) -> None:
    cut = remover.with_options(options)
    picture = _cat().convert(mode)
    if mode == "RGBA":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    photo, spent = imaging.read(picture), imaging.read(picture)
    before = photo.rgba.copy()

    expected = cut.cut(photo, cut.look(photo))
    got = cut.cut(spent, cut.look(spent), spend=True)

    assert (photo.rgba == before).all()
    assert (got.rgba == expected.rgba).all()
    assert (got.mask == expected.mask).all()
    if options.backdrop:
        assert got.backdrop is not None
        assert expected.backdrop is not None
        assert (got.backdrop == expected.backdrop).all()
    if mode == "RGB" and not options.backdrop:
        assert got.rgba is spent.rgba


def test_one_remover_serves_several_threads(remover: u2bg.Remover) -> None:
    photos = [EXAMPLES / name for name in ("cat.jpg", "astronaut.jpg", "coffee.jpg")] * 3
    alone = [remover(photo).mask for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda photo: remover(photo).mask, photos))

    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_an_unknown_refinement_is_refused() -> None:
    with pytest.raises(
        u2bg.InputError, match="no refinement named 'closed'; expected one of auto, closed-form, off"
    ):
        u2bg.Options(refine="closed")
