"""The wheel: built here and looked into."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import bare  # noqa: E402
import wheel_check as wheel  # noqa: E402

pytest.importorskip("setuptools", reason="needs setuptools, which builds the wheel")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel.build(tmp_path_factory.mktemp("dist"))


def test_the_wheel_is_whole_small_and_says_who_it_is(built: Path) -> None:
    assert list(wheel.flaws(built)) == []


def test_a_wheel_with_a_flaw_is_found_out(built: Path, tmp_path: Path) -> None:
    other = tmp_path / built.name
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            if name != "u2bg/py.typed":
                target.writestr(name, source.read(name))
        target.writestr("tests/test_it.py", b"")
    assert list(wheel.flaws(other)) == ["u2bg/py.typed is missing", "tests/test_it.py does not belong there"]


def test_a_wheel_that_is_too_large_is_found_out(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "LIMIT_BYTES", 1000)
    assert "more than 1,000" in next(wheel.flaws(built))


def test_each_extra_has_a_way_to_start_it_alone() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(bare.PROBES) == {"base", *project["optional-dependencies"]}
