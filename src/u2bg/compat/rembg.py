"""rembg's own functions, to be had by changing one import: `from u2bg.compat.rembg import remove, new_session`.

The pixels are rembg's, step by step (`rembg_pixels`), not those of `u2bg.remove`, which are better along the edge:
here a program gets what it was written for. Facts of releases 2.0.77 and 2.0.86.
"""

from __future__ import annotations

import functools
import io
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from u2bg.compat import rembg_pixels
from u2bg.compat.rembg_session import DEFAULT_MODEL, Session, new_session
from u2bg.errors import InputError, UsageError
from u2bg.imaging import png

__all__ = ["Session", "new_session", "remove"]


class WrongType(InputError, ValueError):
    """What is no bytes, no Pillow picture and no array."""


@overload
def remove(data: bytes, *positional: Any, **options: Any) -> bytes: ...
@overload
def remove(data: Image.Image, *positional: Any, **options: Any) -> Image.Image: ...
@overload
def remove(data: NDArray[Any], *positional: Any, **options: Any) -> NDArray[np.uint8]: ...
def remove(
    data: Any,
    alpha_matting: bool = False,
    alpha_matting_foreground_threshold: int = 240,
    alpha_matting_background_threshold: int = 10,
    alpha_matting_erode_size: int = 10,
    session: Session | None = None,
    only_mask: bool = False,
    post_process_mask: bool = False,
    *,
    decontaminate: bool = False,
    vitmatte: bool = False,
    vitmatte_model: str | None = None,
    bgcolor: tuple[int, int, int, int] | None = None,
    force_return_bytes: bool = False,
    putalpha: bool = False,
    **options: Any,
) -> Any:
    """Cut the subject out of one picture, with rembg's arguments and rembg's pixels.

    What comes after `post_process_mask` is taken by name only: between rembg's releases its order changed.

    Args:
        data: bytes of a picture file, a Pillow picture, or an array (H, W), (H, W, 3) or (H, W, 4) uint8.
        alpha_matting: closed-form matting around the edge (extra `matting`). Pixels whose mask is above the foreground
            threshold or below the background threshold, less a square of the erode size, are sure.
        session: from `new_session`; without one, a session of `u2net` is made once and kept.
        only_mask: the mask, in place of the cut-out; wins over all that follows.
        post_process_mask: open, blur and cut the mask at 1/2.
        decontaminate: the subject's own colours along the edge (extra `matting`).
        bgcolor: (red, green, blue, alpha) laid under the cut-out.
        force_return_bytes: take `data` for bytes, and give bytes.
        putalpha: the photo's colours untouched, and the mask as alpha.
        options: for the session's `predict`, and for `new_session` where it is made here.

    Returns:
        As it came in: bytes (PNG), a Pillow picture (RGBA; the mask: L), or an array that cannot be written to.

    Raises:
        WrongType: other data (a ValueError). PIL.UnidentifiedImageError: bytes that are no picture. MissingExtra:
        an option whose packages are not installed. UsageError: `vitmatte`, which is not offered.
    """
    if vitmatte or vitmatte_model:
        raise UsageError("vitmatte is not offered; fix: alpha_matting=True, or u2bg.remove for clean edges")
    picture = _opened(data, force_return_bytes)
    session = session or (new_session(DEFAULT_MODEL, **options) if options else _kept_session())
    matte = rembg_pixels.Matting(
        alpha_matting_foreground_threshold, alpha_matting_background_threshold, alpha_matting_erode_size
    )

    def cut(mask: Image.Image) -> Image.Image:
        if post_process_mask:
            mask = rembg_pixels.post_process(mask)
        if only_mask:
            return mask
        found = rembg_pixels.matted(picture, mask, matte) if alpha_matting else None
        if found is not None:
            return found
        if putalpha:
            return rembg_pixels.with_alpha(picture, mask)
        return (rembg_pixels.decontaminated if decontaminate else rembg_pixels.weakened)(picture, mask)

    cutout = rembg_pixels.stacked([cut(mask) for mask in session.predict(picture, **options)])
    if bgcolor is not None and not only_mask:
        cutout = Image.alpha_composite(Image.new("RGBA", cutout.size, tuple(bgcolor)), cutout.convert("RGBA"))
    if isinstance(data, bytes) or force_return_bytes:
        return encoded(cutout)
    return np.asarray(cutout) if isinstance(data, np.ndarray) else cutout


def _opened(data: Any, force_bytes: bool) -> Image.Image:
    """The picture, upright."""
    if isinstance(data, bytes) or force_bytes:
        picture: Image.Image = Image.open(io.BytesIO(data))
    elif isinstance(data, Image.Image):
        picture = data
    elif isinstance(data, np.ndarray):
        picture = Image.fromarray(data)
    else:
        raise WrongType(
            f"input type {type(data)} is not supported; expected bytes, a Pillow picture or an array; "
            "fix: force_return_bytes=True for other kinds of bytes"
        )
    return ImageOps.exif_transpose(picture)


def encoded(cutout: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    pixels = np.asarray(cutout if cutout.mode in {"L", "RGB", "RGBA"} else cutout.convert("RGBA"))
    return png.encode(pixels, cutout.info.get("icc_profile"))


@functools.cache
def _kept_session() -> Session:
    """rembg makes a session for every such call; one is enough."""
    return new_session(DEFAULT_MODEL)
