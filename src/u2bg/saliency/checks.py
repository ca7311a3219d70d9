"""What is wrong with a file: its size, its SHA-256, or that it cannot be read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def flaw_of(path: Path, sha256: str, size_bytes: int) -> str | None:
    """What is wrong with a file, or None; read by pieces, since it may be large."""
    try:
        with path.open("rb") as file:
            return wrong_size(os.fstat(file.fileno()).st_size, size_bytes) or wrong_hash(
                hashlib.file_digest(file, "sha256").hexdigest(), sha256
            )
    except OSError as error:
        return unreadable(error)


def wrong_size(got: int, expected: int) -> str | None:
    """The difference in bytes, if there is one."""
    return None if got == expected else f"got {got:,} bytes, expected {expected:,}"


def wrong_hash(got: str, expected: str) -> str | None:
    """The difference in hashes, if there is one."""
    return None if got == expected else f"got sha256 {got[:12]}…, expected {expected[:12]}…"


def unreadable(error: OSError) -> str:
    """Why a file could not be read."""
    return "got no file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error.strerror})"
