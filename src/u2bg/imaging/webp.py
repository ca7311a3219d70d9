"""A lossy WebP whose alpha is exact: colours and alpha coded side by side, each by libwebp, and put into one file.

By itself libwebp codes them one after the other, and the alpha, of which it tries several forms, takes the longer.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg import cores

QUALITY = 90

ALPHA_METHOD = 2
"""libwebp's effort for the alpha, of 0 to 6: files of camera photos are within 1 % of those with its own 4, in a third
of the time."""

SIDE_BY_SIDE_PIXELS = 1 << 24
"""Larger pictures take their turns: libwebp holds some 20 bytes a pixel meanwhile."""

_LOSSLESS_UNFILTERED = b"\x01"
_HEADER_BYTES = 5


def encode(pixels: NDArray[np.uint8], tags: dict[str, Any]) -> bytes:
    """(H, W) grey, (H, W, 3) or (H, W, 4) uint8 to a WebP file; colours of quality 90, alpha exact.

    Args:
        tags: Pillow's `icc_profile`, `exif` and `xmp`.
    """
    if pixels.ndim == 2 or pixels.shape[2] == 3 or pixels[..., 3].all():
        return _saved(pixels, quality=QUALITY, **tags)
    # Where nothing is seen libwebp smooths the colours: it has to know where that is, and no more of the alpha.
    seen = pixels.copy()
    seen[..., 3] = np.where(pixels[..., 3], 255, 0)
    parts = partial(_alpha, pixels[..., 3]), partial(_saved, seen, quality=QUALITY, exact=False, **tags)
    if seen[..., 3].size <= SIDE_BY_SIDE_PIXELS:
        alpha, file = cores.together(*parts)
    else:
        alpha, file = (part() for part in parts)
    return _riff([(name, alpha if name == b"ALPH" else content) for name, content in _chunks(file)])


def _alpha(alpha: NDArray[np.uint8]) -> bytes:
    """The content of a chunk ALPH: what a lossless picture with the alpha as its green has after its header.

    https://developers.google.com/speed/webp/docs/riff_container#alpha
    """
    green = np.zeros((*alpha.shape, 4), np.uint8)
    green[..., 1], green[..., 3] = alpha, 255
    file = _saved(green, lossless=True, exact=True, quality=0, method=ALPHA_METHOD)
    return _LOSSLESS_UNFILTERED + dict(_chunks(file))[b"VP8L"][_HEADER_BYTES:]


def _saved(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", **options)
    return file.getvalue()


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place < len(file):
        name, size = struct.unpack_from("<4sI", file, place)
        yield name, file[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"WEBP" + b"".join(
        struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)
        for name, content in chunks
    )
    return struct.pack("<4sI", b"RIFF", len(body)) + body
