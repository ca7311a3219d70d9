"""A small SVG chart: two axes from 0 to 1, lines, dots and words, in colours for light and for dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Point = tuple[float, float]

COLOURS = 6
"""How many lines one can tell apart: classes line-0 … line-5."""

_LIGHT = ("#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#57606a")
_DARK = ("#60a5fa", "#fbbf24", "#34d399", "#f472b6", "#a78bfa", "#9da7b3")
_FONT = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_WIDTH, _HEIGHT = 560, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 20, 20, 48
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Chart:
    """Both axes run from 0 to 1.

    Args:
        title, about: for those who do not see it.
        across, up: what the axes are.
    """

    def __init__(self, title: str, about: str, across: str, up: str) -> None:
        self._head = f"<title>{escape(title)}</title>\n<desc>{escape(about)}</desc>"
        self._parts: list[str] = []
        self._legend: list[tuple[int, str]] = []
        for tick in _TICKS:
            (x, _), (_, y) = self._place((tick, 0)), self._place((0, tick))
            self._parts.append(f'<path class="grid" d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}"/>')
            self._parts.append(f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>')
            self._text(x, _HEIGHT - _BOTTOM + 18, f"{tick:.1f}", "middle")
            self._text(_LEFT - 8, y + 4, f"{tick:.1f}", "end")
        self._text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, across, "middle", "name")
        middle = (_TOP + _HEIGHT - _BOTTOM) / 2
        turned = f'class="name" text-anchor="middle" transform="translate(14 {middle:g}) rotate(-90)"'
        self._parts.append(f"<text {turned}>{escape(up)}</text>")

    def line(self, points: Sequence[Point], colour: int, name: str) -> None:
        """A line through points, and its name in the legend."""
        steps = " ".join(f"{x},{y}" for x, y in map(self._place, points))
        label = f"<title>{escape(name)}</title>"
        self._parts.append(f'<polyline class="line line-{colour}" points="{steps}">{label}</polyline>')
        self._legend.append((colour, name))

    def dot(self, point: Point, colour: int, words: str, radius: float = 4.5) -> None:
        """A dot that says `words` when pointed at."""
        x, y = self._place(point)
        shape = f'class="dot dot-{colour}" cx="{x}" cy="{y}" r="{radius:.1f}"'
        self._parts.append(f"<circle {shape}><title>{escape(words)}</title></circle>")

    def label(self, point: Point, words: str) -> None:
        """Words just above a point."""
        x, y = self._place(point)
        self._text(x, round(y - 10, 1), words, "middle")

    def diagonal(self) -> None:
        """The line on which both axes agree."""
        (left, bottom), (right, top) = self._place((0, 0)), self._place((1, 1))
        self._parts.append(f'<path class="ideal" d="M{left} {bottom}L{right} {top}"/>')

    def svg(self) -> str:
        """The whole file; it needs no other."""
        for row, (colour, name) in enumerate(reversed(self._legend)):
            x, y = _LEFT + 16, _HEIGHT - _BOTTOM - 16 - 18 * row
            self._parts.append(f'<path class="line line-{colour}" d="M{x} {y - 4}h20"/>')
            self._text(x + 28, y, name, "start", "key")
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'width="{_WIDTH}" height="{_HEIGHT}" role="img">'
        )
        return "\n".join([opening, self._head, _style(), *self._parts, "</svg>"]) + "\n"

    def _place(self, point: Point) -> Point:
        x = _LEFT + point[0] * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - point[1] * (_HEIGHT - _TOP - _BOTTOM)
        return round(x, 1), round(y, 1)

    def _text(self, x: float, y: float, words: str, anchor: str, kind: str = "tick") -> None:
        place = f'class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
        self._parts.append(f"<text {place}>{escape(words)}</text>")


def _style() -> str:
    rules = [
        f".tick,.key,.name{{font:12px {_FONT};fill:#57606a}} .key{{fill:#1f2328}}",
        ".name{font-weight:600} .grid{stroke:#d8dee4;fill:none} .line{fill:none;stroke-width:2}",
        ".ideal{stroke:#8c959f;stroke-dasharray:5 4;fill:none} .dot{stroke:#ffffff;stroke-width:1}",
        *_coloured(_LIGHT),
        "@media (prefers-color-scheme: dark) {",
        ".tick,.name{fill:#9da7b3} .key{fill:#e6edf3} .grid{stroke:#30363d}",
        ".ideal{stroke:#6e7681} .dot{stroke:#0d1117}",
        *_coloured(_DARK),
        "}",
    ]
    return "<style>\n" + "\n".join(rules) + "\n</style>"


def _coloured(colours: Sequence[str]) -> list[str]:
    return [f".line-{i}{{stroke:{one}}} .dot-{i}{{fill:{one}}}" for i, one in enumerate(colours)]
