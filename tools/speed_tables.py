"""The generated parts of docs/performance.md, from the result files of benchmarks/speed.py and benchmarks/growth.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import results

SPEED, GROWTH = "benchmarks/results/speed.json", "benchmarks/results/growth.json"
STAGES = ("read", "network", "edges and colours", "write", "whole")

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]


def speed(root: Path, table: Table) -> str:
    """u2bg beside rembg, every row."""
    found = results.read(root, SPEED)
    if found is None:
        return _missing(SPEED)
    body = [
        (
            row["name"],
            f"{row['a_median_s']:.2f} s",
            f"{row['b_median_s']:.2f} s",
            f"{row['ratio_median']:.1f} ({row['ratio_min']:.1f} to {row['ratio_max']:.1f})",
            "/".join(f"{row[side]:.0f}" for side in ("a_peak_mb", "b_peak_mb")) if "a_peak_mb" in row else "",
        )
        for row in found["rows"]
    ]
    heads = ("what", ">u2bg", ">rembg", ">times faster", ">peak MB, both")
    sizes = [row["png_of_pillows"] for row in found["rows"] if "png_of_pillows" in row]
    told = _where(found)
    if sizes:
        told = f"PNG files have {min(sizes):.2f} to {max(sizes):.2f} times the bytes that Pillow gives them. {told}"
    return f"{table(heads, body)}\n\n{told}"


def growth(root: Path, table: Table) -> str:
    """Milliseconds of each step, and memory, against megapixels; and the line through them."""
    found = results.read(root, GROWTH)
    if found is None:
        return _missing(GROWTH)
    rows = found["rows"]["growth"]
    body = [
        (
            f"{row['megapixels']:g}",
            *(f"{1e3 * row[stage]:.0f}" for stage in STAGES),
            f"{row['peak_mb']:.0f}",
            f"{row['peak_mb'] - 4 * row['megapixels']:.0f}",
        )
        for row in rows
    ]
    heads = (">MP", *(f">{stage}, ms" for stage in STAGES), ">peak, MB", ">without the pixels, MB")
    ms, fixed_ms = _line([(row["megapixels"], 1e3 * row["whole"]) for row in rows])
    mb, fixed_mb = _line([(row["megapixels"], row["peak_mb"]) for row in rows])
    said = (
        f"By least squares: {fixed_ms:.0f} ms and {ms:.1f} ms a megapixel; {fixed_mb:.0f} MB and {mb:.1f} MB a "
        "megapixel (4 MB of which are its RGBA pixels)."
    )
    return f"{table(heads, body)}\n\n{said} {_where(found)}"


def cores(root: Path, table: Table) -> str:
    """The whole command on one core and on more."""
    found = results.read(root, GROWTH)
    if found is None:
        return _missing(GROWTH)
    rows = found["rows"]["cores"]
    body = [
        (f"{row['cores']}", f"{row['seconds']:.2f} s", f"{rows[0]['seconds'] / row['seconds']:.2f}")
        for row in rows
    ]
    return table((">cores", ">command, 12 MP", ">times one core"), body)


def roofline(root: Path, table: Table) -> str:
    """What the machine can, and what the steps reach of it."""
    found = results.read(root, GROWTH)
    if found is None:
        return _missing(GROWTH)
    row = found["rows"]["roofline"]
    product, copy = row["product_multiply_adds_per_s"], row["copy_bytes_per_s"]
    body = [("one large float32 product", f"{product / 1e9:.0f} G multiply-adds/s", "")]
    network = row["network_multiply_adds_per_s"]
    body.append(
        ("the network, 8 bits", f"{network / 1e9:.0f} G multiply-adds/s", f"{network / product:.0%} of it")
    )
    body.append(("copying memory, read and write", f"{copy / 1e9:.1f} GB/s", ""))
    for step in ("read", "write"):
        rate = row[f"{step}_bytes_per_s"]
        body.append(
            (f"{step}, bytes of pixels, 12 MP", f"{rate / 1e9:.2f} GB/s", f"{rate / copy:.0%} of copying")
        )
    return table(("what", ">rate", ">share"), body)


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of the least squares line."""
    middle_x, middle_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((x - middle_x) * (y - middle_y) for x, y in points) / sum(
        (x - middle_x) ** 2 for x, _ in points
    )
    return slope, middle_y - slope * middle_x


def _missing(name: str) -> str:
    return f"Not measured yet: `make bench` writes the figures that belong here, into `{name}`."


def _where(found: dict[str, Any]) -> str:
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"{machine['cpu']}, {machine['cores']} cores, {versions}, {machine['date']}, commit `{machine['commit']}`."
