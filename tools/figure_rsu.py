"""The ReSidual U-block: RSU-7 from its height, and RSU-4F with its dilations beside it."""

from __future__ import annotations

from drawing import Canvas, Point
from u2bg.network.stages import U2NET, Stage

ROW, BOX = 58, 32
WIDEST, NARROWER = 132, 11  # the box of level 1, and how much each pooling takes from it
GAP = 216  # between the two columns
TOP = 128


def draw() -> str:
    """The figure."""
    canvas = Canvas(920, 590, "The ReSidual U-block", "RSU-7 and RSU-4F, drawn from the stage table.")
    Block(canvas, 165, "RSU-7", U2NET).draw()
    Block(canvas, 610, "RSU-4F", U2NET).draw()
    legend(canvas, 545, TOP + 4.95 * ROW)
    return canvas.svg()


class Block:
    """One block: a column down, a column up, the bottom between them."""

    def __init__(self, canvas: Canvas, x: float, rsu: str, stages: tuple[Stage, ...]) -> None:
        self.canvas, self.x = canvas, x
        self.users = [stage for stage in stages if stage.rsu == rsu]
        self.stage = self.users[0]
        self.bottom = self.stage.height

    def draw(self) -> None:
        self.caption()
        self.frame()
        for level in range(1, self.bottom):
            self.level(level)
        self.turn()

    def width(self, level: int) -> float:
        """Of a level's boxes: the smaller the map, the narrower."""
        return 112 if self.stage.dilated else WIDEST - NARROWER * (level - 1)

    def y(self, level: int) -> float:
        """The middle of a level's row; level 0 holds the entry and the sum."""
        return TOP + level * ROW

    def left(self, level: int) -> Point:
        return (self.x, self.y(level))

    def right(self, level: int) -> Point:
        return (self.x + GAP, self.y(level))

    def box(self, centre: Point, width: float, kind: str, words: str) -> None:
        x, y = centre
        self.canvas.box(x - width / 2, y - BOX / 2, width, BOX, kind)
        self.canvas.text(x, y + 4.5, words)

    def dilation(self, level: int) -> str:
        """What a box says of its dilation; nothing when it is 1."""
        if self.stage.dilated and level > 1:
            return f", dilation {2 ** (level - 1)}"
        return ", dilation 2" if level == self.bottom else ""

    def caption(self) -> None:
        middle = self.x + GAP / 2
        names = [user.name for user in self.users]
        where = ", ".join(names[:-1]) + " and " + names[-1]
        self.canvas.text(middle, 38, self.stage.rsu, "title")
        how = "dilation in place of pooling" if self.stage.dilated else f"{self.bottom - 2} poolings"
        self.canvas.text(middle, 59, f"{how}; in {where}", "small")

    def frame(self) -> None:
        """The entry, the residual, the sum."""
        entry, plus = self.left(0), self.right(0)
        self.canvas.text(entry[0], TOP - 45, "in", "label")
        self.canvas.line([(entry[0], TOP - 39), (entry[0], TOP - BOX / 2 - 1)])
        self.box(entry, WIDEST if not self.stage.dilated else 112, "plain", "out")
        width = WIDEST if not self.stage.dilated else 112
        self.canvas.line([(entry[0] + width / 2, entry[1]), (plus[0] - 13, plus[1])])
        self.canvas.text((entry[0] + width / 2 + plus[0]) / 2 - 6, TOP - 8, "residual", "small")
        self.canvas.sum_sign(plus)
        self.canvas.line([(plus[0], TOP - 13), (plus[0], TOP - 37)])
        self.canvas.text(plus[0], TOP - 45, "out", "label")

    def level(self, level: int) -> None:
        """A level on the way down, its skip, the same level on the way up."""
        down, up, half = self.left(level), self.right(level), self.width(level) / 2
        pooled = level > 1 and not self.stage.dilated
        edge = BOX / 2 + 1
        self.canvas.line(
            [(down[0], down[1] - ROW + edge), (down[0], down[1] - edge)], "down" if pooled else "flow"
        )
        self.box(down, 2 * half, "encoder", f"mid{self.dilation(level)}")
        self.canvas.line([(down[0] + half, down[1]), (up[0] - half - 1, up[1])], "skip")
        self.box(up, 2 * half, "decoder", f"{'mid' if level > 1 else 'out'}{self.dilation(level)}")
        above = 13 if level == 1 else edge
        self.canvas.line([(up[0], up[1] - edge), (up[0], up[1] - ROW + above)], "up" if pooled else "flow")
        if not self.stage.dilated:
            share = "H × W" if level == 1 else f"1/{2 ** (level - 1)}"
            self.canvas.text(self.x - half - 12, down[1] + 4.5, share, "small", "end")

    def turn(self) -> None:
        """The bottom: no pooling before it, no growing after it."""
        down, up = self.left(self.bottom - 1), self.right(self.bottom - 1)
        y, middle, half = self.y(self.bottom), self.x + GAP / 2, 59
        edge = BOX / 2
        self.canvas.line([(down[0], down[1] + edge), (down[0], y), (middle - half - 1, y)])
        self.box((middle, y), 2 * half, "deep", f"mid{self.dilation(self.bottom)}")
        self.canvas.line([(middle + half, y), (up[0], y), (up[0], up[1] + edge + 1)])


def legend(canvas: Canvas, x: float, y: float) -> None:
    """What boxes and arrows mean."""
    canvas.box(x, y - 15, 30, 20, "plain", radius=5)
    canvas.text(x + 44, y, "3×3 convolution, batch norm, ReLU", "label", "start")
    canvas.sum_sign((x + 15, y + 24), 10)
    canvas.text(x + 44, y + 29, "the entry's output, added at the end", "label", "start")
    canvas.text(x + 44, y + 29 * 5, "in, mid, out: channels, from the stage table", "label", "start")
    rows = {
        "down": "2×2 max-pooling, then the next unit",
        "up": "grown to the skip's size (bilinear)",
        "skip": "joined: the deeper map first, then the skip",
    }
    for index, (kind, words) in enumerate(rows.items(), 2):
        canvas.line([(x, y - 5 + 29 * index), (x + 30, y - 5 + 29 * index)], kind)
        canvas.text(x + 44, y + 29 * index, words, "label", "start")
