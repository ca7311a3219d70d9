"""The account of a folder of cut-outs: `u2bg-manifest.jsonl`, a line for each picture, valid after any crash.

A line is appended by one write, just before its output takes its place: whatever stands in the folder under a name of
ours has its line. A line whose output never got there is told by the missing file, or by the temporary one that the
dead run left beside it. Outputs reach the disk before their lines (fsync), so a line that outlives a power cut tells
the truth; the lines are synced once a second and at the end, so a power cut costs a second of them at most.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import u2bg
from u2bg.batch.job import Job, Outcome
from u2bg.errors import CannotWrite, UsageError
from u2bg.files import refusal

NAME = "u2bg-manifest.jsonl"
_TOKEN_BYTES = 4
_SYNC_S = 1.0
_TAIL_BYTES = 1 << 16


class Facts(NamedTuple):
    """What an output was made from, and what came of it; as long as these hold, it need not be made again."""

    input_bytes: int
    input_mtime_ns: int
    options: str
    output_bytes: int


class _Entry(NamedTuple):
    """The last line about an output, as two hashes: a million pictures are some 250 MB, not a gigabyte."""

    facts: int
    owner: int


class Manifest:
    """The manifest of one folder. Reading it changes nothing; `begin` opens it, for one run at a time.

    Safe to write to from threads.

    Args:
        folder: the folder of the cut-outs.
        source: the folder of the pictures.

    Attributes:
        run: the name of this run; its temporary files carry it.
        counts: lines of this run, by status.
    """

    def __init__(self, folder: Path, source: Path) -> None:
        self.path = folder / NAME
        self.run = os.urandom(_TOKEN_BYTES).hex()
        self._folder, self._source, self._options = folder, source, ""
        self._place = os.path.abspath(source)
        self._lock = threading.Lock()
        self._entries: dict[int, _Entry] = {}
        self._unfinished: set[str] = set()
        self._void: set[str] = set()
        place = self._place
        for line in lines(self.path):
            place = line.get("source", place)
            self._learn(line, place)
        self.counts: Counter[str] = Counter()

    def begin(self, options: str, **about: Any) -> None:
        """Open it for this run: a torn last line is taken off, and what dead runs left half-written is cleared away.

        Args:
            options: the fingerprint of what is asked for.
            about: what people may want to know of this run.

        Raises:
            UsageError: another run is writing into the folder. CannotWrite: the folder cannot be written to.
        """
        self._options = options
        with _told(self.path):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666
            )
            _lock(self._file, self._folder)
            _mend(self._file)
            self._synced = time.monotonic()
        for part in list(_parts(self._folder, self._unfinished)):
            self._append({"lost": self._relative(part.parent / _beginning(part))})
            part.unlink(missing_ok=True)
        self._append(
            {"run": self.run, "u2bg": u2bg.__version__, "began": _now(), "source": self._place, **about}
        )

    def close(self) -> None:
        """The last line of this run; the folder is let go."""
        with contextlib.suppress(CannotWrite):  # a full disk has been told before
            self._append({"end": self.run, "ended": _now(), **self.counts})
        os.close(self._file)

    def is_done(self, job: Job) -> bool:
        """Whether this picture, as it is now, was cut as is asked, and its cut-out is there, as it was left."""
        name = self._relative(job.output)
        entry = self._entries.get(hash(name))
        if entry is None or (self._void and _stem(name) in self._void):
            return False
        try:
            facts = self.facts(os.stat(job.source), os.stat(job.output).st_size)
        except OSError:  # one of them is not there
            return False
        return entry.facts == hash((self._input(job.source), *facts))

    def owns(self, path: Path) -> bool:
        """Whether that file is an output of some run."""
        return hash(self._relative(path)) in self._entries

    def may_replace(self, job: Job) -> bool:
        """Whether the output was made from that very picture by an earlier run, and nobody has touched it since."""
        entry = self._entries.get(hash(self._relative(job.output)))
        if entry is None or not job.output.exists():
            return False
        if _stem(self._relative(job.output)) in self._void:  # still the one before, which was to be replaced
            return True
        return entry.owner == hash((self._place, self._input(job.source), job.output.stat().st_size))

    def facts(self, status: os.stat_result, output_bytes: int) -> Facts:
        """What to hold an output to, that is made as is asked now."""
        return Facts(status.st_size, status.st_mtime_ns, self._options, output_bytes)

    def write(self, outcome: Outcome, facts: Facts | None = None) -> None:
        """Append the line of a picture, done or failed, or of a folder that could not be listed.

        Raises:
            CannotWrite: the disk is full, say; the manifest is as it was.
        """
        line = {
            "input": self._input(Path(outcome.path)),
            "output": self._relative(Path(outcome.output)) if outcome.output and facts else None,
            "status": "failed" if outcome.error else "done",
            "error": outcome.error,
            "confidence": outcome.confidence,
            "subject": outcome.subject,
            "size": outcome.size,
            "seconds": outcome.seconds,
        }
        self._append(line | (facts._asdict() if facts else {}))

    def _append(self, line: Mapping[str, Any]) -> None:
        content = _encoded(line)
        with self._lock, _told(self.path):
            end = os.fstat(self._file).st_size
            try:
                if os.write(self._file, content) < len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                os.ftruncate(self._file, end)
                raise
            self._learn(line, self._place)
            self.counts.update([line["status"]] if "status" in line else [])
            if "end" in line or time.monotonic() - self._synced > _SYNC_S:
                os.fsync(self._file)
                self._synced = time.monotonic()

    def _learn(self, line: Mapping[str, Any], place: str) -> None:
        """What a line changes in what is known."""
        if "run" in line and line["run"] != self.run:
            self._unfinished.add(line["run"])
        self._unfinished.discard(line.get("end", ""))
        if "lost" in line:
            self._void.add(line["lost"])
        if output := line.get("output"):
            self._void.discard(_stem(output))
            source, *facts = (line.get(name) for name in ("input", *Facts._fields))
            self._entries[hash(output)] = _Entry(hash((source, *facts)), hash((place, source, facts[-1])))

    def _relative(self, output: Path) -> str:
        return _below(output, self._folder)

    def _input(self, source: Path) -> str:
        return _below(source, self._source)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a manifest, the oldest first; none where there is no manifest, and none of what is no JSON."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    if isinstance(line, dict):
                        yield line
    except FileNotFoundError:
        return


def _encoded(line: Mapping[str, Any]) -> bytes:
    try:
        return (json.dumps(line, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a file name that is no text: JSON can carry it only escaped
        return (json.dumps(line) + "\n").encode()


def _mend(file: int) -> None:
    """Take off a last line without an end."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - _TAIL_BYTES)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    os.ftruncate(file, end)


