"""The generated parts of docs/http.md: the codes of refusals, the size of the image, the speed beside rembg."""

from __future__ import annotations

from pathlib import Path

import results
from u2bg.server.refusals import CODES

IMAGE_SIZE = "benchmarks/results/image_size.json"
SPEED = "benchmarks/results/server.json"


def codes() -> list[tuple[str, str, str]]:
    """Code, status and meaning of every refusal."""
    return [(f"`{code}`", str(kind.http_status), _first_line(kind)) for kind, code in CODES]


def image_size(root: Path) -> str:
    """What the Dockerfile installs, from the result file of tools/image_size.py."""
    result = results.read(root, IMAGE_SIZE)
    if result is None:
        return f"Not measured yet: `tools/image_size.py --json {IMAGE_SIZE}` writes the figures that belong here."
    rows = result["rows"]
    largest = ", ".join(f"{name} {rows[name]:.0f} MB" for name in list(rows)[:2])
    return f"The image is {result['total_mb']:.0f} MB over its base, `python:3.13-slim`; the most of it is {largest}."


def speed(root: Path) -> str:
    """Pictures a second beside rembg's server, from the result file of benchmarks/server.py."""
    result = results.read(root, SPEED)
    if result is None:
        return (
            f"Not measured yet: `benchmarks/server.py … --json {SPEED}` writes the figures that belong here."
        )
    lines = [
        "| network run by | u2bg | rembg | u2bg to rembg | health p50, p99, longest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, row in result["rows"].items():
        health = ", ".join(f"{row[f'health_{which}_ms']:.0f} ms" for which in ("p50", "p99", "max"))
        lines.append(
            f"| {name} | {row['a_per_s']:.2f}/s | {row['b_per_s']:.2f}/s | {row['ratio_median']:.2f} | {health} |"
        )
    note = (
        f"The same weights, ours in 8 bits and rembg's in floats; photos of 1 megapixel, {result['clients']} "
        "clients at once, in turn; `/healthz` asked 20 times a second meanwhile. u2bg finds the edge and the "
        f"subject's own colours, rembg neither. {results.where(result)}."
    )
    return "\n".join([*lines, "", note])


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").split("\n", maxsplit=1)[0]
