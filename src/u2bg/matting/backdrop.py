"""What may lie under a cut-out: its photo's own background, blurred; and a soft shadow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

LONGEST_PX = 160
"""Of the blurred background: what is smooth needs no more."""

_BLUR, _BARE = 0.04, 0.05
SHADOW_OPACITY, SHADOW_BLUR, SHADOW_DOWN = 0.45, 0.03, 0.02

Field = NDArray[np.float32]


def blurred(pixels: NDArray[np.uint8], alpha: Field) -> NDArray[np.uint8]:
    """The background alone, blurred: (h, w, 3) uint8, small, to be enlarged.

    Only what is background is averaged, C = G∗((1 − α)I) / G∗(1 − α), so that the subject leaves no glow around itself.
    Behind it, where there is none, a wider G is taken, and a wider one.

    Args:
        pixels: (H, W, 3) or (H, W, 4) uint8; the fourth channel is not looked at.
        alpha: (H, W) float32 in [0, 1].
    """
    height, width = alpha.shape
    scale = min(1.0, LONGEST_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    bare = 1 - np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX))
    small = Image.fromarray(np.ascontiguousarray(pixels[..., :3])).resize(size, Image.Resampling.BOX)
    weighted = np.asarray(small, np.float32) * bare[..., None]
    sigma = max(1.0, _BLUR * max(size))
    total, weight = _smooth(weighted, sigma), _smooth(bare[..., None], sigma)
    found = total / np.maximum(weight, 1e-6)
    while weight.min() < _BARE and sigma < 4 * max(size):
        sigma *= 2
        wider, wider_weight = _smooth(weighted, sigma), _smooth(bare[..., None], sigma)
        share = np.clip(weight / _BARE, 0, 1)
        found = share * found + (1 - share) * wider / np.maximum(wider_weight, 1e-6)
        weight = np.maximum(weight, wider_weight)
    return np.asarray(np.clip(np.rint(found), 0, 255), np.uint8)


def shadowed(rgba: NDArray[np.uint8], opacity: float = SHADOW_OPACITY) -> NDArray[np.uint8]:
    """The cut-out over its own soft, black shadow, a little below it: (H, W, 4) uint8, straight alpha.

    With the shadow's alpha s under the subject's a, the whole has a + s(1 − a), and the subject's colours darkened by
    what of it is shadow (Porter and Duff, 1984, over).
    """
    height, width = rgba.shape[:2]
    reach = max(height, width)
    mask = Image.fromarray(np.ascontiguousarray(rgba[..., 3]))
    fallen = Image.new("L", mask.size)
    fallen.paste(mask, (0, round(SHADOW_DOWN * reach)))
    soft = fallen.filter(ImageFilter.GaussianBlur(SHADOW_BLUR * reach))
    own = rgba[..., 3].astype(np.float32) / 255
    both = own + opacity * np.asarray(soft, np.float32) / 255 * (1 - own)
    share = own / np.maximum(both, 1e-6)
    whole = np.empty_like(rgba)
    whole[..., :3] = np.rint(rgba[..., :3] * share[..., None])
    whole[..., 3] = np.rint(255 * both)
    whole[rgba[..., 3] == 255] = rgba[rgba[..., 3] == 255]
    return whole


def _smooth(field: Field, sigma: float) -> Field:
    """(h, w, C) by a Gaussian, mirrored at its edges."""
    radius = max(1, round(3 * sigma))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        moved = np.moveaxis(field, axis, 0)
        padded = np.pad(moved, ((radius, radius), (0, 0), (0, 0)), "symmetric")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(taps), axis=0)
        field = np.moveaxis(windows @ taps, 0, axis)
    return field
