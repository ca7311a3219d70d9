"""The report folder: every file there, every picture named, nothing fetched from elsewhere."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.drawn_sets import answer, cut_by_brightness, disc, make_set, save

from u2bg.errors import OutputExists, UsageError
from u2bg.evaluation import report
from u2bg.evaluation.document import Evaluation, conclude
from u2bg.evaluation.evaluate import Seen, evaluate
from u2bg.evaluation.report.worst import TILE
from u2bg.evaluation.sets import Unscored, find_sets

FIGURES = ("precision-recall.svg", "f-threshold.svg", "calibration.svg")


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Evaluation, report.Worst]:
    """Two sets and backgrounds, judged; one picture of each has a name that HTML must not believe."""
    for name, masks in (("a", True), ("b", True), ("rooms", False)):
        make_set(tmp_path / "sets" / name, 2, masks=masks)
    worst = report.Worst()
    sets = find_sets([tmp_path / "sets"])
    answers = evaluate([one for found in sets for one in found.pictures], cut_by_brightness, worst)
    answers.unscored.append(Unscored("sets/a/<b>.png", "'<b>.png' has no mask"))
    return conclude("lite", answers, np.random.default_rng(0)), worst


def test_a_report_holds_its_page_its_figures_and_its_numbers(
    judged: tuple[Evaluation, report.Worst], tmp_path: Path
) -> None:
    evaluation, worst = judged

    page = report.write(evaluation, worst.strips, tmp_path / "out" / "report")

    assert page == tmp_path / "out" / "report" / "index.html"
    files = {path.name for path in page.parent.iterdir()}
    assert files == {"index.html", "scores.json", "worst.webp", *FIGURES}
    text = page.read_text(encoding="utf-8")
    for one in evaluation.answers.scored:
        assert one.picture.name in text
    assert "&lt;b&gt;.png" in text
    assert "<b>" not in text
    assert text.count("<svg") == 3
    scores = json.loads((page.parent / "scores.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in scores["sets"]] == ["sets/a", "sets/b", "sets/rooms"]


def test_the_page_fetches_nothing(judged: tuple[Evaluation, report.Worst], tmp_path: Path) -> None:
    page = report.write(judged[0], judged[1].strips, tmp_path / "report").read_text(encoding="utf-8")
    targets = re.findall(r"(?:src|href)=\"(.{5})|url\(|@import|<script", page)
    assert set(targets) == {"data:"}
    assert set(re.findall(r"https?://[\w./]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "prefers-color-scheme: dark" in page


def test_figures_are_whole_svg_files(judged: tuple[Evaluation, report.Worst], tmp_path: Path) -> None:
    folder = report.write(judged[0], [], tmp_path / "report").parent
    for name in FIGURES:
        assert ET.parse(folder / name).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "<title>overall: max F 1.0000" in (folder / FIGURES[0]).read_text(encoding="utf-8")


def test_without_pairs_there_are_no_curves(tmp_path: Path) -> None:
    (rooms,) = find_sets([make_set(tmp_path / "rooms", 1, masks=False)])
    evaluation = conclude("lite", evaluate(rooms.pictures, cut_by_brightness), np.random.default_rng(0))

    page = report.write(evaluation, [], tmp_path / "report")

    assert {path.name for path in page.parent.iterdir()} == {"index.html", "scores.json"}
    assert "<svg" not in page.read_text(encoding="utf-8")


def test_the_worst_are_kept_and_sorted(tmp_path: Path) -> None:
    photo = save(tmp_path / "0.png", disc())
    truth = disc() > 0
    worst = report.Worst(count=3)
    for radius in (12, 16, 13, 15, 14, 12):
        mask = disc(radius=radius)
        given = answer(mask, truth)
        given = replace(given, picture=replace(given.picture, name=f"{radius}", image=photo))
        worst(given, Seen(truth, mask))

    assert [strip.answer.picture.name for strip in worst.strips] == ["16", "15", "14"]
    with Image.open(io.BytesIO(worst.strips[0].webp())) as strip:
        assert strip.width >= 3 * TILE[0]
        assert strip.height == TILE[1]


def test_a_foreign_page_is_not_replaced_and_a_report_is(
    judged: tuple[Evaluation, report.Worst], tmp_path: Path
) -> None:
    report.check_folder(tmp_path / "new")
    folder = report.write(judged[0], [], tmp_path / "report").parent
    report.check_folder(folder)
    (folder / "index.html").write_text("<html>my own</html>", encoding="utf-8")
    with pytest.raises(OutputExists) as raised:
        report.check_folder(folder)
    assert str(raised.value) == (
        f"'{folder / 'index.html'}' is there and is no report of ours; fix: choose another folder"
    )
    with pytest.raises(UsageError, match="is a file; expected a folder for the report; fix: choose another"):
        report.check_folder(folder / "index.html")
