"""Result files of the benchmarks, which the docs' tables and figures are printed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(root: Path, name: str) -> dict[str, Any] | None:
    """A result file by its path below the root, or None where it was not measured yet."""
    path = root / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def where(result: dict[str, Any]) -> str:
    """The machine that a result was measured on, the day, and the commit."""
    machine = result["machine"]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['date']}, commit `{machine['commit']}`"
