"""What a whole file is known by, and what is wrong with one: its size, its hash, or that it cannot be read."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from u2bg.saliency.models import ModelSpec


@dataclass(frozen=True, slots=True)
class Seal:
    """What a whole file is known by.

    Attributes:
        size_bytes: its size, or None where that is not known to the byte.
        sha256: its SHA-256 in hexadecimal, or empty.
        md5: its MD5, looked at only where there is no SHA-256.
    """

    size_bytes: int | None
    sha256: str
    md5: str = ""


def seal_of(spec: ModelSpec, pinned: str = "") -> Seal:
    """What the file of a model is known by; `pinned` is the SHA-256 of one that was found whole before."""
    return Seal(None if spec.size_is_about else spec.size_bytes, spec.sha256 or pinned, spec.md5)


def flaw_of(path: Path, seal: Seal) -> str | None:
    """What is wrong with a file, or None; read by pieces, since it may be large."""
    try:
        with path.open("rb") as file:
            return wrong_size(os.fstat(file.fileno()).st_size, seal) or _wrong_hash(file, seal)
    except OSError as error:
        return unreadable(error)


def flaw_in(content: bytes, seal: Seal) -> str | None:
    """What is wrong with the bytes of a file, or None."""
    kind, expected = _hash(seal)
    return _difference(kind, hashlib.new(kind, content, usedforsecurity=False).hexdigest(), expected)


def wrong_size(got: int, seal: Seal) -> str | None:
    """The difference in bytes, if there is one."""
    if seal.size_bytes is None or got == seal.size_bytes:
        return None
    return f"got {got:,} bytes, expected {seal.size_bytes:,}"


def unreadable(error: OSError) -> str:
    """Why a file could not be read."""
    return "got no file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error.strerror})"


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong_hash(file: BinaryIO, seal: Seal) -> str | None:
    kind, expected = _hash(seal)
    digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))  # type: ignore[arg-type]
    return _difference(kind, digest.hexdigest(), expected)


def _hash(seal: Seal) -> tuple[str, str]:
    """The kind of hash to look at, and what it has to be."""
    return ("sha256", seal.sha256) if seal.sha256 else ("md5", seal.md5)


def _difference(kind: str, got: str, expected: str) -> str | None:
    return None if got == expected else f"got {kind} {got[:12]}…, expected {expected[:12]}…"
