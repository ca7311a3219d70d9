"""The files of a report folder, each whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from u2bg.errors import OutputExists, UsageError
from u2bg.evaluation.document import Evaluation, document
from u2bg.evaluation.report.figures import draw
from u2bg.evaluation.report.page import GENERATOR, render
from u2bg.evaluation.report.worst import Strip, contact_sheet
from u2bg.files import replacing

PAGE, SHEET, SCORES = "index.html", "worst.webp", "scores.json"


def check_folder(folder: Path) -> None:
    """Refuse, before anything is scored, a report that could not be written or would replace a foreign page.

    Raises:
        UsageError: `folder` is a file. OutputExists: it holds a page that is no report.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' is a file; expected a folder for the report; fix: choose another")
    page = folder / PAGE
    if page.exists() and GENERATOR not in page.read_text(encoding="utf-8", errors="replace")[:1000]:
        raise OutputExists(f"'{page}' is there and is no report of ours; fix: choose another folder")


def write(evaluation: Evaluation, strips: list[Strip], folder: Path) -> Path:
    """Write a report, in place of the one that `folder` may hold.

    Returns:
        The path of its page, which is written last.

    Raises:
        CannotWrite: with the reason and its fix.
    """
    figures = draw(evaluation)
    scores = json.dumps(document(evaluation), ensure_ascii=False, allow_nan=False, indent=1)
    files = {name: svg.encode() for name, svg in figures.items()}
    if strips:
        files[SHEET] = contact_sheet(strips)
    files |= {SCORES: scores.encode(), PAGE: render(evaluation, figures, strips).encode()}
    for name, content in files.items():
        with replacing(folder / name, make_folder=True) as part:
            part.write_bytes(content)
    return folder / PAGE
