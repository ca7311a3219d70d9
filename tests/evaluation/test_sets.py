"""Folders to sets of pairs: what is found, how it is named, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.evaluation.drawn_sets import disc, make_set, save

from u2bg.errors import SourceMissing, UsageError
from u2bg.evaluation.sets import find_sets


def test_a_folder_of_sets_is_walked_and_each_set_named_by_its_path(tmp_path: Path) -> None:
    for name in ("eval/davis/camel", "eval/davis/libby", "eval/pascals"):
        make_set(tmp_path / name, 1)
    make_set(tmp_path / "eval/rooms", 1, masks=False)

    sets = find_sets([tmp_path / "eval"])

    assert [one.name for one in sets] == [
        "eval/davis/camel",
        "eval/davis/libby",
        "eval/pascals",
        "eval/rooms",
    ]
    assert [one.pictures[0].mask is None for one in sets] == [False, False, False, True]
    assert sets[0].pictures[0].name == "eval/davis/camel/0.png"


def test_pictures_are_paired_by_their_names_whatever_the_suffixes(tmp_path: Path) -> None:
    save(tmp_path / "images" / "cats" / "tom.jpg", disc())
    mask = save(tmp_path / "masks" / "cats" / "tom.png", disc())

    (found,) = find_sets([tmp_path])

    assert [(one.name, one.mask) for one in found.pictures] == [(f"{tmp_path.name}/cats/tom.jpg", mask)]


def test_a_folder_that_is_named_twice_is_one_set(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "set", 1)
    assert len(find_sets([folder, tmp_path, folder / ".." / "set"])) == 1


def test_folders_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    first, second = make_set(tmp_path / "a" / "set", 1), make_set(tmp_path / "b" / "set", 1)
    assert [one.name for one in find_sets([first, second])] == [first.as_posix(), second.as_posix()]


def test_pictures_without_a_single_mask_are_named(tmp_path: Path) -> None:
    make_set(tmp_path, 3)
    (tmp_path / "masks" / "0.png").unlink()
    save(tmp_path / "masks" / "1.bmp", disc())

    (found,) = find_sets([tmp_path])

    assert [one.name for one in found.pictures] == [f"{tmp_path.name}/2.png"]
    assert [one.error for one in found.unscored] == [
        f"'{tmp_path / 'images' / '0.png'}' has no mask; expected '0.*' in masks/; fix: add it",
        f"'{tmp_path / 'images' / '1.png'}' has 2 masks, '1.bmp', '1.png'; expected one; fix: keep one of them",
    ]


def test_hidden_files_and_other_files_are_passed_over(tmp_path: Path) -> None:
    make_set(tmp_path, 1)
    for name in ("images/.0.png.part", "images/.hidden.png", "images/notes.txt", ".git/images/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (found,) = find_sets([tmp_path])
    assert [one.image.name for one in found.pictures] == ["0.png"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError) as raised:
        find_sets([empty])
    assert str(raised.value) == (
        f"no pictures to score under '{empty}'; expected images/ (and masks/) in it or its sub-folders; "
        "fix: name a folder that holds a set"
    )
    (empty / "masks").mkdir()
    with pytest.raises(UsageError, match=r"has masks/ but no images/; fix: put its pictures into images/$"):
        find_sets([empty])
    (empty / "images").mkdir()
    with pytest.raises(UsageError, match=r"^no pictures in '.*images'; fix: put pictures there, or remove"):
        find_sets([empty])


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"^no folder '.*nowhere'; fix: check the name$"):
        find_sets([tmp_path / "nowhere"])
    file = save(tmp_path / "a.png", disc())
    with pytest.raises(UsageError, match="is a file; expected a folder with images/ and masks/"):
        find_sets([file])
