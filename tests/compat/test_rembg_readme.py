"""The examples of rembg's own README, read where rembg is installed, run here with nothing changed but the import."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.compat import rembgs
from tests.servers import free_port, serving
from u2bg.compat import rembg_session

PHOTO = rembgs.ROOT / "examples" / "cat.jpg"
NOT_OFFERED = re.compile(rf"\b({'|'.join(rembg_session._NOT_HERE)}|rembg m)\b")
"""What docs/compat.md says is not offered."""

pytestmark = [pytest.mark.slow, pytest.mark.weights]


@pytest.fixture(params=rembgs.pythons() or [""], ids=rembgs.label)
def readme(request: pytest.FixtureRequest) -> str:
    if not request.param:
        pytest.skip("needs rembg in .venv/rembg: make bench installs it")
    code = "import importlib.metadata as m; print(m.metadata('rembg').get_payload())"
    return subprocess.run([request.param, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def desk(tmp_path: Path, published: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures that the README names, and `rembg`, which is `u2bg rembg`."""
    folder = tmp_path / "desk"
    for place in ("bin", "path/to/input", "path/to/folder", ".u2net"):
        (folder / place).mkdir(parents=True)
    (folder / "bin" / "rembg").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m u2bg rembg "$@"\n')
    (folder / "bin" / "rembg").chmod(0o755)
    for name in ("input.png", "path/to/input.png", "path/to/input/a.png", "path/to/folder/a.png"):
        Image.open(PHOTO).reduce(4).save(folder / name)
    shutil.copy(PHOTO, folder / "path/to/input.jpg")
    (folder / ".u2net" / "u2net.onnx").symlink_to(published("u2net"))
    (folder / ".u2net" / "u2netp.onnx").symlink_to(published("u2netp"))
    for name in ("U2BG_HOME", "U2NET_HOME", "XDG_DATA_HOME", "REMBG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_every_piece_of_python_runs_with_one_import_changed(readme: str, desk: Path) -> None:
    ran = 0
    for code in pieces(readme, "python"):
        changed = code.replace("from rembg import", "from u2bg.compat.rembg import")
        assert changed != code
        given = "input = open('input.png', 'rb').read()\n"  # one piece takes it from the piece before
        subprocess.run([sys.executable, "-c", given + changed], cwd=desk, check=True)
        ran += 1
    assert ran >= 5
    for name in ("output.png", "path/to/folder/a.out.png"):
        with Image.open(desk / name) as cutout, Image.open(desk / "input.png") as photo:
            assert (cutout.mode, cutout.size) == ("RGBA", photo.size)


def test_every_command_runs_behind_u2bg(readme: str, desk: Path) -> None:
    if not (shutil.which("ffmpeg") and shutil.which("curl")):
        pytest.skip("needs ffmpeg and curl")
    film = "ffmpeg -v error -f lavfi -i testsrc=size=1280x720:rate=1:duration=12 input.mp4"
    subprocess.run(film.split(), cwd=desk, check=True)
    port = free_port()
    commands = [line for code in pieces(readme, "(?:ba|)sh(?:ell|)") for line in code.splitlines()]
    served = [line for line in commands if line.startswith("rembg s ")]
    asked = [line for line in commands if "localhost:7000" in line and "url=" not in line]
    others = [line for line in commands if re.search(r"\brembg [ipb] (?!<)|^rembg --help", line)]
    assert (len(served), len(asked)) == (2, 1)
    assert len(others) >= 9
    for line in others:
        if " p -w " in line:
            (desk / "path/to/input/stop.txt").touch()  # else it goes on watching
        run(line.replace("curl -s http://input.png", "cat input.png"), desk)
    for line in served:
        start = line.replace("7000", str(port)).replace("0.0.0.0", "127.0.0.1")
        with serving(start if str(port) in start else f"{start} --port {port}", port, desk):
            run(asked[0].replace("7000", str(port)).replace("/path/to", "path/to"), desk)
        with Image.open(desk / "output.png") as cutout:
            assert cutout.mode == "RGBA"
        (desk / "output.png").unlink()
    made = {path.name for folder in ("path/to/output", "folder") for path in (desk / folder).iterdir()}
    assert made == {"a.png", "output-000.png", "output-001.png"}


def run(line: str, desk: Path) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=desk, check=True, stdout=subprocess.DEVNULL)


def pieces(readme: str, kind: str) -> Iterator[str]:
    """The pieces of code of that kind, but for what is not offered here."""
    found = re.findall(rf"^```{kind}\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return (code for code in found if not NOT_OFFERED.search(code) and "docker " not in code)