def _lock(file: int, folder: Path) -> None:
    """One run at a time. Where the system or its file system has no such locks, nothing is held."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise UsageError(
            f"another run is writing into '{folder}'; fix: wait for its end, or choose another folder"
        ) from error
    except (ImportError, OSError):
        return


def _parts(folder: Path, runs: set[str]) -> Iterator[Path]:
    """The temporary files of those runs. The folder is locked, so the runs are dead."""
    if not runs:
        return
    for place, _, names in os.walk(folder):
        for name in names:
            mark = name.removesuffix(".part").rpartition(".")[2]
            if name.startswith(".") and name.endswith(".part") and mark[: 2 * _TOKEN_BYTES] in runs:
                yield Path(place, name)


def _beginning(part: Path) -> str:
    """`.NAME.MARK.part`: the beginning of NAME that a temporary name keeps."""
    return part.name.removesuffix(".part").rpartition(".")[0][1:]


def _stem(output: str) -> str:
    """The same of an output's own path."""
    place, name = os.path.split(output)
    return os.path.join(place, name[:80])


def _below(path: Path, folder: Path) -> str:
    """The path from the folder on."""
    whole, start = os.fspath(path), f"{folder}{os.sep}"
    return whole[len(start) :] if whole.startswith(start) else os.path.relpath(whole, folder)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refusal(path, error) from error
