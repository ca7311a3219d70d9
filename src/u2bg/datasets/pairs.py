"""What lies in a folder of training pictures, and whether it can be learnt from.

DATA/any/images/NAME.jpg + DATA/any/masks/NAME.png    a photo and its mask
DATA/any/NAME.png with transparency                   a cut-out: its alpha is the mask
DATA/any/NAME.jpg                                     a photo without a mask; the recipe says what it is for
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from u2bg.datasets.compose import spread_colours
from u2bg.errors import InputError, SourceMissing

Pixels = npt.NDArray[np.uint8]
Form = Literal["pair", "cutout", "photo"]

SMALLEST = 16
SAME_ASPECT = 0.02
CUT_MARGIN = 2
"""Transparent pixels kept around a cut-out, for its soft edge."""


class Flaw(Exception):
    """Why a picture cannot be learnt from; it is named and left out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture found, not yet opened.

    Attributes:
        folder: relative to DATA, with `/`; a pair's is the one that holds `images` and `masks`.
        name: the file's name without its suffix.
        image, mask: where they lie; no mask for a cut-out and for a photo.
    """

    folder: str
    name: str
    image: Path
    mask: Path | None = None

    @property
    def key(self) -> str:
        """What names it everywhere: `folder/name`."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture read: image (H, W, 3) uint8 sRGB, mask (H, W) uint8 or None."""

    form: Form
    image: Pixels
    mask: Pixels | None


def find(data: Path) -> tuple[list[Entry], dict[str, str]]:
    """Every picture under a folder, in order of its name, and why some have to be left out.

    Raises:
        SourceMissing: there is no such folder. InputError: it holds no picture, or `images` without `masks`.
    """
    if not data.is_dir():
        raise SourceMissing(f"no folder '{data}'; expected a folder of pictures; fix: check the name")
    entries: dict[str, Entry] = {}
    flaws: dict[str, str] = {}
    for folder, paths in itertools.groupby(_pictures(data), lambda path: path.parent):
        for entry in _entries(folder, list(paths), data, flaws):
            if entry.key in entries:
                flaws[str(entry.image.relative_to(data))] = "a second picture of that name"
            else:
                entries[entry.key] = entry
    if not entries:
        raise InputError(f"no picture to learn from under '{data}'; expected images/ and masks/, or cut-outs")
    return [entries[key] for key in sorted(entries)], flaws


def read(entry: Entry, side: int) -> Sample:
    """Read and check a picture, scaled down to the area of a square of `side` where it is larger.

    Raises:
        Flaw: what is wrong with it.
    """
    picture = _open(entry.image)
    form: Form = "pair" if entry.mask else "photo"
    mask: Image.Image | None = None
    if entry.mask:
        mask = _read_mask(entry.mask, picture.size)
    elif _has_alpha(picture):
        picture = picture.convert("RGBA")
        form, mask = "cutout", picture.getchannel("A")
        picture, mask = _cut_to_subject(picture, mask)
    if min(picture.size) < SMALLEST:
        raise Flaw(f"{picture.width}×{picture.height} pixels, expected at least {SMALLEST}×{SMALLEST}")
    image = _shrink(picture.convert("RGB"), side)
    alpha = None if mask is None else np.asarray(mask.resize(image.size, Image.Resampling.BILINEAR))
    if alpha is not None and form == "pair" and 128 in np.asarray(mask):
        alpha = _keep_unknown(np.asarray(mask), image.size, alpha)
    if form == "cutout" and alpha is not None:
        return Sample(form, spread_colours(np.asarray(image), alpha), alpha)
    return Sample(form, np.asarray(image), alpha)


