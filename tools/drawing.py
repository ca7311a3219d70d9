"""A small SVG canvas: shapes, words and arrows, coloured by one style sheet for light and for dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# class: (fill, stroke) on a light page, then on a dark one. Files without scripts, fonts or addresses.
FILLED = {
    "panel": ("#ffffff", "#d0d7de", "#161b22", "#30363d"),
    "encoder": ("#dbeafe", "#3b82f6", "#12304f", "#58a6ff"),
    "decoder": ("#dcfce7", "#1f9d4d", "#12361f", "#3fb950"),
    "deep": ("#ede9fe", "#7c5cdb", "#2d2150", "#a98bf5"),
    "side": ("#fff1d6", "#d08700", "#3d2a0a", "#e0a534"),
    "loss": ("#ffe4e6", "#e0465e", "#45161f", "#ff7b8b"),
    "plain": ("#f6f8fa", "#8c959f", "#21262d", "#8b949e"),
    "night": ("#1f2328", "#1f2328", "#05070a", "#484f58"),
    "bar-full": ("#3b82f6", "none", "#58a6ff", "none"),
    "bar-small": ("#f0a020", "none", "#e0a534", "none"),
}
INK = {
    "title": ("#1f2328", "#f0f6fc", "600 17px"),
    "name": ("#1f2328", "#f0f6fc", "600 14px"),
    "label": ("#1f2328", "#e6edf3", "400 13px"),
    "small": ("#59636e", "#9da7b3", "400 12px"),
    "formula": ("#1f2328", "#f0f6fc", "italic 400 17px"),
}
LINES = {
    "flow": ("#57606a", "#9da7b3", ""),
    "skip": ("#8c959f", "#6e7681", "5 4"),
    "down": ("#3b82f6", "#58a6ff", ""),
    "up": ("#1f9d4d", "#3fb950", ""),
    "gather": ("#d08700", "#e0a534", ""),
    "grid": ("#d8dee4", "#30363d", ""),
}


def style_sheet() -> str:
    """The figures' one style sheet; readers that know no media query get the light colours."""
    light, dark = [], []
    for name, (fill, stroke, dark_fill, dark_stroke) in FILLED.items():
        light.append(f".{name}{{fill:{fill};stroke:{stroke}}}")
        dark.append(f".{name}{{fill:{dark_fill};stroke:{dark_stroke}}}")
    for name, (ink, dark_ink, font) in INK.items():
        light.append(f".{name}{{fill:{ink};font:{font} {FONT}}}")
        dark.append(f".{name}{{fill:{dark_ink}}}")
    for name, (ink, dark_ink, dashes) in LINES.items():
        light.append(
            f".{name}{{fill:none;stroke:{ink};stroke-width:1.6;stroke-dasharray:{dashes or 'none'}}}"
        )
        light.append(f".{name}-head{{fill:{ink}}}")
        dark.append(f".{name}{{stroke:{dark_ink}}} .{name}-head{{fill:{dark_ink}}}")
    light.append(".subject{fill:#ffffff}")
    rules = "\n".join(light)
    return f"<style>\n{rules}\n@media (prefers-color-scheme: dark) {{\n" + "\n".join(dark) + "\n}\n</style>"


def number(value: float) -> str:
    """A coordinate: two decimals at most, the same on every machine."""
    return f"{round(value, 2):g}"


def attributes(**values: float | str) -> str:
    """`x="1" rx="2"`, with an underscore standing for a hyphen."""
    texts = {name: value if isinstance(value, str) else number(value) for name, value in values.items()}
    return " ".join(f'{name.strip("_").replace("_", "-")}="{text}"' for name, text in texts.items())


