"""Where frames go: one class for each way of writing them."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Protocol

from u2bg.errors import CannotWrite
from u2bg.files import replacing
from u2bg.imaging import encode
from u2bg.imaging.formats import PNG
from u2bg.video import raw
from u2bg.video.frames import Cut
from u2bg.video.joining import join
from u2bg.video.pieces import Pieces
from u2bg.video.writing import Encoder, Form, Pixels


class Sink(Protocol):
    """Takes frames in their order."""

    def write(self, cut: Cut[Pixels], pts: int, end: int) -> None:
        """One more frame, shown from `pts` to `end`, in the form's ticks."""

    def finish(self, *, whole: bool) -> list[str]:
        """End the output, or what there is of it; what could not be done is told."""

    def abandon(self) -> None:
        """Leave no half-written file."""


class Joined:
    """A video in pieces that become one file, with the sound of the source."""

    def __init__(
        self, output: Path, pieces: Pieces, sound: Path | None, start_s: Fraction, end_s: Fraction | None
    ) -> None:
        self._output = output
        self._pieces = pieces
        self._sound = sound
        self._start_s = start_s
        self._end_s = end_s

    def write(self, cut: Cut[Pixels], pts: int, end: int) -> None:
        self._pieces.write(cut.pixels, pts, end, cut.frame.pts, cut.has_subject, cut.memory)

    def finish(self, *, whole: bool) -> list[str]:
        self._pieces.close()
        end_s = self._end_s
        if not whole:
            end_s = self._start_s + self._pieces.done[-1].end * self._pieces.form.ticks
        with replacing(self._output) as part:
            told = join(self._pieces, part, self._sound, self._start_s, end_s)
        if whole:
            self._pieces.discard()
        return told

    def abandon(self) -> None:
        self._pieces.abandon()


class AtOnce:
    """A file that is written in one go, without sound: animated WebP and APNG."""

    def __init__(self, output: Path, form: Form) -> None:
        self._stack = contextlib.ExitStack()
        part = self._stack.enter_context(replacing(output))
        self._encoder = self._stack.enter_context(Encoder(part, form))

    def write(self, cut: Cut[Pixels], pts: int, end: int) -> None:
        self._encoder.write(cut.pixels, pts, end - pts)

    def finish(self, *, whole: bool) -> list[str]:
        self._stack.close()
        return []

    def abandon(self) -> None:
        with contextlib.suppress(_Abandoned), self._stack:
            raise _Abandoned


class _Abandoned(Exception):
    """Tells the open files that there will be no more."""


class Numbered:
    """A picture for every frame, numbered from 1 by a pattern such as `frames/%05d.png`."""

    def __init__(self, pattern: Path) -> None:
        try:
            pattern.name % 1
        except (TypeError, ValueError) as error:
            raise CannotWrite(
                f"no pattern '{pattern}'; expected one number, such as frame-%05d.png"
            ) from error
        self._pattern = pattern
        self._count = 0

    def write(self, cut: Cut[Pixels], pts: int, end: int) -> None:
        self._count += 1
        with replacing(self._pattern.with_name(self._pattern.name % self._count), make_folder=True) as part:
            part.write_bytes(encode(cut.pixels, PNG))

    def finish(self, *, whole: bool) -> list[str]:
        return []

    def abandon(self) -> None:
        """Every picture is whole."""


class Piped:
    """Raw frames, each as soon as it is done."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, cut: Cut[Pixels], pts: int, end: int) -> None:
        raw.write(cut.pixels, self._stream)

    def finish(self, *, whole: bool) -> list[str]:
        return []

    def abandon(self) -> None:
        """A pipe has no file."""
