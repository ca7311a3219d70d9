"""Pictures are taken as they arrive, once they are whole, and once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from u2bg.batch.listing import Folder, Listed
from u2bg.batch.watch import arrivals


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with nothing in it yet."""
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def looks(inbox: Path) -> Iterator[Listed | None]:
    """What each look at it brings."""
    return arrivals(Folder(inbox, inbox.parent / "out", ".png"), poll_s=0)


def _look(looks: Iterator[Listed | None]) -> list[str]:
    """The names that one look brings."""
    names = []
    for listed in iter(looks.__next__, None):
        assert listed is not None
        names += [job.source.name for job in listed.jobs]
    return names


def test_a_file_is_taken_when_two_looks_find_it_the_same(inbox: Path, looks: Iterator[Listed | None]) -> None:
    assert _look(looks) == []
    (inbox / "a.jpg").write_bytes(b"half")
    assert _look(looks) == []
    (inbox / "a.jpg").write_bytes(b"half and half")
    assert _look(looks) == []
    assert _look(looks) == ["a.jpg"]
    assert _look(looks) == []


def test_a_file_that_changes_later_is_taken_again(inbox: Path, looks: Iterator[Listed | None]) -> None:
    (inbox / "a.jpg").write_bytes(b"one")
    assert [_look(looks), _look(looks)] == [[], ["a.jpg"]]
    os.utime(inbox / "a.jpg", ns=(1, 1))
    assert [_look(looks), _look(looks), _look(looks)] == [[], ["a.jpg"], []]


def test_an_empty_file_is_not_there_yet(inbox: Path, looks: Iterator[Listed | None]) -> None:
    (inbox / "a.jpg").touch()
    assert [_look(looks), _look(looks), _look(looks)] == [[], [], []]


def test_new_folders_are_seen(inbox: Path, looks: Iterator[Listed | None]) -> None:
    assert _look(looks) == []
    (inbox / "sub").mkdir()
    (inbox / "sub" / "b.jpg").write_bytes(b"whole")
    assert [_look(looks), _look(looks)] == [[], ["b.jpg"]]


def test_a_file_that_leaves_is_forgotten(inbox: Path, looks: Iterator[Listed | None]) -> None:
    (inbox / "a.jpg").write_bytes(b"one")
    assert _look(looks) == []
    (inbox / "a.jpg").unlink()
    assert [_look(looks), _look(looks)] == [[], []]
