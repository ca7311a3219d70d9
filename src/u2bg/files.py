"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from u2bg.errors import CannotWrite

_REASONS = {
    errno.ENOSPC: "the disk is full; fix: free some space",
    errno.EDQUOT: "the disk quota is used up; fix: free some space",
    errno.EFBIG: "the file would be larger than this system allows; fix: raise the file size limit",
    errno.EACCES: "the folder may not be written to; fix: choose another folder or its permissions",
    errno.EPERM: "the folder may not be written to; fix: choose another folder or its permissions",
    errno.EROFS: "the folder is read-only; fix: choose another folder",
    errno.ENOENT: "its folder does not exist; fix: create it first",
    errno.ENOTDIR: "its folder is a file; fix: choose another folder",
    errno.EISDIR: "it is a folder; fix: name a file",
    errno.ENAMETOOLONG: "its name is too long; fix: choose a shorter one",
}


@contextlib.contextmanager
def replacing(path: Path, *, make_folder: bool = False, mark: str = "") -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, it takes the place of `path` at once.

    When the block fails, or is interrupted, the temporary file is removed and `path` is as it was.

    Args:
        path: the file to make or to replace.
        make_folder: make its folder too, where there is none.
        mark: stands in the temporary name, `.NAME.MARK….part`, for who has to know his own after a crash.

    Raises:
        CannotWrite: with the reason and its fix, for whatever the operating system refuses.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name[:80]}.{mark}{os.urandom(4).hex()}.part")
        part.open("xb").close()
        try:
            yield part
            if path.exists():
                part.chmod(path.stat().st_mode & 0o777)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: OSError) -> CannotWrite:
    """What the operating system refused, with the reason and its fix."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return CannotWrite(f"cannot write '{path}': {reason}")
