"""PNG by parallel deflate: bands of rows, filter Up, compressed side by side, joined into one stream.

A writer of our own because nothing else comes near: 50 times faster than Pillow's default for files about
a tenth larger. PNG: ISO/IEC 15948. Joining deflate streams at sync flushes is how pigz does it.
"""

from __future__ import annotations

import struct
import zlib
from itertools import chain

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from u2bg.cores import on_all_cores
from u2bg.imaging.kept import Kept

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}
COMPRESS = 1
_MOST_BY_ISAL = 2
"""Its level 3 takes longer and gives more."""

_FILTER_UP = 2
_ZLIB = b"\x78\x01"
_BAND_BYTES = 1 << 20
_ADLER_MODULUS = 65521


def encode(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    kept: Kept | None = None,
    compress: int = COMPRESS,
) -> bytes:
    """(H, W), (H, W, 3) or (H, W, 4) uint8 or uint16 to the bytes of a PNG file, exactly these pixels.

    Args:
        compress: from 0, written fastest, to 9, the smallest file.
    """
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    rows = _bytes(pixels.reshape(height, width * channels))
    step = max(1, _BAND_BYTES // rows.shape[1])
    starts = range(0, height, step)
    deflater = isal_zlib if compress <= _MOST_BY_ISAL else zlib

    def band(start: int) -> tuple[list[bytes], int, int]:
        lines = _filter_up(rows, start, min(start + step, height))
        deflate = deflater.compressobj(compress, zlib.DEFLATED, -15)
        last = start == starts[-1]
        packed = deflate.compress(lines), deflate.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        return _chunk(b"IDAT", *packed), isal_zlib.adler32(lines), lines.nbytes

    bands = on_all_cores(band, starts)
    adler = 1
    for _, part, length in bands:
        adler = _join_adler(adler, part, length)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, _COLOUR_TYPE[channels], 0, 0, 0)
    chunks = [
        _chunk(b"IHDR", header),
        *_metadata(icc, dpi, kept or Kept()),
        _chunk(b"IDAT", _ZLIB),
        *(chunk for chunk, _, _ in bands),
        _chunk(b"IDAT", struct.pack(">I", adler)),
        _chunk(b"IEND"),
    ]
    return b"".join([SIGNATURE, *chain.from_iterable(chunks)])


def _bytes(rows: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Rows as they are stored: of two bytes, the high one first."""
    return rows.view(np.uint8) if rows.itemsize == 1 else rows.astype(">u2").view(np.uint8)


def _filter_up(rows: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.uint8]:
    """Rows start..stop, each as its difference to the row above, behind its filter byte."""
    lines = np.empty((stop - start, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = _FILTER_UP
    if start:
        np.subtract(rows[start:stop], rows[start - 1 : stop - 1], out=lines[:, 1:])
    else:
        lines[0, 1:] = rows[0]
        np.subtract(rows[1:stop], rows[: stop - 1], out=lines[1:, 1:])
    return lines


def _join_adler(before: int, after: int, length: int) -> int:
    """Adler-32 of two pieces laid end to end, from those of each and the length of the second."""
    low = (before & 0xFFFF) + (after & 0xFFFF) - 1
    high = (before >> 16) + (after >> 16) + length * ((before & 0xFFFF) - 1)
    return (high % _ADLER_MODULUS) << 16 | low % _ADLER_MODULUS


def _metadata(icc: bytes | None, dpi: tuple[float, float] | None, kept: Kept) -> list[list[bytes]]:
    """The colour profile (iCCP), the resolution in pixels per metre (pHYs), EXIF (eXIf) and XMP (iTXt)."""
    chunks = []
    if icc:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        per_metre = [round(value / 0.0254) for value in dpi]
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if kept.exif:
        chunks.append(_chunk(b"eXIf", kept.exif))
    if kept.xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + kept.xmp))
    return chunks


def _chunk(kind: bytes, *body: bytes) -> list[bytes]:
    """A chunk in pieces, so that its body is copied once, when all are joined."""
    check = isal_zlib.crc32(kind)
    for part in body:
        check = isal_zlib.crc32(part, check)
    return [struct.pack(">I", sum(map(len, body))), kind, *body, struct.pack(">I", check)]
