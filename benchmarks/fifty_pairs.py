"""Do fifty pairs help on their kind of picture, without the rest being forgotten? Trained and scored as a user would.

    python benchmarks/fifty_pairs.py PAIRS OTHER WORK [--recipe FILE] [--from MODEL] [--json FILE]

PAIRS and OTHER hold images/ and masks/ each. Fifty pairs of PAIRS, chosen by the hash of their names, are trained on
with `u2bg train`; up to a hundred others of it, never seen, and OTHER, another kind of picture, are scored with `u2bg
evaluate` before and after. Exit 1 where the kind did not gain, or OTHER lost more than 0.01 of MAE. Takes half
an hour or more on two CPU cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import write_result

TRAINED, SCORED = 50, 100
MOST_LOST = 0.01
TOLD = ("mae", "f_max_set", "s", "boundary_iou")


def main() -> int:
    """Split, train, score, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--recipe", type=Path, default=Path("configs/mine.toml"))
    parser.add_argument("--from", dest="origin", default="lite")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    mine, kept_out = split(asked.pairs, asked.work)
    run = asked.work / "run"
    u2bg("train", mine, "--recipe", asked.recipe, "--from", asked.origin, "--out", run)
    rows = {
        name: {"before": scores(asked.origin, folder), "after": scores(run, folder)}
        for name, folder in (("the same kind, kept out", kept_out), (asked.other.name, asked.other))
    }
    for name, row in rows.items():
        for when, found in row.items():
            print(f"{name:24} {when:7}", *(f"{key} {found[key]:.4f}" for key in TOLD), sep="  ")
    write_result(asked.json, rows)
    gain, loss = (row["before"]["mae"] - row["after"]["mae"] for row in rows.values())
    return 0 if gain > 0 and -loss <= MOST_LOST else 1


def split(pairs: Path, work: Path) -> tuple[Path, Path]:
    """Copies of fifty pairs to train on, and of others to score on; always the same ones."""
    masks = {path.stem: path for path in (pairs / "masks").iterdir()}
    images = [path for path in (pairs / "images").iterdir() if path.stem in masks]
    images.sort(key=lambda path: hashlib.sha256(path.name.encode()).digest())
    folders = work / "mine", work / "kept_out"
    for folder, some in zip(folders, (images[:TRAINED], images[TRAINED : TRAINED + SCORED]), strict=True):
        for kind in ("images", "masks"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        for image in some:
            shutil.copy(image, folder / "images")
            shutil.copy(masks[image.stem], folder / "masks")
    return folders


def scores(model: str | Path, folder: Path) -> dict[str, float]:
    """What `u2bg evaluate` says of a model or a run."""
    answer: dict[str, Any] = json.loads(u2bg("evaluate", folder, "--model", model, "--json"))
    return {key: found["value"] for key, found in answer["overall"]["scores"].items()}


def u2bg(*arguments: str | Path) -> str:
    """Run the program; its stdout. Its progress is seen."""
    command = [sys.executable, "-m", "u2bg", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
