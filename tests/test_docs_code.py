"""Every command and every piece of Python in the README and the guide runs, on a desk with the files that they name."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import guide
from tests.guide import ROOT, Block
from tests.servers import free_port, serving

LOADED = re.compile(
    r'<(?:script|img|iframe|source)[^>]* src="(https?:)?//'
    r'|<link[^>]*stylesheet[^>]* href="(https?:)?//'
    r"|url\((https?:)?//"
)
"""What a browser fetches by itself, from another host."""

BLOCKS = [block for block in guide.blocks() if block.kind in guide.RUN]
SERVES = re.compile(r"u2bg (serve|rembg s)\b|python3 -m http\.server\b")
INSTALLS = re.compile(r"pip install '?(?:u2bg|\.)(?:\[(\w+)\])?'?(\s+#.*)?$")
SHORT = "20s"
"""In place of three hours, a run is given this."""

MAY_FAIL = {"u2bg doctor": {0, 1}, "u2bg remove": {0, 4}}
"""A machine may be ill, and a network that was trained for two steps may see nothing."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with this u2bg as the command `u2bg`."""
    (tmp_path / "desk").mkdir()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "u2bg"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m u2bg "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("U2BG_HOME", str(tmp_path / "desk" / "models"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    return tmp_path / "desk"


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}-{block.code.strip()[:40]}")
def test_the_guide_runs(block: Block, desk: Path, published: Callable[[str], Path]) -> None:
    if block.not_run:
        pytest.skip(block.not_run)
    for program in ("ffmpeg", "curl"):
        if f"{program} " in block.code and not shutil.which(program):
            pytest.skip(f"needs {program}")
    guide.set_up(desk, block.code, published)
    if block.kind == "python":
        subprocess.run([sys.executable, "-c", block.code], cwd=desk, check=True)
        return
    port = free_port()
    with contextlib.ExitStack() as servers:
        for line in block.commands:
            asked = line.partition(" #")[0].replace("7000", str(port)).replace("3h", SHORT)
            if SERVES.match(line):
                said = str(port) in asked
                asked += "" if said else f" {port}" if "http.server" in asked else f" --port {port}"
                servers.enter_context(serving(asked, port, desk))
            elif not is_checked_otherwise(line):
                ran = subprocess.run(["bash", "-o", "pipefail", "-c", asked], cwd=desk, check=False)
                assert ran.returncode in MAY_FAIL.get(" ".join(line.split()[:2]), {0}), line


def test_every_piece_of_code_is_of_a_kind_that_is_run_or_only_read() -> None:
    kinds = {block.kind for block in guide.blocks()}
    assert kinds - {*guide.RUN} <= guide.READ_ONLY | guide.BY_OTHERS


def test_what_is_not_run_says_why_and_is_little() -> None:
    not_run = [block for block in BLOCKS if block.not_run]
    assert len(not_run) * 10 <= len(BLOCKS), [block.not_run for block in not_run]


def is_checked_otherwise(line: str) -> bool:
    """What would install or test the whole of it anew: an extra has to exist, and so has a target of make."""
    installed = INSTALLS.match(line)
    if installed:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert installed[1] is None or installed[1] in project["optional-dependencies"], line
    made = re.match(r"make (\w+)", line)
    if made:
        assert re.search(rf"^{made[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), line
    return bool(installed or made)


@pytest.mark.slow
def test_the_site_builds_and_asks_no_other_host(tmp_path: Path) -> None:
    mkdocs = ROOT / ".venv" / "docs" / "bin" / "mkdocs"
    if not mkdocs.exists():
        pytest.skip("needs .venv/docs: make docs makes it")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [str(mkdocs), "build", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(pages) > 10
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []
