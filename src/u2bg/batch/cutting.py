"""One picture from its file to the file of its cut-out; whatever goes wrong with it is told in its outcome."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

from u2bg.batch.job import Job, Outcome
from u2bg.errors import OutputExists, U2bgError

log = logging.getLogger(__name__)

_NO_USE_GOING_ON = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def attempt(job: Job, cut: Callable[[Outcome], None]) -> Outcome:
    """Cut a picture and write it.

    Args:
        job: the picture.
        cut: does it, and tells the outcome what it learns.

    Raises:
        CannotWrite: the disk is full, and the next picture would fare no better.
    """
    outcome = Outcome(str(job.source), str(job.output))
    try:
        cut(outcome)
    except U2bgError as error:
        if getattr(error.__cause__, "errno", None) in _NO_USE_GOING_ON:
            raise
        outcome.fail(str(error), error.exit_code)
    except MemoryError:
        outcome.fail(
            f"'{job.source}' needs more memory than there is; fix: lower --max-pixels or scale it down", 1
        )
    except Exception as error:
        # A fault of ours; nothing that one picture does may stop a million others.
        log.debug("cutting '%s'", job.source, exc_info=True)
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        outcome.fail(f"'{job.source}' cannot be cut: {said}; this is a fault of u2bg: please report it", 1)
    outcome.clock()
    return outcome


def refuse_overwriting(job: Job, *, overwrite: bool) -> None:
    """Leave what is already there.

    Raises:
        OutputExists: the output is the photo itself, or it is there and may not be replaced.
    """
    if not os.path.exists(job.output):  # Path.exists raises where it may not look
        return
    if os.path.exists(job.source) and job.output.samefile(job.source):
        raise OutputExists(f"'{job.output}' is the photo itself; fix: choose another output")
    if not overwrite:
        raise OutputExists(f"'{job.output}' is already there; fix: --overwrite, or choose another output")


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and see it on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
