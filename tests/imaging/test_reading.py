"""Reading: every kind of source and of picture becomes the same upright RGBA photo."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from u2bg.errors import (
    BadArray,
    BrokenPicture,
    InputError,
    NotAPicture,
    SourceMissing,
    TooManyPixels,
)
from u2bg.imaging.orientation import TAG, upright
from u2bg.imaging.reading import Source, read


def _file(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_all_sources_of_one_picture_give_the_same_pixels(photo: Image.Image, tmp_path: Path) -> None:
    content = _file(photo, "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    expected = np.asarray(photo.convert("RGBA"))

    with path.open("rb") as file:
        sources: list[Source] = [
            path,
            str(path),
            content,
            bytearray(content),
            memoryview(content),
            file,
            photo,
        ]
        for source in [*sources, np.asarray(photo), expected]:
            assert np.array_equal(read(source).rgba, expected), type(source)


def test_jpeg_pixels_are_those_that_pillow_decodes(photo: Image.Image) -> None:
    for options in ({"quality": 90}, {"quality": 40, "progressive": True}, {"subsampling": "4:4:4"}):
        content = _file(photo, "JPEG", **options)

        assert np.array_equal(read(content).rgba, np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")))


def test_without_simplejpeg_jpeg_is_read_all_the_same(
    photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = _file(photo, "JPEG")
    fast = read(content).rgba
    monkeypatch.setitem(sys.modules, "simplejpeg", None)

    assert np.array_equal(read(content).rgba, fast)


def test_the_kind_is_told_by_content_and_not_by_name(photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "really-a-webp.jpg"
    path.write_bytes(_file(photo, "WEBP", lossless=True))

    assert np.array_equal(read(path).rgba[..., :3], np.asarray(photo))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "PPM", "TIFF"])
def test_every_format_of_the_table_is_read(photo: Image.Image, kind: str) -> None:
    decoded = read(_file(photo, kind)).rgba

    assert decoded.shape == (photo.height, photo.width, 4)
    assert np.abs(decoded[..., :3].astype(int) - np.asarray(photo)).mean() < 8


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_come_upright_by_exif(photo: Image.Image, kind: str, value: int) -> None:
    picture = photo.resize((64, 48))
    exif = Image.Exif()
    exif[TAG] = value
    content = _file(picture, kind, exif=exif)
    plain = read(_file(picture, kind)).rgba

    turned = read(content).rgba

    assert turned.shape[:2] == ((48, 64) if value < 5 else (64, 48))
    assert np.array_equal(turned, upright(plain, value))


def test_a_pillow_picture_is_turned_too_and_left_as_it_was(photo: Image.Image) -> None:
    picture = photo.resize((64, 48))
    picture.getexif()[TAG] = 6

    assert read(picture).rgba.shape == (64, 48, 4)
    assert picture.size == (64, 48)


def test_grey_palette_and_one_bit_pictures_come_out_right(photo: Image.Image) -> None:
    small = photo.resize((40, 30))
    for mode in ("L", "1", "P"):
        picture = small.convert(mode)
        expected = np.asarray(picture.convert("RGB"))
        decoded = read(_file(picture, "PNG"))

        assert np.array_equal(decoded.rgba[..., :3], expected), mode
        assert not decoded.has_alpha


def test_grey_jpeg_comes_out_grey(photo: Image.Image) -> None:
    decoded = read(_file(photo.convert("L"), "JPEG", quality=95)).rgba

    assert np.array_equal(decoded[..., 0], decoded[..., 1])
    assert np.abs(decoded[..., 0].astype(int) - np.asarray(photo.convert("L"))).mean() < 2


def test_own_alpha_is_read_from_every_mode_that_has_one(photo: Image.Image) -> None:
    small = photo.resize((40, 30))
    alpha = Image.linear_gradient("L").resize((40, 30))
    small.putalpha(alpha)
    for mode in ("RGBA", "LA"):
        decoded = read(_file(small.convert(mode), "PNG"))

        assert decoded.has_alpha
        assert np.array_equal(decoded.rgba[..., 3], np.asarray(alpha)), mode


def test_a_transparent_palette_entry_is_own_alpha() -> None:
    picture = Image.new("P", (4, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putdata([0, 1, 0, 1])

    decoded = read(_file(picture, "PNG", transparency=1))

    assert decoded.has_alpha
    assert decoded.rgba[0, :, 3].tolist() == [255, 0, 255, 0]


def test_sixteen_bit_grey_keeps_its_range() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)

    for kind in ("PNG", "TIFF"):
        decoded = read(_file(Image.fromarray(ramp), kind)).rgba[0, :, 0]
        assert decoded.tolist() == list(range(256)), kind


def test_cmyk_comes_out_in_rgb(photo: Image.Image) -> None:
    decoded = read(_file(photo.convert("CMYK"), "JPEG", quality=95))

    assert np.abs(decoded.rgba[..., :3].astype(int) - np.asarray(photo)).mean() < 3
    assert decoded.icc is None


def test_grey_with_a_grey_profile_becomes_srgb_without_it(photo: Image.Image) -> None:
    grey_gamma_1 = _grey_profile()
    decoded = read(_file(photo.convert("L"), "PNG", icc_profile=grey_gamma_1))

    linear = np.asarray(photo.convert("L")) / 255
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    assert decoded.icc is None
    assert np.abs(decoded.rgba[..., 0] - srgb).mean() < 1.5  # the deepest shadows are coarse in 8 bits


def _grey_profile() -> bytes:
    """A minimal ICC v2 grey profile with gamma 1, made here: header, tag table, curve, white point."""
    curve = b"curv" + bytes(4) + (0).to_bytes(4, "big")
    white = b"XYZ " + bytes(4) + b"".join(v.to_bytes(4, "big") for v in (63190, 65536, 54061))
    text = b"desc" + bytes(4) + (2).to_bytes(4, "big") + b"g\0" + bytes(78)
    text += bytes(-len(text) % 4)
    blocks = {b"desc": text, b"wtpt": white, b"kTRC": curve}
    offset = 128 + 4 + 12 * len(blocks)
    table, body = len(blocks).to_bytes(4, "big"), b""
    for name, block in blocks.items():
        table += name + (offset + len(body)).to_bytes(4, "big") + len(block).to_bytes(4, "big")
        body += block
    size = 128 + len(table) + len(body)
    header = bytearray(128)
    header[0:4] = size.to_bytes(4, "big")
    header[8:12] = bytes([2, 0x40, 0, 0])
    header[12:24] = b"mntrGRAYXYZ "
    header[36:40] = b"acsp"
    header[68:80] = b"".join(v.to_bytes(4, "big") for v in (63190, 65536, 54061))
    return bytes(header) + table + body


def test_rgb_profile_and_resolution_go_with_the_photo(photo: Image.Image) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
        decoded = read(_file(photo, kind, icc_profile=profile, dpi=(300, 300)))

        assert decoded.icc == profile, kind
        assert kind == "WEBP" or decoded.dpi == pytest.approx((300, 300), abs=0.02), kind


def test_the_network_is_shown_srgb_whatever_the_profile(photo: Image.Image) -> None:
    swapped = _red_and_blue_swapped()
    decoded = read(_file(photo, "PNG", icc_profile=swapped))

    shown = decoded.to_srgb(np.ascontiguousarray(decoded.rgba[..., :3]))

    assert np.abs(shown[..., ::-1].astype(int) - np.asarray(photo)).mean() < 3


def _red_and_blue_swapped() -> bytes:
    """sRGB with the primaries of red and blue exchanged: a profile whose effect nobody can overlook."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp1").replace(b"bXYZ", b"rXYZ").replace(b"tmp1", b"bXYZ")


