"""Every command and every piece of Python in the guide runs, in a folder with the files that it names."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.command import Command
from tests.onnx_files import brightness

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("index.md", "howto.md", "compat.md", "models.md", "formats.md", "doctor.md")
BLOCK = re.compile(
    r"(?:^<!-- (?P<not_run>not run: [^\n]*?) -->\n)?^```(?P<kind>python|console)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
LOADED = re.compile(
    r'<(?:script|img|iframe|source)[^>]* src="(https?:)?//'
    r'|<link[^>]*stylesheet[^>]* href="(https?:)?//'
    r"|url\((https?:)?//"
)
"""What a browser fetches by itself, from another host."""


class Block(NamedTuple):
    """A piece of code on a page."""

    page: str
    kind: str
    code: str
    not_run: str


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for found in BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")):
            yield Block(page, found["kind"], found["code"], found["not_run"] or "")


@pytest.fixture
def desk(tmp_path: Path, models_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the photos that the guide speaks of, and a small network in place of u2net."""
    folder = tmp_path / "desk"
    for name, example in {
        "photo.jpg": "cat",
        "wall.jpg": "coffee",
        "portrait.jpg": "astronaut",
        "catalogue/cup.jpg": "coffee",
        "photos/cat.jpg": "cat",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "examples" / f"{example}.jpg", folder / name)
    models_home.mkdir()
    brightness(models_home / "u2net.onnx", size=320)
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("block", list(blocks()), ids=lambda block: f"{block.page}-{block.code.strip()[:40]}")
def test_the_guide_runs(block: Block, desk: Path, command: Command) -> None:
    if block.not_run:
        pytest.skip(block.not_run)
    if block.kind == "python":
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block.code, block.page, "exec"), {})
        return
    for line in block.code.splitlines():
        if not line.startswith("$ "):
            continue
        words = shlex.split(line.removeprefix("$ "), comments=True)
        assert words[0] == "u2bg", (
            f"{block.page}: {line}: nothing else is run; say why with <!-- not run: … -->"
        )
        words = words[: words.index(">")] if ">" in words else words
        ran = command(*words[1:])
        assert ran.exit_code in ({0, 1} if words[1] == "doctor" else {0}), (line, ran.stderr)


def test_what_is_not_run_says_why_and_is_the_smaller_part() -> None:
    found = list(blocks())
    assert len([block for block in found if block.not_run]) < len(found) / 2 + 2


@pytest.mark.slow
def test_the_site_builds_and_asks_no_other_host(tmp_path: Path) -> None:
    mkdocs = ROOT / ".venv" / "docs" / "bin" / "mkdocs"
    if not mkdocs.exists():
        pytest.skip("needs .venv/docs: make docs makes it")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [str(mkdocs), "build", "--quiet", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(pages) > 10
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []
