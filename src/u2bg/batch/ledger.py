"""The account of a batch: Parquet files under `DEST/_u2bg/`, each written once, and the table of errors."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from u2bg.batch.places import Place
from u2bg.batch.rows import Row
from u2bg.errors import OutputExists

FOLDER = "_u2bg"
ERRORS = f"{FOLDER}/errors.parquet"
_RESULTS = f"{FOLDER}/results/"
_RUNS = f"{FOLDER}/runs/"
_FLUSH_ROWS = 20_000
_FLUSH_S = 10.0

FIELDS = {
    "input": "string",
    "output": "string",
    "status": "string",
    "error": "string",
    "confidence": "float",
    "subject": "bool",
    "width": "int32",
    "height": "int32",
    "seconds": "float",
    "input_bytes": "int64",
    "input_mtime_ns": "int64",
    "options": "string",
    "output_bytes": "int64",
}
"""The columns of the results, with their Arrow types."""

_FACTS = ("input", "input_bytes", "input_mtime_ns", "options", "output_bytes")

Result = Mapping[str, Any]


class Ledger:
    """What was done in a destination by earlier runs, and what this one does. One driver writes it.

    Args:
        place: the destination.
        options: the fingerprint of what is asked for.

    Attributes:
        run: the name of this run.
    """

    def __init__(self, place: Place, options: str) -> None:
        self.run = os.urandom(4).hex()
        self._place, self._options = place, options
        there = list(place.entries())
        self._parts = sorted(entry.name for entry in there if entry.name.startswith(_RESULTS))
        self._runs = {entry.name.removeprefix(_RUNS) for entry in there if entry.name.startswith(_RUNS)}
        self._foreign = sum(not entry.name.startswith(f"{FOLDER}/") for entry in there)
        self._sizes = {hash(entry.name): entry.size for entry in there}
        self._known: dict[int, int] = {}
        for part in self._parts:
            for line in _rows(place, part, ("status", "output", *_FACTS)):
                if line["status"] == "done":
                    self._known[hash(line["output"])] = hash(tuple(line[name] for name in _FACTS))
        self._waiting: list[Result] = []
        self._flushed = time.monotonic()
        self._written = 0

    def begin(self, *, overwrite: bool) -> None:
        """Mark the destination as this batch's own.

        Raises:
            OutputExists: it holds files, and no batch of ours.
        """
        if self._foreign and not self._runs and not overwrite:
            raise OutputExists(
                f"'{self._place.uri}' holds {self._foreign} files and no batch of ours; "
                "fix: choose an empty folder, or --overwrite"
            )
        for name in self._runs and leftovers(self._place, self._runs):
            self._place.system.delete_file(self._place.below(name))
        self._place.write(_RUNS + self.run, b"")

    def is_done(self, row: Row) -> bool:
        """Whether the picture, unchanged, was cut as is asked, and its cut-out is there, as it was left."""
        size = self._sizes.get(hash(row.output))
        facts = (row.input, row.size, row.mtime_ns, self._options, size)
        return size is not None and self._known.get(hash(row.output)) == hash(facts)

    def add(self, results: Sequence[Result]) -> None:
        """Take results; they are written every few seconds."""
        self._waiting += results
        if len(self._waiting) >= _FLUSH_ROWS or time.monotonic() - self._flushed > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._waiting:
            part = f"{_RESULTS}{self.run}-{self._written:06d}.parquet"
            self._place.write(part, _parquet(self._waiting))
            self._parts.append(part)
            self._written += 1
        self._waiting, self._flushed = [], time.monotonic()

    def close(self) -> None:
        """Write the rest, and the table of errors: the pictures whose last result is one, in this run or before."""
        self.flush()
        failed: dict[str, Result] = {}
        for part in self._parts:
            for line in _rows(self._place, part, tuple(FIELDS)):
                if line["status"] == "failed":
                    failed[line["input"]] = line
                else:
                    failed.pop(line["input"], None)
        self._place.write(ERRORS, _parquet([failed[name] for name in sorted(failed)]))


def leftovers(place: Place, runs: set[str]) -> list[str]:
    """The temporary files that killed workers of those runs left; only disks have any."""
    from pyarrow import fs

    if not isinstance(place.system, fs.LocalFileSystem):
        return []
    base = place.below("").rstrip("/") + "/"
    names = (
        one.path.removeprefix(base)
        for one in place.system.get_file_info(fs.FileSelector(base, recursive=True))
    )
    return [name for name in names if name.endswith(".part") and name.split(".")[-2][:8] in runs]


def _rows(place: Place, part: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Read by this thread alone: `read_table` scans with threads of Arrow's own, which may still hold Python's memory
    when the program ends, and then abort it after all its work.
    """
    from pyarrow import parquet

    with parquet.ParquetFile(io.BytesIO(place.read(part)), pre_buffer=False) as opened:
        rows: list[dict[str, Any]] = opened.read(list(columns), use_threads=False).to_pylist()
    return rows


def schema() -> Any:
    """The Arrow schema of results."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in FIELDS.items()])


def _parquet(rows: Sequence[Result]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema()), file)
    return file.getvalue()
