"""How time and memory of one photo grow with its pixels and with the cores, and how near that is to the machine.

    python benchmarks/growth.py --u2bg .venv/demo/bin/u2bg [--json FILE]

The photo is the drawn one, so that the subject is the same at every size. Stages are timed in this process, the model
loaded; peak memory is that of the command, a process of its own. Cores
are given by affinity. The roofline sets the network beside the multiply-adds of one large matrix product, and reading
and writing beside the bytes a second of copying an array.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import measure
import speed_photos
import u2bg
from u2bg import imaging
from u2bg.saliency.models import find

SIZES_MP = (1, 4, 12, 24, 48)
TYPICAL_MP = 12
STAGES = ("read", "network", "edges and colours", "write")
SIDE, COPIED_BYTES = 2048, 400_000_000


def main() -> int:
    options = _options()
    photos = {size: speed_photos.jpeg(None, size) for size in options.megapixels}
    rows: dict[str, Any] = {"growth": [], "cores": []}
    for size, photo in photos.items():
        rows["growth"].append({"megapixels": size, **_stages(photo), "peak_mb": _peak_mb(photo, options)})
        print(rows["growth"][-1], flush=True)
    everything = os.sched_getaffinity(0)
    for count in range(1, len(everything) + 1):
        command = ["taskset", "-c", ",".join(map(str, sorted(everything)[:count])), options.u2bg]
        rows["cores"].append({"cores": count, "seconds": _command(photos[TYPICAL_MP], command)})
        print(rows["cores"][-1], flush=True)
    rows["roofline"] = _roofline(next(row for row in rows["growth"] if row["megapixels"] == TYPICAL_MP))
    print(rows["roofline"])
    measure.write_result(options.json, rows)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time and memory against pixels and cores.")
    parser.add_argument("--u2bg", type=Path, required=True, help="the command to measure")
    parser.add_argument("--megapixels", type=float, nargs="+", default=list(SIZES_MP))
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


def _stages(photo: bytes, runs: int = 5) -> dict[str, float]:
    """Median seconds of each step of a photo's way, and of the whole."""
    remover = u2bg.Remover()
    taken: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for _ in range(runs + 1):
        at = [time.perf_counter()]
        read = imaging.read(photo)
        at.append(time.perf_counter())
        saliency_map = remover.look(read)
        at.append(time.perf_counter())
        cutout = remover.cut(read, saliency_map)
        at.append(time.perf_counter())
        cutout.encode("png")
        at.append(time.perf_counter())
        for stage, start, end in zip(STAGES, at, at[1:], strict=False):
            taken[stage].append(end - start)
    medians = {stage: statistics.median(times[1:]) for stage, times in taken.items()}
    return {**medians, "whole": sum(medians.values())}


def _peak_mb(photo: bytes, options: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo)
        return measure.process([options.u2bg, "remove", path]).peak_mb


def _command(photo: bytes, command: list[Any], runs: int = 5) -> float:
    """Median wall seconds of a whole command."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(photo)
        return statistics.median(
            measure.process([*command, "remove", path, "--overwrite"]).wall_s for _ in range(runs + 1)
        )


def _roofline(typical: dict[str, float]) -> dict[str, float]:
    """Rates of the machine, and of the steps that its limits bound."""
    matrix = np.ones((SIDE, SIDE), np.float32)
    block = np.ones(COPIED_BYTES // 8, np.float64)
    other = np.empty_like(block)
    pixels_bytes = typical["megapixels"] * 4e6
    return {
        "product_multiply_adds_per_s": SIDE**3 / _best(lambda: matrix @ matrix),
        "network_multiply_adds_per_s": find("lite").multiply_adds / typical["network"],
        "copy_bytes_per_s": 2 * COPIED_BYTES / _best(lambda: np.copyto(other, block)),
        "read_bytes_per_s": pixels_bytes / typical["read"],
        "write_bytes_per_s": pixels_bytes / typical["write"],
    }


def _best(work: Callable[[], object], tries: int = 5) -> float:
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main())
