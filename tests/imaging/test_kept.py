"""What goes on of a picture's description, and what must not."""

from __future__ import annotations

import io
import logging

import numpy as np
import pytest
from PIL import Image
from PIL.Image import Exif
from tests.imaging.round_trips import XMP, by_pillow, exif

from u2bg.imaging import png, read
from u2bg.imaging.kept import MOST_BYTES, Kept, described

GREY = np.full((8, 12, 3), 128, np.uint8)


def test_the_orientation_is_taken_and_not_told_again() -> None:
    photo = read(by_pillow("JPEG", exif=exif(orientation=6), xmp=XMP)(GREY))
    assert photo.size == (12, 8)
    again = Image.open(io.BytesIO(png.encode(photo.rgba, kept=photo.kept)))
    assert again.getexif().get(0x0112, 1) == 1
    assert b"\x12\x01" not in (photo.kept.exif or b"")
    assert photo.kept.xmp == XMP.replace(b'Orientation="6"', b'Orientation="1"')
    assert again.getexif()[0x013B] == "A. Nonymous"
    assert again.getexif().get_ifd(0x8769)[0x829A] == 0.5


def test_the_small_picture_with_the_old_background_is_left_behind() -> None:
    """A thumbnail is a second directory: made here by hand, since nothing writes one any more."""
    thumbnail = by_pillow("JPEG")(GREY)
    first = b"\x01\0" + b"\x3b\x01\x02\0\x04\0\0\0abc\0" + (26).to_bytes(4, "little")
    entries = [(0x0103, 3, 6), (0x0201, 4, 26 + 2 + 36 + 4), (0x0202, 4, len(thumbnail))]
    second = (
        b"\x03\0"
        + b"".join(
            tag.to_bytes(2, "little")
            + kind.to_bytes(2, "little")
            + (1).to_bytes(4, "little")
            + value.to_bytes(4, "little")
            for tag, kind, value in entries
        )
        + bytes(4)
    )
    block = b"II*\0\x08\0\0\0" + first + second + thumbnail
    content = by_pillow("JPEG", exif=b"Exif\0\0" + block)(GREY)
    kept = read(content).kept
    assert kept.exif is not None
    assert b"abc" in kept.exif
    assert thumbnail[:20] not in kept.exif


def test_a_damaged_description_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    content = by_pillow("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")(GREY)
    with caplog.at_level(logging.WARNING):
        assert read(content).kept.exif is None


def test_a_description_without_end_is_left_out() -> None:
    made = Exif()
    made[0x010E] = "x" * (MOST_BYTES + 1)
    picture = Image.new("RGB", (2, 2))
    picture.info["exif"] = made.tobytes()
    picture.info["xmp"] = b"x" * (MOST_BYTES + 1)
    kept = described(picture)
    assert (kept.exif, kept.xmp) == (None, None)


def test_a_crop_takes_its_part_of_the_deep_colours() -> None:
    deep = np.arange(4 * 6 * 4, dtype=np.uint16).reshape(4, 6, 4)
    assert Kept(deep=deep).cropped(np.s_[1:3, 2:5]).deep.tolist() == deep[1:3, 2:5].tolist()  # type: ignore[union-attr]
    assert Kept(b"exif").cropped(np.s_[1:3, 2:5]).exif == b"exif"
