"""WebP: libwebp's colours and an alpha of our own in one file, which others read back."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms

from u2bg.imaging import webp, webp_alpha

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ALPHAS = st.one_of(st.integers(0, 255), st.sampled_from([0, 255]))


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    colours=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_pillow_and_opencv_read_the_alpha_back_exactly(
    shape: tuple[int, int], colours: int, data: st.DataObject
) -> None:
    pixels = np.random.default_rng(colours).integers(0, 256, (*shape, 4), np.uint8)
    pixels[..., 3] = data.draw(arrays.arrays(np.uint8, shape, elements=ALPHAS))

    file = webp.encode(pixels, {})

    by_pillow = np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))
    assert np.array_equal(by_pillow[..., 3], pixels[..., 3])
    by_opencv = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert by_opencv is not None
    if by_opencv.shape[2] == 3:  # as opaque pictures are written
        assert (pixels[..., 3] == 255).all()
    else:
        assert np.array_equal(by_opencv[..., 3], pixels[..., 3])


@pytest.mark.parametrize("alpha", [0, 1, 128, 254, 255])
def test_one_alpha_everywhere(alpha: int) -> None:
    pixels = np.full((30, 41, 4), (200, 100, 50, alpha), np.uint8)

    written = np.asarray(Image.open(io.BytesIO(webp.encode(pixels, {}))).convert("RGBA"))

    assert (written[..., 3] == alpha).all()
    assert alpha == 0 or np.abs(written[..., :3].astype(int) - pixels[..., :3]).max() < 6


def test_colours_and_size_are_those_of_libwebp_by_itself(photo: Image.Image) -> None:
    ys, xs = np.mgrid[: photo.height, : photo.width]
    far = np.hypot(ys - photo.height / 2, xs - photo.width / 2)
    pixels = np.asarray(photo.convert("RGBA")).copy()
    pixels[..., 3] = np.clip(255 * (photo.height / 3 - far) / 4 + 128, 0, 255)
    whole = io.BytesIO()
    Image.fromarray(pixels).save(whole, "WEBP", quality=webp.QUALITY, method=webp.METHOD)

    file = webp.encode(pixels, {})

    weight = pixels[..., 3:] / 255
    errors = [
        np.square(
            (np.asarray(Image.open(io.BytesIO(one)))[..., :3] - pixels[..., :3].astype(float)) * weight
        ).mean()
        for one in (file, whole.getvalue())
    ]
    assert errors[0] == pytest.approx(errors[1], rel=0.02)
    assert len(file) == pytest.approx(len(whole.getvalue()), rel=0.06)


def test_tags_are_kept_beside_the_alpha(photo: Image.Image) -> None:
    pixels = np.asarray(photo.convert("RGBA")).copy()
    pixels[: photo.height // 2, :, 3] = 0
    exif = Image.Exif()
    exif[0x0131] = "a camera's name"

    file = webp.encode(pixels, {"icc_profile": PROFILE, "exif": exif.tobytes(), "xmp": b"<x:xmpmeta/>"})

    written = Image.open(io.BytesIO(file))
    assert written.info["icc_profile"] == PROFILE
    assert written.getexif()[0x0131] == "a camera's name"
    assert written.info["xmp"] == b"<x:xmpmeta/>"
    assert np.array_equal(np.asarray(written)[..., 3], pixels[..., 3])


def test_an_alpha_of_long_runs_and_of_noise() -> None:
    rng = np.random.default_rng(0)
    # More than one strip, and runs longer than one symbol can tell.
    pixels = np.zeros((300, 2000, 4), np.uint8)
    pixels[100:110, :, 3] = 255
    pixels[200:, :, 3] = np.where(rng.random((100, 2000)) < 0.5, rng.integers(0, 256, (100, 2000)), 0)

    written = np.asarray(Image.open(io.BytesIO(webp.encode(pixels, {}))))

    assert np.array_equal(written[..., 3], pixels[..., 3])


@given(counts=st.lists(st.integers(0, 2**40), min_size=2, max_size=280))
def test_prefix_codes_are_complete_and_no_longer_than_the_format_allows(counts: list[int]) -> None:
    known = np.array([*counts, 1, 1])

    lengths = webp_alpha._code_lengths(known)

    assert ((lengths > 0) == (known > 0)).all()
    assert lengths.max() <= 15
    assert sum(2.0 ** -int(length) for length in lengths if length) == 1


def test_where_nothing_is_seen_the_colours_are_those_beside_it_or_none() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    pixels[..., 3] = 0
    pixels[:, :36] = 200, 100, 50, 255

    written = np.asarray(Image.open(io.BytesIO(webp.encode(pixels, {}))))

    assert np.abs(written[:, :40, :3].astype(int) - (200, 100, 50)).max() < 32
    assert not written[:, 48:, :3].any()


def test_pixels_are_left_alone_unless_they_may_be_spent() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, 4), np.uint8)
    pixels[..., 3] *= pixels[..., 3] > 128
    before = pixels.copy()

    file = webp.encode(pixels, {})

    assert np.array_equal(pixels, before)
    assert webp.encode(pixels, {}, spend=True) == file
    seen = before[..., 3] > 0
    assert np.array_equal(pixels[seen], before[seen])
    assert np.array_equal(pixels[..., 3], before[..., 3])
