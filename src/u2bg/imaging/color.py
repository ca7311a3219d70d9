"""ICC profiles: which space a profile describes, and its colours as sRGB."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_SPACE_AT = slice(16, 20)
"""Where an ICC header names the space of its device side (ICC.1:2022, 7.2.8)."""


def space(icc: bytes) -> str:
    """The device colour space of a profile: `RGB`, `GRAY`, `CMYK`, …; empty when the profile is too short."""
    return icc[_SPACE_AT].decode("latin-1").strip()


def usable(icc: bytes) -> bool:
    """Whether the colour engine can read the profile at all."""
    from PIL import ImageCms

    try:
        ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except OSError:
        return False
    return True


def to_srgb(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 in the space of an RGB profile to (h, w, 3) uint8 sRGB, perceptual intent."""
    from PIL import Image

    return np.asarray(image_to_srgb(Image.fromarray(pixels), icc))


def image_to_srgb(image: Image, icc: bytes) -> Image:
    """A picture in the space of its profile (RGB, grey or CMYK) to RGB mode in sRGB."""
    from PIL import ImageCms

    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    srgb = ImageCms.createProfile("sRGB")
    # None only when asked to work in place
    return cast("Image", ImageCms.profileToProfile(image, source, srgb, outputMode="RGB"))
