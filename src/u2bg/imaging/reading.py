"""Any source (path, bytes, file object, Pillow picture, array) to a `Photo`."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from u2bg.errors import BadArray, BrokenPicture, InputError, MissingExtra, SourceMissing, TooManyPixels
from u2bg.imaging import color, depth, kept, layered, orientation, raw
from u2bg.imaging.formats import HEIC, JPEG, PSD, RAW, SIGNATURE_BYTES, TIFF, Format, require_format
from u2bg.imaging.kept import Kept
from u2bg.imaging.photo import Photo, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[Any]

MAX_PIXELS = 100_000_000

log = logging.getLogger(__name__)


def read(source: Source, max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode a picture, upright, with its own alpha, profile and resolution.

    Args:
        source: a path; the bytes of a picture file; a binary file object, read to its end; a Pillow picture;
            or an array: (H, W), (H, W, 3) or (H, W, 4), uint8, uint16 or bool, sRGB.
        max_pixels: files whose header promises more are refused before anything is decoded.

    Raises:
        SourceMissing, NotAPicture, BrokenPicture, TooManyPixels, BadArray: one line that says what and why.
    """
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return decode(bytes(source), "the input", max_pixels)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return decode(_read_file(path), f"'{path}'", max_pixels)
    if hasattr(source, "read"):
        content = source.read()
        if not isinstance(content, bytes):
            raise InputError("the file object gives text; expected bytes; fix: open it with mode 'rb'")
        return decode(content, "the input", max_pixels)
    raise InputError(
        f"cannot read a picture from {type(source).__name__}; "
        "expected a path, bytes, a binary file object, a Pillow picture or an array"
    )


def decode(content: bytes, what: str, max_pixels: int = MAX_PIXELS) -> Photo:
    """The bytes of a picture file to a `Photo`. `what` names the source in messages."""
    kind = require_format(content[:SIGNATURE_BYTES], what)
    _require_extra(kind)
    try:
        if kind is RAW or (kind is TIFF and raw.is_in_tiff(content)):
            return raw.develop(content, what, max_pixels)
        if kind is PSD:
            _check_size(layered.size(content), what, max_pixels)
            document, deep = layered.opened(content, what)
            return _from_pillow(document, None if _needs_conversion(document) else deep)
        with _pillow_limit_lifted():
            picture = Image.open(io.BytesIO(content), formats=[kind.pillow])
        _check_size(picture.size, what, max_pixels)
        rgba = _decode_jpeg(content, kind, picture)
        if rgba is None:
            deep = _decode_deep(content, kind, picture)
            picture.load()
            return _from_pillow(picture, deep)
        upright = orientation.upright(rgba, _orientation(picture))
        return Photo(upright, icc=_profile(picture), dpi=_dpi(picture), kept=kept.described(picture))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError, IndexError) as error:
        # What Pillow's decoders raise for a damaged file; all of it means the same to the caller.
        reason = "its header is damaged" if isinstance(error, UnidentifiedImageError) else _one_line(error)
        raise BrokenPicture(
            f"{what} is a damaged {kind.name} picture: {reason}; fix: get a whole copy"
        ) from error


def _require_extra(kind: Format) -> None:
    """Have the decoder of a kind that Pillow knows by an extra only."""
    if kind is not HEIC:
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtra("reading HEIC", kind.extra) from error
    pillow_heif.register_heif_opener(thumbnails=False)


def _read_file(path: Path) -> bytes:
    """The bytes of a file, after its first bytes have shown that it is a picture."""
    try:
        if path.is_dir():
            raise SourceMissing(f"'{path}' is a folder; expected a picture; fix: name a file in it")
        with path.open("rb") as file:
            head = file.read(SIGNATURE_BYTES)
            require_format(head, f"'{path}'")
            return head + file.read()
    except FileNotFoundError as error:
        raise SourceMissing(f"no file '{path}'; fix: check the name") from error
    except PermissionError as error:
        raise SourceMissing(f"'{path}' may not be read; fix: change its permissions") from error
    except OSError as error:
        raise SourceMissing(f"cannot read '{path}': {error.strerror or error}") from error


def _check_size(size: tuple[int, int], what: str, max_pixels: int) -> None:
    """Refuse by the header alone what would take too much memory."""
    width, height = size
    if width * height > max_pixels:
        raise TooManyPixels(
            f"{what} has {width}×{height} = {width * height / 1e6:,.1f} megapixels, "
            f"more than the limit of {max_pixels / 1e6:,.1f}; "
            "fix: raise it (--max-pixels, max_pixels=) if the file is trusted"
        )


_pillow_limit = threading.Lock()


@contextlib.contextmanager
def _pillow_limit_lifted() -> Iterator[None]:
    """Our own limit is checked right after the header; Pillow's, which is global, must not come first."""
    with _pillow_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that Pillow mends by itself
        kept, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = kept


