"""Pictures over which BatchNorm statistics are taken: a folder's, or drawn ones with the statistics of nature."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from u2bg.errors import InputError, SourceMissing

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)

DRAWN = 16
"""How many pictures are drawn; twice as many came no closer to a photo's statistics."""

MOST = 256
"""How many pictures of a folder are read at most."""

log = logging.getLogger(__name__)


def drawn_pictures(size: int, count: int = DRAWN) -> Iterator[npt.NDArray[np.float32]]:
    """`count` dead-leaves pictures, always the same ones. Each (1, size, size, 3) float32, ImageNet-normalised."""
    rng = np.random.default_rng(2020)
    for _ in range(count):
        yield normalise(dead_leaves(size, rng))


def dead_leaves(size: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Discs that occlude each other, radii with p(r) ∝ r⁻³: scale-invariant, as natural images are.

    Lee, Mumford and Huang, "Occlusion models for natural images", 2001. (size, size, 3) float32 in [0, 1].
    """
    picture = np.full((size, size, 3), 0.5, np.float32)
    bare = np.ones((size, size), bool)
    rows, columns = np.ogrid[:size, :size]
    smallest, largest = size / 80, size / 2
    while np.count_nonzero(bare) > 0.01 * bare.size:
        y, x = rng.uniform(-0.1 * size, 1.1 * size, 2)
        radius = (smallest**-2 - rng.random() * (smallest**-2 - largest**-2)) ** -0.5
        colour = np.clip(rng.beta(1.2, 1.2) + rng.normal(0, 0.1, 3), 0, 1)
        box = tuple(slice(max(0, int(c - radius)), max(0, int(c + radius) + 2)) for c in (y, x))
        inside = bare[box] & ((rows[box[0]] - y) ** 2 + (columns[:, box[1]] - x) ** 2 < radius**2)
        picture[box][inside] = colour
        bare[box] &= ~inside
    return picture


def folder_pictures(folder: Path, most: int = MOST) -> list[Path]:
    """The pictures under a folder, by their suffix; of more than `most`, so many of them, evenly spread.

    Raises:
        SourceMissing: there is no such folder. InputError: it holds no picture.
    """
    if not folder.is_dir():
        raise SourceMissing(f"no folder '{folder}'; expected a folder of pictures")
    suffixes = Image.registered_extensions()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not paths:
        raise InputError(f"no picture under '{folder}'; expected at least one, better 16 or more")
    return [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, most).astype(int))]


def read_pictures(paths: list[Path], size: int) -> Iterator[npt.NDArray[np.float32]]:
    """Each picture upright, RGB, triangle-resized to a square: (1, size, size, 3) float32, ImageNet-normalised.

    A picture that cannot be read is named in a warning and left out.

    Raises:
        InputError: none could be read.
    """
    seen = 0
    for path in paths:
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            log.warning("left out '%s': %s", path, error)
            continue
        seen += 1
        resized = picture.resize((size, size), Image.Resampling.BILINEAR)
        yield normalise(np.asarray(resized, np.float32) / np.float32(255))
    if not seen:
        raise InputError(
            f"none of {len(paths)} pictures could be read; expected at least one, better 16 or more"
        )


def normalise(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(H, W, 3) in [0, 1] to the network's input: (1, H, W, 3) float32, ImageNet mean and deviation."""
    return ((picture - MEAN) / STD)[None].astype(np.float32)
