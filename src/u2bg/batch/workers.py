"""What the workers of a batch do, each in a process of its own: rows in, results out, as Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from u2bg import imaging
from u2bg.batch.cutting import attempt
from u2bg.batch.job import Job, Outcome
from u2bg.batch.ledger import schema
from u2bg.batch.order import Order
from u2bg.batch.places import Place
from u2bg.batch.rows import read_group
from u2bg.cores import shared_by, usable_cores
from u2bg.cutout import Cutout
from u2bg.errors import CannotWrite, InputError, SourceMissing
from u2bg.imaging import Photo
from u2bg.pipeline import Options, Remover
from u2bg.saliency import models
from u2bg.saliency.predictor import network_size, shrink

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What every worker has to know.

    Attributes:
        fingerprint: of order, options and model.
        run: the name of this run, which temporary files carry.
    """

    source: Place
    destination: Place
    order: Order
    options: Options
    model: str
    device: str
    fingerprint: str
    run: str


class Contents:
    """Reads the row groups that rows point into: a table of rows, with a column `content` more."""

    def __init__(self, source: Place) -> None:
        self._source = source

    def __call__(self, table: pa.Table) -> Iterator[pa.Table]:
        import pyarrow as pa

        first, *_ = rows = table.to_pylist()
        contents: Sequence[bytes | None]
        try:
            contents = read_group(self._source, first["file"], first["group"], first["column"])
        except (pa.ArrowException, OSError):  # each of its rows will say so
            contents = [None] * (1 + max(row["row"] for row in rows))
        for number, row in enumerate(rows):  # one by one: pictures are large
            column = pa.array([contents[row["row"]]], pa.binary())
            yield table.slice(number, 1).append_column("content", column)


class Cutter:
    """Takes pictures the whole way."""

    def __init__(self, task: Task) -> None:
        self._task = task
        with shared_by(usable_cores()):
            self._remover = Remover(task.model, task.device, task.options)

    def __call__(self, table: pa.Table) -> pa.Table:
        return _results(self._task, table, lambda row: self._remover(_content(self._task, row)))


class Shrinker:
    """With GPUs, the first step: bytes to the small picture that the network sees."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __call__(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_pylist([self._shrunk(row) for row in table.to_pylist()], _shrunk(table.schema))

    def _shrunk(self, row: Row) -> Row:
        """What cannot be decoded goes on as it is: the last step will say why."""
        small, icc = b"", None
        size = (0, 0)
        try:
            row["content"] = _content(self._task, row)
            photo = imaging.read(row["content"], self._task.options.max_pixels)
            size = network_size(photo.size, models.find(self._task.model).input)
            small, icc = shrink(photo.shown, size).tobytes(), photo.icc
        except InputError:
            row["content"] = None
        return {**row, "small": small, "height": size[0], "width": size[1], "icc": icc}


def _shrunk(schema: pa.Schema) -> pa.Schema:
    """Named types: a batch in which every profile is None has to look like the others."""
    import pyarrow as pa

    kept = [field for field in schema if field.name != "content"]
    binary = [(name, pa.binary()) for name in ("content", "small", "icc")]
    return pa.schema([*kept, *binary, ("height", pa.int32()), ("width", pa.int32())])


class Looker:
    """With GPUs, the second step: small pictures to saliency maps."""

    def __init__(self, task: Task) -> None:
        self._remover = Remover(task.model, task.device, task.options)

    def __call__(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        maps = [self._map(row) for row in table.to_pylist()]
        return table.drop_columns(["small"]).append_column("map", pa.array(maps, pa.binary()))

    def _map(self, row: Row) -> bytes:
        if not row["small"]:
            return b""
        size = row["height"], row["width"]
        rgba = np.full((*size, 4), 255, np.uint8)
        rgba[..., :3] = np.frombuffer(row["small"], np.uint8).reshape(*size, 3)
        return self._remover.look(Photo(rgba, icc=row["icc"])).tobytes()


class Finisher:
    """With GPUs, the third step: bytes and saliency maps to files."""

    def __init__(self, task: Task) -> None:
        self._task = task
        with shared_by(usable_cores()):
            self._remover = Remover(task.model, "cpu", task.options)

    def __call__(self, table: pa.Table) -> pa.Table:
        def cut(row: Row) -> Cutout:
            photo = imaging.read(_content(self._task, row), self._task.options.max_pixels)
            return self._remover.cut(photo, _map(row), spend=True)

        return _results(self._task, table, cut)


def _map(row: Row) -> NDArray[np.float32]:
    return np.frombuffer(row["map"], np.float32).reshape(row["height"], row["width"])


def _results(task: Task, table: pa.Table, cut: Callable[[Row], Cutout]) -> pa.Table:
    """Cut every row and write its file; a table of results, one for each row, whatever happens to it."""
    import pyarrow as pa

    with shared_by(usable_cores()):
        return pa.Table.from_pylist([_result(task, row, cut) for row in table.to_pylist()], schema())


def _result(task: Task, row: Row, cut: Callable[[Row], Cutout]) -> Row:
    written = 0

    def work(outcome: Outcome) -> None:
        nonlocal written
        cutout = cut(row)
        outcome.tell(cutout)
        content = task.order.encode(cutout)
        task.destination.write(row["output"], content, task.run)
        written = len(content)

    try:
        outcome = attempt(Job(Path(row["input"]), Path(row["output"])), work)
    except CannotWrite as error:  # a full disk; on a cluster it may be one of many
        outcome = Outcome(row["input"], row["output"])
        outcome.fail(str(error), error.exit_code)
    width, height = outcome.size or (None, None)
    return {
        "input": row["input"],
        "output": row["output"],
        "status": "failed" if outcome.error else "done",
        "error": outcome.error,
        "confidence": outcome.confidence,
        "subject": outcome.subject,
        "width": width,
        "height": height,
        "seconds": outcome.seconds,
        "input_bytes": row["size"],
        "input_mtime_ns": row["mtime_ns"],
        "options": task.fingerprint,
        "output_bytes": written,
    }


def _content(task: Task, row: Row) -> bytes:
    """The bytes of a row's picture: its own, those of a file of the source, or those that its URI leads to."""
    content = row.get("content")
    if content is not None:
        return bytes(content)
    if row["file"]:
        raise SourceMissing(f"'{row['input']}' is empty or cannot be read; expected the bytes of a picture")
    if "://" in row["input"]:
        return Place(row["input"]).read()
    return task.source.read(row["input"])
