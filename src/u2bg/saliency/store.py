"""The store of models: where weights lie, how they get there, and the check at every load.

A pull decides whether a whole file is there already; `origins` brings it if not.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from u2bg.errors import BadModel, CannotWrite, PullFailed
from u2bg.files import replacing
from u2bg.saliency import folders
from u2bg.saliency.checks import Seal, flaw_in, flaw_of, seal_of, sha256_of, unreadable, wrong_size
from u2bg.saliency.folders import home
from u2bg.saliency.models import ModelSpec

if TYPE_CHECKING:
    from u2bg.saliency.release import Patience, Progress

logger = logging.getLogger(__name__)


def locate(spec: ModelSpec) -> Path | None:
    """The model's file in the package, in the models' folder or in rembg's, or None; not yet verified.

    In rembg's folders a file of another size is passed over: there it is somebody else's.
    """
    places = (place(spec), *(path for path in _elsewhere(spec) if not _differs(path, spec)))
    return next((path for path in places if path.is_file()), None)


def ensure(spec: ModelSpec, progress: Progress | None = None) -> Path:
    """The model's file, pulled if it is not there yet.

    Raises:
        BadModel, CannotWrite, PullFailed: as `pull`.
    """
    return locate(spec) or pull(spec, progress)


def pull(spec: ModelSpec, progress: Progress | None = None, *, patience: Patience | None = None) -> Path:
    """Have the model's file in place, whole: a good one is left as it is, a damaged one is replaced.

    A good one in rembg's folders is used where it lies. Several processes that pull one model wait for the first.

    Raises:
        BadModel: the embedded file is damaged or missing; there is nowhere to pull it from.
        CannotWrite: the models' folder cannot be written to, or the disk is full.
        PullFailed: offline, or no origin could serve the file whole; a file that was there is untouched.
    """
    path = place(spec)
    if spec.embedded:
        flaw = flaw_of(path, seal(spec))
        if flaw:
            raise _bad(spec, path, flaw)
        return path
    whole = next((there for there in (path, *_elsewhere(spec)) if flaw_of(there, seal(spec)) is None), None)
    if whole is None:
        if offline():
            raise PullFailed(
                f"model '{spec.name}' is not here, and nothing is pulled while U2BG_OFFLINE is set; "
                f"fix: unset it, or bring the model in a file (u2bg models pack, u2bg models unpack)"
            )
        from u2bg.saliency import origins  # what a pull needs, nothing else does

        if spec.warning:
            logger.warning("model '%s': %s", spec.name, spec.warning)
        with _alone(path):
            if flaw_of(path, seal(spec)):  # else another process has just brought it
                origins.bring(
                    spec, seal(spec), path, progress or origins.silent, patience or origins.Patience()
                )
        whole = path
    remember(spec, whole)
    return whole


def offline() -> bool:
    """Whether U2BG_OFFLINE forbids the network."""
    return os.environ.get("U2BG_OFFLINE", "").lower() not in {"", "0", "false", "no"}


def remedy(spec: ModelSpec) -> str:
    """The command that brings a missing or damaged file back."""
    return "pip install --force-reinstall u2bg" if spec.embedded else f"u2bg models pull {spec.name}"


def read_verified(spec: ModelSpec, path: Path) -> bytes:
    """The bytes of a model's file, once they are those that the table or the pin knows.

    Raises:
        BadModel: the file is missing, unreadable, truncated or altered.
    """
    known_by = seal(spec)
    try:
        # The size first: a wrong file may be of any size, and need not be read to be refused.
        flaw = wrong_size(path.stat().st_size, known_by)
        content = b"" if flaw else path.read_bytes()
    except OSError as error:
        raise _bad(spec, path, unreadable(error)) from error
    flaw = flaw or flaw_in(content, known_by)
    if flaw:
        raise _bad(spec, path, flaw)
    if not known_by.sha256:
        pin(spec, hashlib.sha256(content).hexdigest())
    return content


def seal(spec: ModelSpec) -> Seal:
    """What the model's file is known by: the table, and the SHA-256 that was pinned where the table has none."""
    return seal_of(spec, "" if spec.sha256 else _pinned(spec))


def remember(spec: ModelSpec, path: Path) -> None:
    """Pin the SHA-256 of a file that was found whole by its MD5."""
    if not seal(spec).sha256:
        pin(spec, sha256_of(path))


def pin(spec: ModelSpec, sha256: str) -> None:
    """Keep the SHA-256 of a file whose published MD5 was right: from now on no other file is taken for it.

    It lies beside the models, as `sha256sum --check` reads it. Where nothing can be written, MD5 goes on deciding.
    """
    path = _pin(spec)
    with contextlib.suppress(OSError, CannotWrite), replacing(path, make_folder=True) as part:
        part.write_text(f"{sha256}  {spec.file}\n", encoding="ascii")


def _pinned(spec: ModelSpec) -> str:
    try:
        return _pin(spec).read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError):
        return ""


def _pin(spec: ModelSpec) -> Path:
    return home() / f"{spec.file}.sha256"


def place(spec: ModelSpec) -> Path:
    """Where the model's file belongs: in the package, or in the models' folder."""
    return (folders.EMBEDDED if spec.embedded else home()) / spec.file


def _elsewhere(spec: ModelSpec) -> list[Path]:
    return [] if spec.embedded else folders.rembgs(spec.name, spec.file)


def _differs(path: Path, spec: ModelSpec) -> bool:
    """Whether the size alone shows that this is another file."""
    try:
        return wrong_size(path.stat().st_size, seal_of(spec)) is not None
    except OSError:
        return True


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of a model's file; whoever else wants it waits. It falls with the process that holds it."""
    import filelock

    from u2bg.saliency.origins import WORKSHOP

    workshop = path.parent / WORKSHOP
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(workshop / f"{path.name}.lock")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotWrite(
            f"cannot write in the models' folder '{path.parent}': {reason}; "
            "fix: set U2BG_HOME to a folder that can be written to"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _bad(spec: ModelSpec, path: Path, flaw: str) -> BadModel:
    return BadModel(f"model '{spec.name}' in '{path}' is damaged: {flaw}; fix: {remedy(spec)}")
