"""What a picture carries beside its 8-bit pixels, and its cut-out keeps: EXIF, XMP, and 16-bit colours."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Exif

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

MOST_BYTES = 1 << 20
"""Of EXIF and of XMP each: more is no description of a photo."""

_DESCRIPTIVE = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""In the first directory: description, make, model, software, time, artist, copyright. What else is there tells how the
file was stored, or shows the photo small, its background with it."""

_EXIF, _GPS = 0x8769, 0x8825
_STORED_SIZE = (0xA002, 0xA003)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What goes on from a picture to its cut-out.

    Attributes:
        exif: a block of EXIF that begins with its TIFF header, without orientation, sizes and thumbnail; or None.
        xmp: an XMP packet whose orientation is upright, or None.
        deep: (H, W, 4) uint16, upright, straight alpha: the pixels of a picture of more than 8 bits; or None.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    deep: NDArray[np.uint16] | None = None

    def cropped(self, box: Any) -> Kept:
        """The same for a part of the picture; `box` is two slices."""
        return self if self.deep is None else replace(self, deep=np.ascontiguousarray(self.deep[box]))


def described(picture: Image) -> Kept:
    """EXIF and XMP of a picture that Pillow has opened; damaged ones are left behind."""
    try:
        return Kept(_exif(picture), _xmp(picture))
    except (
        Exception
    ) as error:  # whatever Pillow's parsers raise for a damaged block, the pixels are still good
        log.warning("the picture's description is damaged and is left out: %s", error)
        return Kept()


def _exif(picture: Image) -> bytes | None:
    found, made = picture.getexif(), Exif()
    for tag in _DESCRIPTIVE:
        if tag in found:
            made[tag] = found[tag]
    for directory in (_EXIF, _GPS):
        tags = {tag: value for tag, value in found.get_ifd(directory).items() if tag not in _STORED_SIZE}
        if tags:
            made.get_ifd(directory).update(tags)
    if not len(made) and not any(made.get_ifd(directory) for directory in (_EXIF, _GPS)):
        return None
    block = made.tobytes().removeprefix(b"Exif\0\0")
    return block if len(block) <= MOST_BYTES else None


def _xmp(picture: Image) -> bytes | None:
    found = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    if not found and hasattr(picture, "tag_v2"):
        found = picture.tag_v2.get(700)
    packet = found.encode() if isinstance(found, str) else bytes(found or b"")
    if not packet or len(packet) > MOST_BYTES:
        return None
    return re.sub(rb"""(tiff:Orientation\s*=\s*["'])\d|(<tiff:Orientation>)\d""", rb"\g<1>\g<2>1", packet)


def texts(block: bytes | None) -> dict[int, Any]:
    """What the first directory of a block of `Kept.exif` says in words, by tag; nothing for none."""
    exif = Exif()
    if block:
        exif.load(b"Exif\0\0" + block)
    return {tag: value for tag, value in exif.items() if isinstance(value, str)}
