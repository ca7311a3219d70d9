"""How long the methods of `edges.py` take, beside the forward pass of the network on the same cores."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from edge_cases import GRID, Pixels, draw, network_map, scene_size
from edge_drawing import Floats
from edge_peers import Layers, MattingFailed, bicubic
from edge_scenes import SCENES

Method = Callable[[Floats, Pixels], Layers]
Timed = Callable[[Floats, Pixels], object]

TIMED = ("blob", "hair")
"""A compact subject, whose band is small, and one whose band is large: what takes longer grows with the band."""

RUNS = 7

LITE, COLOURS = "lite-float", "colours"


@dataclass(frozen=True)
class TimeRow:
    """What was timed on one scene.

    Attributes:
        megapixels, scene: which.
        band: share of the picture where the map is uncertain (5×5 maximum > .02, 5×5 minimum < .98).
        seconds: every counted run, by method (alpha and colours); `LITE` is the network's forward pass at 320×320,
            `COLOURS` u2bg's colours alone, on the bicubic alpha.
    """

    megapixels: int
    scene: str
    band: float
    seconds: dict[str, list[float]]

    def of_lite(self, name: str) -> float:
        """The median of the ratios to the network's forward pass, round by round."""
        return statistics.median(a / b for a, b in zip(self.seconds[name], self.seconds[LITE], strict=False))


def measure_times(
    methods: Mapping[str, Timed], estimate: Callable[[Pixels, Floats], Pixels], sizes: Sequence[int]
) -> list[TimeRow]:
    """Time every method, in this process, on both scenes at each of the sizes in megapixels."""
    return [_row(methods, estimate, name, megapixels) for megapixels in sizes for name in TIMED]


def _row(
    methods: Mapping[str, Timed], estimate: Callable[[Pixels, Floats], Pixels], name: str, megapixels: int
) -> TimeRow:
    print(f"  timing {name} at {megapixels} MP", file=sys.stderr, flush=True)
    case = draw(name, SCENES[name], scene_size(megapixels))
    alpha = bicubic(case.saliency_map, case.rgba).alpha
    small = np.asarray(cv2.resize(case.rgba, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)
    calls: dict[str, Callable[[], object]] = {LITE: partial(network_map, small, LITE)}
    calls |= {method: partial(call, case.saliency_map, case.rgba) for method, call in methods.items()}
    calls[COLOURS] = partial(estimate, case.rgba, alpha)
    return TimeRow(megapixels, name, band_share(case.saliency_map), in_turn(calls))


def in_turn(calls: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of `RUNS` runs of each, in turn, so that a busy minute falls on all; after one that does not count.

    What brings its own time runs once; what gives up says so on stderr and is left out.
    """
    seconds: dict[str, list[float]] = {}
    for name, call in calls.items():
        try:
            first = call()
        except MattingFailed as error:
            print(f"    {name}: {error}", file=sys.stderr, flush=True)
            continue
        own = first.seconds if isinstance(first, Layers) else None
        seconds[name] = [] if own is None else [own]
    counted = [name for name in seconds if not seconds[name]]
    for _ in range(RUNS):
        for name in counted:
            start = time.perf_counter()
            calls[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def band_share(saliency_map: Floats) -> float:
    """The share of the map that is uncertain, with two cells around it."""
    square = np.ones((5, 5), np.uint8)
    high, low = np.asarray(cv2.dilate(saliency_map, square)), np.asarray(cv2.erode(saliency_map, square))
    return float(np.mean((high > 0.02) & (low < 0.98)))


def show(rows: Sequence[TimeRow]) -> None:
    """The table of times, in milliseconds."""
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row.seconds))
    print(f"\ntimes, ms (median of {RUNS}, in turn; alpha and colours together)")
    print(f"  {'':12}{'band':>7}" + "".join(f"{name:>12}" for name in names))
    for row in rows:
        label = f"{row.megapixels} MP {row.scene}"
        times = (
            f"{statistics.median(row.seconds[name]) * 1e3:12.0f}" if name in row.seconds else f"{'–':>12}"
            for name in names
        )
        print(f"  {label:12}{row.band:7.1%}" + "".join(times))
