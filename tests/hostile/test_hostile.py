"""Hostile files: one clear line, the right exit code, no output, the input untouched, little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Command
from tests.hostile.files import HOSTILE
from u2bg.batch import manifest
from u2bg.errors import InputError
from u2bg.imaging import read


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read(HOSTILE[name])

    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the input ")


@pytest.mark.parametrize("name", ["png-header-60000x60000", "jpeg-header-60000x60000", "png-bomb"])
def test_a_bomb_is_refused_by_its_header(name: str) -> None:
    with pytest.raises(InputError, match=r"00×\d+ = [\d,.]+ megapixels, more than the limit of 100\.0; fix"):
        read(HOSTILE[name])


def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(HOSTILE["png-bomb"])
    before = _peak_bytes("pass")

    assert _peak_bytes(f"u2bg.imaging.read({str(path)!r})") < before + 30e6


def _peak_bytes(statement: str) -> int:
    code = (
        "import contextlib, resource, u2bg.imaging\n"
        f"with contextlib.suppress(u2bg.InputError): {statement}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return 1024 * int(subprocess.check_output([sys.executable, "-c", code]))


@pytest.mark.parametrize("name", HOSTILE)
def test_the_command_says_one_line_and_writes_nothing(name: str, command: Command, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(HOSTILE[name])

    ran = command("remove", photo)

    assert ran.exit_code == 1
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith(f"u2bg: '{photo}' ")
    assert photo.read_bytes() == HOSTILE[name]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["photo.jpg"]


def test_a_folder_with_one_hostile_file_of_each_kind_is_gone_through(
    command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in HOSTILE.items():
        (folder / f"{name}.jpg").write_bytes(content)
    good = Path(__file__).parents[2] / "examples" / "cat.jpg"
    (folder / "good.jpg").write_bytes(good.read_bytes())

    ran = command("remove", folder, "-o", tmp_path / "out")

    assert ran.exit_code == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.png", manifest.NAME]
    assert "1 cut in" in ran.stderr
    assert f"{len(HOSTILE)} failed" in ran.stderr
