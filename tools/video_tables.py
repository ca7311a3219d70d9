"""The generated parts of docs/video.md: flicker and error, and speed, from the result files of benchmarks/video.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import results

QUALITY, SPEED = "benchmarks/results/video-quality.json", "benchmarks/results/video-speed.json"

_CODECS = {"out.webm": "`.webm`, VP9 with alpha", "out.mp4": "`.mp4`, H.264 over white"}


def quality(root: Path) -> str:
    """Error and flicker of steadied alpha beside frame by frame."""
    result = results.read(root, QUALITY)
    if result is None:
        return f"Not measured yet: `benchmarks/video.py … --only quality --json {QUALITY}` writes them."
    lines = ["| sequence | MAE | | ratio | flicker | | ratio |", "| --- |" + " ---: |" * 6]
    rows: Sequence[Mapping[str, Any]] = result["rows"]["quality"]
    lines += [_line(row["video"], row["alone"], row["steadied"]) for row in rows]
    alone, steadied = (
        {key: mean(row[way][key] for row in rows) for key in ("mae", "static")}
        for way in ("alone", "steadied")
    )
    return "\n".join([*lines, _line("**mean**", alone, steadied)])


def speed(root: Path) -> str:
    """Frames a second of whole runs beside the network alone."""
    result = results.read(root, SPEED)
    if result is None:
        return f"Not measured yet: `benchmarks/video.py … --only speed --json {SPEED}` writes them."
    lines = ["| model | output | frames/s | network alone | share |", "| --- | --- | ---: | ---: | ---: |"]
    rows = result["rows"]["speed"]
    lines += [
        f"| `{row['model']}` | {_CODECS[row['output']]} | {row['frames_per_s']:.1f} "
        f"| {row['network_per_s']:.1f} | {row['share']:.0%} |"
        for row in rows
    ]
    note = (
        "854×480, from opening the file to the closed output; the network alone on all cores. "
        f"{results.where(result)}."
    )
    return "\n".join([*lines, "", note])


def _line(name: str, alone: Mapping[str, float], steadied: Mapping[str, float]) -> str:
    cells = [name]
    for key in ("mae", "static"):
        cells += [f"{alone[key]:.4f}", f"{steadied[key]:.4f}", f"{steadied[key] / alone[key]:.2f}"]
    return "| " + " | ".join(cells) + " |"
