"""The published graph against our export of the same weights: milliseconds per image, and how far the maps differ.

    python benchmarks/graphs.py [--models u2netp u2net] [--runs 9] [--json FILE]

One image of 320×320 in ONNX Runtime, the graphs in turn, at one and at two threads. "× free" and "× fixed" tell how
many times faster our export is than the published graph, with free and with fixed height and width: the median of
the ratios pair by pair.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

import measure

SIZE = 320


def main() -> None:
    options = _options()
    print(f"{measure.describe(measure.machine())}\n")
    columns = ("published", "free", "fixed", "× free", "× fixed", "max error")
    print(f"{'model':8}{'threads':>8}" + "".join(f"{title:>11}" for title in columns))
    rows = [row for name in options.models for row in _rows(name, options.runs)]
    measure.write_result(options.json, rows, size=SIZE)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", nargs="+", default=["u2netp", "u2net"], help="names that u2bg models list shows"
    )
    parser.add_argument("--runs", type=int, default=9, help="counted runs of each graph")
    parser.add_argument("--json", type=Path, help="write the result file here")
    return parser.parse_args()


def _rows(name: str, runs: int) -> list[dict[str, Any]]:
    from u2bg.network import calibration
    from u2bg.network.convert import convert
    from u2bg.network.export import export
    from u2bg.saliency import models, store

    published = store.ensure(models.find(name))
    # Export folds back exactly the published numbers, whatever BatchNorm's statistics: a small picture will do.
    network = convert(published, calibration.drawn_pictures(64, count=1))
    graphs = {
        "published": published.read_bytes(),
        "free": export(network),
        "fixed": export(network, size=SIZE),
    }
    picture = next(calibration.drawn_pictures(SIZE)).transpose(0, 3, 1, 2)
    return [_row(name, graphs, np.ascontiguousarray(picture), threads, runs) for threads in (1, 2)]


def _row(
    name: str, graphs: dict[str, bytes], picture: npt.NDArray[np.float32], threads: int, runs: int
) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    run = {}
    for kind, graph in graphs.items():
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        first = session.get_outputs()[0].name
        run[kind] = partial(session.run, [first], {session.get_inputs()[0].name: picture})
    error = float(np.abs(run["free"]()[0] - run["published"]()[0]).max())
    free = measure.alternate(run["free"], run["published"], runs, warmup=2).summary()
    fixed = measure.alternate(run["fixed"], run["published"], runs, warmup=2).summary()
    medians = (free["b_median_s"], free["a_median_s"], fixed["a_median_s"])
    times = "".join(f"{seconds * 1e3:8.0f} ms" for seconds in medians)
    ratios = f"{free['ratio_median']:11.2f}{fixed['ratio_median']:11.2f}"
    print(f"{name:8}{threads:8}{times}{ratios}{error:11.1e}", flush=True)
    return {"model": name, "threads": threads, "max_error": error, "free": free, "fixed": fixed}


if __name__ == "__main__":
    main()
