"""Write the generated parts of the docs anew: `python tools/docs.py`; `--check` only names what is stale.

A generated part stands between two lines of their own, `<!-- NAME:begin -->` and `<!-- NAME:end -->`, in any
Markdown file of the repository's root, `docs/` or `examples/`. `tables.parts` has the names. Figures are
written whole.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import figures
import tables

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "examples/*.md")
MARKER = re.compile(r"^<!-- ([\w-]+):(begin|end) -->$", re.MULTILINE)


def main() -> int:
    """Write what differs, or, with `--check`, name it and return 1."""
    parser = argparse.ArgumentParser(description="Write the generated parts of the docs anew.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 and name what is stale")
    check = parser.parse_args().check
    stale = {path: text for path, text in wanted(ROOT).items() if text != current(path)}
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)}: {'stale; fix: make docs' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return 1 if check and stale else 0


def wanted(root: Path) -> dict[Path, str]:
    """Every generated file, and every page with its parts renewed."""
    makers = tables.parts(root)
    pages = [path for pattern in PAGES for path in sorted(root.glob(pattern))]
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    used = {name: str(path.relative_to(root)) for path, text in texts.items() for name in names(path, text)}
    for name, page in used.items():
        if name not in makers:
            near = difflib.get_close_matches(name, makers, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SystemExit(f"{page}: no part named {name!r}; expected one of {', '.join(makers)}{hint}")
    made = {name: makers[name]() for name in used}
    drawn = {root / path: text for path, text in figures.draw_all().items()}
    return {path: renewed(text, made) for path, text in texts.items()} | drawn


def names(path: Path, text: str) -> list[str]:
    """The parts of a page, in order; ends the program where markers do not come in pairs."""
    marks = MARKER.findall(text)
    for (name, edge), (other, end) in zip(marks[::2], [*marks[1::2], ("nothing", "")], strict=False):
        if (edge, other, end) != ("begin", name, "end"):
            raise SystemExit(
                f"{path}: marker {name!r} ({edge}) is followed by {other!r}; fix: pair begin and end"
            )
    return [name for name, _ in marks[::2]]


def renewed(text: str, made: Mapping[str, str]) -> str:
    """The page with every part made anew."""
    for name, part in made.items():
        begin, end = (f"<!-- {name}:{edge} -->" for edge in ("begin", "end"))
        between = re.compile(f"^{begin}$.*?^{end}$", re.MULTILINE | re.DOTALL)
        text = between.sub(f"{begin}\n{part}\n{end}".replace("\\", r"\\"), text)
    return text


def current(path: Path) -> str | None:
    """What the file says now; nothing where it is missing."""
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
