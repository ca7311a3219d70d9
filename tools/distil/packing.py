"""What a GPU machine without a network is to be brought, made at home: decks, sets to judge by, graphs."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from distil import cards, weights
from distil.cards import Card, Pixels
from u2bg.datasets import pairs
from u2bg.datasets.compose import spread_colours
from u2bg.evaluation.sets import find_sets

SIDE = 352
QUALITY = 74
"""WebP's, of what is learnt from; what is judged by has a better one."""

JUDGED_QUALITY = 88
JUDGED_AREA = 1.5 * 320 * 320

LEARNT = ("photos", "cutouts", "backgrounds", "pairs")
"""Folders of DATA/train, and kinds of cards."""

JUDGED = {
    "pascals": ("pascals", 2),
    "davis": ("davis", 8),
    "alpha": ("alpha", 1),
    "empty": ("backgrounds", 3),
}
"""Sets, their folders in DATA/eval, and of how many pictures one is taken: each validation costs time."""

DECK_BYTES = 45_000_000
"""With a small graph beside it a deck stays below 50 MB, what one call may carry."""

GRAPH_BYTES = 14_000_000
"""A larger student travels in 8 bits."""


class Source(NamedTuple):
    """What a card is made of: its name but for the aspect, the picture's file, and the mask's."""

    name: str
    image: Path
    mask: Path | None

    @property
    def is_cutout(self) -> bool:
        return self.name.startswith("cutouts/")


def pack(data: Path, folder: Path, *, teacher: Path, lite: Path, students: Sequence[Path]) -> None:
    """Fill a folder.

    Args:
        data: holds train/photos/*/, train/backgrounds/*/ and train/cutouts/*/ (with alpha) with pictures,
            train/pairs/*/ with images/ and masks/, and eval/ (see `JUDGED`), its sets as `u2bg evaluate` takes them.
        teacher: the full network's graph; lite: the published small one's. students: graphs that are to learn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights.shrink(teacher, folder / "teacher.onnx")
    shutil.copyfile(lite, folder / "lite.onnx")
    for graph in students:
        put = shutil.copyfile if graph.stat().st_size <= GRAPH_BYTES else weights.shrink
        put(graph, folder / f"{graph.stem}.onnx")
    cards.write(folder / "eval.tar", _made(judged(data / "eval"), judged_card))
    deck = _made(learnt(data / "train"), deck_card)
    random.Random(1).shuffle(deck)
    count = math.ceil(sum(_bytes(card) for card in deck) / DECK_BYTES)
    for number in range(count):
        cards.write(folder / f"deck-{number}.tar", deck[number::count])
    print(f"{len(deck)} pictures to learn from")
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>12,} {path.name}")


def learnt(train: Path) -> Iterator[Source]:
    """All pictures of a training folder that `u2bg pack` would take, by name; the others are told."""
    entries, flaws = pairs.find(train)
    for path, reason in flaws.items():
        print(f"left out '{path}': {reason}")
    for entry in entries:
        if entry.folder.split("/")[0] in LEARNT:
            yield Source(entry.key, entry.image, entry.mask)


def judged(sets: Path) -> Iterator[Source]:
    """Some pictures of each set that there is."""
    for name, (folder, one_in) in JUDGED.items():
        there = find_sets([sets / folder]) if (sets / folder).is_dir() else []
        pictures = [picture for found in there for picture in found.pictures]
        for picture in pictures[::one_in]:
            image = picture.image
            yield Source(f"{name}/{image.parent.parent.name}/{image.stem}", image, picture.mask)


def deck_card(source: Source) -> Card:
    """Squeezed to a square; a cut-out's colours spread outwards: no fringe of the old background comes along."""
    image, mask = _read(source)
    if source.is_cutout:
        mask = np.ascontiguousarray(image[..., 3])
        image = spread_colours(np.ascontiguousarray(image[..., :3]), mask)
    height, width = image.shape[:2]
    squeezed = _resized(image, SIDE, SIDE), None if mask is None else _resized(mask, SIDE, SIDE)
    return cards.encode(_name(source, width / height), *squeezed, QUALITY)


def judged_card(source: Source) -> Card:
    """In its own shape, not much larger than networks see it."""
    image, mask = _read(source)
    height, width = image.shape[:2]
    factor = min(1.0, math.sqrt(JUDGED_AREA / (height * width)))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    smaller = _resized(image, *size), None if mask is None else _resized(mask, *size)
    return cards.encode(_name(source, width / height), *smaller, JUDGED_QUALITY)


def _made(sources: Iterator[Source], make: Callable[[Source], Card]) -> list[Card]:
    with ThreadPoolExecutor() as pool:  # OpenCV lets other threads work
        return list(pool.map(make, sources))


def _read(source: Source) -> tuple[Pixels, Pixels | None]:
    """(H, W, 3) uint8 BGR, or (H, W, 4) of a cut-out; and the mask, (H, W) uint8."""
    image = cv2.imread(str(source.image), cv2.IMREAD_UNCHANGED if source.is_cutout else cv2.IMREAD_COLOR)
    mask = None if source.mask is None else cv2.imread(str(source.mask), cv2.IMREAD_GRAYSCALE)
    if image is None or (mask is None) != (source.mask is None):
        raise SystemExit(f"'{source.image}' or its mask is no picture that OpenCV reads")
    return np.asarray(image, np.uint8), None if mask is None else np.asarray(mask, np.uint8)


def _resized(x: Pixels, width: int, height: int) -> Pixels:
    smaller = max(x.shape[:2]) > max(height, width)
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(x, (width, height), interpolation=how), np.uint8)


def _name(source: Source, aspect: float) -> str:
    return f"{source.name}@{aspect:.4f}"


def _bytes(card: Card) -> int:
    """In a tar file: a block of 512 bytes before each content, and whole blocks."""
    return sum(512 + math.ceil(len(x) / 512) * 512 for x in (card.image, card.mask) if x is not None)
