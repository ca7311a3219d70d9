"""One picture of many: where it is, where its cut-out goes, and what became of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from u2bg.cutout import Cutout


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to cut: where it is, and where its cut-out goes."""

    source: Path
    output: Path


@dataclass(slots=True)
class Outcome:
    """What became of one picture, or of a folder that could not be listed: a line of `--json`.

    Attributes:
        size: (width, height) in pixels, as people say it.
        skipped: it was done before and is unchanged.
    """

    path: str
    output: str | None
    size: tuple[int, int] | None = None
    confidence: float | None = None
    subject: bool | None = None
    seconds: float = 0.0
    error: str | None = None
    exit_code: int = 0
    skipped: bool = False
    _began: float = field(default_factory=time.perf_counter)

    def tell(self, cutout: Cutout) -> None:
        """What is known as soon as it is cut."""
        self.size = cutout.size[1], cutout.size[0]
        self.confidence, self.subject = round(cutout.confidence, 4), cutout.has_subject

    def fail(self, error: str, exit_code: int) -> None:
        """It came to nothing, however far it was."""
        self.size = self.confidence = self.subject = None
        self.error, self.exit_code = error, exit_code

    def clock(self) -> None:
        """Take the time since it began."""
        self.seconds = round(time.perf_counter() - self._began, 3)

    def line(self) -> str:
        """One line of JSON; `size` is [width, height]."""
        names = ("path", "output", "size", "confidence", "subject", "seconds", "error")
        return json.dumps({name: getattr(self, name) for name in names}, ensure_ascii=False)