@pytest.mark.parametrize("icc", [b"", b"\0" * 200, b"not a profile at all"])
def test_a_damaged_profile_is_left_behind(photo: Image.Image, icc: bytes) -> None:
    assert read(_file(photo, "PNG", icc_profile=icc)).icc is None


def test_a_damaged_exif_block_leaves_the_picture_as_stored(photo: Image.Image) -> None:
    content = _file(photo.resize((64, 48)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12garbage")

    assert read(content).rgba.shape == (48, 64, 4)


@pytest.mark.parametrize(
    ("array", "colour"),
    [
        (np.full((2, 3), 7, np.uint8), (7, 7, 7, 255)),
        (np.full((2, 3, 1), 7, np.uint8), (7, 7, 7, 255)),
        (np.full((2, 3), True), (255, 255, 255, 255)),
        (np.full((2, 3, 3), 65535, np.uint16), (255, 255, 255, 255)),
        (np.full((2, 3, 4), 9, np.uint8), (9, 9, 9, 9)),
        (np.full((4, 6, 3), 5, np.uint8)[::2, ::-2], (5, 5, 5, 255)),
    ],
)
def test_arrays_of_each_shape_and_type_are_read(array: np.ndarray[Any, Any], colour: tuple[int, ...]) -> None:
    before = array.copy()
    photo = read(array)
    photo.rgba[:] = 0

    assert read(before).rgba[0, 0].tolist() == list(colour)
    assert read(before).rgba.shape == (2, 3, 4)
    assert np.array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 5), np.uint8), r"shape \(2, 3, 5\) is no picture; expected \(H, W\)"),
        (np.zeros(5, np.uint8), r"shape \(5,\) is no picture"),
        (np.zeros((0, 3), np.uint8), "has no pixels"),
        (
            np.zeros((2, 3), np.float32),
            "float32 is no picture; expected uint8, uint16 or bool; fix for floats",
        ),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array: np.ndarray[Any, Any], message: str) -> None:
    with pytest.raises(BadArray, match=message):
        read(array)


