"""Deep supervision: seven maps, one truth, seven terms, one sum."""

from __future__ import annotations

from drawing import Canvas, subject_map
from u2bg.network.stages import ENCODER_STAGES

TOP, ROW, THUMB = 92, 74, 54
MAP, TERM, SUM, END = 196, 456, 676, 770


def draw() -> str:
    """The figure."""
    sides = range(1, ENCODER_STAGES + 1)
    names = ["fused", *(f"side {number}" for number in sides)]
    cells = [320, *(320 // 2 ** (number - 1) for number in sides)]
    height = TOP + ROW * len(names) + 76
    canvas = Canvas(
        890, height, "The loss of U²-Net", "Every map is held against the same truth; the terms are summed."
    )
    middle = TOP + ROW * (len(names) - 1) / 2
    canvas.text(MAP + THUMB / 2, 42, "seven maps", "title")
    canvas.text(TERM, 42, "seven terms", "title")
    canvas.text(END + 24, middle - 50, "one loss", "title")
    network(canvas, middle, names)
    truth(canvas, names)
    for index, name in enumerate(names):
        row(canvas, index, name, cells[index])
    canvas.line([(SUM - 60, TOP), (SUM - 60, TOP + ROW * (len(names) - 1))], arrow=False)
    canvas.line([(SUM - 60, middle), (SUM - 19, middle)])
    canvas.sum_sign((SUM, middle), 18)
    canvas.line([(SUM + 18, middle), (END - 11, middle)])
    canvas.box(END - 10, middle - 30, 68, 60, "loss", radius=10)
    canvas.text(END + 24, middle + 6, "L", "formula")
    canvas.text(END + 24, middle + 56, "one forward pass,", "small")
    canvas.text(END + 24, middle + 73, "one backward pass", "small")
    return canvas.svg()


def network(canvas: Canvas, middle: float, names: list[str]) -> None:
    """The network, once."""
    canvas.box(34, middle - 44, 84, 88, "encoder", radius=10)
    canvas.text(76, middle - 2, "U²-Net", "name")
    canvas.text(76, middle + 17, "sigmoid", "small")
    canvas.line([(118, middle), (150, middle)], arrow=False)
    canvas.line([(150, TOP), (150, TOP + ROW * (len(names) - 1))], arrow=False)


def row(canvas: Canvas, index: int, name: str, cells: int) -> None:
    """A map and its term."""
    y = TOP + ROW * index
    canvas.line([(150, y), (MAP - 1, y)])
    subject_map(canvas, MAP, y - THUMB / 2, THUMB, cells)
    canvas.text(MAP + THUMB + 12, y + 5, name, "label", "start")
    canvas.line([(MAP + THUMB + 62, y), (TERM - 117, y)])
    canvas.box(TERM - 116, y - 20, 232, 40, "side" if index else "decoder", radius=9)
    low = name.replace("side ", "")
    canvas.text(TERM, y + 5, f"w_{{{low}}} · BCE( S_{{{low}}} , G )", "formula")
    canvas.line([(TERM + 116, y), (SUM - 60, y)], arrow=False)


def truth(canvas: Canvas, names: list[str]) -> None:
    """What every map is compared with, and what the letters say."""
    y = TOP + ROW * len(names) - 4
    words = [
        "S: a map, grown to the image's size.  G: the truth, the same for all seven.",
        "BCE: binary cross-entropy, mean of pixels.  w: a weight per output; in the paper every weight is 1.",
        "The bust is a drawing, at the grain of each stage for a 320 × 320 image.",
    ]
    for index, line in enumerate(words):
        canvas.text(34, y + 22 * index + 14, line, "small", "start")
