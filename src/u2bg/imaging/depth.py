"""Pictures of 16 bits a channel: their pixels exactly, and their cut-outs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Deep = NDArray[np.uint16]

_OTHER_BYTE = {
    f"{mode};16{order}": f"{mode};16{other}"
    for mode in ("RGB", "RGBA")
    for order, other in (("B", "L"), ("L", "B"))
}
"""Pillow keeps one byte of each value, that which the order says is the high one; by the other order, the low one."""


def mode_of(picture: Image.Image) -> str | None:
    """How the file stores a picture of 16 bits a channel, in Pillow's words; None where it has fewer."""
    if picture.mode.startswith("I;16"):
        return picture.mode
    modes = {_raw_mode(tile) for tile in getattr(picture, "tile", ())}
    if len(modes) != 1 or not modes <= {*_OTHER_BYTE, "RGB;16N", "RGBA;16N"}:
        return None
    return modes.pop().replace("16N", "16L" if np.little_endian else "16B")


def read(content: bytes, decoder: str, mode: str) -> Deep:
    """The pixels of a PNG or TIFF that is stored in that mode, (H, W, 4) uint16, not yet upright.

    Pillow has no mode for such colours and drops half of each value; decoded twice, both halves are had.
    """
    if mode.startswith("I;16"):
        grey = np.asarray(Image.open(io.BytesIO(content), formats=[decoder]))
        deep: Deep = np.array(grey, np.uint16)
        return with_alpha(np.expand_dims(deep, 2))
    high, low = (_decoded(content, decoder, one) for one in (mode, _OTHER_BYTE[mode]))
    return with_alpha(high.astype(np.uint16) << np.uint16(8) | low)


def with_alpha(pixels: Deep) -> Deep:
    """(H, W, 1), (H, W, 3) or (H, W, 4) to (H, W, 4); opaque where there was no alpha."""
    rgba = np.full((*pixels.shape[:2], 4), 65535, np.uint16)
    rgba[..., : max(3, pixels.shape[2])] = pixels
    return rgba


def eight_bits(deep: Deep) -> NDArray[np.uint8]:
    """0..65535 to 0..255, rounded."""
    return ((deep.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def deepened(rgba: NDArray[np.uint8], alpha: NDArray[np.float32], deep: Deep) -> Deep:
    """A cut-out at 16 bits: (H, W, 4) uint16, straight alpha.

    Where the cut-out has the photo's colours it has them to the last bit; where they were estimated, as estimated.

    Args:
        rgba: the cut-out at 8 bits.
        alpha: (H, W) in [0, 1], not rounded to 8 bits.
        deep: the photo at 16 bits.
    """
    cutout = rgba.astype(np.uint16) * np.uint16(257)
    same = (rgba[..., :3] == eight_bits(deep[..., :3])).all(axis=2)
    cutout[same] = deep[same]
    cutout[..., 3] = levels(alpha)
    cutout[rgba[..., 3] == 0] = 0
    return cutout


def levels(alpha: NDArray[np.float32]) -> Deep:
    """[0, 1] to 0..65535, rounded."""
    return np.asarray(np.rint(alpha * np.float32(65535)), np.uint16)


def laid(cutout: Deep, backdrop: NDArray[np.uint8]) -> Deep:
    """A cut-out over a colour (3,) or a picture (H, W, 3) of 8 bits: (H, W, 3) uint16."""
    alpha = cutout[..., 3:].astype(np.uint64)
    below = backdrop.astype(np.uint64) * np.uint64(257)
    mixed = cutout[..., :3] * alpha + below * (np.uint64(65535) - alpha)
    return np.asarray((mixed + np.uint64(32767)) // np.uint64(65535), np.uint16)


def _raw_mode(tile: Any) -> str:
    return str(tile.args if isinstance(tile.args, str) else tile.args[0])


def _with_mode(arguments: Any, mode: str) -> Any:
    return mode if isinstance(arguments, str) else (mode, *arguments[1:])


def _decoded(content: bytes, decoder: str, mode: str) -> NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(content), formats=[decoder])
    picture.tile = [tile._replace(args=_with_mode(tile.args, mode)) for tile in picture.tile]
    return np.asarray(picture)
