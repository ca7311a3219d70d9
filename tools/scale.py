"""The parts of docs/scale.md: what was measured of folders, and what follows for a million pictures and more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import results

RESULTS = "benchmarks/results/folder.json"
COUNTS = (10**6, 10**8, 10**9)
DAY_S = 86_400

DOLLARS_A_CORE_HOUR = 0.04
DOLLARS_A_MILLION_GETS, DOLLARS_A_MILLION_PUTS = 0.40, 5.00
"""What a large cloud asks without a contract; the page says so."""

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

_WORDS = {
    "u2bg_per_s": "u2bg, pictures/s",
    "rembg_per_s": "`rembg p`, pictures/s",
    "times_faster": "times faster",
    "one_core_per_s": "one core, pictures/s",
    "all_cores_per_s": "all cores, pictures/s",
    "times_one_core": "times one core",
    "busy": "share of the cores busy",
    "bytes_in": "bytes of a photo",
    "bytes_out": "bytes of a cut-out",
    "few_mb": "peak with few, MB",
    "many_mb": "peak with many, MB",
    "growth": "growth",
    "seconds": "the whole run, s",
    "first_news_s": "until its first news, s",
}


def measured(root: Path, table: Table) -> str:
    """Every row of the result file, and the machine."""
    result = results.read(root, RESULTS)
    if result is None:
        return f"Not measured yet: `benchmarks/folder.py … --json {RESULTS}` writes the figures that belong here."
    body = [
        (name, "; ".join(f"{_words(key)}: {_number(value)}" for key, value in row.items()))
        for name, row in result["rows"].items()
    ]
    machine = result["machine"]
    note = f"Measured {machine['date']} at commit `{machine['commit']}` on {machine['cores']} cores, {machine['cpu']}."
    return table(("what", "measured"), body) + "\n\n" + note


def plan(root: Path, table: Table) -> str:
    """Cores, bytes and dollars for each count, from pictures a second on one core."""
    rate = _rate(root)
    if rate is None:
        return "Follows from the measured pictures a second, as soon as there are some."
    pictures_per_s, row = rate
    read, written = row["bytes_in"], row["bytes_out"]
    body = []
    for count in COUNTS:
        hours = count / pictures_per_s / 3600
        rate_gbit = count * (read + written) * 8 / DAY_S / 1e9
        puts = count / 1e6 * (DOLLARS_A_MILLION_GETS + DOLLARS_A_MILLION_PUTS)
        body.append(
            (
                f"{count:,}",
                f"{hours:,.0f}",
                f"{hours / 24:,.0f}",
                f"{count * read / 1e12:,.1f}",
                f"{count * written / 1e12:,.1f}",
                f"{rate_gbit:,.2f}",
                f"{hours * DOLLARS_A_CORE_HOUR:,.0f}",
                f"{puts:,.0f}",
            )
        )
    heads = (
        ">pictures",
        ">core hours",
        ">cores for one day",
        ">TB read",
        ">TB written",
        ">Gbit/s for one day",
        ">$ of cores",
        ">$ of requests",
    )
    note = (
        f"From {pictures_per_s:.2f} pictures/s on one core, {read / 1e6:.2f} MB read and {written / 1e6:.2f} MB "
        f"written for each; $ {DOLLARS_A_CORE_HOUR:.2f} a core hour, $ {DOLLARS_A_MILLION_GETS:.2f} a million GETs and "
        f"$ {DOLLARS_A_MILLION_PUTS:.2f} a million PUTs are assumptions: put your own in."
    )
    return table(heads, body) + "\n\n" + note


def _rate(root: Path) -> tuple[float, dict[str, Any]] | None:
    """Pictures a second on one core, 1 MP, as each of all cores gave when all were at work."""
    result = results.read(root, RESULTS)
    for name, row in (result["rows"] if result else {}).items():
        if result and name.endswith(" cores, 1 MP"):
            return row["all_cores_per_s"] / result["machine"]["cores"], row
    return None


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _words(key: str) -> str:
    """`jobs_2_per_s` and `ray_2_per_s` have a number in the middle."""
    if key in _WORDS:
        return _WORDS[key]
    return key.replace("_per_s", ", pictures/s").replace("_", " ")
