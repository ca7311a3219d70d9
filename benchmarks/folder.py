"""Folders: against `rembg p` with the same weights, one core against all, memory, a long list, and Ray.

    python benchmarks/folder.py rembg --u2bg .venv/demo/bin/u2bg --rembg .venv/rembg/bin/rembg --megapixels 12
    python benchmarks/folder.py cores memory listing --u2bg .venv/demo/bin/u2bg [--json FILE]
    python benchmarks/folder.py ray --u2bg .venv/test/bin/u2bg

Each part is a few minutes; with `--json` its row joins those that are in the file. The photos are crops of camera
photos (see speed_photos.py), each another one. rembg gets our `lite` graph as its `u2netp`, as in speed.py.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

import measure
import speed_photos
from speed import rembg_home
from u2bg.batch.job import Job, Outcome
from u2bg.batch.manifest import Manifest
from u2bg.batch.order import Order, fingerprint
from u2bg.imaging.formats import PNG
from u2bg.pipeline import Options

LONG_LIST = 100_000
FEW, MANY = 100, 5000
SMALL_PX = 200


def main() -> int:
    options = _options()
    rows: dict[str, Any] = {}
    for part in options.parts:
        with tempfile.TemporaryDirectory() as place:
            rows |= PARTS[part](options, Path(place))
    print(measure.describe(measure.machine()))
    for name, row in rows.items():
        print(f"{name:32}" + "   ".join(f"{key} {_number(value)}" for key, value in row.items()))
    if options.json:
        known = json.loads(options.json.read_text())["rows"] if options.json.exists() else {}
        measure.write_result(options.json, known | rows)
    return 0


def against_rembg(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """The whole command, in turn: how many times faster."""
    photos = _photos(place / "in", options.photos, options.megapixels * 1e6)
    environment = rembg_home(options.u2bg, place)
    fresh = (place / f"out{number}" for number in itertools.count())  # rembg leaves out what is there

    def ours() -> measure.Run:
        return measure.process([*_remove(options, photos), next(fresh)])

    def theirs() -> measure.Run:
        return measure.process([options.rembg, "p", "-m", "u2netp", photos, next(fresh)], environment)

    timed = measure.alternate(ours, theirs, options.runs, warmup=0)
    name = " ".join([f"{options.photos} photos of {options.megapixels:g} MP", *options.extra])
    return {
        name: {
            "u2bg_per_s": options.photos / statistics.median(timed.a),
            "rembg_per_s": options.photos / statistics.median(timed.b),
            "times_faster": statistics.median(timed.ratios),
        }
    }


def one_core_or_all(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """The same run pinned to one core, and on all of them; how busy they were."""
    photos = _photos(place / "in", options.photos, options.megapixels * 1e6)
    cores = sorted(os.sched_getaffinity(0))

    def run(count: int) -> measure.Run:
        pinned = ["taskset", "-c", ",".join(map(str, cores[:count]))]
        return measure.process([*pinned, *_remove(options, photos), place / "out", "--no-resume"])

    one, every = [], []
    for _ in range(options.runs):
        one.append(run(1))
        every.append(run(len(cores)))
    return {
        f"{len(cores)} cores, {options.megapixels:g} MP": {
            "one_core_per_s": options.photos / statistics.median(run.wall_s for run in one),
            "all_cores_per_s": options.photos / statistics.median(run.wall_s for run in every),
            "times_one_core": statistics.median(a.wall_s / b.wall_s for a, b in zip(one, every, strict=True)),
            "busy": statistics.median(run.cpu_s / run.wall_s / len(cores) for run in every),
            "bytes_in": _mean_bytes(photos, "*.jpg"),
            "bytes_out": _mean_bytes(place / "out", "*.png"),
        }
    }


def memory(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Peak memory with a hundred small pictures and with five thousand."""
    peaks = []
    for count in (FEW, MANY):
        photos = _photos(place / f"in{count}", count, SMALL_PX**2)
        peaks.append(measure.process([*_remove(options, photos), place / f"out{count}"]).peak_mb)
    return {
        f"memory, {FEW} and {MANY} pictures": {
            "few_mb": peaks[0],
            "many_mb": peaks[1],
            "growth": peaks[1] / peaks[0] - 1,
        }
    }


