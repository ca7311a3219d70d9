"""What a second look at small subjects gains, and where it does harm, on pictures with ground truth.

    python benchmarks/second_pass.py ../shared/data             every group, 24 pictures of each at most
    python benchmarks/second_pass.py ../shared/data --limit 8   fewer
    python benchmarks/second_pass.py ../shared/data --only composed --limit 90

The network is the default one, alpha is refined as the product does it. The groups:

    human290 small   train/pairs/human290, subject's box below 30 % of the frame; 320 px on the short side
    pascals small    eval/pascals, the same; pascals large: the rest
    strips           tall and wide parts, 1:3, of pascals and davis that hold the whole subject
    composed         train/cutouts on eval/backgrounds of 700 to 1400 px
    davis            frames of eval/davis

`taken`: the merged map was used; `lost`: there was a second pass, and it was not believed. Scores, with one pass and
with a second, are means over all pictures of the group, then over those alone where it was taken; `harm`: pictures
whose boundary IoU falls by more than .02, `gain`: rises by more than .02.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

import measure
from u2bg.evaluation.metrics import boundary_iou
from u2bg.matting import alpha
from u2bg.saliency import predictor, second_pass

Pixels = npt.NDArray[np.uint8]
Truth = npt.NDArray[np.bool_]
T = TypeVar("T")

SMALL = 0.3


class Case(NamedTuple):
    """A picture, (H, W, 3), and its truth, (H, W)."""

    picture: Pixels
    truth: Truth


class Outcome(NamedTuple):
    """(MAE, boundary IoU) with one pass and with two, and what became of the second."""

    once: tuple[float, float]
    twice: tuple[float, float]
    asked: bool
    taken: bool


def main() -> int:
    options = _options()
    predict = predictor.load("lite")
    rows: dict[str, dict[str, Any]] = {}
    scores = f"{'MAE':>9}{'->':>8}{'bIoU':>8}{'->':>7}"
    print(f"{'':17}{'n':>4}{'taken':>6}{'lost':>6}{'gain':>6}{'harm':>6}{scores} | taken{scores[3:]}")
    for name, cases in _groups(options.data, options.limit):
        if options.only and name not in options.only:
            continue
        outcomes = [_outcome(predict, case) for case in cases]
        if outcomes:
            rows[name] = _summary(outcomes)
            print(_row(name, rows[name]), flush=True)
        else:
            print(f"{name:17} no pictures", file=sys.stderr)
    measure.write_result(options.json, rows)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a second look at small subjects gains.")
    parser.add_argument("data", type=Path, help="the folder that holds train/ and eval/")
    parser.add_argument("--limit", type=int, default=24, help="pictures of each group (default: 24)")
    parser.add_argument("--only", nargs="+", metavar="GROUP", help="these groups")
    parser.add_argument("--json", type=Path, help="write a result file")
    options = parser.parse_args()
    if not (options.data / "eval").is_dir():
        parser.error(f"no eval/ in '{options.data}'; the sets that u2bg is scored on do not ship with it")
    return options


def _outcome(predict: predictor.Predictor, case: Case) -> Outcome:
    opaque = np.full(case.truth.shape, 255, np.uint8)
    pixels = np.ascontiguousarray(np.dstack([case.picture, opaque]))
    first = predict(pixels, _same)
    both = second_pass.look_again(predict, first, pixels, _same)
    once = _scores(first, pixels, case.truth)
    asked = second_pass.crop_box(first, case.truth.shape) is not None
    taken = both is not first
    return Outcome(once, _scores(both, pixels, case.truth) if taken else once, asked, taken)


def _same(pixels: Pixels) -> Pixels:
    return pixels


def _scores(saliency_map: npt.NDArray[np.float32], pixels: Pixels, truth: Truth) -> tuple[float, float]:
    matte = alpha.refine(saliency_map, pixels).alpha
    return float(np.abs(matte - truth).mean()), boundary_iou(matte > 0.5, truth)


def _summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts, and the mean scores of both ways over all pictures and over those where the second was taken."""
    once, twice = (np.array([getattr(outcome, key) for outcome in outcomes]) for key in ("once", "twice"))
    change = twice[:, 1] - once[:, 1]
    which = np.array([outcome.taken for outcome in outcomes])
    return {
        "pictures": len(outcomes),
        "taken": int(which.sum()),
        "lost": sum(outcome.asked for outcome in outcomes) - int(which.sum()),
        "gain": int((change > 0.02).sum()),
        "harm": int((change < -0.02).sum()),
        "all": _means(once, twice),
        "where_taken": _means(once[which], twice[which]) if which.any() else None,
    }


