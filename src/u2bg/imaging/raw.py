"""Camera files (RAW): developed by LibRaw, through rawpy, to 16 bits sRGB."""

from __future__ import annotations

import contextlib
import io
import struct

import numpy as np

from u2bg.errors import MissingExtra, TooManyPixels
from u2bg.imaging import depth
from u2bg.imaging.kept import Kept
from u2bg.imaging.photo import Photo

_REDUCED, _MOSAIC = 1, 32803
_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706


def is_in_tiff(content: bytes) -> bool:
    """Whether a TIFF is a camera's: a DNG, a mosaic, or a small picture with the large one in a directory below it."""
    tags = _first_directory(content)
    small = tags.get(_SUBFILE_TYPE) == _REDUCED and _SUB_IFDS in tags
    return _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) == _MOSAIC or small


def _first_directory(content: bytes) -> dict[int, int]:
    """Tags and short values of a TIFF's first directory; of a damaged one, what can be read."""
    order = "<" if content[:2] == b"II" else ">"
    tags: dict[int, int] = {}
    with contextlib.suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, start)
        for number in range(count):
            tag, kind, _, long = struct.unpack_from(f"{order}HHII", content, start + 2 + 12 * number)
            (short,) = struct.unpack_from(f"{order}H", content, start + 2 + 12 * number + 8)
            tags[tag] = short if kind == 3 else long
    return tags


def develop(content: bytes, what: str, max_pixels: int) -> Photo:
    """The photo, upright, with the camera's white balance.

    Raises:
        MissingExtra: without rawpy. TooManyPixels: by the header. OSError, ValueError: LibRaw cannot read it.
    """
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtra("reading camera files", "raw") from error
    try:
        with rawpy.imread(io.BytesIO(content)) as file:
            if file.sizes.width * file.sizes.height > max_pixels:
                raise TooManyPixels(
                    f"{what} has {file.sizes.width}×{file.sizes.height} pixels, more than the limit of "
                    f"{max_pixels / 1e6:,.1f} megapixels; fix: raise it (--max-pixels, max_pixels=)"
                )
            pixels = file.postprocess(use_camera_wb=True, output_bps=16)
    except rawpy.LibRawError as error:
        text = error.args[0] if error.args else error
        raise ValueError(text.decode() if isinstance(text, bytes) else str(text)) from error
    deep = depth.with_alpha(np.asarray(pixels, np.uint16))
    return Photo(depth.eight_bits(deep), kept=Kept(deep=deep))
