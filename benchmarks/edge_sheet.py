"""Contact sheets: the hardest spot of each case at 400 %, as every method cuts it, over white, black and magenta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge_cases import Case, Pixels
from edge_drawing import Floats
from edge_peers import Layers
from edge_scores import BACKGROUNDS

CROP_PX = 48
SCALE = 4
_CELL, _GAP, _HEAD, _LABEL = CROP_PX * SCALE, 8, 28, 130


class Sheet:
    """Crops of one group: a row for each case; the photo, the truth, and a column for each method."""

    def __init__(self, methods: Sequence[str]) -> None:
        self._columns = ("true alpha", *methods)
        self._rows: list[tuple[str, Pixels, dict[str, Pixels]]] = []

    def add(self, case: Case, layers: Mapping[str, Layers]) -> None:
        """Keep the crop where bilinear errs most."""
        spot = hardest(np.abs(layers["bilinear"].alpha - case.alpha))
        true = case.pixels if case.foreground is None else case.foreground
        cuts = {"true alpha": Layers(case.alpha, true), **layers}
        self._rows.append(
            (case.name, _large(case.pixels[spot]), {name: _over(cut, spot) for name, cut in cuts.items()})
        )

    def write(self, folder: Path, group: str) -> Path:
        """Write `edges-GROUP.png` into the folder."""
        step = len(BACKGROUNDS) * _CELL + _GAP
        width = _LABEL + _CELL + _GAP + len(self._columns) * step
        sheet = Image.new("RGB", (width, _HEAD + len(self._rows) * (_CELL + _GAP)), (90, 90, 90))
        pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
        for column, name in enumerate(self._columns):
            pen.text((_LABEL + _CELL + _GAP + column * step, 4), name, "white", font)
        for number, (name, photo, cuts) in enumerate(self._rows):
            top = _HEAD + number * (_CELL + _GAP)
            pen.text((4, top + 4), name, "white", font)
            sheet.paste(Image.fromarray(photo), (_LABEL, top))
            for column, method in enumerate(self._columns):
                if method in cuts:
                    sheet.paste(Image.fromarray(cuts[method]), (_LABEL + _CELL + _GAP + column * step, top))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"edges-{group}.png"
        sheet.save(path)
        return path


def hardest(error: Floats) -> tuple[slice, slice]:
    """Rows and columns of the crop with the greatest sum of an (H, W) error."""
    height, width = error.shape
    rows, columns = min(CROP_PX, height), min(CROP_PX, width)
    sums = np.asarray(cv2.boxFilter(error, cv2.CV_32F, (columns, rows), anchor=(0, 0), normalize=False))
    inside = sums[: height - rows + 1, : width - columns + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + columns)


def _over(cut: Layers, spot: tuple[slice, slice]) -> Pixels:
    """The crop over each background, side by side."""
    alpha, foreground = cut.alpha[spot][..., None], cut.foreground[spot]
    laid = [alpha * foreground + (1 - alpha) * np.array(colour, np.float32) for colour in BACKGROUNDS]
    return np.concatenate([_large(np.round(picture).astype(np.uint8)) for picture in laid], axis=1)


def _large(pixels: Pixels) -> Pixels:
    return np.asarray(pixels.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
