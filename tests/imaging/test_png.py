"""The PNG writer: whatever pixels go in come back out of other people's readers."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageCms

from u2bg.imaging import png

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SHAPES = st.one_of(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4])),
)


def _pillow(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def _opencv(content: bytes) -> NDArray[np.uint8]:
    """OpenCV's own decoder, its blue-green-red order turned round."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    swap = {2: lambda p: p, 3: lambda p: p[..., [2, 1, 0]] if p.shape[2] == 3 else p[..., [2, 1, 0, 3]]}
    return np.asarray(swap[pixels.ndim](pixels), np.uint8)


@given(pixels=SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_any_pixels_read_back_the_same_in_pillow_and_opencv(pixels: NDArray[np.uint8]) -> None:
    content = png.encode(pixels)

    assert np.array_equal(_pillow(content), pixels)
    assert np.array_equal(_opencv(content), pixels)


@pytest.mark.parametrize("shape", [(1500, 700, 4), (2500, 1000), (3, 600_000, 4), (9000, 60, 3)])
def test_pictures_of_several_bands_read_back_the_same(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    pixels[: shape[0] // 2] //= 64  # part of it compressible

    content = png.encode(pixels)

    assert content.count(b"IDAT") > 1
    assert np.array_equal(_pillow(content), pixels)
    assert np.array_equal(_opencv(content), pixels)


@given(pixels=SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)), compress=st.integers(0, 9))
def test_any_pixels_read_back_the_same_however_small_the_file(
    pixels: NDArray[np.uint8], compress: int
) -> None:
    content = png.encode(pixels, compress=compress)

    assert np.array_equal(_pillow(content), pixels)
    assert np.array_equal(_opencv(content), pixels)


def test_more_time_makes_smaller_files() -> None:
    photo = Image.open(EXAMPLES / "cat.jpg")
    pixels = np.asarray(photo)
    sizes = [len(png.encode(pixels, compress=compress)) for compress in (0, 1, 6, 9)]

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert len(png.encode(pixels)) == sizes[1]


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_joined_checksums_equal_the_checksum_of_the_whole(first: bytes, second: bytes) -> None:
    joined = png._join_adler(zlib.adler32(first), zlib.adler32(second), len(second))

    assert joined == zlib.adler32(first + second)


def test_profile_and_resolution_are_kept() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    picture = Image.open(io.BytesIO(png.encode(np.zeros((4, 4, 4), np.uint8), profile, (300.0, 150.0))))

    assert picture.info["icc_profile"] == profile
    assert picture.info["dpi"] == pytest.approx((300, 150), abs=0.02)


def test_the_file_is_at_most_fifteen_percent_larger_than_pillows_default(photo: Image.Image) -> None:
    pixels = np.asarray(photo.convert("RGBA"))
    theirs = io.BytesIO()
    photo.convert("RGBA").save(theirs, "PNG")

    assert len(png.encode(pixels)) <= 1.15 * theirs.tell()
