"""One photo, u2bg beside rembg with the same weights, in turn: the whole command, and a process that is warm.

    python benchmarks/speed.py --u2bg .venv/demo/bin --rembg .venv/rembg/bin [--openvino .venv/test/bin] [--json FILE]

rembg gets our `lite-float` graph as its `u2netp` (its own model folder, checksum off): both have the same weights. In
rows of `floats` u2bg runs that very file; in the others what it takes by itself, the same network in 8 bits, on ONNX
Runtime or OpenVINO. rembg fixes the input at 320 × 320. u2bg refines the edge and estimates
colours, as it does by itself; rembg does what it does by itself, which is neither. Everything runs A B A B after a
warm-up round, so files are in the page cache and rembg's compiled code in its own cache: medians, and the ratio pair
by pair. Peak memory: the largest resident set of the command. A start goes from the start of a process to the moment at
which it begins to read the photo, from its standard input; Python by itself is a row of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

import measure
import speed_photos

WORKER = Path(__file__).with_name("speed_worker.py")
KINDS = ("png", "webp")

FORMS = {
    "floats": ("lite-float", "auto"),
    "8 bits": ("lite", "auto"),
    "8 bits, OpenVINO": ("lite", "openvino"),
}
"""Model and device of each form; OpenVINO is in an environment of its own."""

GOALS = {
    "command, 1 MP, png, floats": 3.0,
    "command, 12 MP, png, floats": 4.5,
    "command, 12 MP, png, 8 bits": 6.0,
    "in process, 12 MP, png, floats": 6.0,
    "in process, 12 MP, png, 8 bits": 9.0,
}
"""How many times faster u2bg is to be."""

START = "from the start to the photo's first byte"
PYTHON_START = f"{START}, Python alone"
START_MOST_S = 0.35
"""On top of Python itself."""

PNG_MOST = 1.15
"""Of the bytes that Pillow gives the same pixels by itself."""

PIPE_BYTES = 1 << 16
"""What a pipe holds while nobody reads."""


def main() -> int:
    options = _options()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        environment = rembg_home(options.u2bg / "u2bg", folder)
        sources = speed_photos.sources()
        rows += [_versions(options), *_starts(options, environment)]
        for megapixels in options.megapixels:
            photos = []
            for index, source in enumerate(sources):
                photos.append(folder / f"{megapixels:g}-{index}.jpg")
                photos[-1].write_bytes(speed_photos.jpeg(source, megapixels))
            for kind in options.kinds:
                for form in options.forms:
                    if "OpenVINO" not in form:
                        rows.append(_commands(options, environment, photos, megapixels, kind, form, folder))
                        _show(rows[-1])
                    if "OpenVINO" not in form or options.openvino:
                        rows.append(_in_process(options, environment, photos, megapixels, kind, form))
                        _show(rows[-1])
            # What is there is kept, should somebody lose patience with the larger ones.
            measure.write_result(
                options.json, rows, photos=[path.name if path else "drawn" for path in sources]
            )
    missed = list(_missed(rows))
    for line in missed:
        print(f"goal missed: {line}", file=sys.stderr)
    return bool(missed and options.gate)


def _missed(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    by_name = {row["name"]: row for row in rows}
    for name, goal in GOALS.items():
        if name in by_name and by_name[name]["ratio_median"] < goal:
            yield f"{name} at least {goal:g} times faster"
    if by_name[START]["a_median_s"] - by_name[PYTHON_START]["a_median_s"] > START_MOST_S:
        yield f"{START} within {START_MOST_S} s beside Python"
    for row in rows:
        if row.get("png_of_pillows", 0) > PNG_MOST:
            yield f"{row['name']}: the file at most {PNG_MOST:g} times as large as Pillow's"


def rembg_home(u2bg: Path, folder: Path) -> Mapping[str, str]:
    """The environment in which rembg finds our graph under the name of the published one."""
    said = subprocess.run([u2bg, "models", "path", "lite-float"], capture_output=True, text=True, check=True)
    home = folder / "rembg"
    (home / "models" / "u2netp").mkdir(parents=True)
    shutil.copy(said.stdout.strip(), home / "models" / "u2netp" / "u2netp.onnx")
    return {"U2NET_HOME": str(home), "MODEL_CHECKSUM_DISABLED": "1"}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="u2bg beside rembg: commands and warm processes.")
    parser.add_argument("--u2bg", type=Path, required=True, help="bin folder of u2bg's environment")
    parser.add_argument("--rembg", type=Path, required=True, help="bin folder of rembg's environment")
    parser.add_argument("--openvino", type=Path, help="bin folder of an environment with u2bg[openvino]")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12, 48])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--gate", action="store_true", help="exit 1 where a goal is missed")
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


def _versions(options: argparse.Namespace) -> dict[str, Any]:
    """How long either takes to start and say which it is."""
    timed = measure.alternate(
        lambda: measure.process([options.u2bg / "u2bg", "--version"]),
        lambda: measure.process([options.rembg / "rembg", "--version"]),
        options.runs,
    )
    print(f"{measure.describe(measure.machine())}\nmedians of {options.runs}, in turn\n")
    row = {"name": "--version", **timed.summary()}
    _show(row)
    return row


def _starts(options: argparse.Namespace, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """How long either takes to begin with a photo, and how much of that is Python."""
    photo = speed_photos.jpeg(None, 1)
    reads = "import sys; sys.stdin.buffer.read()"
    pairs = {
        START: (
            [options.u2bg / "u2bg", "remove", "-", "-o", "-"],
            [options.rembg / "rembg", "i", "-m", "u2netp", "-", "-"],
        ),
        PYTHON_START: tuple([place / "python", "-c", reads] for place in (options.u2bg, options.rembg)),
    }
    rows = []
    for name, (ours, theirs) in pairs.items():
        begin = functools.partial(_first_byte, photo=photo, environment=environment)
        timed = measure.alternate(
            functools.partial(begin, ours), functools.partial(begin, theirs), options.runs
        )
        rows.append({"name": name, **timed.summary()})
        _show(rows[-1])
    return rows


def _first_byte(command: Sequence[Any], photo: bytes, environment: Mapping[str, str]) -> measure.Run:
    """Until a process makes room in the pipe by reading."""
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    ) as process:
        assert process.stdin is not None
        os.write(process.stdin.fileno(), photo[: PIPE_BYTES + 1])
        taken_s = time.perf_counter() - start
        process.kill()
    return measure.Run(taken_s, 0.0, 0.0)


def _commands(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    photos: Sequence[Path],
    megapixels: float,
    kind: str,
    form: str,
    folder: Path,
) -> dict[str, Any]:
    """From the start of a process to its end, the photos by turns."""
    done: tuple[list[measure.Run], list[measure.Run]] = ([], [])

    def run(which: int) -> measure.Run:
        photo = photos[len(done[which]) % len(photos)]
        ours = [options.u2bg / "u2bg", "remove", photo, "-o", folder / f"ours.{kind}", "--overwrite"]
        ours += ["--model", FORMS[form][0]]
        theirs = [options.rembg / "rembg", "i", "-m", "u2netp", photo, folder / f"theirs.{kind}"]
        done[which].append(measure.process((ours, theirs)[which], environment))
        return done[which][-1]

    timed = measure.alternate(lambda: run(0), lambda: run(1), max(options.runs, len(photos)))
    name = f"command, {megapixels:g} MP, {kind}, {form}"
    row = {"name": name, "megapixels": megapixels, "form": form, **timed.summary()}
    for side, counted in zip("ab", (kept[1:] for kept in done), strict=True):
        row[f"{side}_cpu_s"] = statistics.median(run.cpu_s for run in counted)
        row[f"{side}_peak_mb"] = statistics.median(run.peak_mb for run in counted)
    if kind == "png":
        row["png_of_pillows"] = _of_pillows(folder / "ours.png")
    return row


def _of_pillows(path: Path) -> float:
    """A PNG file's size, by what Pillow makes of its pixels."""
    again = path.with_name("pillows.png")
    with Image.open(path) as picture:
        picture.save(again)
    return path.stat().st_size / again.stat().st_size


