"""Folders: which files are pictures, and which output each of them will write."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from u2bg.errors import SourceMissing, UsageError
from u2bg.imaging.formats import READ_SUFFIXES, SIGNATURE_BYTES, recognise


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to cut: where it is, and where its cut-out goes."""

    source: Path
    output: Path


def plan_folder(folder: Path, output: Path, suffix: str) -> list[Job]:
    """Every picture under `folder` to `output`/same/sub/folders/NAME`suffix`, sorted.

    Raises:
        UsageError: two pictures would write one file, or there is no picture at all.
    """
    jobs = [
        Job(source, output / source.relative_to(folder).with_suffix(suffix))
        for source in find_pictures(folder, output)
    ]
    if not jobs:
        raise UsageError(f"no pictures under '{folder}'; fix: name a folder with photos in it")
    check_collisions(jobs)
    return jobs


def find_pictures(folder: Path, leave_out: Path) -> Iterator[Path]:
    """Every picture under `folder`, sorted by path; hidden files and the folder `leave_out` are passed over.

    A picture is a file that is named like one or begins like one: a misnamed photo is cut, and a broken file
    named `.jpg` is tried and reported, not passed over in silence.
    """
    leave_out = leave_out.resolve()
    for place, folders, names in os.walk(folder, onerror=_refuse):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and ((here / name).resolve() != leave_out or folder == leave_out)
        )
        for name in sorted(names):
            path = here / name
            if not name.startswith(".") and (path.suffix.lower() in READ_SUFFIXES or _begins_like_one(path)):
                yield path


def check_collisions(jobs: Sequence[Job]) -> None:
    """Refuse a plan in which two inputs would write one output, or an output is itself an input.

    Raises:
        UsageError: with the pictures that collide.
    """
    writers = defaultdict(list)
    for job in jobs:
        writers[os.path.normcase(os.path.abspath(job.output))].append(job.source)
    for output, sources in writers.items():
        if len(sources) > 1:
            names = ", ".join(f"'{source}'" for source in sources)
            raise UsageError(
                f"{len(sources)} pictures would write '{output}': {names}; "
                "nothing was written; fix: rename all but one, or cut them into different folders"
            )
    inputs = {job.source.resolve() for job in jobs}
    for job in jobs:
        if job.output.resolve() in inputs:
            raise UsageError(
                f"'{job.output}' would be written over a picture that is to be cut; nothing was written; "
                "fix: choose another output folder"
            )


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed is not passed over in silence."""
    raise SourceMissing(
        f"cannot list the folder '{error.filename}': {error.strerror}; fix: its permissions, or name another"
    ) from error


def _begins_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return recognise(file.read(SIGNATURE_BYTES)) is not None
    except OSError:  # a file that is not named like a picture and cannot be opened is none of ours
        return False
