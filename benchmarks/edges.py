"""Edges beside true alpha: u2bg's refinement and colours, plain interpolation, and rembg.

    python benchmarks/edges.py                                  every group that can be had here, at 1 and 4 MP
    python benchmarks/edges.py --only syn1 --limit 4            four composed scenes at 1 MP
    python benchmarks/edges.py --megapixels 1 4 12 --json FILE  composed scenes up to 12 MP; a result file
    python benchmarks/edges.py --only am net --no-times         real mattes only
    python benchmarks/edges.py --only syn4 --sheet DIR          a contact sheet of crops at 400 %
    python benchmarks/edges.py --only am --rembg-matting 120    with `rembg -a`, two minutes a picture at most

What the groups hold is told in `edge_cases.py`, what the scores are in `edge_scores.py`. Scores are ratios to a
bilinear enlargement of the same map: the mean over a group's cases, and the worst.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np

import edge_peers
import edge_report
import edge_scores
import edge_times
import measure
from edge_cases import NETWORK, REAL, Case, Pixels, recipes
from edge_drawing import Floats
from edge_peers import Layers, MattingFailed
from edge_scores import Scores
from edge_sheet import Sheet
from edge_times import Method
from u2bg.matting import alpha as alphas
from u2bg.matting import foreground
from u2bg.matting.loops import to_bytes
from u2bg.matting.matte import Matte
from u2bg.shrinking import overview

BASES = ("bilinear", "bicubic")
"""What every ratio is to; so they always run."""

OURS = {f"ours {method}": method for method in ("off", "auto", "closed-form")}

# --- u2bg, called here and nowhere else -----------------------------------------------------------------------


def cut(saliency_map: Floats, rgba: Pixels, method: str) -> tuple[Matte, Pixels]:
    """u2bg's alpha, and its colours, (H, W, 4) uint8, as the way of a photo (`pipeline`) comes to them."""
    photo = overview(rgba)
    matte = alphas.refine(saliency_map, photo, method=method)
    return matte, foreground.estimate(photo, matte.mask)


def estimate(rgba: Pixels, alpha: Floats) -> Pixels:
    """u2bg's colours of the subject alone, (H, W, 3) uint8."""
    return foreground.estimate(rgba, to_bytes(alpha))[..., :3]


def ours(saliency_map: Floats, rgba: Pixels, method: str) -> Layers:
    """u2bg's alpha and colours, as its cut-out holds them."""
    matte, colours = cut(saliency_map, rgba, method)
    return Layers(matte.alpha, colours[..., :3])


# --------------------------------------------------------------------------------------------------------------


def main() -> int:
    options = _options()
    methods = contestants(options.rembg_matting)
    if options.methods:
        methods = {name: method for name, method in methods.items() if name in (*BASES, *options.methods)}
    groups = options.only or [*REAL[:3], *(f"syn{size}" for size in options.megapixels), *NETWORK]
    if options.no_scores:
        groups = []
    about = measure.machine()
    print(measure.describe(about), flush=True)
    tables, colours, rigid = _run(options, groups, methods)
    for group, rows in tables.items():
        edge_report.show_group(group, rows, list(methods))
    edge_report.show_colours(colours)
    # Timed as far as a picture file needs: alpha in bytes.
    timed = methods | {name: partial(cut, method=OURS[name]) for name in methods if name in OURS}
    times = [] if options.no_times else edge_times.measure_times(timed, estimate, options.time_sizes)
    edge_times.show(times)
    goals = edge_report.goals(tables, colours, rigid, times)
    edge_report.show_goals(goals, options.limit)
    measure.write_result(
        options.json,
        edge_report.all_scores(tables),
        summaries=edge_report.summaries(tables, list(methods)),
        colours=colours,
        goals=[edge_report.plain(goal._asdict()) | {"met": goal.met} for goal in goals],
        times=[dataclasses.asdict(row) for row in times],
    )
    return 0


def contestants(rembg_matting_s: float | None) -> dict[str, Method]:
    """The methods that can run here, by name; what cannot is said on stderr."""
    methods: dict[str, Method] = {
        "bilinear": edge_peers.bilinear,
        "bicubic": edge_peers.bicubic,
        "rembg": edge_peers.rembg,
    }
    if rembg_matting_s and edge_peers.REMBG_PYTHON.exists():
        methods["rembg -a"] = partial(edge_peers.rembg_matting, timeout_s=rembg_matting_s)
    elif rembg_matting_s:
        _say(f"rembg -a: skipped, no '{edge_peers.REMBG_PYTHON}'; fix: make .venv/rembg/.ready")
    methods |= {name: partial(ours, method=method) for name, method in OURS.items()}
    if not importlib.util.find_spec("pymatting"):
        del methods["ours closed-form"]
        _say("ours closed-form: skipped, it needs pymatting")
    return methods


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


