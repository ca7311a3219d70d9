"""Where rembg itself is installed, to be asked or read."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pythons() -> list[str]:
    """The Pythons in which rembg is installed: the benchmarks' one, and those that U2BG_TEST_REMBG names."""
    named = os.environ.get("U2BG_TEST_REMBG", "").split(os.pathsep)
    return [
        path
        for path in [str(ROOT / ".venv" / "rembg" / "bin" / "python"), *named]
        if path and Path(path).exists()
    ]


def label(python: str) -> str:
    """The name of a test's parameter."""
    return "-".join(Path(python).parts[-4:-2]) if python else "none"
