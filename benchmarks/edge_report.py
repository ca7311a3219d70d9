"""Tables of `edges.py`, and the goals of the issue beside what was reached."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from edge_scores import CaseRow, Summary, ratio, summarise
from edge_times import TimeRow

Table = Mapping[str, CaseRow]
Colours = Mapping[str, Mapping[str, Mapping[str, float]]]

OURS = "ours auto"

_COLUMNS = ("SAD", "worst", "/bicubic", "grad", "/bicubic", "MSE", "bIoU", "± bIoU", "colour")
_UPSAMPLED = ("am", "am4", "amc", "syn1", "syn4", "syn12")


class Goal(NamedTuple):
    """One line of the issue: `value` is to be at most (or at least) `limit`; NaN where it was not measured."""

    text: str
    value: float
    limit: float
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        if math.isnan(self.value):
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def show_group(group: str, rows: Table, methods: Sequence[str]) -> None:
    """One group's table: mean ratios to bilinear, the worst SAD against both interpolations."""
    print(f"\n{group}, {len(rows)} cases")
    print(f"  {'':18}" + "".join(f"{name:>9}" for name in _COLUMNS) + "   worst case")
    for method in methods:
        summary = summarise(rows, method)
        if summary is None:
            print(f"  {method:18}        –")
            continue
        print(
            f"  {method:18}"
            + _line(summary)
            + ("" if summary.cases == len(rows) else f" ({summary.cases} cases)")
        )


def _line(summary: Summary) -> str:
    values = (
        summary.sad,
        summary.worst,
        summary.worst_bicubic,
        summary.grad,
        summary.worst_grad_bicubic,
        summary.mse,
        summary.biou,
    )
    shown = "".join(f"{value:9.2f}" for value in values)
    colour = f"{'–':>9}" if math.isnan(summary.colour) else f"{summary.colour:9.1f}"
    return f"{shown}{summary.biou_gain:+9.3f}{colour}   {summary.where}"


def show_colours(colours: Colours) -> None:
    """Mean errors of the colours in the band over new backgrounds, with the true alpha and with our own."""
    if not colours:
        return
    names = list(next(iter(next(iter(colours.values())).values())))
    print("\ncolour error in the band, 0..255: with the true alpha; with u2bg's own")
    print(f"  {'':8}" + "".join(f"{name:>17}" for name in names))
    for group, rows in colours.items():
        print(
            f"  {group:8}" + "".join(f"{_mean([row[name] for row in rows.values()]):17.2f}" for name in names)
        )


def summaries(tables: Mapping[str, Table], methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Every summary, for the result file."""
    found = {group: {method: summarise(rows, method) for method in methods} for group, rows in tables.items()}
    return {
        group: {method: plain(row._asdict()) for method, row in rows.items() if row}
        for group, rows in found.items()
    }


def all_scores(tables: Mapping[str, Table]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """The scores by group, case and method, for the result file."""
    return {
        group: {
            case: {method: plain(scores._asdict()) for method, scores in row.items()}
            for case, row in rows.items()
        }
        for group, rows in tables.items()
    }


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Values for JSON, which knows no NaN."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()
    }


def goals(
    tables: Mapping[str, Table], colours: Colours, rigid: set[str], times: Sequence[TimeRow]
) -> list[Goal]:
    """The issue's goals with the values that `OURS` reached; they stay open while it is not here."""
    return [*_upsampling(tables, rigid), *_network(tables), *_colours(colours), *_times(times)]


def _upsampling(tables: Mapping[str, Table], rigid: set[str]) -> list[Goal]:
    found = {group: summarise(rows, OURS) for group, rows in tables.items() if group in _UPSAMPLED}
    known = {group: summary for group, summary in found.items() if summary is not None}
    rows = {f"{group} {name}": row for group in known for name, row in tables[group].items() if OURS in row}
    stiff = {name: row for name, row in rows.items() if name.split()[-1] in rigid}
    result = [Goal("SAD on am, of bilinear's", _of(known.get("am"), "sad"), 0.7)]
    result += [
        Goal(f"SAD on {group}", _of(known.get(group), "sad"), 0.5) for group in ("am4", "syn4", "syn12")
    ]
    result.append(Goal("SAD on rigid cases", _of(summarise(stiff, OURS), "sad"), 0.3))
    for group in known:
        value = _mean(
            [ratio(row[OURS], row["bicubic"], "grad") for row in tables[group].values() if OURS in row]
        )
        result.append(Goal(f"gradient error on {group}, of bicubic's", value, 1.0))
    result += [_worst(rows, "sad", "SAD"), _worst(rows, "grad", "gradient error")]
    for group in ("syn4", "syn12"):
        gain = _of(known.get(group), "biou_gain")
        result.append(Goal(f"boundary IoU on {group}, above bilinear's", gain, 0.03, at_most=False))
    return result


def _worst(rows: Table, name: str, title: str) -> Goal:
    """The worst single case against bicubic, named."""
    if not rows:
        return Goal(f"worst {title}, of bicubic's", math.nan, 1.05)
    value, where = max((ratio(row[OURS], row["bicubic"], name), case) for case, row in rows.items())
    return Goal(f"worst {title}, of bicubic's: {where}", value, 1.05)


def _network(tables: Mapping[str, Table]) -> list[Goal]:
    result = []
    for group, sad, biou in (("net", 0.85, 1.2), ("davis", 1.0, 1.0), ("pascals", 1.0, 1.0)):
        summary = summarise(tables.get(group, {}), OURS)
        result.append(Goal(f"SAD on {group}", _of(summary, "sad"), sad))
        result.append(
            Goal(f"boundary IoU on {group}, of bilinear's", _of(summary, "biou"), biou, at_most=False)
        )
    return result


def _colours(colours: Colours) -> list[Goal]:
    result = []
    for group, rows in colours.items():
        keep, ours = (_mean([row[name] for row in rows.values()]) for name in ("keep", "ours"))
        result.append(
            Goal(f"colour error on {group}, of the photo's own", ours / keep if keep else math.nan, 0.25)
        )
    return result


def _times(times: Sequence[TimeRow]) -> list[Goal]:
    """The time goal counts only where the band is at most 5 % of the pixels."""
    narrow = [row for row in times if row.megapixels == 12 and row.band <= 0.05 and OURS in row.seconds]
    value = max((row.of_lite(OURS) for row in narrow), default=math.nan)
    return [Goal("alpha and colours at 12 MP, of lite's forward", value, 0.5)]


def show_goals(rows: Sequence[Goal], limit: int | None) -> None:
    """Each goal with its value and a mark; `limit` tells when only some cases were looked at."""
    print("\ngoals" + (f" (no verdict: at most {limit} cases of each group)" if limit else ""))
    for goal in rows:
        mark = {True: "✓", False: "✗", None: "–"}[goal.met]
        value = "not measured" if goal.met is None else f"{goal.value:.3f}"
        print(f"  {mark} {goal.text:54}{'≤' if goal.at_most else '≥'} {goal.limit:<6}{value:>14}")


def _of(summary: Summary | None, name: str) -> float:
    return math.nan if summary is None else float(getattr(summary, name))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