def _pictures(data: Path) -> Iterator[Path]:
    suffixes = Image.registered_extensions()
    found = (path for path in data.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    yield from sorted(path for path in found if not path.name.startswith("."))


def _entries(folder: Path, paths: list[Path], data: Path, flaws: dict[str, str]) -> Iterator[Entry]:
    if folder.name == "masks" and (folder.parent / "images").is_dir():
        known = {path.stem for path in (folder.parent / "images").iterdir()}
        flaws |= (
            {str(path.relative_to(data)): "a mask without its image" for path in paths} if not known else {}
        )
        for path in paths:
            if path.stem not in known:
                flaws[str(path.relative_to(data))] = "a mask without its image"
        return
    if folder.name != "images":
        name = folder.relative_to(data).as_posix()
        yield from (Entry(name, path.stem, path) for path in paths)
        return
    masks = folder.parent / "masks"
    if not masks.is_dir():
        raise InputError(
            f"'{folder}' has no masks beside it; expected '{masks}'; fix: for photos without masks, "
            "put them into a folder of another name"
        )
    by_stem = {path.stem: path for path in masks.iterdir() if path.is_file()}
    for path in paths:
        if path.stem in by_stem:
            yield Entry(folder.parent.relative_to(data).as_posix(), path.stem, path, by_stem[path.stem])
        else:
            flaws[str(path.relative_to(data))] = "an image without its mask"


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as opened:
            opened.load()
            upright: Image.Image = ImageOps.exif_transpose(opened)
            return upright
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Flaw(f"cannot be read: {str(error).partition(chr(10))[0]}") from error


def _has_alpha(picture: Image.Image) -> bool:
    if picture.mode not in {"RGBA", "LA", "PA"} and "transparency" not in picture.info:
        return False
    return bool((np.asarray(picture.convert("RGBA").getchannel("A")) < 255).any())


def _read_mask(path: Path, size: tuple[int, int]) -> Image.Image:
    mask = _grey(_open(path))
    (width, height), (mask_width, mask_height) = size, mask.size
    if size != mask.size:
        raise Flaw(f"the image is {width}×{height}, its mask {mask_width}×{mask_height}; expected one size")
    values = np.asarray(mask)
    low, high = int(values.min()), int(values.max())
    if low == high:
        raise Flaw(f"the mask is all {'black' if low == 0 else 'white' if low == 255 else low}")
    return mask


def _grey(mask: Image.Image) -> Image.Image:
    """8-bit grey, from a mask of 1, 8 or 16 bits, grey or with three equal channels."""
    if mask.mode.startswith("I"):
        deep = np.asarray(mask).astype(np.int64)
        return Image.fromarray(np.clip((deep * 255 + 32767) // 65535, 0, 255).astype(np.uint8))
    if mask.mode in {"1", "L"}:
        return mask.convert("L")
    colours = np.asarray(mask.convert("RGB")).astype(np.int16)
    if np.ptp(colours, axis=-1).max() > 0:
        raise Flaw("the mask has colours; expected grey: 0 for the background, 255 for the subject")
    return Image.fromarray(colours[..., 0].astype(np.uint8))


def _cut_to_subject(picture: Image.Image, alpha: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Both without the transparent margins, so that a cut-out can be placed by its size."""
    box = alpha.getbbox()
    if box is None:
        raise Flaw("the cut-out is all transparent")
    left, top, right, bottom = box
    box = (
        max(0, left - CUT_MARGIN),
        max(0, top - CUT_MARGIN),
        min(alpha.width, right + CUT_MARGIN),
        min(alpha.height, bottom + CUT_MARGIN),
    )
    return picture.crop(box), alpha.crop(box)


def _shrink(picture: Image.Image, side: int) -> Image.Image:
    scale = min(1.0, side / (picture.width * picture.height) ** 0.5)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR)


def _keep_unknown(mask: Pixels, size: tuple[int, int], small: Pixels) -> Pixels:
    """The shrunk mask with 128 kept apart: exactly where it was, and nowhere else."""
    unknown = Image.fromarray((mask == 128).astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
    return keep_apart(small, np.asarray(unknown))


def keep_apart(mask: Pixels, unknown: Pixels) -> Pixels:
    """128 where any of `unknown` (0..255) fell, 127 where a mask happened to be 128."""
    known = np.where(mask == 128, np.uint8(127), mask)
    return np.where(unknown > 0, np.uint8(128), known)
