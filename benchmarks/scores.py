"""Our masks beside the published file run by rembg's recipe, on sets with ground truth.

    python benchmarks/scores.py ../shared/data/eval/pascals ../shared/data/eval/davis [--json FILE]

A set is a folder that holds `images/` and `masks/` (NAME.* in both), itself or in its sub-folders. Ground
truth is mask > 127. Two contestants answer every picture:

    rembg's recipe   the authors' published `u2netp.onnx`, run as rembg runs it (`rembg_mask`, below)
    u2bg             `u2bg remove IMAGES -o OUT --mask`, the command itself, as a process of its own

Scores, per set: MAE of the 8-bit mask as it is, nothing stretched; PySODMetrics' maximal F-measure (of
precision and recall averaged over the set, as papers report it; and of F averaged over pictures), S-measure,
maximal and mean E-measure (PySODMetrics stretches every mask to 0..1 by itself, so these cannot see a
stretch). The change of MAE comes with the 95 % interval of a paired bootstrap over pictures; frames of one
video resemble each other, so on video sets the interval is too narrow.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

import measure

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

COLUMNS = ("MAE", "maxF", "maxF/img", "S", "maxE", "meanE")
"""Column names of a row of scores; the lower the better for MAE, the higher for the others."""


class Pair(NamedTuple):
    """A picture and the file with its ground truth."""

    image: Path
    mask: Path


def main() -> int:
    options = _options()
    sets = {folder: _pairs(folder) for folder in options.sets}
    published = options.published or _pull(options.u2bg)
    session = _session(published)
    rows = {}
    failed = []
    for folder, pairs in sets.items():
        print(f"{folder}: {len(pairs)} pictures", file=sys.stderr)
        with tempfile.TemporaryDirectory() as out:
            ours = _product(options.u2bg, options.model, pairs, Path(out))
            row = _compare(pairs, lambda image: rembg_mask(image, session), ours)
        rows[folder.name] = row
        _show(folder.name, row)
        if options.gate is not None and not _holds(row, options.gate):
            failed.append(folder.name)
    measure.write_result(
        options.json,
        rows,
        published=published.name,
        model=options.model or "the default",
        scorer=f"pysodmetrics {metadata.version('pysodmetrics')}",
    )
    if failed:
        print(f"goal missed on {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def rembg_mask(image: Image.Image, session: Callable[[npt.NDArray[np.float32]], Floats]) -> Grey:
    """rembg's recipe for u2netp, step by step, from what its release 2.0.86 was measured to do.

    Args:
        image: as the file holds it, EXIF orientation not yet applied.
        session: the network: (1, 3, 320, 320) float32 to a saliency map (320, 320).

    Returns:
        (H, W) uint8 mask, upright.
    """
    # 1. upright by EXIF, three channels
    upright = ImageOps.exif_transpose(image).convert("RGB")
    # 2. to 320 × 320 by Lanczos, whatever the aspect ratio
    pixels = np.asarray(upright.resize((320, 320), Image.Resampling.LANCZOS), np.float64)
    # 3. divided by the brightest value that there is, not by 255
    pixels = pixels / max(float(pixels.max()), 1e-6)
    # 4. normalised per channel, channels first, a batch of one
    pixels = (pixels - IMAGENET_MEAN) / IMAGENET_STD
    answer = session(pixels.transpose(2, 0, 1)[None].astype(np.float32))
    # 5. stretched so that the map's least value becomes 0 and its greatest 1; a flat map becomes 0
    span = float(answer.max() - answer.min())
    stretched = (answer - answer.min()) / span if span else np.zeros_like(answer)
    # 6. to 8 bits, cut off instead of rounded
    small = Image.fromarray((stretched * 255).astype(np.uint8))
    # 7. the 8-bit mask to the picture's size by Lanczos
    return np.asarray(small.resize(upright.size, Image.Resampling.LANCZOS))


class Scores:
    """Scores of one contestant, gathered picture by picture."""

    def __init__(self) -> None:
        import py_sod_metrics

        with warnings.catch_warnings(action="ignore"):  # it announces the removal of Fmeasure
            self._f = py_sod_metrics.Fmeasure()
        self._s = py_sod_metrics.Smeasure()
        self._e = py_sod_metrics.Emeasure()
        self.errors: list[float] = []

    def add(self, mask: Grey, truth: npt.NDArray[np.bool_]) -> None:
        """Score one mask, (H, W) uint8, against its truth of the same size."""
        self.errors.append(float(np.abs(mask / 255.0 - truth).mean()))
        for measure_ in (self._f, self._s, self._e):
            measure_.step(pred=mask, gt=truth.astype(np.uint8) * 255)

    def result(self) -> dict[str, float]:
        """The row under `COLUMNS`."""
        f, e = self._f.get_results(), self._e.get_results()["em"]["curve"]
        precision, recall = f["pr"]["p"], f["pr"]["r"]
        f_of_set = 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-12)
        values = (
            np.mean(self.errors),
            f_of_set.max(),
            f["fm"]["curve"].max(),
            self._s.get_results()["sm"],
            e.max(),
            e.mean(),
        )
        return {name: float(value) for name, value in zip(COLUMNS, values, strict=True)}


def bootstrap(differences: Floats, rounds: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of paired differences, pictures drawn with replacement."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(differences), (rounds, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Our masks beside the published file run by rembg's recipe.")
    parser.add_argument("sets", nargs="+", type=Path, help="folders with images/ and masks/")
    parser.add_argument(
        "--u2bg", default=Path(sys.executable).with_name("u2bg"), help="the command to measure"
    )
    parser.add_argument("--model", help="what `u2bg remove --model` gets (default: its own default)")
    parser.add_argument("--published", type=Path, help="the published ONNX file (default: pulled by u2bg)")
    parser.add_argument(
        "--gate",
        type=float,
        metavar="PERCENT",
        help="exit 1 unless MAE is lower by that much, and F, S and E no worse, on every set",
    )
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


def _pairs(folder: Path) -> list[Pair]:
    """The pictures of a set with their masks, sorted by path; ends the program where there are none."""
    pairs = sorted(_walk(folder))
    if not pairs:
        print(
            f"no pictures with masks under '{folder}'; expected images/ and masks/ in it or its sub-folders; "
            "fix: name a folder that holds a set (the sets that u2bg is scored on do not ship with it)",
            file=sys.stderr,
        )
        raise SystemExit(2)
    return pairs


def _walk(folder: Path) -> Iterator[Pair]:
    for images in [folder / "images", *folder.glob("*/images")]:
        masks = {path.stem: path for path in images.with_name("masks").glob("*")}
        for image in images.glob("*"):
            if image.stem in masks:
                yield Pair(image, masks[image.stem])


def _pull(u2bg: Path) -> Path:
    """The published † file, from u2bg's own store."""
    for verb in ("pull", "path"):
        said = subprocess.run(
            [u2bg, "models", verb, "u2netp"], stdout=subprocess.PIPE, text=True, check=False
        )
        if said.returncode:
            sys.exit(f"`u2bg models {verb} u2netp` failed; fix: name the file with --published u2netp.onnx")
    return Path(said.stdout.strip())


