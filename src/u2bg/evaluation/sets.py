"""What is to be scored: folders with `images/` and `masks/`, found and paired before anything is cut."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from u2bg.errors import SourceMissing, UsageError
from u2bg.imaging.formats import READ_SUFFIXES

IMAGES, MASKS = "images", "masks"
DEEPEST = 4  # levels below DATA; a bound, so that a folder linked into itself ends


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a set, and the file that holds its truth.

    Attributes:
        set_name: the set it belongs to.
        name: what reports call it: the set, then its path below `images/`.
        image: the picture.
        mask: its ground truth; None in a set of backgrounds, where nothing is to be found.
    """

    set_name: str
    name: str
    image: Path
    mask: Path | None


@dataclass(frozen=True, slots=True)
class Unscored:
    """A picture that was left out, and the line that says why."""

    name: str
    error: str


@dataclass(frozen=True, slots=True)
class PictureSet:
    """A folder with `images/`: with `masks/` beside it a set of pairs, without them a set of backgrounds."""

    name: str
    pictures: tuple[Picture, ...]
    unscored: tuple[Unscored, ...] = ()


def find_sets(folders: Sequence[Path]) -> list[PictureSet]:
    """The sets in `folders`, each folder a set or a folder of such folders, in order, none twice.

    A set is named after the folder that was asked for, and its path below it: `pascals`, `davis/camel`.

    Raises:
        SourceMissing: no such folder. UsageError: a file, or a folder without `images/` or without pictures.
    """
    found: dict[str, PictureSet] = {}
    for folder, title in zip(folders, _titles(folders), strict=True):
        places = list(_set_folders(_checked(folder)))
        if not places:
            raise UsageError(
                f"no pictures to score under '{folder}'; expected {IMAGES}/ (and {MASKS}/) in it or its "
                "sub-folders; fix: name a folder that holds a set"
            )
        for place in places:
            name = "/".join((title, *place.relative_to(folder).parts))
            found.setdefault(os.path.realpath(place), _read_set(place, name))
    return list(found.values())


def _titles(folders: Sequence[Path]) -> list[str]:
    """The folders' own names, or their paths where two share one."""
    names = [Path(os.path.abspath(folder)).name for folder in folders]
    shared = {name for name, count in Counter(names).items() if count > 1}
    return [
        folder.as_posix() if name in shared else name for folder, name in zip(folders, names, strict=True)
    ]


def _checked(folder: Path) -> Path:
    if not folder.exists():
        raise SourceMissing(f"no folder '{folder}'; fix: check the name")
    if not folder.is_dir():
        raise UsageError(
            f"'{folder}' is a file; expected a folder with {IMAGES}/ and {MASKS}/; fix: name the folder"
        )
    return folder


def _set_folders(folder: Path, levels: int = DEEPEST) -> Iterator[Path]:
    if (folder / IMAGES).is_dir():
        yield folder
    elif (folder / MASKS).is_dir():
        raise UsageError(f"'{folder}' has {MASKS}/ but no {IMAGES}/; fix: put its pictures into {IMAGES}/")
    elif levels:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from _set_folders(child, levels - 1)


def _read_set(folder: Path, name: str) -> PictureSet:
    """The pictures of one folder, paired by their path below `images/` without its suffix."""
    images = _pictures(folder / IMAGES)
    if not images:
        raise UsageError(f"no pictures in '{folder / IMAGES}'; fix: put pictures there, or remove the folder")
    named = [(image, f"{name}/{image.relative_to(folder / IMAGES).as_posix()}") for image in images]
    if not (folder / MASKS).is_dir():
        return PictureSet(name, tuple(Picture(name, title, image, None) for image, title in named))
    masks = defaultdict(list)
    for mask in _pictures(folder / MASKS):
        masks[mask.relative_to(folder / MASKS).with_suffix("")].append(mask)
    pairs, unscored = [], []
    for image, title in named:
        fitting = masks[image.relative_to(folder / IMAGES).with_suffix("")]
        if len(fitting) == 1:
            pairs.append(Picture(name, title, image, fitting[0]))
        else:
            unscored.append(Unscored(title, _no_single_mask(image, fitting)))
    return PictureSet(name, tuple(pairs), tuple(unscored))


def _pictures(folder: Path) -> list[Path]:
    """Every file below `folder` that is named like a picture; hidden ones are passed over."""
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in READ_SUFFIXES and path.is_file())
    return sorted(
        path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _no_single_mask(image: Path, fitting: Sequence[Path]) -> str:
    if not fitting:
        return f"'{image}' has no mask; expected '{image.stem}.*' in {MASKS}/; fix: add it"
    names = ", ".join(f"'{mask.name}'" for mask in fitting)
    return f"'{image}' has {len(fitting)} masks, {names}; expected one; fix: keep one of them"
