"""The page about a folder: who should look at something finds it at the top."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from u2bg.batch import report
from u2bg.batch.job import Outcome
from u2bg.batch.manifest import Facts, Manifest
from u2bg.errors import OutputExists


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Five pictures cut, one of them twice, one failed and then done, one only failed, and one folder not listed."""
    (tmp_path / "in").mkdir()
    manifest = Manifest(tmp_path / "out", tmp_path / "in")
    manifest.begin("options")
    for name, confidence in (("sure", 0.97), ("fair", 0.9), ("<odd>", 0.2), ("fair", 0.55), ("late", 0.8)):
        source, output = tmp_path / "in" / f"{name}.png", tmp_path / "out" / f"{name}.png"
        if name == "late":
            manifest.write(Outcome(str(source), str(output), error="'late.png' was not whole"))
        Image.new("RGBA", (300, 200), (200, 40, 40, 128)).save(source)
        Image.new("RGBA", (300, 200), (200, 40, 40, 128)).save(output)
        outcome = Outcome(str(source), str(output), (300, 200), confidence, confidence >= 0.4, 0.1)
        manifest.write(outcome, Facts(1, 1, "options", 1))
    manifest.write(Outcome(str(tmp_path / "in" / "bad.jpg"), None, error="'bad.jpg' is <no> picture"))
    manifest.close()
    return manifest


def _page(manifest: Manifest, tmp_path: Path) -> str:
    page = tmp_path / "pages" / "report.html"
    report.write_report(manifest.path, tmp_path / "in", page)
    return page.read_text(encoding="utf-8")


def test_the_doubtful_come_first_each_once_by_its_last_line(manifest: Manifest, tmp_path: Path) -> None:
    page = _page(manifest, tmp_path)

    assert re.findall(r"<figcaption>(.*?)<br>(.*?)</figcaption>", page) == [
        ("&lt;odd&gt;.png", "confidence 0.20, no subject"),
        ("fair.png", "confidence 0.55"),
        ("late.png", "confidence 0.80"),
        ("sure.png", "confidence 0.97"),
    ]
    assert "4 cut, 1 of them without a subject, 1 failed" in page


def test_what_failed_stands_above_the_pictures_with_its_reason(manifest: Manifest, tmp_path: Path) -> None:
    page = _page(manifest, tmp_path)

    assert "<li>bad.jpg<br><small>&#x27;bad.jpg&#x27; is &lt;no&gt; picture</small></li>" in page
    assert page.index("<h2>Failed</h2>") < page.index("<figure>")
    assert "was not whole" not in page


def test_the_page_needs_nothing_but_itself(manifest: Manifest, tmp_path: Path) -> None:
    page = _page(manifest, tmp_path)

    assert page.count("data:image/webp;base64,") == 4
    assert not re.findall(r"<script|<link|https?:|@import|url\(", page)


def test_however_many_pictures_only_the_most_doubtful_are_shown(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SHOWN", 2)
    page = _page(manifest, tmp_path)

    assert page.count("<figure>") == 2
    assert "The 2 most doubtful pictures" in page
    assert "4 cut" in page


def test_a_picture_that_is_gone_leaves_its_place_empty(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out" / "sure.png").unlink()
    (tmp_path / "in" / "sure.png").unlink()

    assert _page(manifest, tmp_path).count("<figure>") == 4


def test_a_report_replaces_a_report_and_nothing_else(manifest: Manifest, tmp_path: Path) -> None:
    _page(manifest, tmp_path)
    report.check_page(tmp_path / "pages" / "report.html")
    report.check_page(tmp_path / "new.html")
    (tmp_path / "mine.html").write_text("<p>mine</p>")

    with pytest.raises(OutputExists, match=r"'.*mine\.html' is there and is no report of ours"):
        report.check_page(tmp_path / "mine.html")
