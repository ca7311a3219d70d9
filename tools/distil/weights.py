"""The weights of an ONNX graph, and a file with a quarter of their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Floats = npt.NDArray[np.float32]

SCALE = ":scale"
"""What a kernel in 8 bits is to be multiplied by stands beside it, under its name and this."""


def shrink(source: Path, target: Path) -> None:
    """Write a graph with its kernels in 8 bits, one scale for each channel: for `read` alone, no engine runs it.

    Kernels of a single channel, the side outputs', stay: they are small, and the maps are made by them.
    """
    model = onnx.load(source)
    kept = []
    for item in model.graph.initializer:
        kernel = numpy_helper.to_array(item)
        if kernel.ndim == 4 and len(kernel) > 1:
            scale = np.abs(kernel).max((1, 2, 3), keepdims=True) / 127 + 1e-20
            kept.append(numpy_helper.from_array(np.rint(kernel / scale).astype(np.int8), item.name))
            kept.append(numpy_helper.from_array(scale.astype(np.float32), item.name + SCALE))
        else:
            kept.append(item)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.save(model, target)


def mix(source: Path, target: Path, learnt: Mapping[Path, float]) -> None:
    """Write a graph that lies on the way to what was learnt: W + Σ share·(W_learnt − W).

    What was learnt by heart goes with the length of the way, and what is of use elsewhere has been had in the first
    tenth or two of it (Wortsman et al., 2022; docs/training-log.md, rows 11 and 15).

    Args:
        source: the graph, in floats, that the pupil began with.
        learnt: its weights, as `lessons.save` left them, without "-0.npz": OUT/lite-end; and the share of each.

    Raises:
        FileNotFoundError: no such weights. ValueError: weights of another network.
    """
    from u2bg.files import replacing  # here, as graphs are read where u2bg is not

    model = onnx.load(source)
    start = read(model)
    moved = {name: value.astype(np.float64) for name, value in start.items()}
    for prefix, share in learnt.items():
        files = sorted(prefix.parent.glob(f"{prefix.name}-[0-9]*.npz"))
        if not files:
            raise FileNotFoundError(f"no weights '{prefix}-0.npz'")
        for name, value in (item for file in files for item in np.load(file).items()):
            if name not in start or value.shape != start[name].shape:
                raise ValueError(f"'{prefix}' is not of '{source}': {name} {value.shape}")
            moved[name] += share * (value.astype(np.float64) - start[name])
    for item in model.graph.initializer:
        if item.data_type == onnx.TensorProto.FLOAT:
            item.CopyFrom(numpy_helper.from_array(moved[item.name].astype(np.float32), item.name))
    with replacing(target) as part:
        onnx.save(model, part)


def read(model: Any) -> dict[str, Floats]:
    """Every constant of an ONNX model by its name, in float32, whatever it is kept in."""
    raw = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    one = np.float32(1)
    return {
        name: np.asarray(value.astype(np.float32) * raw.get(name + SCALE, one), np.float32)
        for name, value in raw.items()
        if not name.endswith(SCALE)
    }