class Canvas:
    """A figure on its own rounded panel, so that it can stand on any page. Coordinates are pixels."""

    def __init__(self, width: float, height: float, title: str, about: str) -> None:
        self.width, self.height = width, height
        self.head = f"<title>{escape(title)}</title>\n<desc>{escape(about)}</desc>"
        self.parts: list[str] = []
        self.box(0.5, 0.5, width - 1, height - 1, "panel", radius=14)

    def add(self, element: str, **values: float | str) -> None:
        """Any element without content."""
        self.parts.append(f"<{element} {attributes(**values)}/>")

    def box(self, x: float, y: float, width: float, height: float, kind: str, *, radius: float = 7) -> None:
        """A rounded rectangle from its upper left corner."""
        self.add("rect", x=x, y=y, width=width, height=height, rx=radius, class_=kind)

    def circle(self, centre: Point, radius: float, kind: str) -> None:
        self.add("circle", cx=centre[0], cy=centre[1], r=radius, class_=kind)

    def text(self, x: float, y: float, words: str, kind: str = "label", anchor: str = "middle") -> None:
        """One line, its baseline at y. `_{}` in `words` lowers what is between the braces."""
        place = attributes(x=x, y=y, class_=kind, text_anchor=anchor)
        self.parts.append(f"<text {place}>{lowered(words)}</text>")

    def line(self, points: Sequence[Point], kind: str = "flow", *, arrow: bool = True) -> None:
        """A line with rounded corners, ending in an arrow head."""
        ends = list(points)
        if arrow:
            self.arrow_head(ends[-2], ends[-1], kind)
            ends[-1] = towards(ends[-1], ends[-2], 5)
        self.add("path", d=rounded(ends), class_=kind)

    def arrow_head(self, before: Point, tip: Point, kind: str) -> None:
        angle = math.atan2(tip[1] - before[1], tip[0] - before[0])
        corners = [tip] + [
            (tip[0] - 8 * math.cos(angle + turn), tip[1] - 8 * math.sin(angle + turn))
            for turn in (-0.45, 0.45)
        ]
        self.add(
            "polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in corners), class_=f"{kind}-head"
        )

    def sum_sign(self, centre: Point, radius: float = 12) -> None:
        """A plus in a circle."""
        x, y = centre
        self.circle(centre, radius, "plain")
        arm = radius / 2
        self.line([(x - arm, y), (x + arm, y)], arrow=False)
        self.line([(x, y - arm), (x, y + arm)], arrow=False)

    def svg(self) -> str:
        """The whole file."""
        width, height = number(self.width), number(self.height)
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">'
        )
        return "\n".join([opening, self.head, style_sheet(), *self.parts, "</svg>"]) + "\n"


def lowered(words: str) -> str:
    """`a_{k} b` as SVG: k small and low, b on the line again."""
    out = []
    for index, piece in enumerate(words.split("_{")):
        if index == 0:
            out.append(escape(piece, quote=False))
            continue
        low, rest = (escape(part, quote=False) for part in piece.split("}", 1))
        out.append(f'<tspan dy="4" font-size="70%">{low}</tspan><tspan dy="-4">{rest or "&#8203;"}</tspan>')
    return "".join(out)


def towards(start: Point, end: Point, distance: float) -> Point:
    """The point `distance` from `start` on the way to `end`, at most half the way."""
    length = math.dist(start, end) or 1.0
    share = min(distance / length, 0.5)
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def rounded(points: Sequence[Point], radius: float = 9) -> str:
    """An SVG path through `points` whose corners are rounded."""
    steps = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (ax, ay), (bx, by) = towards(corner, before, radius), towards(corner, after, radius)
        steps.append(f"L{number(ax)} {number(ay)}")
        steps.append(f"Q{number(corner[0])} {number(corner[1])} {number(bx)} {number(by)}")
    steps.append(f"L{number(points[-1][0])} {number(points[-1][1])}")
    return " ".join(steps)


def subject_map(canvas: Canvas, x: float, y: float, side: float, cells: int) -> None:
    """A saliency map in small: a white bust on a grid of `cells` × `cells`; smooth where that is fine."""
    canvas.box(x, y, side, side, "night", radius=4)
    if cells >= 40:
        head = attributes(cx=x + side * 0.5, cy=y + side * 0.36, r=side * 0.17)
        body = (
            f"M{number(x + side * 0.2)} {number(y + side * 0.94)} v{number(-side * 0.12)} "
            f"a{number(side * 0.3)} {number(side * 0.26)} 0 0 1 {number(side * 0.6)} 0 "
            f"v{number(side * 0.12)} z"
        )
        canvas.parts.append(f'<circle class="subject" {head}/><path class="subject" d="{body}"/>')
        return
    step = side / cells
    for row in range(cells):
        for column in range(cells):
            share = bust_share(column / cells, row / cells, 1 / cells)
            if share:
                canvas.add(
                    "rect",
                    x=x + column * step,
                    y=y + row * step,
                    width=step,
                    height=step,
                    class_="subject",
                    fill_opacity=share,
                    shape_rendering="crispEdges",
                )


def bust_share(left: float, top: float, size: float) -> float:
    """How much of a square cell the bust covers, in sixteenths."""
    inside = 0
    for i in range(4):
        for j in range(4):
            u, v = left + (i + 0.5) * size / 4, top + (j + 0.5) * size / 4
            head = math.hypot(u - 0.5, v - 0.36) < 0.17
            shoulders = v < 0.82 and math.hypot((u - 0.5) / 0.3, (v - 0.82) / 0.26) < 1
            chest = 0.82 <= v < 0.94 and abs(u - 0.5) < 0.3
            inside += head or shoulders or chest
    return inside / 16
