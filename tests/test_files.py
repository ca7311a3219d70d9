"""Outputs are whole or not there; what stood there before survives every failure."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from u2bg.errors import CannotWrite
from u2bg.files import replacing


def test_a_file_takes_its_place_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as part:
        part.write_text("new")
        assert not path.exists()

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_what_stood_there(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise failure

    with pytest.raises(failure):
        interrupted()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_permissions_of_a_replaced_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)

    with replacing(path) as part:
        part.write_text("new")

    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_permissions_that_the_user_set(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "a.txt") as part:
            part.write_text("new")
    finally:
        os.umask(before)

    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_missing_folder_is_named_or_made(tmp_path: Path) -> None:
    path = tmp_path / "none" / "deeper" / "a.txt"
    with pytest.raises(CannotWrite, match="its folder does not exist; fix: create it first"), replacing(path):
        pass
    with replacing(path, make_folder=True) as part:
        part.write_text("new")

    assert path.read_text() == "new"


def test_a_folder_cannot_be_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="it is a folder; fix: name a file"), replacing(tmp_path):
        pass


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match="its folder is a file"), replacing(tmp_path / "file" / "a.txt"):
        pass


@pytest.fixture
def tiny_files() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("tiny_files")
def test_a_file_that_cannot_grow_leaves_what_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    with pytest.raises(CannotWrite, match="larger than this system allows"), replacing(path) as part:
        part.write_bytes(bytes(5000))

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_temporary_file_carries_its_owners_mark(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt", mark="01234567") as part:
        assert part.name.startswith(".a.txt.01234567")
        assert part.name.endswith(".part")
