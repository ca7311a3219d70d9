"""What a batch is to cut: the picture files of a place, or the rows of Parquet files, of bytes or of URIs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from u2bg.batch.places import Entry, Place
from u2bg.errors import UsageError
from u2bg.imaging.formats import READ_SUFFIXES

BYTES_COLUMNS = ("bytes", "image", "content")
URI_COLUMNS = ("uri", "url", "path")
NAME_COLUMNS = ("name", "key", "id")


@dataclass(frozen=True, slots=True)
class Row:
    """One picture to cut.

    Attributes:
        input: what to call it: a file's path below the source, a URI, or FILE.parquet#ROW.
        output: the path of its cut-out below the destination.
        size: bytes of the file that it is in. With `mtime_ns`, tells whether it has changed; 0 where nobody knows.
        file, group, row: where in which Parquet file its bytes are; `file` is empty where it is no such row.
    """

    input: str
    output: str
    size: int = 0
    mtime_ns: int = 0
    file: str = ""
    group: int = 0
    row: int = 0
    column: str = field(default="", kw_only=True)


def rows(
    source: Place, suffix: str, column: str | None = None, leave_out: Place | None = None
) -> Iterator[Row]:
    """Every picture of a source, in the order of its files.

    Files count by their names: a store far away is not asked for the first bytes of everything in it.

    Args:
        source: a folder of pictures; or a Parquet file, or a folder of them, with a column of bytes or of URIs, and a
            column `name`, `key` or `id`, or without.
        suffix: of the outputs.
        column: the column of the pictures; by default the first of the usual names.
        leave_out: where the cut-outs go; it may lie below the source.

    Raises:
        UsageError: nothing is there, or no such column, or source and destination are one.
        SourceMissing: the source cannot be listed.
    """
    if leave_out == source:
        raise UsageError(f"'{source.uri}' is source and destination; fix: choose another destination")
    if source.is_file():
        source, name = source.split()
        tables, pictures = [Entry(name, 0, 0)], []
    else:
        inside = f"{leave_out.below('')}/".removeprefix(source.below("") + "/") if leave_out else "/"
        entries = sorted(entry for entry in source.entries() if not entry.name.startswith(inside))
        tables = [entry for entry in entries if entry.name.endswith(".parquet")]
        pictures = [entry for entry in entries if os.path.splitext(entry.name)[1].lower() in READ_SUFFIXES]
    if tables and not pictures:
        for table in tables:
            yield from _of_table(source, table, suffix, column)
    elif pictures:
        for picture in pictures:
            yield Row(
                picture.name, os.path.splitext(picture.name)[0] + suffix, picture.size, picture.mtime_ns
            )
    else:
        raise UsageError(
            f"no pictures and no Parquet files under '{source.uri}'; fix: name a folder that has some"
        )


def check_outputs(found: list[Row]) -> None:
    """Refuse a batch in which two pictures would write one file.

    Raises:
        UsageError: with the first two.
    """
    writers: dict[str, str] = {}
    for row in found:
        other = writers.setdefault(row.output, row.input)
        if other is not row.input:
            raise UsageError(
                f"2 pictures would write '{row.output}': '{other}', '{row.input}'; nothing was written; "
                "fix: rename one of them, or give them a column 'name'"
            )


def _of_table(source: Place, table: Entry, suffix: str, column: str | None) -> Iterator[Row]:
    """The rows of one Parquet file, by its footer and its columns of names; no bytes are read."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.below(table.name), filesystem=source.system) as opened:
            column = _column(opened.schema_arrow, column, table.name)
            is_uri = pa.types.is_string(opened.schema_arrow.field(column).type) or pa.types.is_large_string(
                opened.schema_arrow.field(column).type
            )
            names = [name for name in NAME_COLUMNS if name in opened.schema_arrow.names][:1]
            number = 0
            for group in range(opened.num_row_groups):
                wanted = [*names, *([column] if is_uri else [])]
                count = opened.metadata.row_group(group).num_rows
                read = opened.read_row_group(group, wanted).to_pydict() if wanted else {}
                for row in range(count):
                    uri = str(read[column][row]) if is_uri else f"{table.name}#{number}"
                    usual = _name(uri) if is_uri else _numbered(table.name, number)
                    output = _inside(str(read[names[0]][row]) if names else usual) + suffix
                    found = Row(uri, output, table.size, table.mtime_ns)
                    yield (
                        found
                        if is_uri
                        else replace(found, file=table.name, group=group, row=row, column=column)
                    )
                    number += 1
    except (pa.ArrowException, OSError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"'{table.name}' is no whole Parquet file: {first}; fix: write it again") from error


def read_group(source: Place, file: str, group: int, column: str) -> list[bytes | None]:
    """The pictures of one row group."""
    from pyarrow import parquet

    with parquet.ParquetFile(source.below(file), filesystem=source.system) as opened:
        values: list[Any] = opened.read_row_group(group, [column]).column(0).to_pylist()
    return [value["bytes"] if isinstance(value, dict) else value for value in values]


def _column(schema: Any, asked: str | None, file: str) -> str:
    wanted = (asked,) if asked else (*BYTES_COLUMNS, *URI_COLUMNS)
    for name in wanted:
        if name in schema.names:
            return name
    raise UsageError(
        f"'{file}' has the columns {', '.join(schema.names)}; expected one of {', '.join(wanted)}; "
        "fix: say which with --column"
    )


def _name(uri: str) -> str:
    """A URI's path, without its scheme and its ending."""
    return os.path.splitext(uri.rpartition("://")[2].split("?")[0].lstrip("/"))[0]


def _inside(name: str) -> str:
    """A name that stays below the destination, whatever a table says."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    return "/".join("_" if part == ".." else part for part in parts) or "_"


def _numbered(file: str, number: int) -> str:
    return f"{os.path.splitext(file)[0]}-{number:08d}"
