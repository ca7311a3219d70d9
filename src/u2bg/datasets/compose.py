"""A cut-out laid over another background: its colours cleaned of the old one, its edge soft.

The matting equation C = αF + (1 − α)B, with F spread outwards from where the subject is opaque, so that no fringe of
the old background comes along.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

OPAQUE = 250
"""Alpha from which a pixel's colour is the subject's own."""


def spread_colours(image: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The subject's own colours at every pixel: kept where it is opaque, spread from there elsewhere.

    Pull and push over a pyramid of means weighted by opacity: the nearest opaque colours win.

    Args:
        image: (H, W, 3) uint8 sRGB. alpha: (H, W) uint8.

    Returns: (H, W, 3) uint8. Where nothing is opaque, what is densest counts as the subject.
    """
    threshold = min(OPAQUE, int(alpha.max()))
    own = (alpha >= threshold)[..., None]
    weight = own.astype(np.float32)
    spread = _spread((image * weight).astype(np.float32), weight)
    return np.where(own, image, np.clip(spread + 0.5, 0, 255).astype(np.uint8))


def _spread(colours: npt.NDArray[np.float32], weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(H, W, 3) colours times weight, (H, W, 1) weight, to colours everywhere."""
    own: npt.NDArray[np.float32] = colours / np.maximum(weight, np.float32(1e-6))
    if max(weight.shape) == 1:
        return own
    height, width = weight.shape[:2]
    far = _spread(_halve(colours), _halve(weight)).repeat(2, 0).repeat(2, 1)[:height, :width]
    near = np.minimum(weight, 1.0)
    return np.asarray(near * own + (1 - near) * far, np.float32)


def _halve(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sums of 2×2 pixels, so that a pixel's weight grows with the opaque ones under it."""
    height, width, channels = x.shape
    even = np.pad(x, ((0, height % 2), (0, width % 2), (0, 0)))
    blocks = even.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, channels)
    return np.asarray(blocks.sum((1, 3)), np.float32)


def paste(foreground: Any, alpha: Any, background: Any) -> Any:
    """C = αF + (1 − α)B (Porter and Duff, 1984), on tensors or arrays that broadcast together, values in [0, 1]."""
    return alpha * foreground + (1 - alpha) * background
