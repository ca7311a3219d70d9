"""Weights rounded to few steps so that a convolution's answers change least: each error is made good by the next.

Rounded one by one to the nearest step, the weights of a kernel err on their own, and errors that point the same way
add up wherever a picture is smooth. Here each weight is rounded in turn, and those still to come are moved so that the
sum over real patches stays what it was: the least squares solution, by the Cholesky factor of the inverse of the
patches' second moments (Frantar et al., "GPTQ", 2022, after Hassibi and Stork, "Optimal Brain Surgeon", 1993).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

STEPS = 64
"""Weights are whole numbers from −STEPS to STEPS, times a scale for each output channel."""

PATCHES = 512
"""Taken of every picture, at random places."""

DAMPING = 0.01
"""Added to the second moments, as a share of their mean: few patches say little of rare directions."""

Floats = npt.NDArray[np.float32]


def round_weights(graph: Any, pictures: Iterable[Floats]) -> None:
    """Every stored convolution of an ONNX graph but the last, its weights on their steps and its bias to match.

    In place; the weights stay floats.

    Args:
        pictures: (1, 3, H, W) float32, as the graph takes them.
    """
    from onnx import numpy_helper

    stored = {array.name: array for array in graph.graph.initializer}
    nodes = [node for node in graph.graph.node if node.op_type == "Conv"][:-1]
    moments, means = _moments(graph, nodes, pictures)
    for node in nodes:
        weight, bias = (stored[name] for name in node.input[1:])
        kernel = numpy_helper.to_array(weight).astype(np.float64)
        rows = kernel.reshape(len(kernel), -1)
        found = on_steps(rows, moments[node.name])
        shift = (found - rows) @ means[node.name]
        for array, values in (
            (weight, found.reshape(kernel.shape)),
            (bias, numpy_helper.to_array(bias) - shift),
        ):
            array.CopyFrom(numpy_helper.from_array(values.astype(np.float32), array.name))


def on_steps(rows: npt.NDArray[np.float64], moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(outputs, n) weights to multiples of each row's step; moments (n, n) are those of what is multiplied."""
    count = rows.shape[1]
    largest = np.abs(rows).max(1, keepdims=True)
    held = np.abs(rows) == largest  # whoever measures the step anew, by the largest weight, finds the same
    step = np.where(largest == 0, 1, largest / STEPS)[:, 0]
    damped = moments + np.eye(count) * (DAMPING * np.trace(moments) / count + 1e-9)
    factor = np.linalg.cholesky(
        np.linalg.inv(damped)
    ).T  # upper: row k says how k's error moves what comes after
    left, found = rows.copy(), np.empty_like(rows)
    for k in range(count):
        rounded = np.clip(np.rint(left[:, k] / step), -STEPS, STEPS) * step
        found[:, k] = np.where(held[:, k], rows[:, k], rounded)
        error = (left[:, k] - found[:, k]) / factor[k, k]
        left[:, k + 1 :] -= np.outer(error, factor[k, k + 1 :])
    return found


def _moments(
    graph: Any, nodes: list[Any], pictures: Iterable[Floats]
) -> tuple[Mapping[str, npt.NDArray[np.float64]], Mapping[str, npt.NDArray[np.float64]]]:
    """By node: the mean of patch·patchᵀ, and of patches, over places of the pictures."""
    import onnx
    import onnxruntime

    names = list(dict.fromkeys(node.input[0] for node in nodes))
    probe = onnx.ModelProto()
    probe.CopyFrom(graph)
    inputs = {port.name for port in probe.graph.input}
    del probe.graph.output[:]
    for name in names:
        if name not in inputs:
            probe.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = [port.name for port in session.get_outputs()]
    (entry,) = inputs
    rng = np.random.default_rng(2020)
    seconds: dict[str, Any] = {node.name: 0.0 for node in nodes}
    firsts: dict[str, Any] = {node.name: 0.0 for node in nodes}
    count = 0
    for picture in pictures:
        count += 1
        maps = {entry: picture, **dict(zip(wanted, session.run(wanted, {entry: picture}), strict=True))}
        for node in nodes:
            patches = _patches(maps[node.input[0]][0], node, rng)
            seconds[node.name] = seconds[node.name] + patches.T @ patches / PATCHES
            firsts[node.name] = firsts[node.name] + patches.mean(0)
    return {name: found / count for name, found in seconds.items()}, {
        name: found / count for name, found in firsts.items()
    }


def _patches(field: Floats, node: Any, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(C, H, W) to (PATCHES, C·k·k): what the kernel is laid over at some places."""
    dilation, side = (
        next(item.ints[0] for item in node.attribute if item.name == name)
        for name in ("dilations", "kernel_shape")
    )
    reach = dilation * (side // 2)
    padded = np.pad(field, ((0, 0), (reach, reach), (reach, reach)))
    rows, columns = (rng.integers(0, length, PATCHES) for length in field.shape[1:])
    taps = np.arange(side) * dilation
    found = padded[:, rows[:, None, None] + taps[:, None], columns[:, None, None] + taps]
    return np.asarray(found.transpose(1, 0, 2, 3).reshape(PATCHES, -1), np.float64)
