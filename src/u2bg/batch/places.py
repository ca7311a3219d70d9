"""Folders anywhere: a path, or a URI that PyArrow or fsspec knows (`s3://`, `gs://`, `hdfs://`, `abfs://`, …)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from u2bg.errors import CannotWrite, MissingExtra, SourceMissing, UsageError
from u2bg.files import replacing


class Entry(NamedTuple):
    """A file below a place: its path from there on, its bytes, and when it was changed (ns; 0 where nobody knows)."""

    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Place:
    """A folder by its path or URI. It travels between machines as its URI; each opens it for itself.

    Attributes:
        uri: as it was given; a local path is made absolute.
    """

    uri: str

    @classmethod
    def of(cls, given: str) -> Place:
        """A place as people write it."""
        return cls(given.rstrip("/") if "://" in given else os.path.abspath(given))

    def below(self, name: str) -> str:
        """The path of something in it, as the file system wants it."""
        return f"{self._opened[1].rstrip('/')}/{name}".rstrip("/")

    def split(self) -> tuple[Place, str]:
        """The place that a file is in, and its name there."""
        path, mark, query = self.uri.partition("?")
        parent, _, name = path.rpartition("/")
        return Place(parent + mark + query), name

    def entries(self) -> Iterator[Entry]:
        """Every file below, hidden ones left out; nothing where there is no such folder.

        Raises:
            SourceMissing: it cannot be listed.
        """
        from pyarrow import fs

        base = self._opened[1].rstrip("/") + "/"
        with self._told("list"):
            found = self.system.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
        for one in found:
            name = one.path.removeprefix(base)
            if one.type == fs.FileType.File and not any(part.startswith(".") for part in name.split("/")):
                yield Entry(name, one.size or 0, one.mtime_ns or 0)

    def is_file(self) -> bool:
        """Whether it is a single file, not a folder."""
        from pyarrow import fs

        with self._told("read"):
            return bool(self.system.get_file_info(self._opened[1]).type == fs.FileType.File)

    def read(self, name: str = "") -> bytes:
        """The bytes of a file in it, or of itself.

        Raises:
            SourceMissing: it cannot be read.
        """
        with (
            self._told("read", name),
            self.system.open_input_stream(self.below(name), compression=None) as file,
        ):
            return bytes(file.read())

    def write(self, name: str, content: bytes, mark: str = "") -> None:
        """Make a file in it, whole or not at all: object stores have no other way, and disks rename.

        Raises:
            CannotWrite: with the reason.
        """
        from pyarrow import fs

        path = self.below(name)
        if isinstance(self.system, fs.LocalFileSystem):
            with replacing(Path(path), make_folder=True, mark=mark) as part:
                part.write_bytes(content)
            return
        try:
            self.system.create_dir(os.path.dirname(path), recursive=True)
            with self.system.open_output_stream(path, compression=None) as file:
                file.write(content)
        except OSError as error:
            raise CannotWrite(f"cannot write '{name}' in '{self.uri}': {_first_line(error)}") from error

    @property
    def system(self) -> Any:
        """The file system, a `pyarrow.fs.FileSystem`."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """(file system, path in it).

        Raises:
            UsageError: no such file system.
        """
        try:
            from pyarrow import fs
        except ImportError as error:
            raise MissingExtra("a batch", "batch") from error
        if "://" not in self.uri:
            return fs.LocalFileSystem(), self.uri
        try:
            system, path = fs.FileSystem.from_uri(self.uri)
        except (OSError, ValueError):
            return self._by_fsspec()
        return system, path

    def _by_fsspec(self) -> tuple[Any, str]:
        """What PyArrow does not know by itself."""
        import fsspec
        from pyarrow import fs

        try:
            system, path = fsspec.core.url_to_fs(self.uri)
        except (ImportError, ValueError, OSError) as error:
            raise UsageError(
                f"'{self.uri}' cannot be opened: {_first_line(error)}; fix: a path, or a URI such as s3://bucket/folder"
            ) from error
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path

    def __getstate__(self) -> dict[str, Any]:
        return {"uri": self.uri}

    @contextlib.contextmanager
    def _told(self, verb: str, name: str = "") -> Iterator[None]:
        what = f"'{name}' in '{self.uri}'" if name else f"'{self.uri}'"
        try:
            yield
        except OSError as error:
            raise SourceMissing(
                f"cannot {verb} {what}: {_first_line(error)}; fix: check the name and the rights"
            ) from error


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
