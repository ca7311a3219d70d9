"""API keys: read from a file, kept as hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from starlette.datastructures import Headers

from u2bg.errors import Forbidden, SourceMissing, UsageError


class Keys:
    """Who may ask. Without any key, everybody may.

    Args:
        keys: as their holders send them.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._hashes = [_hash(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def check(self, headers: Headers) -> None:
        """Let pass who sent a key in `X-Api-Key`, or as a bearer token.

        Raises:
            Forbidden: there is none, or it is none of ours.
        """
        if not self._hashes:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        sent = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
        if not sent:
            raise Forbidden("no API key; fix: send it in the header X-Api-Key")
        got = _hash(sent)
        same = [hmac.compare_digest(got, known) for known in self._hashes]  # a list: every one is compared
        if not any(same):
            raise Forbidden("unknown API key; fix: check the header X-Api-Key")


def read(path: Path | None) -> Keys:
    """The keys of a file, one a line; empty lines and lines that begin with # do not count.

    Raises:
        SourceMissing: it cannot be read. UsageError: there is no key in it, and nobody could ask.
    """
    if path is None:
        return Keys()
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(
            f"cannot read the API keys in '{path}': {error}; fix: check --api-key-file"
        ) from None
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise UsageError(f"no API key in '{path}'; expected one a line; fix: add one")
    return Keys(keys)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
