"""The generated part about the page without a server: its speed beside the native path, from benchmarks/browser.py."""

from __future__ import annotations

from pathlib import Path

import results

BROWSER = "benchmarks/results/browser.json"


def speed(root: Path) -> str:
    """Seconds a photo in Chromium and here."""
    result = results.read(root, BROWSER)
    if result is None:
        return (
            f"Not measured yet: `benchmarks/browser.py --json {BROWSER}` writes the figures that belong here."
        )
    lines = [
        "| photo | in Chromium | native | native is faster by | longest wait of the page |",
        "| --- |" + " ---: |" * 4,
    ]
    for row in result["rows"]:
        longest = max(row["waits_ms"], default=0)
        lines.append(
            f"| {row['megapixels']:g} megapixels | {row['a_median_s']:.2f} s | {row['b_median_s']:.2f} s "
            f"| {1 / row['ratio_median']:.1f} times | {f'{longest:.0f} ms' if longest else 'under 50 ms'} |"
        )
    note = (
        f"From JPEG bytes to PNG bytes, both warm, in turn; Chromium {result['browser']} without a graphics card "
        f"({result['how']}). A first load is {result['first_mb']:.1f} MB over the wire from a host that compresses "
        f"nothing, a second {result['second_mb']:.1f} MB. {results.where(result)}."
    )
    return "\n".join([*lines, "", note])
