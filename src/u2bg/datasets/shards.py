"""Shards: uncompressed tar files of already compressed pictures, and an index in JSON. No Python objects.

OUT/index.json             what there is: form, sizes, confidence of the teacher, and what was left out and why
OUT/shard-000.tar          FOLDER/NAME.image.webp, FOLDER/NAME.mask.webp, FOLDER/NAME.teacher.webp, …
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from u2bg.errors import InputError, SourceMissing
from u2bg.files import replacing

INDEX = "index.json"
FORMAT = "u2bg shards 1"
LIMIT_BYTES = 48 * 2**20

PARTS = ("image", "mask", "teacher")


@dataclass(frozen=True, slots=True)
class Row:
    """A picture of the index.

    Attributes:
        key: `folder/name`. form: pair, cutout or photo. shard: the file that holds it.
        width, height: of the stored image. confidence: how sure the teacher is of its map, 0..1, or None.
    """

    key: str
    form: str
    shard: str
    width: int
    height: int
    confidence: float | None = None

    @property
    def folder(self) -> str:
        """The folder it came from, relative to DATA."""
        return self.key.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Index:
    """What `index.json` says."""

    rows: tuple[Row, ...]
    teacher: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)


class Writer:
    """Fills shards one after the other; each is whole on the disk or not there at all."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder, self._limit = folder, limit_bytes
        self._members: list[tuple[str, bytes]] = []
        self._bytes = 2 * tarfile.BLOCKSIZE
        self._count = 0

    def add(self, key: str, parts: dict[str, bytes]) -> str:
        """Take a picture's compressed parts; the name of the shard that will hold it."""
        # pax headers for long or foreign names take up to three blocks more.
        needed = sum(len(content) + 5 * tarfile.BLOCKSIZE for content in parts.values())
        if self._members and self._bytes + needed > self._limit:
            self.flush()
        self._bytes += needed
        self._members += [(f"{key}.{part}.webp", content) for part, content in parts.items()]
        return self._name()

    def flush(self) -> None:
        """Write what is gathered, if anything."""
        if not self._members:
            return
        with (
            replacing(self._folder / self._name(), make_folder=True) as part,
            tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as shard,
        ):
            for name, content in self._members:
                member = tarfile.TarInfo(name)  # its time, owner and rights stay zero: same input, same bytes
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
        self._members, self._bytes, self._count = [], 2 * tarfile.BLOCKSIZE, self._count + 1

    def _name(self) -> str:
        return f"shard-{self._count:03d}.tar"


def write_index(folder: Path, index: Index) -> None:
    """Write `index.json`, whole or not at all; last, so that an index means that all shards are there."""
    content = {
        "format": FORMAT,
        "teacher": index.teacher,
        "pictures": [asdict(row) for row in index.rows],
        "left_out": index.left_out,
    }
    with replacing(folder / INDEX, make_folder=True) as part:
        part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def is_packed(folder: Path) -> bool:
    """Whether a folder was made by `u2bg pack`."""
    return (folder / INDEX).is_file()


def read_index(folder: Path) -> Index:
    """What `index.json` says, less the pictures whose shard is not here: a part of the shards may travel alone.

    Raises:
        SourceMissing: there is none. InputError: it is damaged, or none of its shards is here.
    """
    path = folder / INDEX
    if not path.is_file():
        raise SourceMissing(f"no '{path}'; expected a folder made by u2bg pack; fix: u2bg pack DATA {folder}")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(f"'{path}' is of the format {content['format']!r}; expected {FORMAT!r}")
        rows = tuple(Row(**row) for row in content["pictures"])
        index = Index(rows, content["teacher"], dict(content["left_out"]))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"'{path}' is damaged; expected what u2bg pack writes; fix: pack again") from error
    here = tuple(row for row in index.rows if (folder / row.shard).is_file())
    if not here:
        raise InputError(f"none of the shards of '{path}' is here; expected shard-000.tar beside it")
    return Index(here, index.teacher, index.left_out)


def read_parts(folder: Path, index: Index) -> Iterator[tuple[Row, dict[str, bytes]]]:
    """Each picture of the index with its compressed parts, shard by shard.

    Raises:
        InputError: a shard is damaged, or is not what the index says.
    """
    for shard in dict.fromkeys(row.shard for row in index.rows):
        content = _read_shard(folder / shard)
        for row in (row for row in index.rows if row.shard == shard):
            parts = {part: content.get(f"{row.key}.{part}.webp") for part in PARTS}
            if parts["image"] is None:
                raise InputError(
                    f"'{folder / shard}' lacks {row.key}; expected it by the index; fix: pack again"
                )
            yield row, {part: found for part, found in parts.items() if found is not None}


def _read_shard(path: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(path, "r:") as shard:
            files = ((member.name, shard.extractfile(member)) for member in shard)
            return {name: file.read() for name, file in files if file is not None}
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"'{path}' is damaged or cut short: {error}; fix: copy or pack it again") from error
