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

_HARDLY_SUBJECT = 26
"""Alpha, of 255, up to which a pixel shows the background for `blur`."""

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
        under = colour(background, otherwise="a picture or a video that is there")
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
        away = (cutout.mask < _HARDLY_SUBJECT).view(np.uint8)
        around = _spread(frame.photo.shown, away)
        sigma = BLUR_SHARE * max(cutout.size) / _COARSE_PX
        soft = opencv().GaussianBlur(around, (0, 0), sigma, borderType=opencv().BORDER_REPLICATE)
        return blend(cutout.foreground, cutout.mask, _enlarged(soft, cutout.size)[..., :3])

    return lay


def beyond_the_edge(cutout: Cutout) -> Pixels:
    """(H, W, 4): the cut-out, with the subject's nearest colours where nothing is seen.

    A lossy codec mixes the colours of neighbours: black under alpha 0 would darken the edge, and costs bits.
    """
    empty = (cutout.mask == 0).view(np.uint8)
    spread = _enlarged(_spread(cutout.rgba, 1 - empty), cutout.size)
    spread[..., 3] = 0
    return np.asarray(opencv().copyTo(spread, empty, cutout.rgba.copy()))


def _spread(colours: Pixels, seen: Pixels) -> Pixels:
    """Colours from where they are seen to all places, by a pyramid: coarser where they come from farther off.

    Args:
        colours: (H, W, 4), the fourth channel not looked at. seen: (H, W), 1 where they count, 0 elsewhere.

    Returns:
        (h, w, 4) on a coarse grid, the fourth channel without meaning.
    """
    cv2 = opencv()
    height, width = (max(1, side // _COARSE_PX) for side in seen.shape)
    counted = cv2.copyTo(colours, seen)
    counted[..., 3] = 255 * seen
    levels = [cv2.resize(counted, (width, height), interpolation=cv2.INTER_AREA) / np.float32(255)]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(cv2.pyrDown(levels[-1]))
    filled = levels.pop()
    for level in reversed(levels):
        above = cv2.resize(filled, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        filled = level + (1 - level[..., 3:]) * above
    return np.asarray((255 * filled / np.maximum(filled[..., 3:], np.float32(1e-3))).clip(0, 255), np.uint8)


def _enlarged(colours: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(opencv().resize(colours, size[::-1], interpolation=opencv().INTER_LINEAR))
