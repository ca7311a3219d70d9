"""Pictures as they travel: tar files of WebP pictures and of PNG masks beside them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


class Card(NamedTuple):
    """One picture, and its mask where there is one.

    Attributes:
        name: "KIND/FOLDER/STEM@ASPECT". In a deck the kind is photos, pairs, backgrounds or cutouts, elsewhere the
            set's name; the aspect is the width by the height that the picture had before it was squeezed.
        image: WebP. mask: PNG, grey, of the same size.
    """

    name: str
    image: bytes
    mask: bytes | None

    @property
    def kind(self) -> str:
        return self.name.split("/")[0]

    @property
    def folder(self) -> str:
        return self.name.split("/")[1]

    @property
    def aspect(self) -> float:
        return float(self.name.rpartition("@")[2])


def encode(name: str, image: Pixels, mask: Pixels | None, quality: int) -> Card:
    """image: (H, W, 3) uint8 BGR, as OpenCV has it. mask: (H, W) uint8, kept to the bit. quality: WebP's."""
    webp = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    if mask is None:
        return Card(name, webp, None)
    return Card(name, webp, cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


def decode(card: Card) -> Pixels:
    """(H, W, 4) uint8: red, green, blue, and the mask; zeros where the card has none."""
    image = _pixels(card.image, cv2.IMREAD_COLOR)
    mask = _pixels(card.mask, cv2.IMREAD_GRAYSCALE) if card.mask else np.zeros(image.shape[:2], np.uint8)
    return np.dstack([image[..., ::-1], mask])


def write(path: Path, cards: Iterable[Card]) -> None:
    """The same bytes for the same cards: no time, no owner."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for card in cards:
            for suffix, content in ((".webp", card.image), (".png", card.mask)):
                if content is not None:
                    item = tarfile.TarInfo(card.name + suffix)
                    item.size = len(content)
                    tar.addfile(item, io.BytesIO(content))


def read(paths: Iterable[Path]) -> list[Card]:
    """All cards of some tar files, by name."""
    found: dict[str, dict[str, bytes]] = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for item in tar:
                name, _, suffix = item.name.rpartition(".")
                content = tar.extractfile(item)
                if content is not None:
                    found.setdefault(name, {})[suffix] = content.read()
    return [Card(name, parts["webp"], parts.get("png")) for name, parts in sorted(found.items())]


def _pixels(content: bytes, how: int) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    if pixels is None:
        raise ValueError("a card with a picture that OpenCV does not decode")
    return np.asarray(pixels, np.uint8)
