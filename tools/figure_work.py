"""Where parameters and work sit: each stage of U²-Net and U²-Net†, side by side."""

from __future__ import annotations

from counting import SIZE, rows, whole
from drawing import Canvas
from u2bg.network.stages import U2NET, U2NETP

TOP, ROW, BAR = 112, 40, 12
NAMES, PANELS, REACH = 84, (108, 508), 290

SIZES = (("bar-full", "U²-Net", U2NET), ("bar-small", "U²-Net†", U2NETP))


def draw() -> str:
    """The figure."""
    height = TOP + ROW * len(U2NET) + 46
    canvas = Canvas(
        900, height, "Parameters and work of each stage", "U²-Net beside U²-Net†, counted from the table."
    )
    panel(canvas, PANELS[0], "trainable parameters", 0, 1e6, "{:.2f} M")
    panel(canvas, PANELS[1], f"multiply-adds at {SIZE} × {SIZE}", 1, 1e9, "{:.2f} G")
    for index, stage in enumerate(U2NET):
        canvas.text(NAMES, TOP + ROW * index + 17, stage.name.replace("_", "_{") + "}", "name", "end")
    legend(canvas, height - 24)
    return canvas.svg()


def panel(canvas: Canvas, x: float, title: str, which: int, unit: float, form: str) -> None:
    """One quantity (0 parameters, 1 multiply-adds): two bars a stage, one scale for both sizes."""
    canvas.text(x, 42, title, "title", "start")
    totals = "; ".join(f"{name} {form.format(whole(stages)[which] / unit)}" for _, name, stages in SIZES)
    canvas.text(x, 64, f"in all: {totals}", "small", "start")
    columns = [
        [(row.parameters, row.multiply_adds)[which] / unit for row in rows(stages)] for *_, stages in SIZES
    ]
    most = max(map(max, columns))
    canvas.line([(x, TOP - 10), (x, TOP + ROW * len(U2NET) - 8)], "grid", arrow=False)
    for offset, ((kind, *_), values) in enumerate(zip(SIZES, columns, strict=True)):
        for index, value in enumerate(values):
            y = TOP + ROW * index + offset * (BAR + 1)
            canvas.box(x, y, max(value / most * REACH, 1.5), BAR, kind, radius=2)
            canvas.text(x + value / most * REACH + 8, y + 10.5, form.format(value), "small", "start")


def legend(canvas: Canvas, y: float) -> None:
    """Which colour is which size."""
    for index, (kind, name, _) in enumerate(SIZES):
        x = PANELS[0] + 110 * index
        canvas.box(x, y - 11, 22, 12, kind, radius=2)
        canvas.text(x + 30, y, name, "label", "start")
    canvas.text(
        PANELS[1], y, "Side outputs and fusing are in the sums, too small for a bar.", "small", "start"
    )