def test_a_file_object_of_text_is_refused() -> None:
    with pytest.raises(InputError, match="gives text; expected bytes; fix: open it with mode 'rb'"):
        read(io.StringIO("text"))  # type: ignore[arg-type]


def test_a_source_of_another_type_is_refused() -> None:
    with pytest.raises(InputError, match="cannot read a picture from int; expected a path, bytes"):
        read(5)  # type: ignore[arg-type]


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"no file '.*none\.jpg'; fix: check the name"):
        read(tmp_path / "none.jpg")
    with pytest.raises(SourceMissing, match="is a folder; expected a picture"):
        read(tmp_path)


def test_bytes_that_are_no_picture_are_named_for_what_they_are() -> None:
    with pytest.raises(NotAPicture, match="the input is no picture: got 0 bytes, expected one of png, jpg"):
        read(b"")
    with pytest.raises(NotAPicture, match=r"got a file that begins with '%PDF-1\.7'"):
        read(b"%PDF-1.7 and more")
    with pytest.raises(NotAPicture, match="begins with de ad be ef"):
        read(b"\xde\xad\xbe\xef" * 4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "PPM"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_pictures_are_refused(photo: Image.Image, kind: str, share: float) -> None:
    content = _file(photo, kind)

    with pytest.raises(BrokenPicture, match=r"the input is a damaged \w+ picture: .*; fix: get a whole copy"):
        read(content[: max(20, int(len(content) * share))])


def test_the_pixel_limit_holds_before_anything_is_decoded(photo: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(_file(photo, "JPEG"))

    with pytest.raises(TooManyPixels, match=r"512×512 = 0\.3 megapixels, more than the limit of 0\.1; fix"):
        read(path, max_pixels=100_000)


def test_the_pixel_limit_can_be_raised_beyond_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    content = _file(Image.new("L", (40, 40)), "PNG")

    assert read(content).size == (40, 40)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_only_the_decoders_of_the_table_are_ever_tried() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n"

    with pytest.raises(NotAPicture):
        read(eps)


def test_reading_a_picture_starts_no_colour_engine_without_a_profile(
    photo: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(_file(photo, "JPEG"))
    code = f"import sys; from u2bg.imaging import read; read({str(path)!r}); print('PIL.ImageCms' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"
