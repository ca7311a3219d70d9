"""Ground truth: a mask file to True where the subject is, and predictions brought to its size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg import imaging
from u2bg.errors import InputError
from u2bg.imaging import Photo

Grey = NDArray[np.uint8]
Truth = NDArray[np.bool_]

THRESHOLD = 127
"""What is brighter is subject: the field's convention, and alpha over one half."""

_TINT = 48  # between channels; a grey mask that was saved as a poor JPEG stays below
_TINTED_SHARE = 0.01


def read_truth(path: Path) -> Truth:
    """A mask file of 1, 8 or 16 bits, grey or RGB, as (H, W) bool: mask > 127 on the scale 0..255.

    A mask with transparency in it (a cut-out) is read by its transparency.

    Raises:
        InputError: no picture, a damaged one, or one that is no mask: in colour, or of 0 and 1 only.
    """
    grey = _grey(imaging.read(path), path)
    if grey.max() == 1:
        raise InputError(
            f"'{path}' holds nothing brighter than 1; expected a mask of 0..255; fix: multiply it by 255"
        )
    return grey > THRESHOLD


def fit(mask: Grey, size: tuple[int, int]) -> Grey:
    """A predicted mask in the size (height, width) of its truth, bilinear; itself where it has that size."""
    if mask.shape == size:
        return mask
    height, width = size
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR))


def check_shape(size: tuple[int, int], truth: Truth, picture: Path) -> None:
    """Refuse a pair of which one is not the other, scaled: to one pixel, or 1 % of the width.

    Raises:
        InputError: with both sizes.
    """
    (height, width), (rows, columns) = size, truth.shape
    if abs(columns - width * rows / height) > max(1.0, 0.01 * columns):
        raise InputError(
            f"'{picture}' is {width}×{height}, its mask {columns}×{rows}: not the same shape; "
            "fix: turn or cut the mask as its picture was"
        )


def _grey(photo: Photo, path: Path) -> Grey:
    """(H, W) uint8 of a mask picture."""
    alpha = photo.rgba[..., 3]
    if photo.has_alpha and alpha.min() < 255:
        return alpha
    colours = photo.rgba[..., :3]
    tint = colours.max(axis=2) - colours.min(axis=2)
    if (tint > _TINT).mean() > _TINTED_SHARE:
        raise InputError(f"'{path}' is in colour; expected a grey mask; fix: convert it to black and white")
    return np.asarray(Image.fromarray(np.ascontiguousarray(colours)).convert("L"))