def _means(once: npt.NDArray[np.float64], twice: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    """Of one pass and of two."""
    mae, overlap = zip(np.nanmean(once, axis=0).tolist(), np.nanmean(twice, axis=0).tolist(), strict=True)
    return {"mae": list(mae), "boundary_iou": list(overlap)}


def _row(name: str, row: dict[str, Any]) -> str:
    line = f"{name:17}{row['pictures']:4}" + "".join(
        f"{row[key]:6}" for key in ("taken", "lost", "gain", "harm")
    )
    line += _told(row["all"])
    return f"{line} |{_told(row['where_taken'])}" if row["where_taken"] else line


def _told(means: dict[str, list[float]]) -> str:
    (mae, new_mae), (overlap, new_overlap) = means["mae"], means["boundary_iou"]
    return f"{mae:9.4f}{new_mae:8.4f}{overlap:8.3f}{new_overlap:7.3f}"


def _groups(data: Path, limit: int) -> Iterator[tuple[str, Iterator[Case]]]:
    people, pascals = _pairs(data / "train/pairs/human290"), _pairs(data / "eval/pascals")
    videos = [_pairs(folder) for folder in sorted((data / "eval/davis").glob("*"))]
    small = [pair for pair in pascals if _share(_truth(pair[1])) < SMALL]
    yield (
        "human290 small",
        _cases(_spread([pair for pair in people if _share(_truth(pair[1])) < SMALL], limit)),
    )
    yield "pascals small", _cases(_spread(small, limit))
    yield "pascals large", _cases(_spread([pair for pair in pascals if pair not in small], limit))
    yield "strips", _strips([*pascals, *(pair for frames in videos for pair in frames[::8])], limit)
    yield "composed", _composed(data, limit)
    for frames in videos:
        yield f"davis {frames[0][0].parts[-3].split('-')[0]}", _cases(_spread(frames[::8], limit))


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """The pictures of a set with their masks."""
    masks = {path.stem: path for path in (folder / "masks").glob("*")}
    return [(path, masks[path.stem]) for path in sorted((folder / "images").glob("*")) if path.stem in masks]


def _spread(rows: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of them, evenly."""
    return (
        [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, limit).round().astype(int))]
        if rows
        else []
    )


def _cases(pairs: Sequence[tuple[Path, Path]]) -> Iterator[Case]:
    for image, mask in pairs:
        with Image.open(image) as picture:
            yield Case(np.asarray(picture.convert("RGB")), _truth(mask))


def _truth(mask: Path) -> Truth:
    with Image.open(mask) as picture:
        return np.asarray(picture.convert("L")) > 127


def _box(truth: Truth) -> second_pass.Box:
    rows, columns = (np.flatnonzero(truth.any(axis)) for axis in (1, 0))
    return second_pass.Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def _share(truth: Truth) -> float:
    """Share of the frame that the subject's box takes; 1 without a subject."""
    if not truth.any():
        return 1.0
    height, width = _box(truth).size
    return height * width / truth.size


def _strips(pairs: Sequence[tuple[Path, Path]], limit: int) -> Iterator[Case]:
    """Parts of 1:3 or 3:1, as long as the picture, around subjects that fit into them whole."""
    fitting = [found for _, mask in pairs for found in [_strip(_truth(mask))]]
    chosen = [(pair, found) for pair, found in zip(pairs, fitting, strict=True) if found]
    for pair, part in _spread(chosen, limit):
        for case in _cases([pair]):
            rows, columns = slice(part.top, part.bottom), slice(part.left, part.right)
            yield Case(case.picture[rows, columns], case.truth[rows, columns])


def _strip(truth: Truth) -> second_pass.Box | None:
    if not truth.any():
        return None
    box, (height, width) = _box(truth), truth.shape
    for size in ((width // 3, width), (height, height // 3)):
        if (
            size[0] <= height
            and size[1] <= width
            and all(a <= b for a, b in zip(box.size, size, strict=True))
        ):
            top = min(max((box.top + box.bottom - size[0]) // 2, 0), height - size[0])
            left = min(max((box.left + box.right - size[1]) // 2, 0), width - size[1])
            return second_pass.Box(top, top + size[0], left, left + size[1])
    return None


def _composed(data: Path, limit: int) -> Iterator[Case]:
    """Toys and furniture, at most .6 of the frame, low in a room or a street."""
    rng = np.random.default_rng(14)
    toys, furniture = (sorted((data / "train/cutouts" / name).glob("*")) for name in ("toyobj", "ikea_cut"))
    toys = [path for path in toys if not path.name.startswith("bg")]
    things = [path for pair in zip(toys, _spread(furniture, len(toys)), strict=False) for path in pair]
    places = sorted((data / "eval/backgrounds/images").glob("*"))
    for thing, place in zip(_spread(things, limit), _spread(places, limit), strict=False):
        with Image.open(place) as picture, Image.open(thing) as cutout:
            scale = rng.uniform(700, 1400) / max(picture.size)
            scene = picture.convert("RGB").resize((int(picture.width * scale), int(picture.height * scale)))
            subject = cutout.convert("RGBA")
        fit = min(1, 0.6 * scene.width / subject.width, 0.6 * scene.height / subject.height)
        subject = subject.resize((int(subject.width * fit), int(subject.height * fit)))
        left = int(rng.integers(0, scene.width - subject.width + 1))
        free = scene.height - subject.height
        corner = left, int(rng.integers(free // 2, free + 1))
        matte = Image.new("L", scene.size)
        matte.paste(subject.getchannel("A"), corner)
        scene.paste(subject, corner, subject)
        yield Case(np.asarray(scene), np.asarray(matte) > 127)


if __name__ == "__main__":
    sys.exit(main())
