"""Video: flicker and error of steadied maps beside frame by frame, and how fast whole videos are cut.

    python benchmarks/video.py ../shared/data/eval/davis                      both parts
    python benchmarks/video.py ../shared/data/eval/davis --only quality      or --only speed
    python benchmarks/video.py FOLDER --smooth 0.5 --json benchmarks/out/video.json

FOLDER/NAME/images and FOLDER/NAME/masks hold the frames of a video and their truth. Alpha is refined as the product
does it; both columns see the same maps of the network.

    mae       mean |alpha − truth|
    static    mean |change of alpha along the flow| where the picture stands still: where the flow, forth and back
              again, misses by less than a pixel, and is within a pixel of the camera's own (an affine map, by RANSAC)
    along     the same, wherever the flow comes back

The flow is taken between full-size frames, finer than the one that steadies, so that none is judge of its own cause.
Speed: the first video as a file, to VP9 with alpha and to H.264 over white, from opening to the closed file; `network`
is the network alone with all cores, on the same frames; all with the model in 8 bits and in floats, in turns, medians
of three.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from measure import describe, machine, write_result
from u2bg import imaging
from u2bg.cores import shared_by, usable_cores
from u2bg.pipeline import Remover
from u2bg.video import kinds, reading
from u2bg.video.run import Order, Target, run
from u2bg.video.stabilise import DEFAULT_SMOOTH, Stabiliser, on_grid, opencv

Field = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


SPEED_MODELS = ("lite", "lite-float")
OUTPUTS = {"out.webm": None, "out.mp4": "white"}
"""A file to write, and its background."""
ROUNDS = 3


class Scores(NamedTuple):
    """Of one video, one way of cutting it."""

    mae: float
    static: float
    along: float


def main() -> int:
    """Print the tables, and write them where --json says."""
    options = _options()
    folders = sorted(folder for folder in options.data.iterdir() if (folder / "images").is_dir())
    print(describe(machine(("numpy", "onnxruntime", "av", "opencv-python-headless"))))
    found: dict[str, Any] = {}
    if options.only != "speed":
        found["quality"] = _quality(folders, options.smooth)
    if options.only != "quality":
        found["speed"] = [row for model in SPEED_MODELS for row in _speed(folders[0], model)]
    write_result(options.json, found)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", choices=["quality", "speed"])
    parser.add_argument("--smooth", type=float, default=DEFAULT_SMOOTH)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"no folder '{options.data}'; the videos that u2bg is scored on do not ship with it")
    return options


def _quality(folders: list[Path], smooth: float) -> list[dict[str, Any]]:
    remover = Remover()
    rows: list[dict[str, Any]] = []
    print(f"{'':16}{'frame by frame':>28}{f'--smooth {smooth:g}':>28}{'ratio':>24}")
    print(f"{'':16}" + f"{'mae':>10}{'static':>9}{'along':>9}" * 2 + f"{'mae':>8}{'static':>8}{'along':>8}")
    for folder in folders:
        alone, steadied = _scores(folder, remover, smooth)
        rows.append({"video": folder.name, "alone": alone._asdict(), "steadied": steadied._asdict()})
        print(_row(folder.name, alone, steadied), flush=True)
    means = [
        Scores(*np.mean([list(row[key].values()) for row in rows], axis=0).tolist())
        for key in ("alone", "steadied")
    ]
    print(_row("mean", *means))
    return rows


def _row(name: str, alone: Scores, steadied: Scores) -> str:
    cells = "".join(f"{s.mae:10.4f}{s.static:9.4f}{s.along:9.4f}" for s in (alone, steadied))
    return f"{name:16}{cells}" + "".join(f"{b / a:8.3f}" for a, b in zip(alone, steadied, strict=True))


def _scores(folder: Path, remover: Remover, smooth: float) -> tuple[Scores, Scores]:
    """Frame by frame, and steadied."""
    stabiliser = Stabiliser(smooth)
    before: tuple[npt.NDArray[np.uint8], list[Field]] | None = None
    errors, changes = [], []
    for picture, truth in _frames(folder):
        photo = imaging.read(picture)
        saliency_map = remover.look(photo)
        grid = (saliency_map.shape[0], saliency_map.shape[1])
        maps = [saliency_map, stabiliser(on_grid(photo.shown, grid), saliency_map)]
        alphas = [remover.cut(photo, one).alpha for one in maps]
        grey = np.asarray(Image.fromarray(photo.rgba[..., :3]).convert("L"))
        errors.append([np.abs(alpha - truth).mean() for alpha in alphas])
        if before is not None:
            changes.append(_changes(*before, grey, alphas))
        before = grey, alphas
    found = np.column_stack([np.mean(errors, axis=0), np.nanmean(np.array(changes), axis=0)])
    alone, steadied = (Scores(*map(float, values)) for values in found)
    return alone, steadied


def _frames(folder: Path) -> Iterator[tuple[Path, Mask]]:
    pictures, masks = (sorted((folder / name).iterdir()) for name in ("images", "masks"))
    for picture, mask in zip(pictures, masks, strict=True):
        with Image.open(mask) as truth:
            yield picture, np.asarray(truth.convert("L")) > 127


def _changes(
    grey_before: npt.NDArray[np.uint8], before: list[Field], grey: npt.NDArray[np.uint8], alphas: list[Field]
) -> list[tuple[float, float]]:
    """For each way of cutting, mean |change| where the picture stands still, and wherever the flow comes back."""
    cv2 = opencv()
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = flow.calc(grey, grey_before, None), flow.calc(grey_before, grey, None)
    height, width = grey.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    here = np.stack([columns, rows], axis=-1)
    where = here + back
    miss = back + cv2.remap(forth, where, None, cv2.INTER_LINEAR)
    inside = ((where >= 0) & (where <= (width - 1, height - 1))).all(axis=-1)
    comes_back = inside & (np.hypot(miss[..., 0], miss[..., 1]) < 1)
    some = comes_back.copy()
    some[np.arange(height) % 8 != 0] = False
    camera, _ = cv2.estimateAffine2D(here[some], where[some], ransacReprojThreshold=1.0)
    off = where - (here @ camera[:, :2].T + camera[:, 2]).astype(np.float32)
    still = comes_back & (np.hypot(off[..., 0], off[..., 1]) < 1)
    found = []
    for now, then in zip(alphas, before, strict=True):
        change = np.abs(now - cv2.remap(then, where, None, cv2.INTER_LINEAR))
        found.append(
            (float(change[still].mean()) if still.any() else np.nan, float(change[comes_back].mean()))
        )
    return found


def _speed(folder: Path, model: str) -> list[dict[str, Any]]:
    workers = usable_cores()
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "source.mp4"
        _as_file(folder, source)
        clip = reading.look_into(source, 10**8)
        alone = Remover(model)
        with shared_by(workers):
            remover = Remover(model)
        photos = [frame.photo for frame in clip.frames()]
        rounds = []
        for _ in range(ROUNDS):
            rates = {"network": _rate(alone, photos)}
            for name, background in OUTPUTS.items():
                output = Path(place) / name
                kind, codec = kinds.of_output(output)
                target = Target(output, kind, codec, overwrite=True)
                account = run(clip, Order(background), target, remover, workers=workers)
                rates[name] = account.frames / account.seconds
            rounds.append(rates)
    print(f"{folder.name}, {clip.size[1]}×{clip.size[0]}, {model}, {workers} cores")
    rows = []
    for name in OUTPUTS:
        row: dict[str, Any] = {
            "model": model,
            "output": name,
            "frames_per_s": statistics.median(rates[name] for rates in rounds),
            "network_per_s": statistics.median(rates["network"] for rates in rounds),
            "share": statistics.median(rates[name] / rates["network"] for rates in rounds),
        }
        rows.append(row)
        print(
            "  {output}: {frames_per_s:.2f} frames/s, network {network_per_s:.2f}, {share:.0%}".format(**row)
        )
    return rows


def _rate(remover: Remover, photos: list[imaging.Photo]) -> float:
    began = time.perf_counter()
    for photo in photos:
        remover.look(photo)
    return len(photos) / (time.perf_counter() - began)


def _as_file(folder: Path, path: Path) -> None:
    """The pictures of a folder as a video of 24 frames a second."""
    av = reading.library()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "14"})
        for index, picture in enumerate(sorted((folder / "images").iterdir())):
            pixels = imaging.read(picture).rgba
            if not index:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    sys.exit(main())