def _session(path: Path) -> Callable[[npt.NDArray[np.float32]], Floats]:
    import onnxruntime

    network = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name, first = network.get_inputs()[0].name, network.get_outputs()[0].name
    return lambda batch: np.asarray(network.run([first], {name: batch})[0][0, 0])


def _product(u2bg: Path, model: str | None, pairs: list[Pair], out: Path) -> dict[Path, Path]:
    """Run the command once for each folder of pictures; which mask it wrote for which picture."""
    more = ["--model", model] if model else []
    masks: dict[Path, Path] = {}
    for number, folder in enumerate(sorted({pair.image.parent for pair in pairs})):
        target = out / str(number)
        command = [str(u2bg), "remove", str(folder), "-o", str(target), "--mask", *more]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
        masks |= {image: target / f"{image.stem}.png" for image in folder.iterdir()}
    return masks


def _compare(
    pairs: list[Pair], recipe: Callable[[Image.Image], Grey], ours: dict[Path, Path]
) -> dict[str, Any]:
    """Score both contestants on every pair."""
    theirs_scores, our_scores = Scores(), Scores()
    for number, (path, mask) in enumerate(pairs, 1):
        with Image.open(mask) as picture:
            truth = np.asarray(picture.convert("L")) > 127
        with Image.open(path) as picture:
            theirs_scores.add(_fit(recipe(picture), truth.shape), truth)
        with Image.open(ours[path]) as picture:
            our_scores.add(_fit(np.asarray(picture.convert("L")), truth.shape), truth)
        if number % 20 == 0 or number == len(pairs):
            print(f"\r  {number} of {len(pairs)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    differences = np.asarray(our_scores.errors) - np.asarray(theirs_scores.errors)
    theirs, mine = theirs_scores.result(), our_scores.result()
    return {
        "pictures": len(pairs),
        "rembg's recipe": theirs,
        "u2bg": mine,
        "mae_change_percent": 100 * (mine["MAE"] / theirs["MAE"] - 1),
        "mae_difference": float(differences.mean()),
        "mae_difference_95": bootstrap(differences),
    }


def _fit(mask: Grey, shape: tuple[int, ...]) -> Grey:
    """The mask in the size of its truth; nearly always it has that size already."""
    if mask.shape == shape:
        return mask
    return np.asarray(Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def _holds(row: dict[str, Any], percent: float) -> bool:
    """MAE lower by `percent`, no other score worse (to the four digits that are printed)."""
    better = (round(row["u2bg"][name] - row["rembg's recipe"][name], 4) >= 0 for name in COLUMNS[1:])
    return bool(row["mae_change_percent"] <= -percent and all(better))


def _show(name: str, row: dict[str, Any]) -> None:
    low, high = row["mae_difference_95"]
    print(f"\n{name}, {row['pictures']} pictures")
    print(f"  {'':16}" + "".join(f"{column:>10}" for column in COLUMNS))
    for contestant in ("rembg's recipe", "u2bg"):
        print(f"  {contestant:16}" + "".join(f"{row[contestant][column]:10.4f}" for column in COLUMNS))
    print(
        f"  MAE {row['mae_change_percent']:+.1f} % ({row['mae_difference']:+.4f}, "
        f"95 % interval {low:+.4f} to {high:+.4f})"
    )


if __name__ == "__main__":
    sys.exit(main())
