"""Saliency maps of a video, steadied along the motion of the picture.

The network looks at every frame anew, and its doubts change from frame to frame: that is flicker. Each map is therefore
joined with the one before, carried along by the optical flow (dense inverse search, Kroeger et al., 2016). Both are
evidence about the same pixels, so their log-odds are averaged: a sure "no" outweighs an unsure "perhaps", which a mean
of the values themselves would blur; and an unsure past does not talk a sure present round. What two frames in a row
see, and the past does not, is news and no flicker: the past then counts for less. Where the flow cannot be trusted, and
after a cut, the new map stands alone.

Nothing looks ahead: a frame's map depends on the frames before it only.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Small = NDArray[np.uint8]

DEFAULT_SMOOTH = 0.95

LONGEST_MEMORY = 0.98
"""Weight of the past at `strength` 1: what stands still must be able to change its mind within a second."""

DOUBT = np.float32(0.05)
"""No map is surer than this: (m + d) / (1 + 2d) has finite odds, and one map's 0 cannot silence all others."""

OVERRULED = np.float32(3)
"""Log-odds that two maps in a row both hold against the past, at which its weight falls to 1/e; a map that is quite
sure has as much."""

FINEST_SCALE = 1
"""Halvings of the grid at which the flow stops. At the preset's 2, a fifth of what stands still is not believed where
the camera moves fast, at 1 half as much; more steps and denser patches than the preset's add nothing to that."""

LIKENESS = 0.06
"""Mean difference of colour, of 1, between a pixel and where it came from, at which trust falls to 1/e."""

RETURN_CELLS = 2.0
"""How far the flow may miss, there and back again, in cells of the map, until trust falls to 1/e."""

CUT = 0.1
"""Mean trust below which a frame begins a new scene. Within shots it stays above .15 in fast sport; across cuts it is
about .01."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """All that a frame leaves to the next.

    Attributes:
        picture: (h, w, 3) uint8, the frame on the map's grid.
        saliency_map: (h, w) float32, steadied.
        seen: the same as the network gave it.
    """

    picture: Small
    saliency_map: Field
    seen: Field


_loading = threading.Lock()


def can_steady() -> bool:
    """Whether OpenCV is there. Asked by one thread at a time: a module that another thread is loading looks broken."""
    with _loading:
        try:
            opencv()
        except ImportError:
            return False
        return True


def opencv() -> Any:
    """OpenCV, of which its own types leave things out."""
    import cv2

    return cv2


def on_grid(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Small:
    """(H, W, 4) uint8 to (height, width, 3): the mean colour of every cell of the map."""
    height, width = size
    cv2 = opencv()
    return np.ascontiguousarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)[..., :3])


class Stabiliser:
    """Steadies one map after the other, in the order of the frames.

    Args:
        strength: 0 gives every map back as it is; 1 holds on to the past the longest.
        memory: where an earlier run stopped.
    """

    def __init__(self, strength: float, memory: Memory | None = None) -> None:
        cv2 = opencv()
        self._weight = np.float32(LONGEST_MEMORY * strength)
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(FINEST_SCALE)
        self.memory = memory

    def __call__(self, picture: Small, saliency_map: Field) -> Field:
        """The steadied map of the next frame, (h, w); `picture` is the frame `on_grid`."""
        if self._weight > 0:
            seen = saliency_map
            if self.memory is not None and self.memory.seen.shape == seen.shape:
                saliency_map = self._joined(self.memory, picture, seen)
            self.memory = Memory(picture, saliency_map, seen)
        return saliency_map

    def _joined(self, before: Memory, picture: Small, seen: Field) -> Field:
        where, trust = self._origins(before.picture, picture)
        if trust.mean() < CUT:
            return seen
        past = _carried(before.saliency_map, where)
        odds, odds_past, odds_last = map(_log_odds, (seen, past, _carried(before.seen, where)))
        against = -np.sign(odds_past)
        news = np.minimum(against * odds, against * odds_last).clip(0) / OVERRULED
        share = self._weight * trust * (1 - _sureness(seen) * (1 - _sureness(past))) * np.exp(-(news**2))
        joined = (1 + 2 * DOUBT) / (1 + np.exp((share - 1) * odds - share * odds_past)) - DOUBT
        return np.asarray(np.where(share > 0, joined.clip(0, 1), seen), np.float32)

    def _origins(self, before: Small, now: Small) -> tuple[Field, Field]:
        """Where each cell was a frame ago, (h, w, 2) as x and y; and how far to trust that, (h, w) in [0, 1]."""
        cv2 = opencv()
        grey_before, grey = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, now))
        back = self._flow.calc(grey, grey_before, None)
        forth = self._flow.calc(grey_before, grey, None)
        height, width = grey.shape
        where = _places(grey.shape) + back
        miss = back + cv2.remap(forth, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved = cv2.remap(before, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # The mean of the channels, in [0, 1]; OpenCV's sum: numpy is slow along short axes.
        unlike = cv2.transform(
            cv2.absdiff(moved, now).astype(np.float32), np.full((1, 3), 1 / 765, np.float32)
        )
        inside = cv2.inRange(where, (0, 0), (width - 1, height - 1)) > 0
        distance = (cv2.blur(unlike, (3, 3)) / np.float32(LIKENESS)) ** 2
        distance += (miss[..., 0] ** 2 + miss[..., 1] ** 2) / np.float32(RETURN_CELLS**2)
        return where, np.asarray(np.exp(-distance) * inside, np.float32)


def _carried(saliency_map: Field, where: Field) -> Field:
    """A map of a frame ago, moved along the flow."""
    cv2 = opencv()
    moved = cv2.remap(saliency_map, where, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(moved, 0, 1), np.float32)


@functools.lru_cache(maxsize=4)
def _places(size: tuple[int, int]) -> Field:
    """(h, w, 2) float32: x and y of every cell."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.stack([columns, rows], axis=-1).astype(np.float32)


def _log_odds(values: Field) -> Field:
    return np.asarray(np.log((values + DOUBT) / (1 + DOUBT - values)), np.float32)


def _sureness(values: Field) -> Field:
    """0 at one half, 1 at 0 and 1."""
    return np.abs(2 * values - 1)
