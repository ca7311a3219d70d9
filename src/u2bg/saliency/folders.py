"""Where models' files are looked for: the package, our own folder, and the folders of rembg."""

from __future__ import annotations

import os
from pathlib import Path

EMBEDDED = Path(__file__).parent / "weights"


def home() -> Path:
    """The folder that pulled models lie in: U2BG_HOME, else `u2bg/models` in the user's cache folder."""
    chosen = os.environ.get("U2BG_HOME")
    if chosen:
        return _absolute(chosen)
    import platformdirs

    return platformdirs.user_cache_path("u2bg", appauthor=False) / "models"


def rembgs(name: str, file: str) -> list[Path]:
    """Where rembg would have put the file of a model, in the order in which it looks itself.

    Since its release 2.0.78 each model has a folder (`~/.rembg/models/NAME/`); before, all lay in `~/.u2net`. The
    variables U2NET_HOME, REMBG_HOME and XDG_DATA_HOME move them, as they do for rembg.
    """
    data = os.environ.get("XDG_DATA_HOME")
    flat = _absolute(os.environ.get("U2NET_HOME") or os.path.join(data or "~", ".u2net"))
    by_name = os.path.join(data, "rembg") if data else "~/.rembg"
    root = flat if os.environ.get("U2NET_HOME") else _absolute(os.environ.get("REMBG_HOME") or by_name)
    return [root / "models" / name / file, flat / file]


def _absolute(path: str) -> Path:
    return Path(os.path.expanduser(path)).absolute()
