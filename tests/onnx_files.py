"""Small ONNX files for tests: networks that are no U²-Net, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def brightness(
    path: Path,
    size: int | str = "size",
    channels: int = 3,
    scale: float = 1.0,
    inputs: int = 1,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """A network whose map is the mean of the input's channels times `scale`, through a sigmoid if it is 1."""
    shape: list[str | int | None] = ["n", channels, size, size]
    names = [f"image{i}" for i in range(inputs)]
    weight = np.full((1, channels, 1, 1), scale / channels, np.float32)
    nodes = [helper.make_node("Conv", [names[0], "weight"], ["raw"])]
    nodes.append(helper.make_node("Sigmoid" if scale == 1.0 else "Identity", ["raw"], ["map"]))
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info(name, kind, shape) for name in names],
        [helper.make_tensor_value_info("map", kind, ["n", 1, size, size])],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def mixture(path: Path, size: int, values: str) -> Path:
    """A network of fixed size whose answer weighs red, green and blue differently: a map, its logits, or four classes.

    Args:
        values: as `OutputSpec` has it.
    """
    channels = 4 if values == "classes" else 1
    weight = np.random.default_rng(5).normal(0, 2, (channels, 3, 1, 1)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["image", "weight"], ["raw"])]
    nodes.append(helper.make_node("Sigmoid" if values == "saliency" else "Identity", ["raw"], ["answer"]))
    graph = helper.make_graph(
        nodes,
        "mixture",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, channels, size, size])],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
