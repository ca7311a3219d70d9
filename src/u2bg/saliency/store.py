"""The models' folder: where weights lie, how they get there, and the check at every load.

A pull decides whether a whole file is there already; `origins` brings it if not.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from u2bg.errors import BadModel
from u2bg.saliency.checks import flaw_of, unreadable, wrong_hash, wrong_size
from u2bg.saliency.models import ModelSpec

if TYPE_CHECKING:
    from u2bg.saliency.origins import Patience, Progress

EMBEDDED = Path(__file__).parent / "weights"


def home() -> Path:
    """The folder that pulled models lie in: U2BG_HOME, else `u2bg/models` in the user's cache folder."""
    chosen = os.environ.get("U2BG_HOME")
    if chosen:
        return Path(os.path.expanduser(chosen)).absolute()
    import platformdirs

    return platformdirs.user_cache_path("u2bg", appauthor=False) / "models"


def locate(spec: ModelSpec) -> Path | None:
    """The model's file in the package or in the models' folder, or None; no network, and not yet verified."""
    path = _place(spec)
    return path if path.is_file() else None


def ensure(spec: ModelSpec, progress: Progress | None = None) -> Path:
    """The model's file, pulled if it is not there yet.

    Raises:
        BadModel, CannotWrite, PullFailed: as `pull`.
    """
    return locate(spec) or pull(spec, progress)


def pull(spec: ModelSpec, progress: Progress | None = None, *, patience: Patience | None = None) -> Path:
    """Have the model's file in place, whole: a good one is left as it is, a damaged one is replaced.

    Raises:
        BadModel: the embedded file is damaged or missing; there is nowhere to pull it from.
        CannotWrite: the models' folder cannot be written to, or the disk is full.
        PullFailed: no origin could serve the file whole; a file that was there is untouched.
    """
    path = _place(spec)
    flaw = flaw_of(path, spec.sha256, spec.size_bytes)
    if flaw is None:
        return path
    if spec.embedded:
        raise _bad(spec, path, flaw)
    from u2bg.saliency import origins  # what a pull needs, nothing else does

    return origins.bring(spec, path, progress or origins.silent, patience or origins.Patience())


def remedy(spec: ModelSpec) -> str:
    """The command that brings a missing or damaged file back."""
    return "pip install --force-reinstall u2bg" if spec.embedded else f"u2bg models pull {spec.name}"


def read_verified(spec: ModelSpec, path: Path) -> bytes:
    """The bytes of a model's file, once their number and SHA-256 are those of the table.

    Raises:
        BadModel: the file is missing, unreadable, truncated or altered.
    """
    try:
        # The size first: a wrong file may be of any size, and need not be read to be refused.
        flaw = wrong_size(path.stat().st_size, spec.size_bytes)
        content = b"" if flaw else path.read_bytes()
    except OSError as error:
        raise _bad(spec, path, unreadable(error)) from error
    flaw = flaw or wrong_hash(hashlib.sha256(content).hexdigest(), spec.sha256)
    if flaw:
        raise _bad(spec, path, flaw)
    return content


def _place(spec: ModelSpec) -> Path:
    return (EMBEDDED if spec.embedded else home()) / spec.file


def _bad(spec: ModelSpec, path: Path, flaw: str) -> BadModel:
    return BadModel(f"model '{spec.name}' in '{path}' is damaged: {flaw}; fix: {remedy(spec)}")
