"""`u2bg train`: pictures and a recipe become weights."""

from __future__ import annotations

import contextlib
import math
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from u2bg.cli.progress import pulling
from u2bg.errors import UsageError

if TYPE_CHECKING:
    from u2bg.training.trainer import News

INTERRUPTED = 130
UNITS = {"s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[Any]):
    """`90s`, `20m` or `1.5h`, in seconds."""

    name = "time"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", str(value))
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no time; expected such as 90s, 20m or 1.5h", parameter, context)
        return float(found[1]) * UNITS[found[2]]


@click.command(short_help="Train a network on your own pictures.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="RUN", required=True, type=click.Path(path_type=Path), help="The run's folder."
)
@click.option("--recipe", metavar="FILE", type=click.Path(path_type=Path), help="What the run is made of.")
@click.option(
    "--from",
    "origin",
    metavar="MODEL|RUN|FILE",
    help="Begin with a model, a run, or .keras weights, not at random.",
)
@click.option("--time-budget", "budget_s", type=Duration(), help="Shape the run to the clock: 20m, 1.5h.")
@click.option("--pause-after", "pause_s", type=Duration(), help="Stop after this time; --resume goes on.")
@click.option("--resume", is_flag=True, help="Go on with the run in RUN, exactly.")
def command(
    data: Path,
    out: Path,
    recipe: Path | None,
    origin: str | None,
    budget_s: float | None,
    pause_s: float | None,
    resume: bool,
) -> None:
    """Train a network on your own pictures.

    DATA is a folder that u2bg pack made, or one that it could pack. RUN gets best.keras (u2bg export makes an ONNX
    file of it), last.npz, before-decay.npz, log.csv, curves.png, validation.webp and events for TensorBoard. Ctrl-C
    ends a run with a checkpoint; a second one ends it at once.

    \b
    Examples:
      u2bg train photos/ --recipe configs/lite.toml --from lite --out runs/mine
      u2bg train shards/ --recipe configs/lite.toml --from lite --out runs/night --time-budget 8h
      u2bg train shards/ --out runs/night --resume
      u2bg train shards/ --recipe configs/lite.toml --from runs/night --out runs/more

    \b
    Exit codes:
      0 done, or paused    1 it could not be done    2 wrong usage    130 interrupted, a checkpoint is kept
    """
    _check_usage(out, recipe, origin, resume)
    from u2bg.training import session

    with _asked_to_stop() as stop, contextlib.ExitStack() as stack:

        def pull(name: str) -> Any:
            return stack.enter_context(pulling(name))

        end, progress = session.train(
            session.Wish(data, out, recipe, origin, budget_s, pause_s, resume),
            stop=stop,
            tell=_show,
            pull=pull,
            say=lambda line: click.echo(line, err=True),
        )
    click.echo(f"{out}: {end} at step {progress.step:,}, {progress.images:,} pictures seen", err=True)
    if end != "done":
        click.echo(f"to go on: u2bg train {data} --out {out} --resume", err=True)
    if end == "stopped":
        raise click.exceptions.Exit(INTERRUPTED)


def _check_usage(out: Path, recipe: Path | None, origin: str | None, resume: bool) -> None:
    if resume and (recipe or origin):
        raise UsageError(
            "--resume goes on with the run's own recipe and state; fix: leave --recipe and --from out"
        )
    if not resume and recipe is None:
        raise UsageError("no recipe; expected --recipe FILE; fix: --recipe configs/lite.toml")


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; the second one counts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def note(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        click.echo("\nstopping after this step; a checkpoint will be kept", err=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _show(news: News) -> None:
    """One line of progress; on a screen it replaces the one before, unless it tells of a validation."""
    parts = [f"step {news.step:,} ({news.share:.0%})"]
    if news.scores:
        told = {"error": news.scores.error, "IoU": news.scores.iou, "empty": news.scores.empty}
        told |= {"from teacher": news.scores.taught}
        parts += [f"{name} {value:.4f}" for name, value in told.items() if value is not None]
    else:
        parts += [f"loss {news.loss:.4f}"] if math.isfinite(news.loss) else []
        parts += [f"{news.images_per_s:.1f} images/s", f"{_time(news.left_s)} left"]
    line = "  ".join(parts)
    screen = sys.stderr.isatty()
    click.echo(f"\r{line:<78}" if screen else line, err=True, nl=bool(news.scores) or not screen)


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