def _in_process(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    photos: Sequence[Path],
    megapixels: float,
    kind: str,
    form: str,
) -> dict[str, Any]:
    """From bytes to bytes in processes that stay, the photos by turns."""
    model, device = FORMS[form]
    place = options.openvino if "OpenVINO" in form else options.u2bg
    with (
        _worker(place, ["u2bg", model, device], environment) as ours,
        _worker(options.rembg, ["rembg"], environment) as theirs,
    ):
        turn = {ours: 0, theirs: 0}

        def ask(worker: subprocess.Popen[str]) -> measure.Run:
            photo = photos[turn[worker] % len(photos)]
            turn[worker] += 1
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(f"{photo} {kind}\n")
            worker.stdin.flush()
            return measure.Run(float(worker.stdout.readline()), 0.0, 0.0)

        runs = max(options.runs, 2 * len(photos))
        timed = measure.alternate(lambda: ask(ours), lambda: ask(theirs), runs, warmup=len(photos))
    name = f"in process, {megapixels:g} MP, {kind}, {form}"
    return {"name": name, "megapixels": megapixels, "form": form, **timed.summary()}


@contextlib.contextmanager
def _worker(
    place: Path, contestant: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    command = ["/usr/bin/env", *(f"{key}={value}" for key, value in environment.items())]
    with subprocess.Popen(
        [*command, place / "python", WORKER, *contestant],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as worker:
        yield worker


def _show(row: Mapping[str, Any]) -> None:
    cells = (
        f"{row[f'{side}_median_s']:8.3f} s"
        + (f" {row[f'{side}_peak_mb']:5.0f} MB" if f"{side}_peak_mb" in row else " " * 9)
        for side in "ab"
    )
    ratio = f"{row['ratio_median']:5.1f} times faster ({row['ratio_min']:.1f} to {row['ratio_max']:.1f})"
    print(f"{row['name']:40}" + " ".join(cells) + f" {ratio}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
