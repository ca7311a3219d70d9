"""The worst pictures: kept small while they come by, and laid out as a contact sheet."""

from __future__ import annotations

import heapq
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from u2bg import imaging
from u2bg.evaluation.evaluate import Answer, Seen

COUNT = 24
TILE = (200, 150)
"""Width and height that each of the three pictures of a strip is fitted into."""

_GAP = 6
_CAPTION = 18
_COLUMNS = 2
_PAPER = (128, 128, 128)
_QUALITY = 80


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """One picture, its truth and its mask side by side."""

    answer: Answer
    picture: Image.Image

    def webp(self) -> bytes:
        """The strip as a WebP file."""
        return _webp(self.picture)


class Worst:
    """Watches answers come by and keeps strips of those with the greatest raw MAE."""

    def __init__(self, count: int = COUNT) -> None:
        self._count = count
        self._heap: list[tuple[float, int, Strip]] = []
        self._offered = 0

    def __call__(self, answer: Answer, seen: Seen) -> None:
        """Keep the answer if it is among the worst so far."""
        self._offered += 1
        if len(self._heap) == self._count and answer.mae <= self._heap[0][0]:
            return
        entry = (
            answer.mae,
            -self._offered,
            Strip(answer, _strip(answer, seen)),
        )  # of equals, the first stays
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)

    @property
    def strips(self) -> list[Strip]:
        """The worst first."""
        return [strip for *_, strip in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


def contact_sheet(strips: list[Strip]) -> bytes:
    """All strips on one sheet, each with its rank and its MAE, as a WebP file."""
    cell_width, cell_height = strips[0].picture.width, strips[0].picture.height + _CAPTION
    rows = -(-len(strips) // _COLUMNS)
    columns = min(_COLUMNS, len(strips))
    sheet = Image.new(
        "RGB", (columns * (cell_width + _GAP) + _GAP, rows * (cell_height + _GAP) + _GAP), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, strip in enumerate(strips):
        x = _GAP + index % _COLUMNS * (cell_width + _GAP)
        y = _GAP + index // _COLUMNS * (cell_height + _GAP)
        pen.text((x, y), f"{index + 1}    MAE {strip.answer.mae:.3f}", "black", font)
        sheet.paste(strip.picture, (x, y + _CAPTION))
    return _webp(sheet)


def _strip(answer: Answer, seen: Seen) -> Image.Image:
    """Photo, truth, mask: each as large as its tile lets it be, in its middle."""
    width, height = TILE
    strip = Image.new("RGB", (3 * width + 2 * _GAP, height), _PAPER)
    photo = np.ascontiguousarray(imaging.read(answer.picture.image).rgba[..., :3])
    truth = seen.truth.astype(np.uint8) * np.uint8(255)
    for index, pixels in enumerate((photo, truth, seen.mask)):
        tile = Image.fromarray(pixels)
        scale = min(width / tile.width, height / tile.height)
        size = max(1, round(tile.width * scale)), max(1, round(tile.height * scale))
        tile = tile.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0).convert("RGB")
        left = index * (width + _GAP) + (width - size[0]) // 2
        strip.paste(tile, (left, (height - size[1]) // 2))
    return strip


def _webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue()