def listing(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """A run over a hundred thousand tiny pictures that are all done, and when its first news comes."""
    photos, out = place / "in", place / "out"
    content = _jpeg(Image.new("RGB", (2, 2)))
    manifest = Manifest(out, photos)
    manifest.begin(fingerprint(Order(PNG), Options(), "lite"))
    for number in range(LONG_LIST):
        job = Job(
            photos / f"{number % 100:02}" / f"{number}.jpg", out / f"{number % 100:02}" / f"{number}.png"
        )
        for path in (job.source, job.output):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        outcome = Outcome(str(job.source), str(job.output), (2, 2), 0.9, True, 0.1)
        manifest.write(outcome, manifest.facts(job.source.stat(), len(content)))
    manifest.close()
    screen, terminal = os.openpty()
    start = time.perf_counter()
    with subprocess.Popen([*_remove(options, photos), out], stderr=terminal) as process:
        os.read(screen, 1)
        first = time.perf_counter() - start
        os.close(terminal)
        said = _rest(screen)
    seconds = time.perf_counter() - start
    if process.returncode or f"{LONG_LIST} done before" not in said:
        sys.exit(f"the run over the long list failed: {said[-500:]}")
    return {f"{LONG_LIST} pictures, all done": {"seconds": seconds, "first_news_s": first}}


def with_ray(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """The folder mode and a batch on this machine's own Ray, with so many workers each."""
    photos = _photos(place / "in", options.photos, options.megapixels * 1e6)
    name = f"{options.photos} photos of {options.megapixels:g} MP"
    row = {}
    for jobs in options.workers:
        folder = [*_remove(options, photos), place / f"out{jobs}", "--jobs", str(jobs)]
        run = measure.process(folder)
        row[f"jobs_{jobs}_per_s"] = options.photos / run.wall_s
        batch = [options.u2bg, "batch", photos, place / f"ray{jobs}", "--workers", str(jobs), *options.extra]
        run = measure.process(batch)
        row[f"ray_{jobs}_per_s"] = options.photos / run.wall_s
        row[f"ray_{jobs}_overhead"] = row[f"jobs_{jobs}_per_s"] / row[f"ray_{jobs}_per_s"] - 1
    return {f"folder and Ray, {name}": row}


PARTS: dict[str, Callable[[argparse.Namespace, Path], dict[str, Any]]] = {
    "rembg": against_rembg,
    "cores": one_core_or_all,
    "memory": memory,
    "listing": listing,
    "ray": with_ray,
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Folders, measured.")
    parser.add_argument("parts", nargs="+", choices=PARTS, help="what to measure")
    parser.add_argument("--u2bg", type=Path, required=True, help="the u2bg command")
    parser.add_argument("--rembg", type=Path, help="the rembg command")
    parser.add_argument("--photos", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--megapixels", type=float, default=1.0, help="how large (default 1)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each (default 3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="for ray (default 1 2 4)")
    parser.add_argument(
        "--extra", type=shlex.split, default=[], help="more options for u2bg: --extra='--mask'"
    )
    parser.add_argument(
        "--json", type=Path, help="a result file, in which the rows join those that are there"
    )
    return parser.parse_args()


def _remove(options: argparse.Namespace, photos: Path) -> list[str | Path]:
    return [options.u2bg, "remove", photos, *options.extra, "-o"]


def _photos(folder: Path, count: int, pixels: float) -> Path:
    """So many JPEG files of so many pixels: crops, no two alike, of a few photos."""
    folder.mkdir(parents=True)
    rng = random.Random(7)
    masters = []
    for source in speed_photos.sources():
        with Image.open(io.BytesIO(speed_photos.jpeg(source, 1.2 * pixels / 1e6))) as picture:
            masters.append(picture.convert("RGB"))
    for number in range(count):
        master = masters[number % len(masters)]
        scale = 1.2**-0.5
        width, height = round(master.width * scale), round(master.height * scale)
        left, top = rng.randint(0, master.width - width), rng.randint(0, master.height - height)
        crop = master.crop((left, top, left + width, top + height))
        (folder / f"{number:05}.jpg").write_bytes(_jpeg(crop))
    return folder


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def _mean_bytes(folder: Path, pattern: str) -> float:
    return statistics.mean(path.stat().st_size for path in folder.glob(pattern))


def _rest(screen: int) -> str:
    """What a terminal shows until its last writer leaves."""
    said = b""
    try:
        while piece := os.read(screen, 65536):
            said += piece
    except OSError:  # how Linux says that nobody is left
        pass
    os.close(screen)
    return said.decode(errors="replace")


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
