"""rembg's pixels: what its results are made of, each step as a program that was written for it expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.errors import MissingExtra

_BLUR_SIGMA, _BLUR_RADIUS = 2.0, 8
_HALF = 127


@dataclass(frozen=True, slots=True)
class Matting:
    """What is sure: masks above `foreground` and below `background`, less a square of side `erode_px`."""

    foreground: int
    background: int
    erode_px: int


def weakened(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The default: colours *and* alpha times the mask, so that edges are dark wherever they are laid."""
    cutout = Image.new("RGBA", picture.size, 0)
    cutout.paste(picture, None, mask)
    return cutout


def with_alpha(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture's colours as they are, and the mask as its alpha; an alpha that it had is gone."""
    cutout = picture.copy()
    cutout.putalpha(mask)
    return cutout


def decontaminated(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The subject's own colours along the edge, and the mask as alpha."""
    colours = np.asarray(picture.convert("RGB")) / 255.0
    return _with_estimated_colours(colours, np.asarray(mask.convert("L")) / 255.0)


def matted(picture: Image.Image, mask: Image.Image, sure: Matting) -> Image.Image | None:
    """Closed-form matting between what is sure; None where nothing is, as with a picture without a subject."""
    try:
        from pymatting.alpha.estimate_alpha_cf import estimate_alpha_cf
        from scipy.ndimage import binary_erosion
    except ImportError as error:
        raise MissingExtra("alpha matting", "matting") from error
    square = np.ones((sure.erode_px, sure.erode_px)) if sure.erode_px > 0 else None
    values = np.asarray(mask)
    trimap = np.full(values.shape, 128 / 255)
    trimap[binary_erosion(values > sure.foreground, square)] = 1
    trimap[binary_erosion(values < sure.background, square, border_value=1)] = 0
    colours = np.asarray(picture.convert("RGB")) / 255.0
    try:
        alpha = estimate_alpha_cf(colours, trimap)
    except ValueError:
        return None
    return _with_estimated_colours(colours, alpha)


def post_process(mask: Image.Image) -> Image.Image:
    """A hard mask without specks: opened by a cross of 3 pixels, blurred with σ = 2, cut at 1/2."""
    values = np.asarray(mask)
    opened = _over_cross(_over_cross(values, np.minimum), np.maximum)
    blurred = _blurred(_blurred(opened.astype(np.float64)).T).T
    return Image.fromarray(np.where(blurred < _HALF, 0, 255).astype(np.uint8))


def stacked(cutouts: Sequence[Image.Image]) -> Image.Image:
    """One picture as it is; several, one below the other."""
    if len(cutouts) == 1:
        return cutouts[0]
    height = sum(one.height for one in cutouts)
    tall = Image.new("RGBA", (cutouts[0].width, height))
    top = 0
    for one in cutouts:
        tall.paste(one, (0, top))
        top += one.height
    return tall


def _with_estimated_colours(colours: NDArray[np.float64], alpha: NDArray[np.float64]) -> Image.Image:
    """Multi-level foreground estimation (Germer et al., 2020); values are cut off to 8 bits, not rounded."""
    try:
        from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml
    except ImportError as error:
        raise MissingExtra("decontaminate", "matting") from error
    foreground = estimate_foreground_ml(colours, alpha)
    cutout = np.concatenate([foreground, alpha[..., None]], axis=2)
    return Image.fromarray(np.clip(cutout * 255, 0, 255).astype(np.uint8))


def _over_cross(values: NDArray[np.uint8], least_or_most: np.ufunc) -> NDArray[np.uint8]:
    """The least or the largest of each pixel and its four neighbours."""
    height, width = values.shape
    padded = np.pad(values, 1, "edge")
    cross = [padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in _CROSS]
    return np.asarray(least_or_most.reduce(cross), np.uint8)


_CROSS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows blurred by a Gaussian that ends at 4 σ; the picture is mirrored at its edges."""
    offsets = np.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1)
    weights = np.exp(-0.5 * (offsets / _BLUR_SIGMA) ** 2)
    weights /= weights.sum()
    padded = np.pad(values, ((_BLUR_RADIUS, _BLUR_RADIUS), (0, 0)), "symmetric")
    return np.asarray(
        sum(weight * padded[start : start + len(values)] for start, weight in enumerate(weights)), np.float64
    )