def _decode_jpeg(content: bytes, kind: Format, picture: Picture) -> Pixels | None:
    """The fast way for JPEG: straight to RGBA in one pass. None where Pillow has to do it."""
    if kind is not JPEG or picture.mode not in {"RGB", "L"} or _needs_conversion(picture):
        return None
    try:
        import simplejpeg
    except ImportError:  # no wheel for this Python
        return None
    try:
        rgba: Pixels = simplejpeg.decode_jpeg(content, colorspace="RGBA")
    except ValueError:  # damaged, or merely odd: Pillow decides
        return None
    return rgba


def _decode_deep(content: bytes, kind: Format, picture: Picture) -> NDArray[np.uint16] | None:
    """The pixels of more than 8 bits a channel, if there are and their profile may stay."""
    mode = depth.mode_of(picture) if kind.deep and not _needs_conversion(picture) else None
    if mode is None:
        return None
    with _pillow_limit_lifted():
        return depth.read(content, kind.pillow, mode)


def _from_pillow(picture: Picture, deep: NDArray[np.uint16] | None = None) -> Photo:
    """A decoded Pillow picture of any mode to a `Photo`; the picture itself is left as it was."""
    has_alpha = picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info
    icc = _profile(picture)
    rgba = np.array(_to_rgba(picture)) if deep is None else depth.eight_bits(deep)
    if not rgba.size:
        raise BadArray(f"the picture is {picture.width}×{picture.height}; expected at least 1×1")
    turn = _orientation(picture)
    described = kept.described(picture)
    if deep is not None:
        described = replace(described, deep=orientation.upright(deep, turn))
    return Photo(orientation.upright(rgba, turn), has_alpha, icc, _dpi(picture), described)


def _to_rgba(picture: Picture) -> Picture:
    """8-bit RGBA in the picture's own RGB profile, or in sRGB where its profile is of another space."""
    if picture.mode.startswith("I"):
        picture = Image.fromarray(depth.eight_bits(np.asarray(picture).astype(np.uint16)))
    if picture.mode == "F":
        raise BadArray("the picture has 32-bit float pixels; expected 8 or 16 bits; fix: convert it first")
    if _needs_conversion(picture):
        alpha = picture.getchannel("A") if picture.mode == "LA" else None
        device = picture.convert("L") if picture.mode in {"1", "LA"} else picture
        converted = color.image_to_srgb(device, picture.info["icc_profile"])
        if alpha is not None:
            converted.putalpha(alpha)
        picture = converted
    return picture if picture.mode == "RGBA" else picture.convert("RGBA")


def _needs_conversion(picture: Picture) -> bool:
    """Whether the profile is one that an RGB picture cannot keep: grey or CMYK."""
    icc = picture.info.get("icc_profile")
    if not icc or not color.usable(icc):
        return False
    return (color.space(icc), picture.mode) in {
        ("GRAY", "L"),
        ("GRAY", "LA"),
        ("GRAY", "1"),
        ("CMYK", "CMYK"),
    }


def _profile(picture: Picture) -> bytes | None:
    """The RGB profile that goes on to the output; a damaged or a foreign one is left behind."""
    icc = picture.info.get("icc_profile")
    if not icc:
        return None
    if color.space(icc) != "RGB" or picture.mode == "CMYK":
        return None
    if not color.usable(icc):
        log.warning("the picture's colour profile is damaged and is left out; its colours are taken as sRGB")
        return None
    return bytes(icc)


def _orientation(picture: Picture) -> int:
    """The EXIF orientation, 1 where there is none or the EXIF block is damaged."""
    try:
        return int(picture.getexif().get(orientation.TAG, 1))
    except (OSError, SyntaxError, ValueError, TypeError, struct.error, KeyError, IndexError) as error:
        log.warning("the picture's EXIF block is damaged and is left out: %s", _one_line(error))
        return 1


def _dpi(picture: Picture) -> tuple[float, float] | None:
    """Dots per inch, where the picture says so and the figures make sense."""
    try:
        horizontal, vertical = (float(value) for value in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (horizontal, vertical) if 0 < horizontal < 1e6 and 0 < vertical < 1e6 else None


def _from_array(array: NDArray[Any]) -> Photo:
    """An array of the shapes and types that `read` names; it is copied, never kept."""
    expected = "expected (H, W), (H, W, 3) or (H, W, 4)"
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {3, 4}):
        raise BadArray(f"an array of shape {array.shape} is no picture; {expected}")
    if not array.size:
        raise BadArray(f"an array of shape {array.shape} has no pixels; {expected} of at least 1×1")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    deep = None
    if array.dtype == np.uint16:
        deep = depth.with_alpha(array[..., None] if array.ndim == 2 else array)
        array = depth.eight_bits(array)
    if array.dtype != np.uint8:
        raise BadArray(
            f"an array of {array.dtype} is no picture; expected uint8, uint16 or bool; "
            "fix for floats in 0..1: (array * 255).round().astype('uint8')"
        )
    rgba = np.full((*array.shape[:2], 4), 255, np.uint8)
    colours = array[..., None] if array.ndim == 2 else array
    rgba[..., : max(3, colours.shape[2])] = colours
    return Photo(rgba, has_alpha=colours.shape[2] == 4, kept=Kept(deep=deep))


def _one_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error) or type(error).__name__).splitlines()[0]
