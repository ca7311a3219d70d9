"""The docs tell the truth: generated parts are fresh, and nothing that a reader can meet is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from u2bg import errors
from u2bg.cli import u2bg_command
from u2bg.saliency.models import MODELS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])


def _docs_tool(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools" / "docs.py"), *arguments]
    # Not the backend that other tests choose for themselves: TensorFlow talks on stderr.
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def _page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """What `tools/docs.py` reads and writes, in a place where it may be broken."""
    root = tmp_path / "copy"
    for folder in ("benchmarks/results", "docs", "src", "tools"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_every_generated_part_is_fresh() -> None:
    done = _docs_tool(ROOT, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_stale_parts_are_named_by_a_check_and_made_fresh_by_a_run(copied: Path) -> None:
    page, figure = copied / "docs" / "architecture.md", copied / "docs" / "figures" / "rsu.svg"
    fresh = page.read_text(encoding="utf-8")
    stale = fresh.replace("RSU-4F", "RSU-5F")
    page.write_text(stale, encoding="utf-8")
    figure.unlink()

    checked = _docs_tool(copied, "--check")
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == [
        "docs/architecture.md: stale; fix: make docs",
        "docs/figures/rsu.svg: stale; fix: make docs",
    ]
    assert (page.read_text(encoding="utf-8"), figure.exists()) == (stale, False)

    assert _docs_tool(copied).returncode == 0
    assert page.read_text(encoding="utf-8") == fresh
    assert figure.read_bytes() == (ROOT / "docs" / "figures" / "rsu.svg").read_bytes()


def test_an_unknown_part_is_refused_with_the_nearest_name(copied: Path) -> None:
    (copied / "README.md").write_text("<!-- model:begin -->\n<!-- model:end -->\n", encoding="utf-8")
    done = _docs_tool(copied, "--check")
    assert done.returncode == 1
    assert done.stderr.startswith("README.md: no part named 'model'; expected one of stages, ")
    assert done.stderr.endswith("; did you mean 'models'?\n")


def test_a_marker_without_its_end_is_refused(copied: Path) -> None:
    (copied / "README.md").write_text("<!-- models:begin -->\ntext\n", encoding="utf-8")
    done = _docs_tool(copied, "--check")
    assert done.returncode == 1
    assert "marker 'models' (begin) is followed by 'nothing'; fix: pair begin and end" in done.stderr


def test_the_counted_parameters_are_the_papers() -> None:
    page = _page("architecture.md")
    assert "| U²-Net | 44,009,869 |" in page
    assert "| U²-Net† | 1,131,181 |" in page


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_in_the_docs(name: str) -> None:
    assert f"`{name}`" in _page("cli.md")


def _error_names() -> list[str]:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.U2bgError)
    ]
    return [kind.__name__ for kind in kinds]


@pytest.mark.parametrize("name", _error_names())
def test_every_error_is_in_the_docs_and_in_the_drawn_tree(name: str) -> None:
    assert f"`{name}`" in _page("cli.md")
    kind = getattr(errors, name)
    drawn = rf"\b{name} +exit {kind.exit_code}   http {kind.http_status}\b"
    assert re.search(drawn, errors.__doc__ or "")


def _options(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=path)
    for parameter in command.get_params(context):
        for spelling in [*parameter.opts, *parameter.secondary_opts]:
            if isinstance(parameter, click.Option):
                yield path, spelling
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _options(below, f"{path} {name}")


def test_every_option_of_every_command_is_in_the_docs() -> None:
    help_pages = dict(re.findall(r"\$ (u2bg.*?) --help\n(.*?)```", _page("cli.md"), re.DOTALL))
    missing = [
        f"{path} {spelling}"
        for path, spelling in _options(u2bg_command, "u2bg")
        if spelling not in help_pages[path]
    ]
    assert missing == []


def _requirements() -> Iterator[tuple[str, str]]:
    """The heading of docs/dependencies.md and a package that must stand under it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {"Base": project["project"]["dependencies"]}
    groups |= {
        f"Extra `{name}`": asked for name, asked in project["project"]["optional-dependencies"].items()
    }
    groups["Development"] = [asked for group in project["dependency-groups"].values() for asked in group]
    for heading, asked in groups.items():
        for requirement in asked:
            yield heading, re.split(r"[^\w-]", requirement)[0]


@pytest.mark.parametrize(("heading", "package"), list(_requirements()))
def test_every_dependency_has_its_reason(heading: str, package: str) -> None:
    section = _page("dependencies.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.search(rf"^\| `{package}` \| \S.+ \| \S.+ \|$", section, re.MULTILINE)


def test_no_dependency_is_listed_that_is_not_asked_for() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \|", _page("dependencies.md"), re.MULTILINE)
    assert set(listed) == {package for _, package in _requirements()}


def test_every_room_is_in_the_architecture() -> None:
    house = ROOT / "src" / "u2bg"
    rooms = [path.stem for path in house.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    told = _page("architecture.md").split("## The rooms")[1].split("\n## ")[0]
    assert [name for name in rooms if not name.startswith("_") and f"| `{name}` |" not in told] == []


def test_every_photo_of_the_examples_has_its_source_and_terms() -> None:
    told = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    files = [path for path in (ROOT / "examples").iterdir() if path.is_file()]
    photos = [path.name for path in files if path.suffix not in {".md", ".ipynb"}]
    assert sorted(re.findall(r"^\| `([\w.]+)` \|", told, re.MULTILINE)) == sorted(photos)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_there(page: Path) -> None:
    targets = re.findall(
        r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset|href)=\"([^\"#]+)\"", page.read_text(encoding="utf-8")
    )
    local = [one or other for one, other in targets if "://" not in (one or other)]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_changelog_citation_and_package_tell_the_same_version() -> None:
    import u2bg

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(\d\S*)\] - (\S+)$", changelog, re.MULTILINE)[0]
    assert newest[0] == u2bg.__version__
    assert f"version: {newest[0]}\ndate-released: {newest[1]}\n" in citation
