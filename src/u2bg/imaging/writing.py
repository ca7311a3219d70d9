"""Pixels to the bytes of a picture file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import CannotWrite, MissingExtra, UsageError
from u2bg.imaging import layered, png, webp
from u2bg.imaging.formats import AVIF, JPEG, PNG, PSD, TIFF, TIFF_LAYERS, WEBP, Format
from u2bg.imaging.kept import Kept, texts

JPEG_QUALITY = 92
AVIF_QUALITY = 80
_LARGEST_SIDE = {
    JPEG: 65_535,
    WEBP: 16_383,
    AVIF: 65_535,
    PSD: 30_000,
    TIFF: 4_000_000_000,
    TIFF_LAYERS: 4_000_000_000,
}
_XMP_TAG, _BYTE, _ASCII = 700, 1, 2


def encode(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    kind: Format,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    kept: Kept | None = None,
    layers: Sequence[layered.Layer] = (),
    compress: int | None = None,
    *,
    spend: bool = False,
) -> bytes:
    """(H, W) grey, (H, W, 3) or (H, W, 4) to a file of that kind, with profile, resolution, EXIF and XMP.

    PNG, TIFF and PSD keep every pixel, uint8 or uint16; TIFF has of EXIF the first directory's texts. The others take
    uint8 and are lossy (JPEG quality 92, WebP 90, AVIF 80); the alpha of WebP is exact.

    Args:
        layers: for the kinds that have layers, from the lowest to the highest; `pixels` is then all of them together.
        compress: of a PNG: 0 is written fastest, 9 is smallest; None is 1.
        spend: the pixels are not needed any more; their memory may be worked in.

    Raises:
        UsageError: `compress` for another kind, or no such level. CannotWrite: when the kind cannot hold a picture of
        this size. MissingExtra: 16-bit TIFF without `tiff`, layers without `psd`.
    """
    kept = kept or Kept()
    check_compress(compress, kind)
    if kind is PNG:
        return png.encode(pixels, icc, dpi, kept, png.COMPRESS if compress is None else compress)
    side = max(pixels.shape[:2])
    if side > _LARGEST_SIDE[kind]:
        raise CannotWrite(
            f"a {kind.name} picture has at most {_LARGEST_SIDE[kind]:,} pixels a side, "
            f"this one has {side:,}; fix: write png"
        )
    if kind is PSD:
        return layered.psd(pixels, list(layers), icc, dpi, kept)
    if layers or (kind in {TIFF, TIFF_LAYERS} and pixels.dtype == np.uint16):
        return _by_tifffile(pixels, icc, dpi, kept, list(layers))
    extra = {**_OPTIONS.get(kind, {}), "icc_profile": icc}
    if dpi and kind in {JPEG, TIFF, TIFF_LAYERS}:
        extra["dpi"] = dpi
    if kind in {TIFF, TIFF_LAYERS}:
        extra["tiffinfo"] = texts(kept.exif) | ({_XMP_TAG: kept.xmp} if kept.xmp else {})
    else:
        extra |= {"exif": b"Exif\0\0" + kept.exif} if kept.exif else {}
        extra |= {"xmp": kept.xmp} if kept.xmp else {}
    if kind is WEBP:
        return webp.encode(cast("NDArray[np.uint8]", pixels), extra, spend=spend)
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind.pillow, **extra)
    return file.getvalue()


def check_compress(compress: int | None, kind: Format) -> None:
    """Raises: UsageError where a kind of file does not ask how small it should be, or where there is no such level."""
    if compress is None:
        return
    if kind is not PNG:
        raise UsageError(f"compress {compress} is for png, not for {kind.name}; fix: leave it out")
    if not 0 <= compress <= 9:
        raise UsageError(f"no compress {compress}; expected 0, written fastest, to 9, smallest")


_OPTIONS: dict[Format, dict[str, Any]] = {
    JPEG: {"quality": JPEG_QUALITY, "subsampling": "4:4:4"},
    AVIF: {"quality": AVIF_QUALITY, "subsampling": "4:4:4"},
    TIFF: {"compression": "tiff_adobe_deflate"},
    TIFF_LAYERS: {"compression": "tiff_adobe_deflate"},
}


def _by_tifffile(
    pixels: NDArray[Any],
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    kept: Kept,
    layers: list[layered.Layer],
) -> bytes:
    """16 bits a channel, or layers, which Pillow cannot write."""
    tag = layered.tiff_tag(layers) if layers else None
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtra("writing TIFF of 16 bits", "tiff") from error
    tags: list[tuple[int, int, int, Any, bool]] = [
        (tag, _ASCII, 0, value, True) for tag, value in texts(kept.exif).items()
    ]
    if kept.xmp:
        tags.append((_XMP_TAG, _BYTE, len(kept.xmp), kept.xmp, True))
    if tag:
        tags.append(tag)
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        byteorder="<",
        photometric="minisblack" if pixels.ndim == 2 else "rgb",
        extrasamples=["unassalpha"] if pixels.shape[2:] == (4,) else None,
        compression="zlib",
        predictor=True,
        resolution=dpi or (72, 72),
        resolutionunit="INCH",
        metadata=None,
        software=False,
        iccprofile=icc,
        extratags=tags,
    )
    return file.getvalue()
