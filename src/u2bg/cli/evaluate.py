"""`u2bg evaluate`: pictures with known truth in, scores out."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from u2bg.cli.progress import pulling
from u2bg.files import replacing
from u2bg.saliency.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from u2bg.evaluation.document import Evaluation
    from u2bg.evaluation.evaluate import Answers
    from u2bg.evaluation.metrics import Metric
    from u2bg.evaluation.report import Worst
    from u2bg.evaluation.sets import PictureSet
    from u2bg.evaluation.summary import Estimate, Row

SOME_UNSCORED = 3
_LISTED = 20
_BRIEF = ("mae", "mae_stretched", "f_max_set", "f_weighted", "s", "e_mean", "boundary_iou", "has_subject")
"""The columns of the table of sets; all scores stand below it."""


@click.command(name="evaluate")
@click.argument("folders", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|FILE.onnx|RUN", help="The network."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option(
    "--report", metavar="DIR", type=click.Path(path_type=Path), help="Write a page with curves and pictures."
)
def command(folders: tuple[Path, ...], model: str, as_json: bool, report: Path | None) -> int:
    """Score a model on pictures whose truth is known, through the path that `u2bg remove --mask` takes.

    DATA is a folder with images/ and masks/ (the same names in both), or a folder of such folders. Without masks/ its
    pictures count as backgrounds, in which nothing is to be found. Truth is mask > 127. Needs u2bg[evaluate]. Of a RUN
    of u2bg train its best weights are scored; they are exported to RUN/best.onnx.

    \b
    Examples:
      u2bg evaluate sets/pascals                        a table of scores
      u2bg evaluate sets --model u2net --json           every set under sets/, as JSON
      u2bg evaluate sets --model my.onnx --report out   a page too, out/index.html
      u2bg evaluate sets --model runs/mine              what a run has come to so far

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 some pictures could not be scored (they are named and left out).
    """
    import numpy as np

    from u2bg.evaluation import report as reports
    from u2bg.evaluation.document import conclude, document
    from u2bg.evaluation.metrics import scorer
    from u2bg.evaluation.sets import find_sets
    from u2bg.evaluation.summary import SEED

    sets = find_sets(folders)
    model = _exported(Path(model)) if Path(model).is_dir() else model
    if report:
        reports.check_folder(report)
    scorer()
    worst = reports.Worst() if report else None
    answers = _answers(sets, model, worst)
    evaluation = conclude(model, answers, np.random.default_rng(SEED))
    if as_json:
        click.echo(json.dumps(document(evaluation), ensure_ascii=False, allow_nan=False))
    else:
        _show(evaluation)
    if report and worst and answers.scored:
        click.echo(f"report: {reports.write(evaluation, worst.strips, report)}", err=True)
    return _finish(answers)


def _exported(run: Path) -> str:
    """The best weights of a run as a file that the shipped path takes."""
    from u2bg.network import saving
    from u2bg.network.export import export
    from u2bg.training.trainer import BEST

    content, target = export(saving.read(run / BEST)), (run / BEST).with_suffix(".onnx")
    with replacing(target) as part:
        part.write_bytes(content)
    return str(target)


def _answers(sets: Sequence[PictureSet], model: str, worst: Worst | None) -> Answers:
    """Every picture of every set, under a bar."""
    from u2bg.evaluation.evaluate import evaluate
    from u2bg.pipeline import Options, Remover

    with pulling(model) as progress:
        remover = Remover(model, options=Options(foreground=False), progress=progress)  # alpha is the same
    pictures = [picture for one in sets for picture in one.pictures]
    with click.progressbar(pictures, label="scoring", file=sys.stderr, show_pos=True) as bar:
        answers = evaluate(bar, remover, worst)
    answers.unscored[:0] = [lost for one in sets for lost in one.unscored]
    return answers


def _show(evaluation: Evaluation) -> None:
    """A line for each set, then every score of all pictures with its interval."""
    from u2bg.evaluation.metrics import BACKGROUND_METRICS, METRICS

    summary = evaluation.summary
    brief = [metric for metric in METRICS if metric.key in _BRIEF]
    parts = ((summary.overall, brief, METRICS), (summary.overall_backgrounds, BACKGROUND_METRICS, ()))
    for overall, columns, listed in parts:
        if overall:
            rows = [row for row in (*summary.sets, *summary.groups) if row.kind == overall.kind]
            _table([*rows, overall] if len(rows) > 1 else rows, columns)
            click.echo()
            _intervals(overall, listed or columns)


def _table(rows: Sequence[Row], columns: Sequence[Metric]) -> None:
    lines = [["SET", "PICTURES", *(metric.name.upper() for metric in columns)]]
    for row in rows:
        scores = [_number(row.scores[metric.key].value) for metric in columns]
        lines.append([row.name, str(row.pictures), *scores])
    _align(lines)


def _intervals(row: Row, metrics: Sequence[Metric]) -> None:
    lines = [["SCORE", "VALUE", "95 % INTERVAL", "BETTER"]]
    for metric in metrics:
        found = row.scores[metric.key]
        lines.append([metric.name, _number(found.value), _span(found), metric.better])
    _align(lines)
    click.echo()


def _align(lines: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they need, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *cells in lines:
        right = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        click.echo(f"{first.ljust(widths[0])}  {right}".rstrip())


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def _span(found: Estimate) -> str:
    return f"{_number(found.low)} – {_number(found.high)}"


def _finish(answers: Answers) -> int:
    """The sum of it on stderr, with the pictures that were left out, and the exit code."""
    unscored = answers.unscored
    click.echo(f"{len(answers.scored)} scored, {len(unscored)} left out", err=True)
    for lost in unscored[:_LISTED]:
        click.echo(f"  left out: {lost.error}", err=True)
    if len(unscored) > _LISTED:
        click.echo(f"  left out: … and {len(unscored) - _LISTED} more (--json lists all)", err=True)
    if not unscored:
        return 0
    return SOME_UNSCORED if answers.scored else 1
