"""What fewer bits cost: the scores of `lite` in floats, in 8 bits and in bfloat16, on sets with ground truth.

    python benchmarks/precision.py ../shared/data/eval/pascals ../shared/data/eval/davis … --json FILE

Through the shipped path, as `u2bg evaluate` has it. A form may be the default if on every set of more than 200
pictures MAE is at most .002 higher and boundary IoU at most .005 lower than those of floats in the same run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

import measure
import u2bg
from u2bg.evaluation.evaluate import evaluate
from u2bg.evaluation.sets import find_sets
from u2bg.evaluation.summary import summarise

FORMS = {
    "floats": ("lite-float", "cpu"),
    "8 bits": ("lite", "cpu"),
    "8 bits, OpenVINO": ("lite", "openvino"),
    "bfloat16, OpenVINO": ("lite-float", "openvino-bf16"),
}
"""The first is what the others are compared with."""

SCORES = ("mae", "f_max_set", "s", "iou", "boundary_iou")
MOST_MAE, MOST_BOUNDARY, MANY = 0.002, 0.005, 200


def main() -> int:
    options = _options()
    rows: dict[str, Any] = {}
    for folder in options.sets:
        pictures = [picture for found in find_sets([folder]) for picture in found.pictures]
        rows[folder.name] = {"pictures": len(pictures), "forms": {}}
        for form in options.forms:
            model, device = FORMS[form]
            answers = evaluate(pictures, u2bg.Remover(model, device)).scored
            overall = summarise(answers, np.random.default_rng(0)).overall
            if overall is None:
                sys.exit(f"'{folder}' holds no masks; expected images/ and masks/ in it or in folders of it")
            scores = {name: overall.scores[name].value for name in SCORES}
            rows[folder.name]["forms"][form] = scores
            print(folder.name, form, *(f"{name} {value:.4f}" for name, value in scores.items()), flush=True)
    measure.write_result(options.json, rows)
    lost = [
        f"{form} on {name}" for name, row in rows.items() for form in row["forms"] if not _holds(row, form)
    ]
    print(f"too much is lost by: {', '.join(lost) or 'none'}", file=sys.stderr)
    return 0


def _holds(row: dict[str, Any], form: str) -> bool:
    floats, scores = row["forms"]["floats"], row["forms"][form]
    dearer, duller = (scores[key] - floats[key] for key in ("mae", "boundary_iou"))
    return bool(row["pictures"] < MANY or (dearer <= MOST_MAE and -duller <= MOST_BOUNDARY))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Scores of `lite` in floats, 8 bits and bfloat16.")
    parser.add_argument("sets", nargs="+", type=Path, help="folders with images/ and masks/")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
