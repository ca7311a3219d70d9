"""The page that holds a report together: one file, no scripts, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape

import u2bg
from u2bg.evaluation.document import Evaluation
from u2bg.evaluation.metrics import BACKGROUND_METRICS, METRICS, Metric
from u2bg.evaluation.report.worst import Strip
from u2bg.evaluation.sets import Unscored
from u2bg.evaluation.summary import Estimate, Row
from u2bg.pages import STYLE

GENERATOR = "u2bg evaluate"

_CAPTIONS = {
    "precision-recall.svg": "Precision and recall at 256 thresholds, averaged over pictures; dots: greatest F.",
    "f-threshold.svg": "F over the threshold, by both definitions; dots: the greatest.",
    "calibration.svg": "Is the confidence true? Measured IoU of pictures of like confidence; numbers: pictures. "
    "Below the dashed line the model is surer than it should be.",
}

_STYLE = (
    STYLE
    + """\
p, figcaption, small { color: var(--pale); } code { overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td.words { text-align: left; }
td.words { white-space: normal; color: var(--pale); }
td small, th small { display: block; font-weight: 400; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; padding: .8rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--box); }
.figures figure { flex: 1 1 26rem; max-width: 36rem; }
figure svg, figure img { display: block; width: 100%; height: auto; }
.worst { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
"""
)


def render(evaluation: Evaluation, figures: Mapping[str, str], strips: Sequence[Strip]) -> str:
    """The page's HTML, with the figures and the worst pictures inside it."""
    summary = evaluation.summary
    pairs = [row for row in (*summary.sets, *summary.groups, summary.overall) if row and row.kind == "pairs"]
    empty = [
        row
        for row in (*summary.sets, *summary.groups, summary.overall_backgrounds)
        if row and row.kind == "backgrounds"
    ]
    sections = [
        _head(evaluation),
        _table("Scores", pairs, METRICS),
        _table("Backgrounds: pictures without a subject", empty, BACKGROUND_METRICS),
        _figures(figures, evaluation.calibration.error),
        _worst(strips),
        _unscored(evaluation.answers.unscored),
        _meanings([*(METRICS if pairs else ()), *(BACKGROUND_METRICS if empty else ())]),
    ]
    title = escape(f"{evaluation.model}: evaluation")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{GENERATOR}">\n<title>{title}</title>\n<style>{_STYLE}</style>\n'
        "</head>\n<body>\n" + "\n".join(filter(None, sections)) + "\n</body>\n</html>\n"
    )


def _head(evaluation: Evaluation) -> str:
    answers = evaluation.answers
    counts = f"{len(answers.scored)} pictures scored, {len(answers.unscored)} left out"
    return (
        f"<h1>{escape(evaluation.model)}</h1>\n<p>{counts}; u2bg {u2bg.__version__}, through the shipped path: "
        f"the mask that <code>u2bg remove --mask</code> writes.<br>SHA-256 <code>{evaluation.sha256}</code></p>"
    )


def _table(title: str, rows: Sequence[Row], metrics: Sequence[Metric]) -> str:
    """A row for each metric, a column for each set, intervals below the values."""
    if not rows:
        return ""
    shown = rows[:1] if len(rows) == 2 else rows  # a single set is all there is
    heads = "".join(f"<th>{escape(row.name)}<small>{row.pictures} pictures</small></th>" for row in shown)
    lines = [f"<tr><th>score</th>{heads}</tr>"]
    for one in metrics:
        cells = "".join(f"<td>{_estimate(row.scores[one.key])}</td>" for row in shown)
        arrow = "↓" if one.better == "lower" else "↑"
        lines.append(f'<tr><th title="{escape(one.about)}">{escape(one.name)} {arrow}</th>{cells}</tr>')
    note = "Below each value its 95 % bootstrap interval over pictures. ↓ the lower the better, ↑ the higher."
    table = "\n".join(lines)
    return f'<h2>{escape(title)}</h2>\n<p>{note}</p>\n<div class="wide"><table>\n{table}\n</table></div>'


def _estimate(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "–"
    return f"{estimate.value:.4f}<small>{estimate.low:.4f} – {estimate.high:.4f}</small>"


def _figures(figures: Mapping[str, str], calibration_error: float) -> str:
    if not figures:
        return ""
    drawn = []
    for name, svg in figures.items():
        more = f" Mean gap: {calibration_error:.3f}." if name == "calibration.svg" else ""
        caption = f"<figcaption>{escape(_CAPTIONS[name] + more)}</figcaption>"
        drawn.append(f"<figure>\n{svg}{caption}\n</figure>")
    return '<h2>Curves</h2>\n<div class="figures">\n' + "\n".join(drawn) + "\n</div>"


def _worst(strips: Sequence[Strip]) -> str:
    if not strips:
        return ""
    shown = [_shown(rank, strip) for rank, strip in enumerate(strips, 1)]
    return (
        f"<h2>The worst {len(strips)}, by raw MAE</h2>\n<p>Picture, truth, mask. Also one sheet: worst.webp.</p>\n"
        '<div class="worst">\n' + "\n".join(shown) + "\n</div>"
    )


def _shown(rank: int, strip: Strip) -> str:
    answer = strip.answer
    name = escape(answer.picture.name)
    overlap = f", IoU {answer.scores.iou:.3f}" if answer.scores and not answer.truth_is_empty else ""
    numbers = f"MAE {answer.mae:.4f}{overlap}, confidence {answer.confidence:.2f}"
    content = base64.b64encode(strip.webp()).decode()
    return (
        f'<figure><img loading="lazy" alt="{name}: picture, truth and mask" src="data:image/webp;base64,{content}">'
        f"<figcaption>{rank}. {name}<br>{numbers}</figcaption></figure>"
    )


def _unscored(unscored: Sequence[Unscored]) -> str:
    if not unscored:
        return ""
    lines = "\n".join(f"<li>{escape(one.name)}: {escape(one.error)}</li>" for one in unscored)
    return f"<h2>Left out</h2>\n<ul>\n{lines}\n</ul>"


def _meanings(metrics: Sequence[Metric]) -> str:
    lines = "\n".join(
        f'<tr><td>{escape(one.name)}</td><td>{one.better}</td><td class="words">{escape(one.about)}</td></tr>'
        for one in metrics
    )
    return (
        "<h2>What the numbers mean</h2>\n<p>The truth is mask &gt; 127. F, S, E and the stretched MAE are "
        'PySODMetrics\'.</p>\n<div class="wide"><table>\n<tr><th>score</th><th>better</th><th></th></tr>\n'
        f"{lines}\n</table></div>"
    )
