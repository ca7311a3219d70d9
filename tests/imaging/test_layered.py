"""PSD in and out, and layers in a TIFF, against readers that are not ours."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psdtags
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops
from psd_tools import PSDImage
from psd_tools.constants import Resource

from u2bg.cutout import Cutout
from u2bg.errors import BadArray, BrokenPicture, CannotWrite, MissingExtra, TooManyPixels
from u2bg.imaging import encode, layered, read
from u2bg.imaging.formats import PSD
from u2bg.imaging.kept import Kept
from u2bg.imaging.layered import Layer
from u2bg.matting.blend import insert
from u2bg.matting.matte import Matte


def noise(*shape: int, kind: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)


def cutout(deep: bool = False) -> Cutout:
    """A subject with a soft edge on every side."""
    alpha = np.zeros((20, 30), np.float32)
    alpha[4:16, 5:25], alpha[6:14, 8:22] = 0.4, 1
    matte = Matte.of(alpha)
    kept = Kept(deep=noise(20, 30, 4, kind=np.uint16)) if deep else Kept()
    photo = noise(20, 30, 4) if kept.deep is None else (kept.deep >> 8).astype(np.uint8)
    return Cutout(insert(photo, matte.mask), matte, 0.9, True, kept=kept)


def document(content: bytes) -> Any:
    return PSDImage.open(io.BytesIO(content))


def saved(made: PSDImage) -> bytes:
    """Without the picture of all layers that psd-tools would make, which needs more packages."""
    file = io.BytesIO()
    made._record.write(file)
    return file.getvalue()


# Out


def test_a_psd_has_the_cut_out_as_its_only_layer() -> None:
    subject = cutout()
    opened = document(subject.encode("psd"))
    assert [layer.name for layer in opened] == ["cut-out"]
    assert np.array_equal(np.asarray(opened[0].topil()), subject.rgba)
    again = read(subject.encode("psd"))
    assert np.array_equal(again.rgba, subject.rgba)


def test_a_background_is_a_layer_below_the_cut_out_and_the_whole_lies_beside_them() -> None:
    subject = cutout()
    wall = noise(20, 30, 3)
    content = subject.encode("psd", background=wall)
    opened = document(content)
    assert [layer.name for layer in opened] == ["background", "cut-out"]
    assert np.array_equal(np.asarray(opened[0].topil().convert("RGB")), wall)
    assert np.array_equal(np.asarray(opened[1].topil()), subject.rgba)
    assert np.array_equal(read(content).rgba[..., :3], subject.on(wall))
    pillows = Image.open(io.BytesIO(content))
    assert np.array_equal(np.asarray(pillows.convert("RGB")), subject.on(wall))


def test_the_merged_picture_is_laid_on_white_and_says_where_it_is_transparent() -> None:
    subject = cutout()
    merged = np.asarray(Image.open(io.BytesIO(subject.encode("psd"))))
    assert np.array_equal(merged[..., 3], subject.mask)
    assert np.array_equal(merged[..., :3], subject.on("white"))


def test_layers_of_sixteen_bits_are_exact() -> None:
    subject = cutout(deep=True)
    assert subject.deep is not None
    opened = document(subject.encode("psd", background="#102030"))
    values = np.dstack([opened[1].numpy("color"), opened[1].numpy("shape")])
    assert np.array_equal(np.rint(values * 65535).astype(np.uint16), subject.deep)
    again = read(subject.encode("psd"))
    assert again.kept.deep is not None
    assert np.array_equal(again.kept.deep, subject.deep)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_a_tiff_with_layers_is_a_plain_tiff_to_every_other_reader(deep: bool, tmp_path: Path) -> None:
    subject = cutout(deep)
    path = tmp_path / "layers.tif"
    path.write_bytes(subject.encode("tiff-layers", background="#0a0"))
    below, above = psdtags.TiffImageSourceData.fromtiff(path).layers.layers
    assert (below.name, above.name) == ("background", "cut-out")
    planes = np.stack([np.asarray(channel.data) for channel in above.channels], axis=2)
    assert np.array_equal(planes, subject.rgba if subject.deep is None else subject.deep)
    plain, again = read(subject.encode("tiff", background="#0a0")), read(path)
    assert np.array_equal(plain.rgba, again.rgba)
    if deep:
        assert plain.kept.deep is not None
        assert again.kept.deep is not None
        assert np.array_equal(plain.kept.deep, again.kept.deep)


@pytest.mark.parametrize("kind", ["psd", "tiff-layers"])
@pytest.mark.parametrize("layer", ["mask", "trimap"])
def test_a_mask_has_no_layers(kind: str, layer: str) -> None:
    subject = cutout()
    content = subject.encode(kind, layer=layer)
    assert np.array_equal(read(content).rgba[..., 0], subject.mask if layer == "mask" else subject.trimap())
    if kind == "psd":
        assert len(document(content)) == 0


def test_a_suffix_is_enough(tmp_path: Path) -> None:
    cutout().save(tmp_path / "out.psd", background="white")
    assert len(document((tmp_path / "out.psd").read_bytes())) == 2


def test_what_a_psd_cannot_hold_is_refused() -> None:
    with pytest.raises(CannotWrite, match="a psd picture has at most 30,000 pixels a side"):
        encode(np.zeros((1, 30_001, 3), np.uint8), PSD)


@pytest.mark.parametrize(("module", "kind"), [("psd_tools", "psd"), ("psdtags", "tiff-layers")])
def test_without_the_extra_the_fix_is_told(module: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = cutout().encode("psd")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"writing .* needs .*; fix: pip install 'u2bg\[psd\]'"):
        cutout().encode(kind)
    if kind == "psd":
        with pytest.raises(MissingExtra, match=r"reading PSD needs .*; fix: pip install 'u2bg\[psd\]'"):
            read(content)


# In


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_flat_psd_is_its_merged_picture(mode: str) -> None:
    picture = Image.fromarray(noise(8, 12, 3)).convert(mode)
    stored = ImageChops.invert(picture) if mode == "CMYK" else picture  # 255 is no ink there
    photo = read(saved(PSDImage.frompil(stored)))
    assert np.array_equal(photo.rgba[..., :3], np.asarray(picture.convert("RGB")))
    assert not photo.has_alpha


def test_sixteen_bits_of_a_merged_picture_are_kept() -> None:
    pixels = noise(8, 12, 3, kind=np.uint16)
    photo = read(encode(pixels, PSD))
    assert photo.kept.deep is not None
    assert np.array_equal(photo.kept.deep[..., :3], pixels)


@pytest.mark.parametrize("deep", [False, True], ids=["8 bits", "16 bits"])
def test_an_only_layer_lies_where_it_lies_even_beyond_the_canvas(deep: bool) -> None:
    made = PSDImage.new("RGBA", (12, 8), depth=16 if deep else 8)
    pixels = noise(6, 5, 4, kind=np.uint16 if deep else np.uint8)
    made.create_pixel_layer_from_array(pixels, "only", top=-2, left=9)
    photo = read(saved(made))
    got = photo.rgba if photo.kept.deep is None else photo.kept.deep
    assert photo.has_alpha
    assert np.array_equal(got[:4, 9:], pixels[2:, :3])
    assert not got[4:].any()
    assert not got[:, :9].any()


def test_a_layer_that_is_half_seen_is_not_taken_for_the_picture() -> None:
    made = document(encode(noise(8, 12, 3), PSD))
    made.create_pixel_layer_from_array(noise(8, 12, 4)[::-1], "only", opacity=100)
    assert np.array_equal(read(saved(made)).rgba[..., :3], noise(8, 12, 3))


def test_a_psd_without_a_merged_picture_says_what_to_do() -> None:
    made = document(cutout().encode("psd", background="white"))
    made.image_resources[Resource.VERSION_INFO].data.has_composite = False
    with pytest.raises(BrokenPicture, match=r"was saved without its merged picture; fix: save it again"):
        read(saved(made))


def test_thirty_two_bits_are_refused() -> None:
    with pytest.raises(BadArray, match=r"has 32-bit float pixels; expected 8 or 16 bits"):
        read(saved(PSDImage.new("RGB", (4, 4), depth=32)))


def test_a_psd_is_measured_before_it_is_read() -> None:
    content = bytearray(cutout().encode("psd"))
    content[14:22] = struct.pack(">II", 30_000, 30_000)
    with pytest.raises(TooManyPixels, match=r"30000×30000 = 900\.0 megapixels"):
        read(bytes(content))


def test_a_psd_that_is_cut_off_anywhere_is_a_broken_picture() -> None:
    content = cutout().encode("psd", background="white")
    for end in range(26, len(content) - 1, 61):
        with pytest.raises(BrokenPicture, match="is a damaged psd picture"):
            read(content[:end])


def test_bytes_that_are_wrong_end_in_one_line_or_in_a_picture() -> None:
    content = cutout(deep=True).encode("psd")
    rng = np.random.default_rng(1)
    for _ in range(200):
        broken = bytearray(content)
        for place in rng.integers(22, len(content), 4):
            broken[place] = rng.integers(256)
        with contextlib.suppress(BrokenPicture, BadArray):
            assert read(bytes(broken)).size == (20, 30)


def test_layers_have_names_of_their_own() -> None:
    assert Layer("a", noise(1, 1, 3)).name == "a"
    assert layered.size(encode(noise(3, 5, 3), PSD)) == (5, 3)
