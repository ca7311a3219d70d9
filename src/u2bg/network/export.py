"""A trained network becomes an ONNX graph: BatchNorm folded, constant up-sampling, the sigmoid at the end.

ONNX Runtime keeps such a graph in its blocked memory layout throughout, because every Resize has a constant integer
factor: that is why it is no slower than the published one. It asks for sizes that are multiples of 32, behind a stem
of 64.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from u2bg.errors import MissingExtra, UsageError
from u2bg.network.batchnorm import fold
from u2bg.network.spread import spread_sides
from u2bg.network.stages import STEM, Stage
from u2bg.network.u2net import OUTPUTS, U2Net, draw

OPSET = 17
IR_VERSION = 8
HALVINGS = 5


def export(network: U2Net, *, all_maps: bool = False, size: int | None = None, spread: bool = True) -> bytes:
    """The network as an ONNX file: image (N, 3, H, W) ImageNet-normalised to fused (N, 1, H, W) in [0, 1].

    The same weights give the same bytes.

    Args:
        all_maps: hand out the six side outputs too, after the fused map.
        size: fix height and width to it; else they are free, in multiples of `size_step`. The batch is always free.
        spread: make the large side outputs fast, see `spread`; a graph that is to be quantised gets that there.

    Raises:
        MissingExtra: without the package onnx. UsageError: `size` is no such multiple.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("writing ONNX", "train") from error

    step = size_step(network.stages)
    if size is not None and (size <= 0 or size % step):
        raise UsageError(f"cannot export for size {size}: expected a multiple of {step}, such as 320")
    height, width = (size, size) if size else ("height", "width")
    names = OUTPUTS if all_maps else OUTPUTS[:1]
    pen = _Nodes(fold(network), names)
    draw(pen, _Value("image", shrink=1), network.stages)
    graph = onnx.helper.make_graph(
        pen.nodes,
        "u2net",
        [_port("image", ["batch", 3, height, width])],
        [_port(name, ["batch", 1, height, width]) for name in names],
        pen.stored,
    )
    if spread:
        spread_sides(graph)
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="u2bg",
    )
    onnx.helper.set_model_props(model, {**network.notes, "stages": json.dumps(network.stages)})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def size_step(stages: Sequence[Stage]) -> int:
    """What heights and widths are multiples of, so that every halving is even."""
    return int(2 ** (HALVINGS + sum(stage.rsu == STEM for stage in stages)))


class _Value(NamedTuple):
    """A value of the graph, and how many times smaller than the image it is per side."""

    name: str
    shrink: int


class _Nodes:
    """The pen that draws ONNX nodes. A convolution's node has the step's name; other nodes add what they do."""

    def __init__(
        self,
        folded: dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
        outputs: Sequence[str],
    ) -> None:
        self.folded = folded
        self.outputs = outputs
        self.nodes: list[Any] = []
        self.stored: list[Any] = []
        self._factors: set[int] = set()

    def unit(self, x: _Value, name: str, width: int, dilation: int) -> _Value:
        return self._node("Relu", [self._convolution(x, name, dilation)], f"{name}_relu")

    def squeeze(self, x: _Value, name: str, kernel: int) -> _Value:
        return self._convolution(x, name, 1)

    def halve(self, x: _Value, name: str) -> _Value:
        y = self._node("MaxPool", [x], f"{name}_halve", kernel_shape=[2, 2], strides=[2, 2])
        return y._replace(shrink=2 * x.shrink)

    def grow(self, x: _Value, like: _Value, name: str) -> _Value:
        factor = x.shrink // like.shrink
        scales = _Value(f"grow_{factor}", 0)
        if factor not in self._factors:
            self._factors.add(factor)
            self._store(scales.name, np.array([1, 1, factor, factor], np.float32))
        y = self._node(
            "Resize",
            [x, _Value("", 0), scales],
            f"{name}_grow",
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        return y._replace(shrink=like.shrink)

    def join(self, maps: Sequence[_Value], name: str) -> _Value:
        return self._node("Concat", maps, f"{name}_join", axis=1)

    def add(self, x: _Value, y: _Value, name: str) -> _Value:
        return self._node("Add", [x, y], f"{name}_add")

    def output(self, logits: _Value, name: str) -> _Value:
        return self._node("Sigmoid", [logits], name) if name in self.outputs else logits

    def _convolution(self, x: _Value, name: str, dilation: int) -> _Value:
        kernel, bias = self.folded[name]
        side = kernel.shape[0]
        weight = _Value(f"{name}.weight", 0)
        self._store(weight.name, kernel.transpose(3, 2, 0, 1))
        self._store(f"{name}.bias", bias)
        return self._node(
            "Conv",
            [x, weight, _Value(f"{name}.bias", 0)],
            name,
            kernel_shape=[side, side],
            dilations=[dilation, dilation],
            pads=[dilation * (side // 2)] * 4,
        )

    def _node(self, kind: str, inputs: Sequence[_Value], name: str, **attributes: Any) -> _Value:
        import onnx

        names = [value.name for value in inputs]
        self.nodes.append(onnx.helper.make_node(kind, names, [name], name=name, **attributes))
        return _Value(name, inputs[0].shrink)

    def _store(self, name: str, array: npt.NDArray[np.float32]) -> None:
        import onnx

        self.stored.append(onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))


def _port(name: str, shape: list[int | str]) -> Any:
    import onnx

    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
