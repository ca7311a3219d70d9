"""A run's hidden folder: whole pieces of the video, and what it takes to go on after the last of them.

Beside `out.webm` lies `.out.webm.u2bg/` while a run is under way, or has been stopped:

    plan.json      what was asked of what; a run with another plan does not go on with these pieces
    00000.webm     a piece: a video file of its own, its time beginning at 0
    00000.npz      the memory that its last frame leaves to the next
    00000.json     where it belongs in time; written last, so that a piece with it is whole
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from u2bg.errors import CannotWrite, UsageError
from u2bg.video.stabilise import Memory
from u2bg.video.writing import Encoder, Form, Pixels

FRAMES = 120
"""Of a piece: a few seconds. What is lost by a crash is less; what each piece costs is one key frame."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A whole piece.

    Attributes:
        first: pts of its first frame, in `form.ticks`.
        end: when its last frame goes, in the same.
        last: pts of its last frame in the source's time base.
        frames: how many it has.
        subjects: how many of them have a subject.
    """

    first: int
    end: int
    last: int
    frames: int
    subjects: int


class Pieces:
    """Writes frames in pieces, each whole or not there.

    Args:
        output: the file that the pieces will become.
        form: how they are written.
        plan: what was asked; anything that JSON can hold.
        resume: go on after what an earlier run of the same plan left.

    Raises:
        UsageError: there is something to go on with, but of another plan. CannotWrite: not in that folder.
    """

    def __init__(self, output: Path, form: Form, plan: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder_of(output)
        self.form = form
        self.done: list[Piece] = []
        self._encoder: Encoder | None = None
        if resume and self.folder.is_dir():
            self._go_on(plan)
        elif self.folder.is_dir():
            self.discard()
        try:
            self.folder.mkdir(exist_ok=True)
            (self.folder / "plan.json").write_text(json.dumps(plan))
        except OSError as error:
            raise CannotWrite(
                f"cannot write '{output}': {error.strerror}; fix: choose another folder or its permissions"
            ) from error

    @property
    def last(self) -> int | None:
        """pts, in the source's time base, of the last frame of the whole pieces."""
        return self.done[-1].last if self.done else None

    def path(self, index: int) -> Path:
        """The video file of a piece."""
        return self.folder / f"{index:05d}{self.form.kind.suffixes[0]}"

    def memory(self) -> Memory | None:
        """What the last frame of the whole pieces left to the next."""
        if not self.done:
            return None
        with np.load(self.path(len(self.done) - 1).with_suffix(".npz")) as kept:
            return Memory(*kept.values()) if kept.files else None

    def write(
        self, pixels: Pixels, pts: int, end: int, source_pts: int, has_subject: bool, memory: Memory | None
    ) -> None:
        """One more frame, shown from `pts` to `end` in `form.ticks`."""
        if self._encoder is None:
            self._first, self._frames, self._subjects = pts, 0, 0
            self._encoder = Encoder(self._part, self.form)
            self._encoder.__enter__()
        self._encoder.write(pixels, pts - self._first, end - pts)
        self._frames += 1
        self._subjects += has_subject
        self._state = Piece(self._first, end, source_pts, self._frames, self._subjects)
        self._memory = memory
        if self._frames == FRAMES:
            self.close()

    def close(self) -> None:
        """Make what was written so far a whole piece."""
        if self._encoder is None:
            return
        self._encoder.__exit__(None, None, None)
        self._encoder = None
        path = self.path(len(self.done))
        self._part.replace(path)
        memory = self._memory
        kept = () if memory is None else (memory.picture, memory.saliency_map, memory.seen)
        np.savez_compressed(path.with_suffix(".npz"), *kept)
        told = path.with_suffix(".json.part")
        told.write_text(json.dumps(asdict(self._state)))
        told.replace(path.with_suffix(".json"))
        self.done.append(self._state)

    def abandon(self) -> None:
        """Leave the piece that is under way; the whole ones stay, for a run that goes on."""
        if self._encoder is not None:
            self._encoder.__exit__(RuntimeError, None, None)
            self._encoder = None
            self._part.unlink(missing_ok=True)
        if not self.done:
            self.discard()

    def discard(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder)

    @property
    def _part(self) -> Path:
        return self.folder / f"part{self.form.kind.suffixes[0]}"

    def _go_on(self, plan: dict[str, Any]) -> None:
        try:
            before = json.loads((self.folder / "plan.json").read_text())
        except (OSError, ValueError):
            before = None
        if before != json.loads(json.dumps(plan)):
            raise UsageError(
                f"'{self.folder}' was begun with another input, model or options; "
                "fix: ask for the same, or begin anew without --resume"
            )
        while (told := self.path(len(self.done)).with_suffix(".json")).exists():
            self.done.append(Piece(**json.loads(told.read_text())))


def folder_of(output: Path) -> Path:
    """Where the pieces of an output are kept."""
    return output.with_name(f".{output.name}.u2bg")
