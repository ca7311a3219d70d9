"""Camera files: a DNG made here, of a grey wall under a red lamp."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import tifffile

from u2bg.errors import BrokenPicture, MissingExtra, TooManyPixels
from u2bg.imaging import read

pytest.importorskip("rawpy")


def dng(height: int = 64, width: int = 96, orientation: int = 1) -> bytes:
    """A mosaic RGGB of 16 bits, the tags that LibRaw asks for, and the camera's white balance."""
    mosaic = np.full((height, width), 20_000, np.uint16)
    mosaic[0::2, 0::2] = 40_000  # red
    matrix = [10000, 10000, 0, 1, 0, 1, 0, 1, 10000, 10000, 0, 1, 0, 1, 0, 1, 10000, 10000]
    tags = [
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50708, 2, 0, "Made by a test", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50721, 10, 9, matrix, True),
        (50728, 5, 3, (2, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
        (50717, 4, 1, 65535, True),
        (274, 3, 1, orientation, True),
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, mosaic, photometric=32803, extratags=tags, metadata=None, planarconfig=1)
    return file.getvalue()


def test_a_camera_file_is_developed_to_sixteen_bits() -> None:
    photo = read(dng())
    assert photo.kept.deep is not None
    assert photo.kept.deep.dtype == np.uint16
    assert photo.size == photo.kept.deep.shape[:2]
    assert photo.rgba[..., 3].min() == 255
    assert photo.rgba[20:40, 20:60, :3].std() < 30


def test_a_camera_file_comes_upright() -> None:
    assert read(dng(orientation=6)).size == read(dng()).size[::-1]


def test_a_camera_file_is_measured_before_it_is_developed() -> None:
    with pytest.raises(TooManyPixels, match=r"more than the limit of 0\.0 megapixels; fix: raise it"):
        read(dng(), max_pixels=100)


def test_half_a_camera_file_is_a_broken_picture() -> None:
    content = dng()
    with pytest.raises(BrokenPicture):
        read(b"FUJIFILMCCD-RAW " + content[:500])


def test_without_the_extra_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingExtra, match=r"reading camera files needs .*; fix: pip install 'u2bg\[raw\]'"):
        read(dng())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"reading HEIC needs .*; fix: pip install 'u2bg\[heif\]'"):
        read(b"\0\0\0\x18ftypheic" + bytes(40))
