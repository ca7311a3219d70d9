"""What to write of each cut-out, and how; and the fingerprint by which a later run knows that it asks for the same."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from u2bg import imaging
from u2bg.cutout import BLUR, Background, Cutout
from u2bg.imaging.formats import Format
from u2bg.pipeline import Options
from u2bg.saliency import models

_HARMLESS = {"max_pixels", "require_subject"}
"""Options that decide whether a picture is cut, not how."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to write of each cut-out, and how."""

    kind: Format
    background: tuple[int, int, int] | str | None = None
    layer: str = "cutout"
    crop: str | None = None
    shadow: bool = False
    compress: int | None = None

    @property
    def suffix(self) -> str:
        """How the outputs end that are named by us and lie beside photos."""
        return f".{self.layer}{self.kind.suffixes[0]}"

    def encode(self, cutout: Cutout) -> bytes:
        """The bytes of the file that was ordered; the cut-out is spent."""
        # By name: an order that has come from another process holds a copy of its row in the table.
        if self.shadow:
            cutout = cutout.shadowed()
        if self.crop is not None:
            cutout = cutout.crop(self.crop)
        return cutout.encode(
            self.kind.name,
            background=behind(self.background),
            layer=self.layer,
            compress=self.compress,
            spend=True,
        )


def behind(background: tuple[int, int, int] | str | None) -> Background | None:
    """What an order lays under a cut-out: a colour, `blur`, or the picture of that path.

    Raises:
        InputError: a picture that cannot be read.
    """
    return _picture(background) if isinstance(background, str) and background != BLUR else background


@functools.lru_cache(maxsize=2)
def _picture(path: str) -> Background:
    photo = imaging.read(path)
    return photo.to_srgb(photo.shown[..., :3].copy())


def fingerprint(order: Order, options: Options, model: str) -> str:
    """16 hexadecimal digits that change when the same photo would give another file.

    The model counts by its content, so that a file of one's own may be trained further under its name.
    """
    asked = {**asdict(order), **asdict(options), "kind": order.kind.name, "model": _content(model)}
    if isinstance(order.background, str) and order.background != BLUR:
        asked["background"] = hashlib.sha256(Path(order.background).read_bytes()).hexdigest()
    asked = {name: value for name, value in asked.items() if name not in _HARMLESS}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _content(model: str) -> str:
    """A hash of the model's weights; its name where the table has none."""
    if model.lower().endswith(".onnx"):
        return hashlib.sha256(Path(model).read_bytes()).hexdigest()
    return models.find(model).sha256 or model
