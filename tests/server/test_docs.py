"""docs/http.md: its curl lines run, and nothing that a caller can meet is missing in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import Running, opened, running
from u2bg.server import rembg
from u2bg.server.removebg import parameters as removebg

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
LINES = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def documented(quick: str) -> Iterator[Running]:
    with running(models=quick) as started:
        yield started


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.rpartition(":7000")[2][:40])
def test_a_line_of_the_manual_runs_as_it_stands(line: str, documented: Running, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    command = line.replace("127.0.0.1:7000", f"127.0.0.1:{documented.port}").replace(
        "curl ", "curl --noproxy '*' ", 1
    )

    ran = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=False)

    assert ran.returncode == 0, ran.stderr
    written = re.search(r"-o (\S+)", line)
    if written and written[1].endswith((".png", ".jpg", ".webp")):
        kinds = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
        content = (tmp_path / written[1]).read_bytes()
        assert opened(content).format == kinds[Path(written[1]).suffix]


def test_there_are_lines_for_every_address() -> None:
    for address in (
        "/v1/remove",
        "/api/remove",
        "/v1.0/removebg",
        "/v1.0/account",
        "/healthz",
        "/readyz",
        "/metrics",
    ):
        assert any(address in line for line in LINES), address


@pytest.mark.parametrize(
    "name", ["roi", "crop", "scale", "position", "channels", "semitransparency", "add_shadow"]
)
def test_parameters_of_remove_bg_are_told(name: str) -> None:
    assert name in removebg.FIELDS
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", sorted(set(rembg.EXTRAS.values()) - {"om", "ppm", "dc"}))
def test_parameters_of_rembg_that_differ_are_told(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize(
    "file", ["Dockerfile", "deploy/compose.yaml", "deploy/kubernetes.yaml", "deploy/u2bg.service"]
)
def test_what_is_deployed_asks_for_what_the_command_has(file: str) -> None:
    from u2bg.cli.serve import command

    flags = {flag for option in command.params for flag in option.opts}
    text = (ROOT / file).read_text(encoding="utf-8")
    commands = re.findall(r"(?:command|args|ExecStart|CMD).*serve.*", text)
    assert commands
    assert [flag for line in commands for flag in re.findall(r"--[\w-]+", line) if flag not in flags] == []
