"""Files that want to hurt: each function makes the bytes of one."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, body: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()


def _good_png() -> bytes:
    file = io.BytesIO()
    Image.radial_gradient("L").save(file, "PNG")
    return file.getvalue()


def _huge_jpeg_header() -> bytes:
    content = bytearray(_jpeg())
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", 60_000, 60_000)
    return bytes(content)


def _huge_gif_header() -> bytes:
    return b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\x80\0\0" + bytes(6) + b"," + bytes(20)


HOSTILE = {
    "empty": b"",
    "text": b"this is no picture\n",
    "html": b"<!doctype html><html><body>404</body></html>",
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "zip": b"PK\x03\x04" + bytes(40),
    "one-byte": b"\x89",
    "only-a-signature": b"\x89PNG\r\n\x1a\n",
    "truncated-jpeg": _jpeg()[:900],
    "truncated-png": _good_png()[:200],
    "jpeg-without-a-body": _jpeg()[:4],
    "png-header-60000x60000": _png(60_000, 60_000, zlib.compress(b"")),
    "jpeg-header-60000x60000": _huge_jpeg_header(),
    "gif-header-60000x60000": _huge_gif_header(),
    "png-bomb": _png(20_000, 20_000, zlib.compress(bytes(20_000_000), 9)),
    "png-0x0": _png(0, 0, zlib.compress(b"")),
    "png-checksum-wrong": _good_png()[:40] + b"\xff" + _good_png()[41:],
    "png-of-noise": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
    "riff-without-webp": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(8),
    "tiff-with-a-looping-directory": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "psd-header-60000x60000": struct.pack(">4sH6xHIIHH", b"8BPS", 2, 3, 60_000, 60_000, 8, 3),
    "psd-without-a-body": struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 9, 9, 8, 3),
    "bmp-of-nothing": b"BM" + bytes(60),
}
"""Name to content. None of them is a picture that can be cut; each must end in one clear line."""
