"""What a run leaves for people: `log.csv`, `curves.png`, and `validation.webp`, a sheet of pictures with their maps."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from u2bg.datasets.pack import to_bytes
from u2bg.files import replacing
from u2bg.training.recipe import TERMS
from u2bg.training.validation import Scores, Shown

LOG, CURVES, SHEET = "log.csv", "curves.png", "validation.webp"

COLUMNS = (
    "step",
    "elapsed_s",
    "images",
    "rate",
    "images_per_s",
    "loss",
    *TERMS,
    *(f"val_{field.name}" for field in dataclasses.fields(Scores)),
)

Row = dict[str, float | int | None]

PANEL = (560, 240)
MARGIN = 44
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")
PANELS = (
    ("loss", ("loss",)),
    ("error", ("val_error", "val_mae", "val_empty", "val_taught")),
    ("IoU", ("val_iou",)),
)
SMOOTHING = 0.9
CELL = 160


def read_log(folder: Path, last_step: int) -> list[Row]:
    """The rows up to a step; what a run wrote after its last checkpoint will be written again."""
    path = folder / LOG
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if (row.get("step") or 0) <= last_step]


def write(folder: Path, rows: Sequence[Row], shown: Sequence[Shown]) -> None:
    """Write all three, each whole or not at all. Raises: CannotWrite."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows({name: _written(row.get(name)) for name in COLUMNS} for row in rows)
    with replacing(folder / LOG) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
    _save(curves(rows), folder / CURVES, "PNG")
    if shown:
        _save(sheet(shown), folder / SHEET, "WEBP")


def curves(rows: Sequence[Row]) -> Image.Image:
    """Loss, errors and IoU over the steps."""
    picture = Image.new("RGB", (PANEL[0], PANEL[1] * len(PANELS)), "white")
    draw = ImageDraw.Draw(picture)
    for place, (title, names) in enumerate(PANELS):
        _panel(draw, place * PANEL[1], title, {name: _line(rows, name) for name in names})
    return picture


def sheet(shown: Sequence[Shown]) -> Image.Image:
    """A row of three per picture: as the network saw it, the truth (or the teacher's map), the network's map."""
    across = 2 if len(shown) > 1 else 1
    down = -(-len(shown) // across)
    picture = Image.new("RGB", (across * (3 * CELL + 8), down * (CELL + 4)), "white")
    for place, one in enumerate(shown):
        left, top = place % across * (3 * CELL + 8), place // across * (CELL + 4)
        for column, share in enumerate((one.picture, one.truth, one.saliency_map)):
            cell = Image.fromarray(to_bytes(np.asarray(share, np.float32))).convert("RGB")
            cell.thumbnail((CELL - 2, CELL - 2))
            picture.paste(cell, (left + column * CELL, top))
    return picture


def _line(rows: Sequence[Row], name: str) -> npt.NDArray[np.float64]:
    """(K, 2): step and value where there is one; a loss is smoothed."""
    points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    line = np.array(points, np.float64).reshape(-1, 2)
    if name == "loss":
        for k in range(1, len(line)):
            line[k, 1] = SMOOTHING * line[k - 1, 1] + (1 - SMOOTHING) * line[k, 1]
    return line[np.isfinite(line).all(1)]


def _panel(
    draw: ImageDraw.ImageDraw, top: int, title: str, lines: dict[str, npt.NDArray[np.float64]]
) -> None:
    width, height = PANEL
    box = (MARGIN, top + 24, width - 12, top + height - 24)
    draw.text((MARGIN, top + 6), title, "black")
    draw.rectangle(box, outline="#d0d7de")
    points = np.concatenate(list(lines.values()))
    if not len(points):
        return
    (first, low), (last, high) = points.min(0), points.max(0)
    low, high = min(0.0, low), high or 1.0
    draw.text((4, box[1]), f"{high:.3g}", "black")
    draw.text((4, box[3] - 10), f"{low:.3g}", "black")
    draw.text((box[2] - 60, box[3] + 6), f"step {last:.0f}", "black")
    for place, ((name, line), colour) in enumerate(zip(lines.items(), COLOURS, strict=False)):
        across = box[0] + (line[:, 0] - first) / max(1, last - first) * (box[2] - box[0])
        up = box[3] - (line[:, 1] - low) / max(1e-12, high - low) * (box[3] - box[1])
        dots = [(float(x), float(y)) for x, y in zip(across, up, strict=True)]
        if len(dots) > 1:
            draw.line(dots, colour, 2)
        if dots:
            draw.text((MARGIN + 80 + 110 * place, top + 6), name, colour)


def _save(picture: Image.Image, path: Path, kind: str) -> None:
    with replacing(path) as part:
        picture.save(part, kind)


def _number(text: str | None) -> float | int | None:
    if not text:
        return None
    return int(text) if text.isdigit() else float(text)


def _written(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
