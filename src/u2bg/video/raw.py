"""Frames without a file around them, as pipes carry them: ffmpeg -f rawvideo."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import BrokenPicture, TooManyPixels
from u2bg.imaging import Photo
from u2bg.video.reading import Clip, Colours, Frame

LAYOUTS = {
    "rgb24": (0, 1, 2),
    "bgr24": (2, 1, 0),
    "rgba": (0, 1, 2, 3),
    "bgra": (2, 1, 0, 3),
    "gray": (0, 0, 0),
}
"""FFmpeg's name of a layout: where red, green, blue and alpha stand in a pixel."""

_BT709 = 1


def clip(size: tuple[int, int], rate: Fraction, max_pixels: int) -> Clip:
    """What is known of frames that come without a file; `size` is (height, width).

    Raises:
        TooManyPixels: a frame is larger than the limit.
    """
    height, width = size
    if height * width > max_pixels:
        raise TooManyPixels(
            f"frames of {width}×{height} are more than the limit of {max_pixels / 1e6:,.1f} megapixels"
        )
    return Clip(Path("-"), size, 1 / rate, rate, None, Colours(_BT709, _BT709, _BT709), Fraction(1))


def frames(stream: BinaryIO, layout: str, like: Clip) -> Generator[Frame, None, None]:
    """Frames of `like.size` until the stream ends; what is left over at its end is told as trouble.

    Raises:
        BrokenPicture: the stream ends before there is one frame.
    """
    order = LAYOUTS[layout]
    depth = max(order) + 1
    height, width = like.size
    length = height * width * depth
    index = 0
    while len(content := _exactly(stream, length)) == length:
        shown = np.frombuffer(content, np.uint8).reshape(height, width, depth)
        rgba = np.full((height, width, 4), 255, np.uint8)
        rgba[..., : len(order)] = shown[..., list(order)]
        yield Frame(Photo(rgba, has_alpha=len(order) == 4), index, 1)
        index += 1
    if content and index:
        like.troubles.append(
            f"the last {len(content)} bytes are no whole frame of {length} and were left out"
        )
    elif not index:
        raise BrokenPicture(
            f"stdin ends after {len(content)} bytes; expected frames of {width}×{height} {layout}, {length} bytes; "
            "fix: check --size and --raw"
        )


def _exactly(stream: BinaryIO, length: int) -> bytes:
    """So many bytes, fewer only at the end."""
    parts = bytearray()
    while len(parts) < length and (part := stream.read(length - len(parts))):
        parts += part
    return bytes(parts)


def write(pixels: NDArray[np.uint8], stream: BinaryIO) -> None:
    """One frame at once: RGBA, opaque where there is no alpha; a matte as one byte a pixel."""
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    stream.write(np.ascontiguousarray(pixels).data)
    stream.flush()
