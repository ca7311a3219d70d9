"""One photo, process start to file: `u2bg remove` against `rembg i`, the same weights, in turn.

    python benchmarks/cold.py --u2bg .venv/demo/bin/u2bg --rembg .venv/rembg/bin/rembg [--json FILE]

rembg gets our `lite` graph as its `u2netp` (its own model folder, checksum off): both run the same weights;
what differs is the road around them, and the input size, which rembg fixes at 320. Both run A B A B after a
warm-up round, so files are in the page cache and rembg's compiled code in its own cache; medians, and the
ratio pair by pair. Then `--version` of both in the same way. Peak memory: the largest resident set.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

import measure

CAMERA = measure.ROOT.parent / "shared" / "data" / "eval" / "camera"
EXAMPLES = measure.ROOT / "examples"


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        photo = folder / "photo.jpg"
        source = options.photo or _a_photo()
        photo.write_bytes(one_megapixel(source))
        environment = _rembg_home(options.u2bg, folder)
        ours = [options.u2bg, "remove", photo, "-o", folder / "u2bg.png", "--overwrite"]
        theirs = [options.rembg, "i", "-m", "u2netp", photo, folder / "rembg.png"]
        rows = {
            "photo to file": _measure(ours, theirs, environment, options.runs),
            "--version": _measure(
                [options.u2bg, "--version"], [options.rembg, "--version"], environment, options.runs
            ),
        }
    about = {"u2bg": _say(options.u2bg), "rembg": _say(options.rembg)}
    print(f"{measure.describe(measure.machine())}\n{about['u2bg']}; {about['rembg']}; photo: {source.name}\n")
    print(f"{'median of ' + str(options.runs):16}{'u2bg':>30}{'rembg':>30}   u2bg is faster by")
    for name, row in rows.items():
        _show(name, row)
    measure.write_result(options.json, rows, photo=source.name, **about)
    if options.gate is not None and rows["photo to file"]["ratio_median"] < options.gate:
        print(f"goal missed: at least {options.gate:g} times faster", file=sys.stderr)
        return 1
    return 0


def one_megapixel(source: Path) -> bytes:
    """A photo scaled to 1 MP (area, aspect kept), upright, as JPEG of quality 92."""
    with Image.open(source) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    factor = (1e6 / (upright.width * upright.height)) ** 0.5
    size = round(upright.width * factor), round(upright.height * factor)
    file = io.BytesIO()
    upright.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=92)
    return file.getvalue()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="u2bg remove against rembg i, from process start to file.")
    parser.add_argument("--u2bg", type=Path, required=True, help="the u2bg command")
    parser.add_argument("--rembg", type=Path, required=True, help="the rembg command")
    parser.add_argument(
        "--photo", type=Path, help="a photo with a subject (default: a camera's, or examples/)"
    )
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each (default 7)")
    parser.add_argument("--gate", type=float, metavar="TIMES", help="exit 1 unless that many times faster")
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


def _a_photo() -> Path:
    """A camera's photo where there is one, for its real detail; else the largest of the examples."""
    for folder in (CAMERA, EXAMPLES):
        photos = sorted(folder.glob("*.jpg"), key=lambda path: (-path.stat().st_size, path.name))
        if photos:
            return photos[0]
    sys.exit("no photo to cut; fix: --photo FILE.jpg")


def _rembg_home(u2bg: Path, folder: Path) -> Mapping[str, str]:
    """A model folder of rembg's that holds our graph under the name of the published one."""
    said = subprocess.run([u2bg, "models", "path", "lite"], capture_output=True, text=True, check=True)
    home = folder / "rembg"
    (home / "models" / "u2netp").mkdir(parents=True)
    shutil.copy(said.stdout.strip(), home / "models" / "u2netp" / "u2netp.onnx")
    return {"U2NET_HOME": str(home), "MODEL_CHECKSUM_DISABLED": "1"}


def _measure(
    ours: Sequence[str | Path], theirs: Sequence[str | Path], environment: Mapping[str, str], runs: int
) -> dict[str, Any]:
    """Both commands in turn: times, ratios, processor time, peak memory."""
    done: tuple[list[measure.Run], list[measure.Run]] = ([], [])

    def run(which: int) -> measure.Run:
        done[which].append(measure.process((ours, theirs)[which], environment))
        print(".", end="", file=sys.stderr, flush=True)
        return done[which][-1]

    timed = measure.alternate(lambda: run(0), lambda: run(1), runs)
    print(file=sys.stderr)
    row = {**timed.summary(), "a": "u2bg", "b": "rembg"}
    for side, counted in zip("ab", (kept[-runs:] for kept in done), strict=True):
        row[f"{side}_cpu_s"] = statistics.median(run.cpu_s for run in counted)
        row[f"{side}_peak_mb"] = statistics.median(run.peak_mb for run in counted)
    return row


def _say(command: Path) -> str:
    """What a command answers to `--version`."""
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _show(name: str, row: Mapping[str, Any]) -> None:
    cells = (
        f"{row[f'{side}_median_s']:.3f} s {row[f'{side}_cpu_s']:.2f} s CPU {row[f'{side}_peak_mb']:4.0f} MB"
        for side in "ab"
    )
    ratio = f"{row['ratio_median']:.1f} ({row['ratio_min']:.1f} to {row['ratio_max']:.1f})"
    print(f"{name:16}" + "".join(f"{cell:>30}" for cell in cells) + f"   {ratio}")


if __name__ == "__main__":
    sys.exit(main())
