"""One line of the doctor's: what was looked at, what is there, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("good", "note", "bad")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        topic: what was looked at, in a word or two.
        said: what is there.
        level: `good`; `note`, where something could be better or is not needed; `bad`, where something fails.
        fix: what helps, in a line; empty where nothing has to be mended.
    """

    topic: str
    said: str
    level: str = "good"
    fix: str = ""
