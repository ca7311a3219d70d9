"""What lies under the subject, and what a lossy codec should find beyond its edge."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from u2bg import imaging
from u2bg.cutout import Cutout, colour
from u2bg.imaging.formats import SIGNATURE_BYTES, recognise
from u2bg.matting.blend import blend
from u2bg.video.reading import Clip, Frame, look_into
from u2bg.video.stabilise import opencv

Pixels = NDArray[np.uint8]

Scene = Callable[[Frame, float], Callable[[Cutout], Pixels]]
"""Called with the frames in their order, and their times in seconds: what lays a cut-out over that frame's backdrop."""

BLUR_SHARE = 0.03
"""Standard deviation of `blur`, as a share of the frame's longer side."""

_COARSE_PX = 4
"""Colours are spread on a grid of cells this large: beyond the edge nobody looks closer."""


def scene(background: str, size: tuple[int, int], max_pixels: int) -> Scene:
    """What `--background` names: `blur`, a picture's or a video's path, or a colour.

    Raises:
        UsageError: no such colour, and no such file. InputError: a file that cannot be read.
    """
    if background == "blur":
        return _blurred
    path = Path(background)
    if not path.exists():
        under = colour(background)
        return lambda frame, at_s: lambda cutout: cutout.on(under)
    with path.open("rb") as file:
        kind = recognise(file.read(SIGNATURE_BYTES))
    if kind is not None and kind.name != "gif":
        picture = _covering(imaging.read(path, max_pixels).shown, size)
        return lambda frame, at_s: lambda cutout: blend(cutout.foreground, cutout.mask, picture)
    return _Moving(look_into(path, max_pixels), size)


class _Moving:
    """A video under the subject, from its beginning, again and again."""

    def __init__(self, clip: Clip, size: tuple[int, int]) -> None:
        self._clip = clip
        self._size = size
        self._round_s = 0.0
        self._frames = chain.from_iterable(clip.frames() for _ in repeat(None))
        self._now = self._next = next(self._frames)
        self._picture = _covering(self._now.photo.shown, size)

    def __call__(self, frame: Frame, at_s: float) -> Callable[[Cutout], Pixels]:
        shown = self._now
        while self._starts_s(self._next) <= at_s:
            self._now, self._next = self._next, next(self._frames)
            if self._next.pts <= self._now.pts:  # it begins again
                self._round_s = (
                    self._starts_s(self._now) + self._lasts_s(self._now) - self._seconds(self._next.pts)
                )
        if self._now is not shown:
            self._picture = _covering(self._now.photo.shown, self._size)
        picture = self._picture
        return lambda cutout: blend(cutout.foreground, cutout.mask, picture)

    def _starts_s(self, frame: Frame) -> float:
        return self._round_s + self._seconds(frame.pts)

    def _lasts_s(self, frame: Frame) -> float:
        return self._seconds(frame.duration) or float(1 / self._clip.rate)

    def _seconds(self, pts: int) -> float:
        return float(pts * self._clip.time_base)


def _covering(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """(h, w, 4) scaled to cover (height, width), centred: (height, width, 3)."""
    picture = Image.fromarray(pixels).convert("RGB")
    return np.asarray(ImageOps.fit(picture, size[::-1], Image.Resampling.LANCZOS))


def _blurred(frame: Frame, at_s: float) -> Callable[[Cutout], Pixels]:
    """The frame itself, out of focus, without the subject, whose colours would glow around it."""

    def lay(cutout: Cutout) -> Pixels:
        cv2 = opencv()
        around = _spread(frame.photo.shown[..., :3], 1 - cutout.alpha)
        sigma = BLUR_SHARE * max(cutout.size) / _COARSE_PX
        soft = cv2.GaussianBlur(around, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return blend(cutout.foreground, cutout.mask, _enlarged(soft, cutout.size))

    return lay


def beyond_the_edge(cutout: Cutout) -> Pixels:
    """(H, W, 4): the cut-out, with the subject's nearest colours where nothing is seen.

    A lossy codec mixes the colours of neighbours. Black under alpha 0 would darken the edge, and cost bits.
    """
    spread = _enlarged(_spread(cutout.foreground, cutout.alpha), cutout.size)
    empty = cutout.mask == 0
    pixels = cutout.rgba.copy()
    pixels[..., :3] = np.where(empty[..., None], spread, pixels[..., :3])
    return pixels


def _spread(colours: Pixels, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours, spread from where their weight is to all places, by a pyramid: coarser where they are farther off.

    Args:
        colours: (H, W, 3). weight: (H, W) in [0, 1].

    Returns:
        (h, w, 3) float32 in 0..255, on a coarse grid.
    """
    cv2 = opencv()
    height, width = (max(1, side // _COARSE_PX) for side in weight.shape)
    weighted = np.dstack([colours, np.full(weight.shape, 255, np.uint8)]) * weight[..., None]
    level = cv2.resize(weighted, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)
    levels = [level]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(cv2.pyrDown(levels[-1]))
    below = levels[-1]
    for level in reversed(levels[:-1]):
        up = cv2.resize(below, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        below = level + (1 - level[..., 3:]).clip(0) * up
    return np.asarray(255 * below[..., :3] / np.maximum(below[..., 3:], np.float32(1e-3)), np.float32)


def _enlarged(colours: NDArray[np.float32], size: tuple[int, int]) -> Pixels:
    cv2 = opencv()
    full = cv2.resize(colours, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray((full + np.float32(0.5)).clip(0, 255), np.uint8)
