"""The authors' published ONNX weights become this project's Keras network, ready to train on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from u2bg.errors import BadModel, MissingExtra, SourceMissing
from u2bg.network.batchnorm import measure, unfold
from u2bg.network.calibration import drawn_pictures
from u2bg.network.convolutions import Convolution, convolutions
from u2bg.network.spread import gathered
from u2bg.network.stages import U2NET, Stage
from u2bg.network.u2net import OUTPUTS, U2Net, saliency_maps

# Mean over a map's pixels. The two engines' float32 noise is 100 times smaller, another wiring 10 times larger.
SAME_MAP = 1e-3

PUBLISHED_SIZE = 320


class PublishedConvolution(NamedTuple):
    """A Conv node: kernel (outputs, inputs, height, width), bias (outputs,), dilation."""

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    dilation: int


def convert(source: Path, pictures: Iterable[npt.NDArray[np.float32]]) -> U2Net:
    """Read a published graph and build the network of its widths, BatchNorm put back, the function kept.

    The weights are found by their place: the n-th Conv node is the n-th convolution of the drawing.

    Args:
        source: an ONNX file with 119 folded convolutions (`u2net.onnx`, `u2netp.onnx`, or other widths).
        pictures: for the BatchNorm statistics; see `batchnorm.measure`.

    Raises:
        MissingExtra: without the package onnx. SourceMissing, BadModel: which convolution, got, expected.
    """
    published = read_published(source)
    stages = told_stages(published)
    network = U2Net(stages, notes={"source_sha256": _sha256(source)}, kernels="zeros")
    folded = {
        row.name: (kernel.transpose(2, 3, 1, 0), bias)
        for row, (kernel, bias, _) in zip(convolutions(stages), published, strict=True)
    }
    unfold(network, folded, {})
    unfold(network, folded, measure(network, pictures))
    return network


def prove(network: U2Net, source: Path) -> float:
    """Run the published graph and the converted network on one picture; the largest difference of any map.

    Shapes cannot tell how convolutions are wired; the maps can.

    Raises:
        BadModel: the graph does not run, or its maps are not the network's.
    """
    theirs, picture = _run_published(source)
    ours = saliency_maps(network, picture)
    worst = 0.0
    for name, expected in zip(OUTPUTS, theirs, strict=False):
        got = ours[name].transpose(0, 3, 1, 2)
        difference = np.abs(got - expected) if got.shape == expected.shape else np.ones(1)
        if not difference.mean() <= SAME_MAP:
            raise BadModel(
                f"'{source}' is wired unlike U²-Net: its map {name} differs by {difference.mean():.2g} on average,"
                f" expected at most {SAME_MAP:.0e} from the same weights"
            )
        worst = max(worst, float(difference.max()))
    return worst


def read_published(source: Path) -> list[PublishedConvolution]:
    """The Conv nodes of an ONNX file, in graph order.

    Raises:
        MissingExtra, SourceMissing, BadModel: as `convert`.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtra("reading ONNX weights", "train") from error

    if not source.is_file():
        raise SourceMissing(
            f"no file '{source}'; expected published ONNX weights; fix: u2bg models pull u2netp"
        )
    try:
        graph = onnx.load(source).graph
    except (DecodeError, ValueError, OSError) as error:
        raise BadModel(f"'{source}' is no ONNX file, or only part of one") from error
    stored = {tensor.name: tensor for tensor in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    if len(nodes) != len(convolutions(U2NET)):
        raise BadModel(
            f"'{source}' is no U²-Net: got {len(nodes)} convolutions, expected {len(convolutions(U2NET))}"
        )
    return [_read_convolution(node, stored, index, source) for index, node in enumerate(nodes)]


def told_stages(published: Sequence[PublishedConvolution]) -> tuple[Stage, ...]:
    """The table of stages that the kernels' shapes tell.

    Raises:
        BadModel: the first convolution whose shape or dilation is not what the rest make of it.
    """
    by_name = {row.name: found for row, found in zip(convolutions(U2NET), published, strict=True)}
    stages = tuple(
        stage._replace(
            mid=by_name[f"{stage.name}_1"].kernel.shape[0], out=by_name[f"{stage.name}_in"].kernel.shape[0]
        )
        for stage in U2NET
    )
    for index, (row, found) in enumerate(zip(convolutions(stages), published, strict=True)):
        _check(row, found, index)
    return stages


def _run_published(source: Path) -> tuple[list[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """The graph's maps of a drawn picture, (1, 1, S, S) each, and that picture, (1, S, S, 3)."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
        image = session.get_inputs()[0]
        side = image.shape[2] if isinstance(image.shape[2], int) else PUBLISHED_SIZE
        picture = next(drawn_pictures(side))
        return session.run(None, {image.name: picture.transpose(0, 3, 1, 2)}), picture
    except Exception as error:  # onnxruntime's errors share no class, and a graph can be wrong in any way
        raise BadModel(f"'{source}' does not run: {str(error).strip().partition(chr(10))[0]}") from error


def _check(row: Convolution, found: PublishedConvolution, index: int) -> None:
    got = f"{'×'.join(map(str, found.kernel.shape))} with dilation {found.dilation}, {len(found.bias)} biases"
    expected = f"{'×'.join(map(str, row.shape))} with dilation {row.dilation}, {row.outputs} biases"
    if got != expected:
        raise BadModel(f"convolution {index} is not U²-Net's {row.name}: got {got}, expected {expected}")


def _read_convolution(node: Any, stored: dict[str, Any], index: int, source: Path) -> PublishedConvolution:
    import onnx

    if len(node.input) != 3 or not {*node.input[1:]} <= stored.keys():
        raise BadModel(
            f"'{source}': convolution {index} has no stored kernel and bias; expected both in the file, as floats"
        )
    try:
        kernel, bias = (onnx.numpy_helper.to_array(stored[name]) for name in node.input[1:])
    except (ValueError, OSError) as error:
        raise BadModel(f"'{source}': the weights of convolution {index} are damaged") from error
    kernel = gathered(kernel)
    dilations = next((list(item.ints) for item in node.attribute if item.name == "dilations"), [1, 1])
    bias = bias[: len(kernel)]
    return PublishedConvolution(kernel.astype(np.float32), bias.astype(np.float32), dilations[0])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
