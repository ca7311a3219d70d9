"""What `u2bg remove` writes of one file: of a picture its cut-out, of an animation all of its frames'."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from u2bg import imaging
from u2bg.batch.job import Outcome
from u2bg.batch.order import Order, behind
from u2bg.cutout import Cutout
from u2bg.errors import UsageError
from u2bg.imaging import Photo
from u2bg.imaging.formats import TIFF, Format, written_format
from u2bg.pipeline import Remover
from u2bg.video import animation
from u2bg.video.stabilise import DEFAULT_SMOOTH


class Maker:
    """Makes the content of the file that was ordered. Safe to call from threads.

    Args:
        remover: cuts.
        order: what to write.
        max_pixels: of a frame.
    """

    def __init__(self, remover: Remover, order: Order, max_pixels: int) -> None:
        self._remover = remover
        self._order = order
        self._max_pixels = max_pixels
        self._told: set[Format] = set()

    def __call__(self, source: Path | bytes, outcome: Outcome, photo: Future[Photo] | None = None) -> bytes:
        """Cut a file, or its bytes, or what is being read of it; the outcome is told what is learnt."""
        kind = animation.kind_of(source)
        if kind is not None and self._holds(kind):
            return self._moving(source, outcome)
        if not self._order.kind.written:
            written_format(self._order.kind.suffixes[0])  # says what is, and which is near
        seen = photo.result() if photo else imaging.read(source, self._max_pixels)
        cutout = self._remover.cut(seen, self._remover.look(seen), spend=True)
        outcome.tell(cutout)
        return self._order.encode(cutout)

    def _holds(self, source: Format) -> bool:
        """Whether all frames go into what was ordered; that they do not is told once."""
        if animation.holds(self._order.kind, source):
            return True
        if source not in self._told:
            self._told.add(source)
            name, fix = ("pages", ".tiff") if source is TIFF else ("animation", ".png, .webp, .gif or .tiff")
            click.echo(
                f"u2bg: {self._order.kind.name} holds one picture: of the {name} the first is cut; fix: write {fix}",
                err=True,
            )
        return False

    def _moving(self, source: Path | bytes, outcome: Outcome) -> bytes:
        order = self._order
        if order.crop is not None or order.shadow:
            raise UsageError(
                "--crop and --shadow are for single pictures; fix: leave them away for an animation"
            )
        best: list[Cutout] = []

        def hear(cutout: Cutout) -> None:
            best[:] = [max([*best, cutout], key=lambda each: each.confidence)]

        content = animation.cut(
            source,
            self._remover,
            lambda cutout: _pixels(cutout, order),
            order.kind,
            smooth=DEFAULT_SMOOTH,
            max_pixels=self._max_pixels,
            compress=order.compress,
            hear=hear,
        )
        outcome.tell(best[0])
        return content


def _pixels(cutout: Cutout, order: Order) -> NDArray[np.uint8]:
    if order.layer != "cutout":
        return cutout.mask if order.layer == "mask" else cutout.trimap()
    background = behind(order.background)
    return cutout.rgba if background is None else np.asarray(cutout.on(background), np.uint8)
