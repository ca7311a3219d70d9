"""Pixels to the bytes of a picture file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import CannotWrite
from u2bg.imaging import png
from u2bg.imaging.formats import JPEG, PNG, WEBP, Format

JPEG_QUALITY = 92
WEBP_QUALITY = 90
_LARGEST_SIDE = {JPEG: 65_535, WEBP: 16_383}


def encode(
    pixels: NDArray[np.uint8],
    kind: Format,
    icc: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """(H, W) grey, (H, W, 3) or (H, W, 4) uint8 to a file of that kind, with the profile and the resolution.

    PNG keeps every pixel; JPEG and WebP are lossy (quality 92 and 90; WebP's alpha is exact).

    Raises:
        CannotWrite: when the kind cannot hold a picture of this size.
    """
    if kind is PNG:
        return png.encode(pixels, icc, dpi)
    side = max(pixels.shape[:2])
    if side > _LARGEST_SIDE[kind]:
        raise CannotWrite(
            f"a {kind.name} picture has at most {_LARGEST_SIDE[kind]:,} pixels a side, "
            f"this one has {side:,}; fix: write png"
        )
    from PIL import Image

    extra: dict[str, Any] = {"quality": WEBP_QUALITY, "exact": False}
    if kind is JPEG:
        extra = {"quality": JPEG_QUALITY, "subsampling": "4:4:4", **({"dpi": dpi} if dpi else {})}
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind.pillow, icc_profile=icc, **extra)
    return file.getvalue()
