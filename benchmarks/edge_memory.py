"""What refinement and colours take of memory above the picture's own.

    python benchmarks/edge_memory.py --json FILE

Each scene in a process of its own, on Linux: the peak of the resident set from the picture to the finished cut-out,
less what was resident before. The cut-out's own pixels are in it. Scenes: a compact subject, hair, and, as the worst
that there is, a map that decides nothing anywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import measure
from edge_cases import draw, scene_size
from edge_scenes import SCENES
from u2bg.matting import alpha, foreground
from u2bg.shrinking import overview

MB = 2**20
ROWS = (("blob", 1), ("blob", 4), ("blob", 12), ("hair", 12), ("undecided", 12), ("blob", 100))


def main() -> int:
    parser = argparse.ArgumentParser(description="Memory of refinement and colours.")
    parser.add_argument("--json", type=Path, help="write a result file")
    parser.add_argument("--one", type=Path, metavar="FILE", help="measure the case in this file, here")
    options = parser.parse_args()
    if options.one:
        print(*_peak(options.one))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "case.npz"
        for scene, megapixels in ROWS:
            _write(file, scene, megapixels)
            command = [sys.executable, __file__, "--one", str(file)]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            picture, peak = map(float, said.split())
            rows.append({"scene": scene, "megapixels": megapixels, "picture_mb": picture, "above_mb": peak})
            print(
                f"{scene:10} {megapixels:4} MP  picture {picture:5.0f} MB, above it {peak:5.0f} MB",
                flush=True,
            )
    measure.write_result(options.json, rows)
    return 0


def _write(file: Path, scene: str, megapixels: int) -> None:
    """A scene of so many megapixels; above 12, one of 1 MP with its pixels repeated."""
    repeat = 1 if megapixels <= 12 else round(megapixels**0.5)
    name = scene if scene in SCENES else "blob"
    case = draw(name, SCENES[name], scene_size(megapixels if repeat == 1 else 1))
    saliency_map = case.saliency_map if scene in SCENES else np.full_like(case.saliency_map, 0.5)
    np.savez(file, rgba=case.rgba.repeat(repeat, 0).repeat(repeat, 1), saliency_map=saliency_map)


def _peak(file: Path) -> tuple[float, float]:
    """MB of the picture, (H, W, 4) bytes, and of the peak above it."""
    with np.load(file) as case:
        rgba, saliency_map = case["rgba"], case["saliency_map"]
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    photo = overview(rgba)
    foreground.estimate(photo, alpha.refine(saliency_map, photo).mask)
    return rgba.nbytes / MB, _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(name))) / 1024


if __name__ == "__main__":
    sys.exit(main())
