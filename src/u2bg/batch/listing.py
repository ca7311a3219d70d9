"""Folders: which files are pictures, and which output each of them will write. Listed as they are read, never held."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from u2bg.batch.job import Job
from u2bg.errors import SourceMissing, UsageError
from u2bg.imaging.formats import READ_SUFFIXES, SIGNATURE_BYTES, recognise


@dataclass(frozen=True, slots=True)
class Listed:
    """One folder: its pictures with their outputs, sorted, or the error that kept it shut."""

    place: Path
    jobs: Sequence[Job] = ()
    error: str | None = None


@dataclass(frozen=True)
class Folder:
    """Every picture under `source` to `output`/same/sub/folders/NAME`suffix`.

    Args:
        source: the folder to look through, with all that is below it; `output` is left out of it.
        output: where the cut-outs go.
        suffix: how their names end.
        is_output: tells files that an earlier run wrote, where `output` is `source` or lies above it.
    """

    source: Path
    output: Path
    suffix: str
    is_output: Callable[[Path], bool] = lambda _: False

    def listed(self) -> Iterator[Listed]:
        """Folder by folder, in the order of their paths; hidden files and folders are passed over.

        A picture is a file that is named like one or begins like one: a misnamed photo is cut, and a broken file
        named `.jpg` is tried and reported, not passed over in silence. A folder that cannot be listed is one too:
        it is told, and the others go on.

        Raises:
            SourceMissing: `source` itself cannot be listed.
        """
        leave_out = self.output.resolve()
        refused: list[OSError] = []
        for place, folders, names in os.walk(self.source, onerror=refused.append):
            here = Path(place)
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and ((here / name).resolve() != leave_out or self.source == self.output)
            )
            yield from map(self._shut, refused)
            refused.clear()
            yield Listed(here, self._jobs(here, sorted(names)))
        yield from map(self._shut, refused)

    def checked(self) -> Iterator[int]:
        """Walk once through everything before anything runs; gives the number of pictures found so far.

        Raises:
            UsageError: two pictures would write one file, or an output is itself a picture to be cut, or there is no
                picture at all.
            SourceMissing: as `listed`.
        """
        found = 0
        for listed in self.listed():
            found += len(listed.jobs)
            _check_writers(listed.jobs)
            self._check_inputs(listed.jobs)
            yield found
        if not found:
            raise UsageError(f"no pictures under '{self.source}'; fix: name a folder with photos in it")

    def _jobs(self, here: Path, names: Sequence[str]) -> list[Job]:
        """The pictures among the files of one folder. As few steps as can be: there may be millions."""
        there = self.output / here.relative_to(self.source)
        jobs = []
        for name in names:
            stem, ending = os.path.splitext(name)
            path = here / name
            picture = not name.startswith(".") and (ending.lower() in READ_SUFFIXES or _begins_like_one(path))
            if picture and not (self._mixed and self.is_output(path)):
                jobs.append(Job(path, there / (stem + self.suffix)))
        return jobs

    @cached_property
    def _mixed(self) -> bool:
        """Whether outputs lie among the inputs."""
        source, output = self.source.resolve(), self.output.resolve()
        return source == output or output in source.parents

    def _check_inputs(self, jobs: Sequence[Job]) -> None:
        """Where outputs lie among the inputs, none may take an input's place."""
        source = self.source.resolve()
        for job in jobs if self._mixed else ():
            there = os.path.lexists(job.output) and source in job.output.resolve().parents
            if there and not self.is_output(job.output):
                raise _over_an_input(job)

    def _shut(self, error: OSError) -> Listed:
        """A folder that cannot be listed."""
        said = f"cannot list the folder '{error.filename}': {error.strerror}; fix: its permissions, or name another"
        if os.fspath(error.filename) == os.fspath(self.source):
            raise SourceMissing(said) from error
        return Listed(Path(error.filename), error=said)


def check_collisions(jobs: Sequence[Job]) -> None:
    """Refuse a plan in which two inputs would write one output, or an output is itself an input.

    Raises:
        UsageError: with the pictures that collide.
    """
    _check_writers(jobs)
    inputs = {os.path.realpath(job.source) for job in jobs}
    for job in jobs:
        if os.path.realpath(job.output) in inputs:
            raise _over_an_input(job)


def _check_writers(jobs: Sequence[Job]) -> None:
    writers = defaultdict(list)
    for job in jobs:
        writers[os.path.normcase(os.path.normpath(job.output))].append(job.source)
    for output, sources in writers.items():
        if len(sources) > 1:
            names = ", ".join(f"'{source}'" for source in sources)
            raise UsageError(
                f"{len(sources)} pictures would write '{output}': {names}; "
                "nothing was written; fix: rename all but one, or cut them into different folders"
            )


def _over_an_input(job: Job) -> UsageError:
    return UsageError(
        f"'{job.output}' would be written over a picture that is to be cut; nothing was written; "
        "fix: choose another output folder"
    )


def _begins_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return recognise(file.read(SIGNATURE_BYTES)) is not None
    except OSError:  # a file that is not named like a picture and cannot be opened is none of ours
        return False
