"""Pictures of every format and mode through reading, cutting and writing: what of them comes out the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, ImageCms
from PIL.Image import Exif
from tests.imaging.camera import dng

from u2bg import Remover
from u2bg.cutout import Cutout
from u2bg.imaging import Photo, layered, png, read
from u2bg.imaging.formats import FORMATS, PSD, Format
from u2bg.imaging.kept import Kept, described

SIDE = 64
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:li tiff:Orientation="6">a title</rdf:li></x:xmpmeta>'
ARTIST, EXPOSURE, ORIENTATION = 0x013B, 0x829A, 0x0112
Pixels = npt.NDArray[Any]


def disc(channels: int, depth: int) -> Pixels:
    """A bright disc, shaded, before darkness, (64, 64, channels); alpha, if any, is half in a corner of the disc."""
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    most = 255 if depth == 8 else 65535
    shades = np.stack(
        [0.8 + 0.19 * np.sin(3 * (k + 1) * rows + 2 * columns) for k in range(channels)], axis=2
    )
    inside = (rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.35**2
    values = np.where(inside[..., None], shades * most, 0)
    if channels == 4:
        values[..., 3] = most
        values[30:34, 30:34, 3] = most // 2
    return values.astype(np.uint8 if depth == 8 else np.uint16)


def exif(orientation: int = 1) -> Exif:
    made = Exif()
    made[ARTIST], made[ORIENTATION] = "A. Nonymous", orientation
    made.get_ifd(0x8769)[EXPOSURE] = 0.5
    return made


def by_pillow(kind: str, **options: Any) -> Callable[[Pixels], bytes]:
    def write(pixels: Pixels) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind, icc_profile=ICC, **options)
        return file.getvalue()

    return write


def by_tifffile(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    alpha = ["unassalpha"] if pixels.shape[2] == 4 else None
    tifffile.imwrite(
        file,
        pixels,
        photometric="rgb",
        extrasamples=alpha,
        iccprofile=ICC,
        resolution=(300, 300),
        resolutionunit="INCH",
        metadata=None,
        extratags=[(700, 1, len(XMP), XMP, True), (ARTIST, 2, 0, "A. Nonymous", True)],
    )
    return file.getvalue()


def by_heif(pixels: Pixels) -> bytes:
    import pillow_heif

    file = io.BytesIO()
    heif = pillow_heif.from_pillow(Image.fromarray(pixels))
    heif.save(file, quality=-1, exif=exif().tobytes(), xmp=XMP, icc_profile=ICC)
    return file.getvalue()


def deep_png(pixels: Pixels) -> bytes:
    block = exif().tobytes().removeprefix(b"Exif\0\0")
    return png.encode(pixels, ICC, (300, 300), Kept(block, XMP))


def as_mode(mode: str, kind: str, **options: Any) -> Callable[[Pixels], bytes]:
    """A file that tells nothing beside its pixels."""

    def write(pixels: Pixels) -> bytes:
        file = io.BytesIO()
        picture = Image.fromarray(pixels)
        (picture.quantize() if mode == "P" else picture.convert(mode)).save(file, kind, **options)
        return file.getvalue()

    return write


def grey_deep(kind: str) -> Callable[[Pixels], bytes]:
    def write(pixels: Pixels) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels[..., 0])).save(file, kind)
        return file.getvalue()

    return write


def by_camera(pixels: Pixels) -> bytes:
    """What a sensor behind a filter RGGB would have seen."""
    mosaic = pixels[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = pixels[0::2, 0::2, 0], pixels[1::2, 1::2, 2]
    return dng(mosaic)


def by_psd_tools(pixels: Pixels) -> bytes:
    """A document of one layer."""
    block = exif().tobytes().removeprefix(b"Exif\0\0")
    return layered.psd(pixels, [layered.Layer("photo", pixels)], ICC, (300, 300), Kept(block, XMP))


_TAGGED = {"exif": exif(), "xmp": XMP}
ALL = frozenset({"icc", "dpi", "exif", "xmp"})


@dataclass(frozen=True)
class Source:
    """What writes such a file, of pixels of so many channels and bits, and what it tells beside them."""

    write: Callable[[Pixels], bytes]
    channels: int = 3
    bits: int = 8
    tells: frozenset[str] = ALL


TAGS = ALL - {"dpi"}
NOTHING: frozenset[str] = frozenset()
SOURCES = {
    ("png", "RGB"): Source(deep_png),
    ("png", "RGB and alpha"): Source(deep_png, 4),
    ("png", "RGB, 16 bits"): Source(deep_png, 3, 16),
    ("png", "RGB and alpha, 16 bits"): Source(deep_png, 4, 16),
    ("png", "grey"): Source(as_mode("L", "PNG"), tells=NOTHING),
    ("png", "grey, 16 bits"): Source(grey_deep("PNG"), 3, 16, NOTHING),
    ("png", "grey and alpha"): Source(as_mode("LA", "PNG"), 4, tells=NOTHING),
    ("png", "palette"): Source(as_mode("P", "PNG"), tells=NOTHING),
    ("jpg", "RGB"): Source(by_pillow("JPEG", quality=100, subsampling=0, dpi=(300, 300), **_TAGGED)),
    ("jpg", "grey"): Source(as_mode("L", "JPEG"), tells=NOTHING),
    ("jpg", "CMYK"): Source(as_mode("CMYK", "JPEG", quality=100), tells=NOTHING),
    ("webp", "RGB"): Source(by_pillow("WEBP", lossless=True, **_TAGGED), tells=TAGS),
    ("webp", "RGB and alpha"): Source(by_pillow("WEBP", lossless=True, exact=True, **_TAGGED), 4, tells=TAGS),
    ("avif", "RGB"): Source(by_pillow("AVIF", quality=100, subsampling="4:4:4", **_TAGGED), tells=TAGS),
    ("avif", "RGB and alpha"): Source(
        by_pillow("AVIF", quality=100, subsampling="4:4:4", **_TAGGED), 4, tells=TAGS
    ),
    ("raw", "a camera's mosaic, 16 bits"): Source(by_camera, 3, 16, NOTHING),
    ("tiff", "RGB"): Source(by_tifffile),
    ("tiff", "RGB and alpha"): Source(by_tifffile, 4),
    ("tiff", "RGB, 16 bits"): Source(by_tifffile, 3, 16),
    ("tiff", "RGB and alpha, 16 bits"): Source(by_tifffile, 4, 16),
    ("tiff", "grey, 16 bits"): Source(grey_deep("TIFF"), 3, 16, NOTHING),
    ("tiff", "CMYK"): Source(as_mode("CMYK", "TIFF"), tells=NOTHING),
    ("psd", "RGB"): Source(by_psd_tools),
    ("psd", "RGB and alpha"): Source(by_psd_tools, 4),
    ("psd", "RGB, 16 bits"): Source(by_psd_tools, 3, 16),
    ("psd", "RGB and alpha, 16 bits"): Source(by_psd_tools, 4, 16),
    ("heic", "RGB"): Source(by_heif, tells=TAGS),
    ("heic", "RGB and alpha"): Source(by_heif, 4, tells=TAGS),
    ("bmp", "RGB"): Source(by_pillow("BMP"), tells=NOTHING),
    ("gif", "palette"): Source(as_mode("P", "GIF"), tells=NOTHING),
    ("ppm", "RGB"): Source(by_pillow("PPM"), tells=NOTHING),
    ("ppm", "grey"): Source(as_mode("L", "PPM"), tells=NOTHING),
}
"""By format and mode."""

WRITTEN = [row for row in FORMATS if row.written]


@dataclass(frozen=True)
class Trip:
    """What was the same after one way from a file to a file."""

    exact: bool
    close: bool
    bits: int
    icc: bool
    dpi: bool
    exif: bool
    xmp: bool
    upright: bool


def trips(source: tuple[str, str], remover: Remover) -> dict[str, Trip]:
    """From a file of that format and mode, cut, to a file of each kind that is written, and read again."""
    made = SOURCES[source]
    content = made.write(disc(made.channels, made.bits))
    rows, columns = np.ogrid[:SIDE, :SIDE]
    away = (rows - 32) ** 2 + (columns - 32) ** 2
    cutout = remover(content, keep=away < 16**2, erase=away > 26**2)
    return {kind.name: _trip(read(content), cutout, kind) for kind in WRITTEN}


def _trip(photo: Photo, cutout: Cutout, kind: Format) -> Trip:
    content = cutout.encode(kind)
    again = read(content)
    out_bits = 16 if again.kept.deep is not None else 8
    was, is_ = (
        (one.kept.deep if one.kept.deep is not None and out_bits == 16 else one.rgba)
        for one in (photo, again)
    )
    inside = interior(cutout) & ((cutout.mask == 255) | kind.transparent)
    assert inside.sum() > 100, "the disc was not found"
    was_inside, is_inside = was[inside].astype(int), is_[inside].astype(int)
    if not kind.transparent:
        was_inside, is_inside = was_inside[:, :3], is_inside[:, :3]
    opened = _opened(content, kind)
    about = described(opened)
    return Trip(
        exact=bool((was_inside == is_inside).all()),
        close=bool(np.abs(was_inside - is_inside).mean() < 4),
        bits=out_bits,
        icc=again.icc == ICC,
        dpi=again.dpi is not None and abs(again.dpi[0] - 300) < 0.1,
        exif=about.exif is not None and opened.getexif().get(ARTIST) == "A. Nonymous",
        xmp=about.xmp is not None and b"a title" in about.xmp,
        upright=opened.getexif().get(ORIENTATION, 1) == 1 and b'Orientation="6"' not in (about.xmp or b""),
    )


def _opened(content: bytes, kind: Format) -> Image.Image:
    """The file in a reader that is not ours, where Pillow reads what it tells beside its pixels."""
    return layered.opened(content, "it")[0] if kind is PSD else Image.open(io.BytesIO(content))


def interior(cutout: Cutout) -> npt.NDArray[np.bool_]:
    """Where the subject is opaque but for its own alpha: well inside the disc."""
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.asarray(((rows - 32) ** 2 + (columns - 32) ** 2 < 14**2) & (cutout.mask > 120))


def table(found: dict[tuple[tuple[str, str], str], Trip]) -> str:
    """A row for each format and mode that was read, a cell for each kind that was written."""
    lines = [
        "| read | " + " | ".join(f"→ {row.name}" for row in WRITTEN) + " |",
        "|---" * (len(WRITTEN) + 1) + "|",
    ]
    for source in SOURCES:
        cells = [_cell(found[source, row.name]) for row in WRITTEN]
        lines.append(f"| {source[0]}, {source[1]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(found: Trip) -> str:
    what = f"{found.bits} bits, {'exact' if found.exact else 'close' if found.close else 'different'}"
    kept = [name for name in ("icc", "dpi", "exif", "xmp") if getattr(found, name)]
    return f"{what}; {', '.join(name.upper() for name in kept) or '–'}"


__all__ = ["ICC", "SOURCES", "WRITTEN", "Source", "Trip", "disc", "table", "trips"]
