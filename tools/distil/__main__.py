"""The door: `python3 tools/distil --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# A folder that is run has itself there, not what it lies in.
sys.path.insert(0, str(Path(__file__).parents[1]))

import distil

RATE = 3e-4
"""Sixteen times as much moved kernels by an eighth and had six thousand pictures learnt by heart."""


def main() -> int:
    """Pack at home, run over there."""
    parser = argparse.ArgumentParser(
        prog="distil", description=distil.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    doors = parser.add_subparsers(dest="door", required=True)
    home = doors.add_parser("pack", help="make what is to be brought: decks, sets to judge by, graphs")
    home.add_argument("data", type=Path, metavar="DATA", help="holds train/ and eval/")
    home.add_argument("folder", type=Path, metavar="FOLDER", help="what to fill")
    home.add_argument("--teacher", type=Path, required=True, help="graph of the full network")
    home.add_argument("--lite", type=Path, required=True, help="graph of the published small network")
    home.add_argument(
        "--student", type=Path, action="append", default=[], help="another graph that is to learn"
    )
    between = doors.add_parser(
        "mix", help="write a graph on the way from its weights to those that were learnt"
    )
    between.add_argument("graph", type=Path, metavar="GRAPH", help="in floats, what the pupil began with")
    between.add_argument("target", type=Path, metavar="NEW", help="what to write")
    between.add_argument(
        "learnt", nargs="+", metavar="WEIGHTS=SHARE", help="OUT/lite-end=0.2: a fifth of the way to those"
    )
    away = doors.add_parser("run", help="teach until the time is over")
    away.add_argument("folder", type=Path, metavar="FOLDER", help="what `pack` has filled")
    away.add_argument("out", type=Path, metavar="OUT", help="gets weights (NAME-end-0.npz …) and log.jsonl")
    away.add_argument(
        "--student", action="append", required=True, metavar="FILE[:RATE]", help=f"rate: {RATE} by default"
    )
    away.add_argument("--seconds", type=float, default=480, help="until the last step; a validation follows")
    away.add_argument("--validate", type=float, default=200, help="seconds between two validations")
    away.add_argument("--batch", type=int, default=32)
    away.add_argument("--side", type=int, default=320, help="frames have this area, squared; 64 to rehearse")
    away.add_argument(
        "--sharpness", type=float, default=1.3, help="the teacher's logits are multiplied by it"
    )
    asked = parser.parse_args()
    if asked.door == "pack":
        from distil.packing import pack

        pack(asked.data, asked.folder, teacher=asked.teacher, lite=asked.lite, students=asked.student)
        return 0
    if asked.door == "mix":
        from distil.weights import mix

        named = (text.rpartition("=") for text in asked.learnt)
        mix(asked.graph, asked.target, {Path(prefix): float(share) for prefix, _, share in named})
        return 0
    from distil.course import Student, run

    named = (text.partition(":") for text in asked.student)
    run(
        asked.folder,
        asked.out,
        [Student(file, float(rate or RATE)) for file, _, rate in named],
        seconds=asked.seconds,
        validate_s=asked.validate,
        batch=asked.batch,
        side=asked.side,
        sharpness=asked.sharpness,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
