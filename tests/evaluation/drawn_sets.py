"""Small sets for tests: discs as subjects, and a network that sees brightness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cutout import Cutout
from u2bg.evaluation.evaluate import Answer
from u2bg.evaluation.metrics import score
from u2bg.evaluation.sets import Picture
from u2bg.matting.matte import Matte

Pixels = NDArray[np.uint8]


def disc(height: int = 40, width: int = 60, radius: float = 12, centre: tuple[int, int] = (20, 30)) -> Pixels:
    """(height, width) uint8: 255 in a disc, 0 around it."""
    rows, columns = np.ogrid[:height, :width]
    inside = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
    return np.where(inside, np.uint8(255), np.uint8(0))


def save(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Path:
    """A picture file, its folder too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_set(folder: Path, count: int = 3, *, masks: bool = True) -> Path:
    """A set of `count` discs on black, named 0.png, 1.png, …; without masks, the same as backgrounds."""
    for index in range(count):
        mask = disc(radius=10 + index)
        save(folder / "images" / f"{index}.png", np.repeat(mask[..., None], 3, axis=2))
        if masks:
            save(folder / "masks" / f"{index}.png", mask)
    return folder


def cut_by_brightness(path: Path) -> Cutout:
    """A cut whose alpha is the picture's red channel: perfect on the sets that `make_set` draws."""
    with Image.open(path) as picture:
        rgba = np.array(picture.convert("RGBA"))
    rgba[..., 3] = rgba[..., 0]
    return Cutout(rgba, Matte.of((rgba[..., 0] / np.float32(255)).astype(np.float32)), 0.9, True)


def answer(
    mask: Pixels, truth: NDArray[np.bool_], name: str = "set/0.png", confidence: float = 0.9
) -> Answer:
    """What a model said that gave this mask."""
    scores = score(mask, truth)
    picture = Picture(name.rsplit("/", 1)[0], name, Path(name), Path(name))
    return Answer(picture, confidence, confidence >= 0.5, scores.mae, scores, not truth.any())
