"""Which files are pictures, and what each will write."""

from __future__ import annotations

from pathlib import Path

import pytest

from u2bg.batch.job import Job
from u2bg.batch.listing import Folder, check_collisions
from u2bg.errors import SourceMissing, UsageError

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def _make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def _jobs(folder: Path, output: Path) -> list[Job]:
    return [job for listed in Folder(folder, output, ".png").listed() for job in listed.jobs]


def _found(folder: Path) -> list[str]:
    return [str(job.source.relative_to(folder)) for job in _jobs(folder, folder / "out")]


def _check(folder: Path, output: Path) -> int:
    return list(Folder(folder, output, ".png").checked())[-1]


def test_subfolders_are_kept_and_names_change_only_their_ending(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg", "sub/b.JPEG", "sub/deeper/c.v2.webp")

    assert [job.output for job in _jobs(tmp_path, Path("out"))] == [
        Path("out/a.png"),
        Path("out/sub/b.png"),
        Path("out/sub/deeper/c.v2.png"),
    ]


def test_two_pictures_that_would_write_one_file_are_refused_by_name(tmp_path: Path) -> None:
    _make(tmp_path, "sub/a.jpg", "sub/a.png", "b.jpg")

    with pytest.raises(
        UsageError, match=r"2 pictures would write '.*sub/a\.png': '.*a\.jpg', '.*a\.png'; nothing"
    ):
        _check(tmp_path, tmp_path / "out")


def test_the_same_name_in_two_folders_is_no_collision(tmp_path: Path) -> None:
    _make(tmp_path, "one/a.jpg", "two/a.png")

    assert _check(tmp_path, tmp_path / "out") == 2


def test_outputs_that_would_replace_inputs_are_refused(tmp_path: Path) -> None:
    _make(tmp_path, "a.png")

    with pytest.raises(UsageError, match="would be written over a picture that is to be cut"):
        _check(tmp_path, tmp_path)


def test_outputs_above_the_photos_cannot_replace_them_either(tmp_path: Path) -> None:
    _make(tmp_path, "photos/photos/a.jpg", "photos/a.png")

    with pytest.raises(UsageError, match="would be written over a picture that is to be cut"):
        _check(tmp_path / "photos", tmp_path)


def test_outputs_of_an_earlier_run_among_the_photos_are_no_photos(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg", "a.png")
    folder = Folder(tmp_path, tmp_path, ".png", is_output=lambda path: path == tmp_path / "a.png")

    assert list(folder.checked()) == [1]
    assert [job.source.name for listed in folder.listed() for job in listed.jobs] == ["a.jpg"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        SourceMissing, match=r"cannot list the folder '.*none': No such file or directory; fix"
    ):
        _check(tmp_path / "none", tmp_path / "out")


def test_hidden_files_other_files_and_the_output_folder_are_passed_over(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg", ".hidden.jpg", ".cache/b.jpg", "notes.txt", "out/a.png")

    assert _found(tmp_path) == ["a.jpg"]


def test_a_picture_without_a_pictures_name_is_found_by_its_content(tmp_path: Path) -> None:
    _make(tmp_path, "readme")
    (tmp_path / "IMG_0001").write_bytes(PNG_HEAD)

    assert _found(tmp_path) == ["IMG_0001"]


def test_a_folder_without_pictures_is_a_usage_error(tmp_path: Path) -> None:
    _make(tmp_path, "notes.txt")

    with pytest.raises(UsageError, match="no pictures under"):
        _check(tmp_path, tmp_path / "out")


def test_links_in_circles_do_not_hang(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)

    assert _found(tmp_path) == ["a.jpg"]


def test_files_named_one_by_one_can_collide_too() -> None:
    jobs = [Job(Path("one/a.jpg"), Path("out/a.png")), Job(Path("two/a.jpg"), Path("out/../out/a.png"))]

    with pytest.raises(UsageError, match="2 pictures would write"):
        check_collisions(jobs)
