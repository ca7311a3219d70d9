"""`u2bg remove FOLDER`: every picture under a folder, what is done left alone, and an account of all of them."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from u2bg.batch.folder import FolderRun
from u2bg.batch.listing import Folder
from u2bg.batch.manifest import Manifest
from u2bg.batch.order import fingerprint
from u2bg.batch.watch import arrivals
from u2bg.cli.animation import Maker
from u2bg.cli.options import Asked
from u2bg.cli.outcomes import Tally, shown
from u2bg.cores import shared_by
from u2bg.errors import U2bgError

if TYPE_CHECKING:
    from u2bg.batch.job import Outcome

_TOLD_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Ways:
    """How a folder is gone through."""

    jobs: int
    resume: bool
    overwrite: bool
    watch: bool
    report: Path | None
    as_json: bool


def cut_folder(source: Path, output: Path, asked: Asked, ways: Ways) -> int:
    """Plan, cut, account; the exit code."""
    order = asked.order()
    if not ways.watch:
        _looking(0)
    manifest = Manifest(output, source)
    folder = Folder(source, output, order.kind.suffixes[0], manifest.owns)
    if ways.report:
        from u2bg.batch.report import check_page

        check_page(ways.report)
    count = None if ways.watch else _count(folder)
    with shared_by(ways.jobs):
        make = Maker(asked.remover(), order, asked.max_pixels)
    options = fingerprint(order, asked.options(), asked.model)
    manifest.begin(options, model=asked.model, jobs=ways.jobs)
    run = FolderRun(make, manifest, workers=ways.jobs, resume=ways.resume, overwrite=ways.overwrite)
    tally = Tally(manifest.path.name)
    try:
        with _ended_by_term():
            _go(run(arrivals(folder) if ways.watch else folder.listed()), tally, count, ways)
    except KeyboardInterrupt:
        tally.tell()
        if not ways.watch:
            click.echo("u2bg: what is done is kept; the same command goes on from here", err=True)
            raise
    except U2bgError:
        tally.tell()
        raise
    else:
        tally.tell()
    finally:
        manifest.close()
    if ways.report:
        _report(manifest, source, ways.report)
    return tally.exit_code


def _go(outcomes: Iterable[Outcome], tally: Tally, count: int | None, ways: Ways) -> None:
    if ways.watch:
        click.echo("u2bg: watching; Ctrl-C ends it", err=True)
    for outcome in shown(outcomes, count):
        tally.add(outcome)
        if ways.as_json and not outcome.skipped:
            click.echo(outcome.line())


def _count(folder: Folder) -> int:
    """How many pictures there are, told while they are counted; or the reason why nothing can be written."""
    count, told = 0, time.monotonic()
    try:
        for count in folder.checked():
            if time.monotonic() - told > _TOLD_EVERY_S:
                told = time.monotonic()
                _looking(count)
    finally:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
    return count


def _looking(count: int) -> None:
    """News for who sits before a terminal, from the first moment on."""
    if sys.stderr.isatty():
        click.echo(f"\rlooking: {count} pictures", nl=False, err=True)


def _report(manifest: Manifest, source: Path, page: Path) -> None:
    from u2bg.batch.report import write_report

    write_report(manifest.path, source, page)
    click.echo(f"report: {page}", err=True)


@contextlib.contextmanager
def _ended_by_term() -> Iterator[None]:
    """Who is told to stop by the system (a service, a container) ends as by Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, kept)
