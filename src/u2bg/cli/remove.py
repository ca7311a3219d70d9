"""`u2bg remove`: photos in, cut-outs out."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from u2bg import imaging
from u2bg.batch.budget import Budget, pixels_of
from u2bg.batch.cutting import attempt, refuse_overwriting
from u2bg.batch.folder import side_by_side
from u2bg.batch.job import Job, Outcome
from u2bg.batch.listing import check_collisions
from u2bg.batch.order import Order
from u2bg.cli.animation import Maker
from u2bg.cli.options import Asked, cutting
from u2bg.cli.outcomes import Tally, shown
from u2bg.cores import shared_by, usable_cores
from u2bg.errors import SourceMissing, UsageError
from u2bg.files import replacing
from u2bg.imaging import Photo
from u2bg.video.animation import GIF

NO_SUBJECT = 4
STREAM = Path("-")


@click.command(name="remove")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", metavar="PATH", help="File or folder to write; - for stdout.")
@cutting
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a picture on stdout.")
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Photos cut at once.  [default: the cores]"
)
@click.option(
    "--resume/--no-resume",
    default=None,
    help="Leave what is done and unchanged in a folder, or cut it again.  [default: leave it]",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="Write a page about a folder's cut-outs, the doubtful ones first.",
)
@click.option("--watch", is_flag=True, help="Go on with pictures as they arrive in the folder, until Ctrl-C.")
def command(
    sources: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    as_json: bool,
    jobs: int | None,
    resume: bool | None,
    report: Path | None,
    watch: bool,
    **asked: Any,
) -> int:
    """Cut the subject out of photos. Inputs are never changed, outputs are whole or not there.

    Of a folder, a manifest beside the cut-outs has an account of every picture, and the same command goes on where it
    was stopped, by Ctrl-C or a crash: what is done and unchanged is left alone.

    \b
    Examples:
      u2bg remove photo.jpg                    writes photo.cutout.png beside it
      u2bg remove photo.jpg -o out.webp        the kind of file by its name
      u2bg remove a.jpg b.jpg -o cutouts/      writes cutouts/a.cutout.png and cutouts/b.cutout.png
      u2bg remove photos/ -o cutouts/          every picture under photos/, subfolders kept
      u2bg remove photos/ -o cutouts/ --report report.html
      u2bg remove - -o - < in.jpg > out.png    from stdin to stdout
      u2bg remove photo.jpg --background white --format jpg

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 some of several failed, 4 the picture has no subject
    (its file is written all the same).
    """
    how = Asked(**asked)
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and os.path.isdir(paths[0]):
        from u2bg.cli.folder import Ways, cut_folder

        ways = Ways(jobs or usable_cores(), resume is not False, overwrite, watch, report, as_json)
        return cut_folder(paths[0], _folder(paths[0], output), how, ways)
    for name, given in (("--resume", resume is not None), ("--report", report), ("--watch", watch)):
        if given:
            raise UsageError(f"{name} is about a folder of photos; fix: name one folder, and nothing else")
    suffix = Path(output).suffix if output and not _is_folder(output) else ""
    to_gif = len(paths) == 1 and suffix.lower() == GIF.suffixes[0]  # animations alone are written as one
    order = replace(how.order(), kind=GIF) if to_gif else how.order(suffix)
    if len(paths) == 1:
        job = Job(paths[0], _single_output(paths[0], output, order))
        if as_json and job.output == STREAM:
            raise UsageError("stdout cannot carry both the picture and --json; fix: name an output file")
        with ThreadPoolExecutor(1) as ahead:  # the photo is decoded while the network is loaded
            photo = None if job.source == STREAM else ahead.submit(imaging.read, job.source, how.max_pixels)
            make = Maker(how.remover(), order, how.max_pixels)
            outcome = _cut(job, make, overwrite=overwrite, photo=photo)
        return _tell(outcome, as_json)
    planned = _plan(paths, output, order)
    return _several(planned, order, how, jobs or usable_cores(), overwrite=overwrite, as_json=as_json)


def _folder(source: Path, output: str | None) -> Path:
    """Where the cut-outs of a folder go."""
    if output is None or output == "-":
        raise UsageError(f"'{source}' is a folder; fix: say where its cut-outs go with -o FOLDER")
    if os.path.exists(output) and not os.path.isdir(output):
        raise UsageError(f"'{output}' is a file; expected a folder for the cut-outs; fix: choose another -o")
    return Path(output)


def _plan(sources: list[Path], output: str | None, order: Order) -> list[Job]:
    """Which of several files goes to which output."""
    if output is not None and not _is_folder(output):
        raise UsageError(
            f"several pictures cannot go to one file '{output}'; fix: name a folder, '{output}/'"
        )
    folders = [source for source in sources if os.path.isdir(source) or source == STREAM]
    if folders:
        raise UsageError(f"'{folders[0]}' among several sources; expected files; fix: give it alone")
    jobs = [Job(source, _beside(source, output, order)) for source in sources]
    check_collisions(jobs)
    return jobs


def _single_output(source: Path, output: str | None, order: Order) -> Path:
    """The output of one picture: what was asked for, else beside it, or stdout for stdin."""
    if output == "-" or (output is None and source == STREAM):
        if sys.stdout.isatty():
            raise UsageError("stdout is a terminal; fix: redirect it (> out.png), or name a file with -o")
        return STREAM
    if output is None or (_is_folder(output) and source != STREAM):
        return _beside(source, output, order)
    if _is_folder(output):
        raise UsageError(f"stdin has no name to use in '{output}'; fix: name a file with -o")
    return Path(output)


def _beside(source: Path, folder: str | None, order: Order) -> Path:
    """NAME.cutout.png in the folder, or beside the photo."""
    return (Path(folder) if folder else source.parent) / (source.stem + order.suffix)


def _is_folder(output: str) -> bool:
    return output.endswith(("/", "\\")) or os.path.isdir(output)


def _several(
    jobs: Sequence[Job], order: Order, how: Asked, workers: int, *, overwrite: bool, as_json: bool
) -> int:
    """Several files, side by side; the exit code."""
    with shared_by(workers):
        make = Maker(how.remover(), order, how.max_pixels)
    budget = Budget()

    def work(job: Job) -> Outcome:
        with shared_by(workers), budget.hold(pixels_of(job.source)):
            return _cut(job, make, overwrite=overwrite, make_folder=True)

    tally = Tally()
    for outcome in shown(side_by_side(work, jobs, workers), len(jobs)):
        tally.add(outcome)
        if as_json:
            click.echo(outcome.line())
    tally.tell()
    return tally.exit_code


def _cut(
    job: Job,
    make: Maker,
    *,
    overwrite: bool,
    make_folder: bool = False,
    photo: Future[Photo] | None = None,
) -> Outcome:
    """Cut one picture and write it; whatever goes wrong with it is told in the outcome."""

    def cut(outcome: Outcome) -> None:
        if job.output != STREAM:
            refuse_overwriting(job, overwrite=overwrite)
        # First: a picture that cannot be encoded touches no file.
        content = make(_stdin() if job.source == STREAM else job.source, outcome, photo)
        if job.output == STREAM:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
            return
        with replacing(job.output, make_folder=make_folder) as part:
            part.write_bytes(content)

    return attempt(job, cut)


def _stdin() -> bytes:
    if sys.stdin.isatty():
        raise SourceMissing("stdin is a terminal; fix: pipe a picture into it (< in.jpg), or name a file")
    return sys.stdin.buffer.read()


def _tell(outcome: Outcome, as_json: bool) -> int:
    """The end of a single picture: its file on stdout, or its trouble on stderr; and the exit code."""
    if as_json:
        click.echo(outcome.line())
    if outcome.error:
        click.echo(f"u2bg: {outcome.error}", err=True)
        return outcome.exit_code
    if outcome.subject is False:
        click.echo(f"u2bg: no subject in '{outcome.path}' (confidence {outcome.confidence:.2f})", err=True)
    if not as_json and outcome.output != str(STREAM):
        click.echo(outcome.output)
    return 0 if outcome.subject else NO_SUBJECT
