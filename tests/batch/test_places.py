"""Folders anywhere: read, listed and written the same, by path and by URI."""

from __future__ import annotations

import pickle
from pathlib import Path

import fsspec
import pytest

from u2bg.batch.places import Place
from u2bg.errors import CannotWrite, SourceMissing, UsageError


@pytest.fixture(params=["path", "file://", "memory://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty folder, on a disk and in a file system that fsspec alone knows."""
    where = {"path": str(tmp_path), "file://": tmp_path.as_uri(), "memory://": "memory://bucket/folder"}
    fsspec.filesystem("memory").store.clear()
    return Place.of(where[request.param])


def test_what_is_written_is_listed_and_read(place: Place) -> None:
    place.write("a.txt", b"one")
    place.write("sub/deeper/b.txt", b"three")
    place.write("a.txt", b"three")

    assert sorted((entry.name, entry.size) for entry in place.entries()) == [
        ("a.txt", 5),
        ("sub/deeper/b.txt", 5),
    ]
    assert place.read("sub/deeper/b.txt") == b"three"


def test_a_place_travels_by_its_uri(place: Place) -> None:
    place.write("a.txt", b"one")

    assert pickle.loads(pickle.dumps(place)).read("a.txt") == b"one"


def test_a_single_file_is_a_place_too(place: Place) -> None:
    place.write("a.txt", b"one")

    assert Place.of(f"{place.uri}/a.txt").is_file()
    assert Place.of(f"{place.uri}/a.txt").read() == b"one"
    assert not place.is_file()


def test_what_is_not_there_is_told_in_one_line(place: Place) -> None:
    with pytest.raises(
        SourceMissing, match=r"cannot read 'none.txt' in '.*': .+; fix: check the name"
    ) as told:
        place.read("none.txt")
    assert len(str(told.value).splitlines()) == 1
    assert list(Place.of(f"{place.uri}/none").entries()) == []


def test_hidden_files_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".a.png.0123.part").write_bytes(b"")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.png").write_bytes(b"")

    assert list(Place.of(str(tmp_path)).entries()) == []


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(CannotWrite, match="cannot write"):
        Place.of(str(tmp_path)).write("file/a.txt", b"")


def test_an_unknown_scheme_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"'nothing://x' cannot be opened: .*; fix: a path, or a URI"):
        list(Place.of("nothing://x").entries())
