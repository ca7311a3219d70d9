"""The whole network: eleven U-blocks in a U, six side outputs, one fused map."""

from __future__ import annotations

from counting import SIZE, Row, rows
from drawing import Canvas, Point, subject_map
from u2bg.network.stages import ENCODER_STAGES, U2NET, U2NETP

ROW, TOP = 104, 130
CARD = (200, 74)
LEFT, MIDDLE, RIGHT = 210, 365, 520
CONV, MAP, BUS, FUSED = 684, 764, 866, 960
THUMB = 52


def draw() -> str:
    """The figure."""
    canvas = Canvas(
        1050, 810, "U²-Net", "A U-Net whose eleven stages are U-Nets, drawn from the stage table."
    )
    canvas.text(LEFT, 38, "encoder", "title")
    canvas.text(RIGHT, 38, "decoder", "title")
    canvas.text((CONV + MAP) / 2 + 5, 38, "side outputs", "title")
    canvas.text(FUSED, 38, "fused map", "title")
    full, small = rows(U2NET), rows(U2NETP)
    connect(canvas)
    for index, (row, lite) in enumerate(zip(full, small, strict=True)):
        card(canvas, place(index), row, lite)
    for index in range(ENCODER_STAGES):
        side_output(canvas, index + 1, full[-1 - index])
    fuse(canvas)
    legend(canvas, 52, 762)
    return canvas.svg()


def place(index: int) -> Point:
    """The middle of a stage's card: down on the left, the last encoder stage between, up on the right."""
    deepest = ENCODER_STAGES - 1
    if index < deepest:
        return (LEFT, TOP + ROW * index)
    if index == deepest:
        return (MIDDLE, TOP + ROW * index)
    return (RIGHT, TOP + ROW * (2 * deepest - index))


def card(canvas: Canvas, centre: Point, row: Row, lite: Row) -> None:
    """A stage: its U in small, its name, its channels in both sizes."""
    (x, y), (width, height) = centre, CARD
    deepest = row.stage.name == f"En_{ENCODER_STAGES}"
    kind = "deep" if deepest else "encoder" if row.stage.name.startswith("En") else "decoder"
    canvas.box(x - width / 2, y - height / 2, width, height, kind, radius=10)
    glyph(canvas, (x - width / 2 + 29, y), row.stage.height, row.stage.dilated)
    left = x - width / 2 + 62
    canvas.text(left, y - 14, row.stage.name.replace("_", "_{") + "}", "name", "start")
    canvas.text(x + width / 2 - 10, y - 14, row.stage.rsu, "label", "end")
    canvas.text(left, y + 7, channels(row), "label", "start")
    canvas.text(left, y + 25, f"† {channels(lite)}", "small", "start")
    if kind == "encoder":
        canvas.text(x - width / 2 - 14, y - 2, f"{row.side} × {row.side}", "small", "end")
    if deepest:
        canvas.text(x, y + height / 2 + 18, f"{row.side} × {row.side}", "small")


def channels(row: Row) -> str:
    """What enters, what is inside, what leaves."""
    return f"{row.entering} → {row.stage.mid} → {row.stage.out}"


def glyph(canvas: Canvas, centre: Point, height: int, dilated: bool) -> None:
    """The U inside: a step for each level, narrowing with each pooling."""
    x, y = centre
    steps = height - 1
    top, step = y - 24, 44 / steps
    for level in range(steps):
        reach = 17 if dilated else 19 - 2.4 * level
        bar = 9 if dilated else 10.5 - 1.1 * level
        for side in (-1, 1):
            start = x + side * reach - (bar if side > 0 else 0)
            canvas.box(start, top + level * step, bar, step - 2.5, "plain", radius=1.5)
    half = 10 if dilated else 19 - 2.4 * (steps - 1)
    canvas.box(x - half, top + steps * step, 2 * half, 5, "plain", radius=1.5)


def connect(canvas: Canvas) -> None:
    """Arrows between the stages: pooled down, grown up, skips across."""
    deepest, (width, height) = ENCODER_STAGES - 1, CARD
    canvas.text(LEFT, 66, "image, 3 channels", "small")
    canvas.line([(LEFT, 70), (LEFT, TOP - height / 2 - 1)])
    for level in range(deepest):
        y = TOP + ROW * level
        canvas.line([(LEFT + width / 2, y), (RIGHT - width / 2 - 1, y)], "skip")
        if level:
            canvas.line([(LEFT, y - ROW + height / 2), (LEFT, y - height / 2 - 1)], "down")
            canvas.line([(RIGHT, y - height / 2), (RIGHT, y - ROW + height / 2 + 1)], "up")
    y, last = TOP + ROW * deepest, TOP + ROW * (deepest - 1) + height / 2
    canvas.line([(LEFT, last), (LEFT, y), (MIDDLE - width / 2 - 1, y)], "down")
    canvas.line([(MIDDLE + width / 2, y), (RIGHT, y), (RIGHT, last + 1)], "up")


def side_output(canvas: Canvas, number: int, row: Row) -> None:
    """A convolution to one channel, and the map it gives, at its own grain."""
    y = TOP + ROW * (number - 1)
    start = RIGHT + (CARD[0] / 2 if number < ENCODER_STAGES else -6)
    canvas.line([(start, y), (CONV - 33, y)], "gather")
    canvas.box(CONV - 32, y - 16, 64, 32, "side")
    canvas.text(CONV, y + 4.5, f"{row.stage.out} → 1")
    canvas.line([(CONV + 32, y), (MAP - 1, y)], "gather")
    subject_map(canvas, MAP, y - THUMB / 2, THUMB, row.side)
    canvas.text(MAP + THUMB / 2, y + THUMB / 2 + 15, f"side {number}", "small")
    canvas.line([(MAP + THUMB, y), (BUS, y)], "gather", arrow=False)


def fuse(canvas: Canvas) -> None:
    """All six, grown to the image's size, joined, and weighed by a 1×1 convolution."""
    first, last = TOP, TOP + ROW * (ENCODER_STAGES - 1)
    middle = (first + last) / 2
    canvas.line([(BUS, first), (BUS, last)], "gather", arrow=False)
    canvas.box(FUSED - 58, middle - 21, 116, 42, "side")
    canvas.line([(BUS, middle), (FUSED - 59, middle)], "gather")
    canvas.text(FUSED, middle - 3, "grown, joined,")
    canvas.text(FUSED, middle + 13, "1×1: 6 → 1")
    side = 92
    canvas.line([(FUSED, middle - 21), (FUSED, TOP + side - THUMB / 2 + 1)], "gather")
    subject_map(canvas, FUSED - side / 2, TOP - THUMB / 2, side, SIZE)
    canvas.text(FUSED, TOP - THUMB / 2 - 10, f"{SIZE} × {SIZE}", "small")


def legend(canvas: Canvas, x: float, y: float) -> None:
    """What arrows and numbers mean."""
    entries = {
        "down": "2×2 max-pooling",
        "up": "grown ×2 (bilinear)",
        "skip": "skip, joined",
        "gather": "3×3 to one channel",
    }
    lefts = [x, x + 162, x + 346, x + 486]
    for left, (kind, words) in zip(lefts, entries.items(), strict=True):
        canvas.line([(left, y - 4), (left + 28, y - 4)], kind)
        canvas.text(left + 36, y, words, "small", "start")
    canvas.text(x + 676, y, "a → b → c: channels in, inside, out; †: U²-Net†", "small", "start")
    sizes = f"Sizes are for an image of {SIZE} × {SIZE}."
    canvas.text(x, y + 24, f"{sizes} A sigmoid ends each map. The bust is a drawing.", "small", "start")
