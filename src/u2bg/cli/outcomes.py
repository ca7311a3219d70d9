"""What becomes of many pictures, told to people: a bar, the sum of it, and the ones that somebody should look at."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import click

from u2bg.batch.job import Outcome

SOME_FAILED = 3
_LISTED = 20
_STEPS = 1000
_EVERY_S = 10.0


@dataclass(slots=True)
class Tally:
    """Counts, and the first few pictures without a subject and with an error.

    Attributes:
        account: where all of them stand.
    """

    account: str = "--json"
    cut: int = 0
    skipped: int = 0
    empty: int = 0
    failed: int = 0
    _shown: dict[str, list[str]] = field(default_factory=lambda: {"no subject": [], "failed": []})
    _began: float = field(default_factory=time.perf_counter)

    def add(self, outcome: Outcome) -> None:
        """Count one picture."""
        if outcome.skipped:
            self.skipped += 1
        elif outcome.error:
            self.failed += 1
            self._show("failed", outcome.error)
        else:
            self.cut += 1
            if outcome.subject is False:
                self.empty += 1
                self._show("no subject", outcome.path)

    def tell(self) -> None:
        """The sum, on stderr."""
        seconds = time.perf_counter() - self._began
        before = f", {self.skipped} done before" if self.skipped else ""
        click.echo(
            f"{self.cut} cut in {seconds:.1f} s{before}, {self.empty} without a subject, {self.failed} failed",
            err=True,
        )
        for (title, shown), count in zip(self._shown.items(), (self.empty, self.failed), strict=True):
            for words in shown:
                click.echo(f"  {title}: {words}", err=True)
            if count > len(shown):
                click.echo(f"  {title}: … and {count - len(shown)} more ({self.account} lists all)", err=True)

    @property
    def exit_code(self) -> int:
        """0 done, 1 when nothing worked, 3 when some failed."""
        if not self.failed:
            return 0
        return SOME_FAILED if self.cut or self.skipped else 1

    def _show(self, title: str, words: str) -> None:
        if len(self._shown[title]) < _LISTED:
            self._shown[title].append(words)


def shown(outcomes: Iterable[Outcome], count: int | None) -> Iterator[Outcome]:
    """The same outcomes, under a bar on a terminal; in a log, a line now and then."""
    if count is None or not sys.stderr.isatty():
        yield from _lines(outcomes, count)
        return
    steps = max(1, count // _STEPS)
    with click.progressbar(
        outcomes, count, "cutting", file=sys.stderr, show_pos=True, update_min_steps=steps
    ) as bar:
        yield from bar


def _lines(outcomes: Iterable[Outcome], count: int | None) -> Iterator[Outcome]:
    began = told = time.monotonic()
    of = "" if count is None else f" of {count}"
    for number, outcome in enumerate(outcomes, 1):
        yield outcome
        now = time.monotonic()
        if now - told > _EVERY_S:
            told = now
            click.echo(f"u2bg: {number}{of}, {number / (now - began):.1f} a second", err=True)