Tables = dict[str, dict[str, dict[str, Scores]]]


def _run(
    options: argparse.Namespace, groups: list[str], methods: dict[str, Method]
) -> tuple[Tables, dict[str, dict[str, dict[str, float]]], set[str]]:
    """Every case once: scores by group, case and method; errors of colours; the names of the rigid cases."""
    tables: Tables = {}
    colours: dict[str, dict[str, dict[str, float]]] = {}
    rigid = set()
    for group in groups:
        rows = list(recipes([group], options.data, options.limit))
        if not rows:
            _say(f"{group}: skipped, no pictures under '{options.data}'")
            continue
        sheet = Sheet(list(methods)) if options.sheet else None
        for number, recipe in enumerate(rows, 1):
            _say(f"  {group} {number}/{len(rows)} {recipe.name}")
            case = recipe.make()
            layers = answers(case, methods)
            tables.setdefault(group, {})[case.name] = scores(case, layers)
            if case.foreground is not None:
                colours.setdefault(group, {})[case.name] = colour_errors(case, layers)
            if case.rigid:
                rigid.add(case.name)
            if sheet:
                sheet.add(case, layers)
        if sheet:
            _say(f"  {sheet.write(options.sheet, group)}")
    return tables, colours, rigid


def answers(case: Case, methods: dict[str, Method]) -> dict[str, Layers]:
    """What each method makes of a case; those that give up say so on stderr."""
    layers = {}
    for name, method in methods.items():
        try:
            answer = method(case.saliency_map, case.rgba)
        except MattingFailed as error:
            _say(f"    {name}: {error}")
            continue
        if not np.isfinite(answer.alpha).all():
            sys.exit(f"{name} gave an alpha that is not finite on '{case.name}'")
        layers[name] = answer
    return layers


def scores(case: Case, layers: dict[str, Layers]) -> dict[str, Scores]:
    """Each method's scores on a case."""
    band = edge_scores.colour_band(case.alpha, layers["bilinear"].alpha)
    return {
        name: edge_scores.score(answer.alpha, answer.foreground, case.alpha, case.foreground, band)
        for name, answer in layers.items()
    }


def colour_errors(case: Case, layers: dict[str, Layers]) -> dict[str, float]:
    """Errors of colours, 0..255: with the true alpha, and with u2bg's own, with and without its colours."""
    if case.foreground is None:
        return {}
    dark = np.round(case.pixels * case.alpha[..., None]).astype(np.uint8)
    candidates = {"keep": case.pixels, "rembg": dark, "ours": estimate(case.rgba, case.alpha)}
    errors = {
        name: edge_scores.true_alpha_error(candidate, case.alpha, case.foreground)
        for name, candidate in candidates.items()
    }
    best = layers.get("ours auto") or layers["ours off"]
    band = edge_scores.colour_band(case.alpha, layers["bilinear"].alpha)
    true = (case.alpha, case.foreground)
    errors["own alpha, keep"] = edge_scores.colour_error((best.alpha, case.pixels), true, band)
    errors["own alpha, ours"] = edge_scores.colour_error((best.alpha, best.foreground), true, band)
    return errors


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="GROUP",
        choices=[*REAL, "syn1", "syn4", "syn12"],
        help="these groups: %(choices)s",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most N cases of each group, spread over it"
    )
    parser.add_argument(
        "--megapixels",
        nargs="+",
        type=int,
        choices=(1, 4, 12),
        default=[1, 4],
        help="sizes of the composed scenes (default: 1 4)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=measure.ROOT.parent / "shared" / "data" / "eval",
        help="folder with alpha/, davis/, pascals/",
    )
    parser.add_argument(
        "--rembg-matting",
        type=float,
        metavar="SECONDS",
        help="run `rembg -a` too, at most so long on a picture",
    )
    parser.add_argument(
        "--time-sizes",
        nargs="+",
        type=int,
        choices=(1, 4, 12),
        default=[1, 4, 12],
        metavar="MP",
        help="sizes that are timed (default: 1 4 12)",
    )
    parser.add_argument("--no-times", action="store_true", help="scores only")
    parser.add_argument("--no-scores", action="store_true", help="times only")
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="NAME",
        help="only these, with bilinear and bicubic: 'ours auto', rembg, …",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="DIR", help="write contact sheets of crops, a PNG for each group"
    )
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
