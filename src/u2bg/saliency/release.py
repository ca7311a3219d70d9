"""A file over HTTP: fetched by pieces, gone on with where it broke off."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CHUNK_BYTES = 1 << 15

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all; both start anew when the next origin is tried."""


class OriginError(Exception):
    """Why one origin could not serve the file; the next one is tried."""


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


def fetch(
    url: str, part: Path, size_bytes: int, limit_bytes: int, progress: Progress, wait: Patience
) -> None:
    """Have all that the server gives in `part`; what is there already is not asked for again.

    Whatever breaks off is gone on with at once, as long as each call brings something; after that `part` stays, for
    the next pull to go on with.

    Args:
        size_bytes: what is expected, for the progress.
        limit_bytes: what is never exceeded, whatever the server sends.

    Raises:
        OriginError: the server cannot be reached, refuses, falls silent or sends too much.
    """
    with _session() as session:
        while True:
            before = _size(part)
            try:
                _go_on(session, url, part, size_bytes, limit_bytes, progress, wait)
                return
            except requests.RequestException as error:
                if _size(part) <= before:
                    raise OriginError(_why_not(error, _size(part), size_bytes)) from error


def _session() -> requests.Session:
    """Proxies and certificates come from the environment. A server that is busy is asked three times."""
    busy = Retry(
        total=2,
        connect=0,
        read=0,
        backoff_factor=0.5,
        status_forcelist=(429, 502, 503, 504),
        respect_retry_after_header=False,  # it may say an hour
        raise_on_status=False,
    )
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=busy))
    session.mount("http://", HTTPAdapter(max_retries=busy))
    return session


def _go_on(
    session: requests.Session,
    url: str,
    part: Path,
    size_bytes: int,
    limit_bytes: int,
    progress: Progress,
    wait: Patience,
) -> None:
    """One call: the rest of the file, or all of it where the server knows no ranges."""
    done = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
    timeout = (wait.connect_s, wait.read_s)
    with session.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable and done:
            return  # nothing is missing, or the file is another one: its hash will tell
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            done = 0
        elif done and not answer.headers.get("Content-Range", "").startswith(
            f"bytes {done}-"
        ):  # it sends another part
            os.truncate(part, 0)
            _go_on(session, url, part, size_bytes, limit_bytes, progress, wait)
            return
        packed = "Content-Encoding" in answer.headers  # its length is then another one
        length = None if packed else answer.headers.get("Content-Length")
        due = done + int(length or max(size_bytes - done, 0))
        progress(done, due)
        with part.open("r+b") as file:
            file.truncate(done)
            file.seek(done)
            for piece in answer.iter_content(CHUNK_BYTES):
                done += len(piece)
                if done > limit_bytes:
                    file.truncate(0)
                    raise OriginError(f"got more than {limit_bytes:,} bytes")
                file.write(piece)
                progress(done, due)


def _size(path: Path) -> int:
    return os.stat(path).st_size


def _why_not(error: requests.RequestException, done: int, due: int) -> str:
    """A few words for what takes requests a paragraph."""
    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if done:
        return f"the transfer broke off after {done:,} of {due:,} bytes"
    # A server that falls silent in the body is a ConnectionError to requests, told apart by its text alone.
    if "timed out" in str(error):
        return "no answer in time"
    reasons: dict[type[Exception], str] = {
        exceptions.ProxyError: "the proxy cannot be used",
        exceptions.SSLError: "its certificate is not trusted",
        exceptions.ConnectionError: "no connection",
    }
    return reasons.get(type(error), f"no download ({type(error).__name__})")
