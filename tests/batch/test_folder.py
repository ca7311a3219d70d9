"""Which files are pictures, and what each will write."""

from __future__ import annotations

from pathlib import Path

import pytest

from u2bg.batch.folder import Job, check_collisions, find_pictures, plan_folder
from u2bg.errors import UsageError

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def _make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_subfolders_are_kept_and_names_change_only_their_ending(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg", "sub/b.JPEG", "sub/deeper/c.v2.webp")

    jobs = plan_folder(tmp_path, Path("out"), ".png")

    assert [job.output for job in jobs] == [
        Path("out/a.png"),
        Path("out/sub/b.png"),
        Path("out/sub/deeper/c.v2.png"),
    ]


def test_two_pictures_that_would_write_one_file_are_refused_by_name(tmp_path: Path) -> None:
    _make(tmp_path, "sub/a.jpg", "sub/a.png", "b.jpg")

    with pytest.raises(
        UsageError, match=r"2 pictures would write '.*sub/a\.png': '.*a\.jpg', '.*a\.png'; nothing"
    ):
        plan_folder(tmp_path, tmp_path / "out", ".png")


def test_the_same_name_in_two_folders_is_no_collision(tmp_path: Path) -> None:
    _make(tmp_path, "one/a.jpg", "two/a.png")

    assert len(plan_folder(tmp_path, tmp_path / "out", ".png")) == 2


def test_outputs_that_would_replace_inputs_are_refused(tmp_path: Path) -> None:
    _make(tmp_path, "a.png")

    with pytest.raises(UsageError, match="would be written over a picture that is to be cut"):
        plan_folder(tmp_path, tmp_path, ".png")


def test_hidden_files_other_files_and_the_output_folder_are_passed_over(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg", ".hidden.jpg", ".cache/b.jpg", "notes.txt", "out/a.png")

    assert list(find_pictures(tmp_path, tmp_path / "out")) == [tmp_path / "a.jpg"]


def test_a_picture_without_a_pictures_name_is_found_by_its_content(tmp_path: Path) -> None:
    _make(tmp_path, "readme")
    (tmp_path / "IMG_0001").write_bytes(PNG_HEAD)

    assert list(find_pictures(tmp_path, tmp_path / "out")) == [tmp_path / "IMG_0001"]


def test_a_folder_without_pictures_is_a_usage_error(tmp_path: Path) -> None:
    _make(tmp_path, "notes.txt")

    with pytest.raises(UsageError, match="no pictures under"):
        plan_folder(tmp_path, tmp_path / "out", ".png")


def test_links_in_circles_do_not_hang(tmp_path: Path) -> None:
    _make(tmp_path, "a.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)

    assert list(find_pictures(tmp_path, tmp_path / "out")) == [tmp_path / "a.jpg"]


def test_files_named_one_by_one_can_collide_too() -> None:
    jobs = [Job(Path("one/a.jpg"), Path("out/a.png")), Job(Path("two/a.jpg"), Path("out/../out/a.png"))]

    with pytest.raises(UsageError, match="2 pictures would write"):
        check_collisions(jobs)
