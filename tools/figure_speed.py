"""How long one photo takes, u2bg beside rembg: a bar for each."""

from __future__ import annotations

from pathlib import Path

import results
import speed_tables
from drawing import Canvas

ROOT = Path(__file__).resolve().parents[1]
LEFT, REACH, TOP, ROW, BAR = 300, 440, 92, 46, 15
SHOWN = ("png, floats", "png, 8 bits")


def draw() -> str:
    """The figure: PNG rows, at every size."""
    found = results.read(ROOT, speed_tables.SPEED)
    rows = [row for row in found["rows"] if row["name"].endswith(SHOWN)] if found else []
    canvas = Canvas(
        900,
        TOP + ROW * len(rows) + 30,
        "One photo, JPEG to PNG",
        "Seconds of u2bg and of rembg, same weights.",
    )
    canvas.text(24, 42, "One photo, JPEG to PNG, seconds", "title", "start")
    for index, (kind, name) in enumerate((("bar-small", "u2bg"), ("bar-full", "rembg"))):
        canvas.box(24 + 110 * index, 56, 22, 12, kind, radius=2)
        canvas.text(54 + 110 * index, 67, name, "label", "start")
    most = max((row["b_median_s"] for row in rows), default=1)
    for index, row in enumerate(rows):
        y = TOP + ROW * index
        canvas.text(LEFT - 16, y + 20, row["name"].replace(", png", ""), "label", "end")
        sides = (("bar-small", "a"), ("bar-full", "b"))
        for offset, (kind, side) in enumerate(sides):
            seconds = row[f"{side}_median_s"]
            width = max(seconds / most * REACH, 1.5)
            canvas.box(LEFT, y + offset * (BAR + 1), width, BAR, kind, radius=2)
            said = f"{seconds:.2f}" + (f"   {row['ratio_median']:.1f} times faster" if side == "a" else "")
            canvas.text(LEFT + width + 8, y + offset * (BAR + 1) + 12, said, "small", "start")
    return canvas.svg()
