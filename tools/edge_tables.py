"""The generated parts of docs/edges.md, from the result files of benchmarks/edges.py and benchmarks/edge_memory.py."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import results

FOLDER = "benchmarks/results"
SCORES, TIMES, MEMORY = ("edges-*.json", "edges-times.json", "edges-memory.json")
SECOND_PASS = "second-pass.json"
NAMES = {
    "am": "true mattes, 800 px",
    "am4": "the same, a map as coarse as of a photo 4 times as large",
    "amc": "the same, on new colours",
    "syn1": "drawn scenes, 1 MP",
    "syn4": "drawn scenes, 4 MP",
    "syn12": "drawn scenes, 12 MP",
    "net": "true mattes, map of the network",
    "davis": "davis, map of the network",
    "pascals": "pascals, map of the network",
}

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]


def scores(root: Path, table: Table) -> str:
    """Every group and method: ratios to a bilinear enlargement of the same map."""
    body = [
        (
            f"{NAMES[group]} ({row['cases']})" if first else "",
            f"`{method}`",
            *(f"{row[key]:.2f}" for key in ("sad", "worst_bicubic", "grad", "mse", "biou")),
            f"{row['biou_gain']:+.3f}",
            "" if row["colour"] is None else f"{row['colour']:.1f}",
        )
        for found in _score_files(root)
        for group, methods in found["summaries"].items()
        for first, (method, row) in _first(methods.items())
    ]
    heads = (
        "pictures (how many)",
        "edges by",
        ">SAD",
        ">worst, of bicubic's",
        ">gradient error",
        ">MSE",
        ">boundary IoU",
        ">± IoU",
        ">colour error",
    )
    where = "\n".join(f"- {_where(found)}" for found in _score_files(root))
    return f"{table(heads, body)}\n\n{where}"


def colours(root: Path, table: Table) -> str:
    """Errors of the colours in the band, with the true alpha."""
    body = [
        (
            NAMES[group],
            *(f"{_mean(rows, key):.1f}" for key in ("keep", "rembg", "ours")),
            f"{_share(rows):.2f}",
        )
        for found in _score_files(root)
        for group, rows in found["colours"].items()
    ]
    heads = ("pictures", ">the photo's own", ">rembg", ">u2bg", ">u2bg's of the photo's own")
    return table(heads, body)


def goals(root: Path, table: Table) -> str:
    """What was aimed at, and what was reached."""
    found = [
        goal
        for result in [*_score_files(root), results.read(root, f"{FOLDER}/{TIMES}")]
        if result
        for goal in result["goals"]
    ]
    body = [
        (
            goal["text"],
            f"{'≤' if goal['at_most'] else '≥'} {goal['limit']:g}",
            f"{goal['value']:.2f}",
            "yes" if goal["met"] else "no",
        )
        for goal in found
        if goal["value"] is not None
    ]
    return table(("what", ">goal", ">reached", "met"), body)


def times(root: Path, table: Table) -> str:
    """Milliseconds of alpha and colours by every method, beside the network's forward pass in floats."""
    found = results.read(root, f"{FOLDER}/{TIMES}")
    if found is None:
        return _missing(TIMES)
    rows = found["times"]
    methods = list(dict.fromkeys(name for row in rows for name in row["seconds"]))
    body = []
    for row in rows:
        seconds = row["seconds"]
        ours, lite = seconds["ours auto"], seconds["lite-float"]
        ratio = statistics.median(a / b for a, b in zip(ours, lite, strict=True))
        milliseconds = (
            f"{1e3 * statistics.median(seconds[name]):.0f}" if name in seconds else "gave up"
            for name in methods
        )
        body.append(
            (f"{row['megapixels']} MP, {row['scene']}", f"{row['band']:.1%}", f"{ratio:.2f}", *milliseconds)
        )
    heads = ("picture", ">band", ">`ours auto` of `lite-float`", *(f">`{name}`, ms" for name in methods))
    return f"{table(heads, body)}\n\n{_where(found)}"


def memory(root: Path, table: Table) -> str:
    """MB above the picture's own."""
    found = results.read(root, f"{FOLDER}/{MEMORY}")
    if found is None:
        return _missing(MEMORY)
    body = [
        (f"{row['megapixels']} MP, {row['scene']}", f"{row['picture_mb']:.0f}", f"{row['above_mb']:.0f}")
        for row in found["rows"]
    ]
    return table(("picture", ">its own, MB", ">above it, MB, the cut-out's own included"), body)


def second_pass(root: Path, table: Table) -> str:
    """What a second look changes, over all pictures of a group."""
    found = results.read(root, f"{FOLDER}/{SECOND_PASS}")
    if found is None:
        return _missing(SECOND_PASS)
    body = [
        (
            f"{name} ({row['pictures']})",
            *(str(row[key]) for key in ("taken", "lost", "gain", "harm")),
            *(
                f"{value:.{digits}f}"
                for key, digits in (("mae", 4), ("boundary_iou", 3))
                for value in row["all"][key]
            ),
        )
        for name, row in found["rows"].items()
    ]
    heads = ("pictures (how many)", ">taken", ">not believed", ">better", ">worse", ">MAE, once", ">twice")
    return f"{table((*heads, '>boundary IoU, once', '>twice'), body)}\n\n{_where(found)}"


def _score_files(root: Path) -> list[dict[str, Any]]:
    paths = sorted((root / FOLDER).glob(SCORES))
    found = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [result for result in found if result.get("summaries")]


def _missing(name: str) -> str:
    return f"Not measured yet: the benchmarks write `{FOLDER}/{name}`, whose figures belong here."


def _where(found: dict[str, Any]) -> str:
    return f"`{found['command']}`: {results.where(found)}."


def _first(rows: Iterable[Any]) -> Iterator[tuple[bool, Any]]:
    return ((not number, row) for number, row in enumerate(rows))


def _mean(rows: dict[str, dict[str, float]], key: str) -> float:
    return statistics.mean(row[key] for row in rows.values())


def _share(rows: dict[str, dict[str, float]]) -> float:
    return _mean(rows, "ours") / _mean(rows, "keep")
