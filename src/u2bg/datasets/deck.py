"""Every picture decoded once, in one array: small enough to lie in a GPU's memory, or in the computer's."""

from __future__ import annotations

import fnmatch
import io
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from u2bg.datasets import shards
from u2bg.datasets.pairs import keep_apart
from u2bg.datasets.settings import Rule
from u2bg.datasets.shards import Row
from u2bg.errors import InputError

log = logging.getLogger(__name__)

CHANNELS = 5
"""Red, green, blue, mask, teacher."""

AUTO = {"pair": "alpha", "cutout": "cutout", "photo": "unlabelled"}
NEEDS = {"binary": "pair", "alpha": "pair", "cutout": "cutout", "background": "photo"}
"""The form that a kind needs; the others take any."""


@dataclass(frozen=True, slots=True)
class Card:
    """A picture of the deck.

    Attributes:
        key, folder: its name and where it came from. kind: see `settings.Rule`; never `auto`.
        weight: how often it is shown. unknown: whether 128 in its mask means unknown.
        aspect: width by height of the picture as it was. taught: whether there is a teacher's map to believe.
    """

    key: str
    folder: str
    kind: str
    weight: float
    unknown: bool
    aspect: float
    taught: bool

    @property
    def labelled(self) -> bool:
        """Whether its mask is known; that of a background is empty, and a teacher's map may stand in for it."""
        return self.kind != "unlabelled" and (self.kind != "taught" or self.taught)


@dataclass(frozen=True, slots=True)
class Deck:
    """pixels: (M, side, side, 5) uint8, each picture squeezed to a square; cards: what each of them is."""

    pixels: npt.NDArray[np.uint8]
    cards: tuple[Card, ...]


def load(
    folder: Path,
    rules: Sequence[Rule],
    side: int,
    *,
    trust: float = 0.0,
    with_teacher: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Deck:
    """Decode a packed folder.

    Args:
        side: of the squares kept. trust: a teacher's map less confident than this is not used.
        with_teacher: whether the maps are of use beside masks; pictures that have nothing else are left out without.

    Raises:
        SourceMissing, InputError: as `shards`; a rule does not fit its folder; or nothing is left to learn from.
    """
    index = shards.read_index(folder)
    cards = {row.key: _card(row, _rule(row, rules), trust, with_teacher) for row in index.rows}
    _tell_unmatched(index, rules)
    useful = {key for key, card in cards.items() if card.weight and (card.labelled or card.taught)}
    if not any(cards[key].kind != "background" for key in useful):
        raise InputError(
            f"nothing in '{folder}' to learn from: {len(cards)} pictures, none with a mask or a teacher's map; "
            "fix: pack with --teacher u2net, or add masks"
        )
    if len(useful) < len(cards):
        log.info(
            "%d of %d pictures have neither a mask nor a map to believe", len(cards) - len(useful), len(cards)
        )
    kept = [row for row in index.rows if row.key in useful]
    pixels = np.zeros((len(kept), side, side, CHANNELS), np.uint8)
    places = {row.key: place for place, row in enumerate(kept)}

    def fill(row: Row, parts: dict[str, bytes]) -> None:
        _decode(pixels[places[row.key]], parts, cards[row.key])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            (row, pool.submit(fill, row, parts))
            for row, parts in shards.read_parts(folder, index)
            if row.key in useful
        ]
        for done, (row, job) in enumerate(jobs, 1):
            try:
                job.result()
            except (OSError, ValueError, SyntaxError) as error:
                raise InputError(f"'{row.key}' in '{folder}' is damaged; fix: pack again") from error
            if progress:
                progress(done, len(jobs))
    return Deck(pixels, tuple(cards[row.key] for row in kept))


def _rule(row: Row, rules: Sequence[Rule]) -> Rule:
    return next((rule for rule in rules if fnmatch.fnmatchcase(row.folder, rule.match)), Rule())


def _card(row: Row, rule: Rule, trust: float, with_teacher: bool) -> Card:
    kind = AUTO[row.form] if rule.kind == "auto" else rule.kind
    if NEEDS.get(kind, row.form) != row.form:
        raise InputError(
            f"'{row.key}' is a {row.form}; the recipe's row '{rule.match}' says {rule.kind}, "
            f"which needs a {NEEDS[kind]}"
        )
    # Of a background the teacher may think what it likes: its map is empty.
    wanted = (with_teacher and kind != "background") or kind == "taught"
    taught = wanted and row.confidence is not None and row.confidence >= trust
    return Card(row.key, row.folder, kind, rule.weight, rule.unknown, row.width / row.height, taught)


def _tell_unmatched(index: shards.Index, rules: Sequence[Rule]) -> None:
    folders = {row.folder for row in index.rows}
    for rule in rules:
        if not fnmatch.filter(folders, rule.match):
            log.warning("the recipe's row for '%s' matches no folder of the data", rule.match)


def _decode(place: npt.NDArray[np.uint8], parts: dict[str, bytes], card: Card) -> None:
    """Fill a picture's square of the deck."""
    size = place.shape[:2]
    with Image.open(io.BytesIO(parts["image"])) as image:
        place[..., :3] = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR))
    if "mask" in parts and card.kind in {"binary", "alpha", "cutout"}:
        place[..., 3] = _mask(_grey(parts["mask"]), card, size)
    if "teacher" in parts and card.taught:
        place[..., 4] = _resize(_grey(parts["teacher"]), size)
        if card.kind == "taught":
            place[..., 3] = place[..., 4]


def _mask(mask: npt.NDArray[np.uint8], card: Card, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    unknown = (mask == 128).astype(np.uint8) * 255
    if card.kind == "binary":
        # An unknown pixel takes no side; what is seen of it at the rim is kept out of the loss below.
        mask = np.where(mask > 127, np.uint8(255), np.uint8(0))
    small = _resize(mask, size)
    return keep_apart(small, _resize(unknown, size)) if card.unknown else small


def _grey(content: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))[..., 1]


def _resize(grey: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
