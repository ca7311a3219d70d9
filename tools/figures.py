"""The figures of README and docs, drawn from the project's own tables and results: `python tools/figures.py`."""

from __future__ import annotations

from pathlib import Path

import figure_loss
import figure_rsu
import figure_speed
import figure_u2net
import figure_work

FIGURES = {
    "docs/figures/rsu.svg": figure_rsu.draw,
    "docs/figures/u2net.svg": figure_u2net.draw,
    "docs/figures/loss.svg": figure_loss.draw,
    "docs/figures/work.svg": figure_work.draw,
    "docs/figures/speed.svg": figure_speed.draw,
}


def draw_all() -> dict[str, str]:
    """Path from the repository's root → the file's text."""
    return {path: draw() for path, draw in FIGURES.items()}


def main() -> None:
    """Write every figure."""
    root = Path(__file__).resolve().parents[1]
    for path, text in draw_all().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
