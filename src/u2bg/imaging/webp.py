"""A lossy WebP whose alpha is exact: colours by libwebp, the alpha beside them on another core, in one file.

By itself libwebp codes them one after the other, and the alpha takes the longer and fifteen bytes a pixel.
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
from u2bg.imaging import webp_alpha

QUALITY = 90

METHOD = 2
"""libwebp's effort for the colours, of 0 to 6: files are 2 % larger than by its own 4, in half of the time."""

BLOCK = 8

_HAS_ALPHA = 0x10


def encode(pixels: NDArray[np.uint8], tags: dict[str, Any], *, spend: bool = False) -> bytes:
    """(H, W) grey, (H, W, 3) or (H, W, 4) uint8 to a WebP file; colours of quality 90, alpha exact.

    Args:
        tags: Pillow's `icc_profile`, `exif` and `xmp`.
        spend: the pixels are not needed any more; colours that nobody sees may change.
    """
    from PIL import Image

    if pixels.ndim == 2 or pixels.shape[2] == 3 or pixels[..., 3].all():
        return _saved(Image.fromarray(pixels), tags)
    alpha = pixels[..., 3]

    def colours() -> bytes:
        shown = _shown(pixels, alpha, spend)
        return _saved(Image.frombuffer("RGBX", alpha.shape[::-1], shown, "raw", "RGBX", 0, 1), tags)

    coded, file = cores.together(partial(webp_alpha.encode, alpha), colours)
    return _with_alpha(list(_chunks(file)), coded, alpha.shape)


def _shown(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8], spend: bool) -> NDArray[np.uint8]:
    """The colours without those that nobody sees, (H, W, 4).

    A block that is seen in part has the mean of that part in their place: no edge that costs bytes.
    """
    whole = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    is_seen = alpha > 0
    shown = np.multiply(whole, is_seen, out=whole if spend else None).view(np.uint8).reshape(pixels.shape)
    down, across = (side // BLOCK for side in alpha.shape)
    blocks = shown[: down * BLOCK, : across * BLOCK].reshape(down, BLOCK, across, BLOCK, 4)
    eights = np.ascontiguousarray(is_seen[: down * BLOCK, : across * BLOCK]).view(np.uint64)
    eights = eights.reshape(down, BLOCK, across)
    y, x = np.nonzero((eights != 0).any(1) & (eights != 0x0101010101010101).any(1))
    mixed, seen = blocks[y, :, x, :, :3], blocks[y, :, x, :, 3:] > 0
    mean = (mixed * seen).sum((1, 2), keepdims=True) / seen.sum((1, 2), keepdims=True)
    blocks[y, :, x, :, :3] = np.where(seen, mixed, (mean + 0.5).astype(np.uint8))
    return shown


def _saved(image: Any, tags: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=METHOD, **tags)
    return file.getvalue()


def _with_alpha(chunks: list[tuple[bytes, bytes]], alpha: bytes, size: tuple[int, int]) -> bytes:
    """The file of these chunks, the alpha before the colours and told of in the header."""
    height, width = size
    header = dict(chunks).get(b"VP8X", bytes(4) + _three_bytes(width - 1) + _three_bytes(height - 1))
    body = b"WEBP" + _chunk(b"VP8X", bytes([header[0] | _HAS_ALPHA]) + header[1:])
    for name, content in chunks:
        if name == b"VP8 ":
            body += _chunk(b"ALPH", alpha)
        if name != b"VP8X":
            body += _chunk(name, content)
    return _chunk(b"RIFF", body)


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place < len(file):
        name, size = struct.unpack_from("<4sI", file, place)
        yield name, file[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2)


def _three_bytes(number: int) -> bytes:
    return number.to_bytes(3, "little")
