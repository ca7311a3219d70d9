"""Camera files, developed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.imaging.camera import dng

from u2bg.errors import BrokenPicture, MissingExtra, TooManyPixels
from u2bg.imaging import read

pytest.importorskip("rawpy")


def wall(orientation: int = 1) -> bytes:
    """A grey wall under a red lamp."""
    mosaic = np.full((64, 96), 20_000, np.uint16)
    mosaic[0::2, 0::2] = 40_000  # red
    return dng(mosaic, orientation)


def test_a_camera_file_is_developed_to_sixteen_bits() -> None:
    photo = read(wall())
    assert photo.kept.deep is not None
    assert photo.kept.deep.dtype == np.uint16
    assert photo.size == photo.kept.deep.shape[:2]
    assert photo.rgba[..., 3].min() == 255
    assert photo.rgba[20:40, 20:60, :3].std() < 30


def test_a_camera_file_comes_upright() -> None:
    assert read(wall(orientation=6)).size == read(wall()).size[::-1]


def test_a_camera_file_is_measured_before_it_is_developed() -> None:
    with pytest.raises(TooManyPixels, match=r"more than the limit of 0\.0 megapixels; fix: raise it"):
        read(wall(), max_pixels=100)


def test_half_a_camera_file_is_a_broken_picture() -> None:
    content = wall()
    with pytest.raises(BrokenPicture):
        read(b"FUJIFILMCCD-RAW " + content[:500])


def test_without_the_extra_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingExtra, match=r"reading camera files needs .*; fix: pip install 'u2bg\[raw\]'"):
        read(wall())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"reading HEIC needs .*; fix: pip install 'u2bg\[heif\]'"):
        read(b"\0\0\0\x18ftypheic" + bytes(40))
