"""Published files become this network: the same seven maps, or one line that tells what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from tests import onnx_files
from tests.network.conftest import TINY, Photos

from u2bg.errors import BadModel, SourceMissing
from u2bg.network import OUTPUTS, U2NET, U2NETP, U2Net, saliency_maps
from u2bg.network.batchnorm import fold
from u2bg.network.calibration import drawn_pictures
from u2bg.network.convert import convert, prove, read_published
from u2bg.network.convolutions import convolutions
from u2bg.network.export import export

SAME = 5e-4
"""Float32 noise at 320×320: some kernels are ill-conditioned, and the published graph itself is off by 1e-4."""


@pytest.fixture(scope="session")
def model(tiny: U2Net) -> bytes:
    """A file like the published ones, only narrow: folded, seven maps, one size."""
    return export(tiny, all_maps=True, size=64)


@pytest.fixture
def altered(model: bytes, tmp_path: Path) -> Callable[[Callable[[onnx.GraphProto], None]], Path]:
    """`altered(change)` is a file of the narrow graph after `change(graph)`."""

    def write(change: Callable[[onnx.GraphProto], None]) -> Path:
        proto = onnx.load_from_string(model)
        change(proto.graph)
        onnx.save(proto, tmp_path / "altered.onnx")
        return tmp_path / "altered.onnx"

    return write


def quickly(source: Path) -> U2Net:
    return convert(source, drawn_pictures(32, count=1))


@pytest.mark.weights
@pytest.mark.parametrize(("name", "stages"), [("u2netp", U2NETP), ("u2net", U2NET)])
def test_the_authors_weights_keep_all_seven_maps_through_keras_and_back(
    published: Callable[[str], Path], photos: Photos, name: str, stages: tuple[object, ...]
) -> None:
    source, images = published(name), photos(320)
    theirs = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    entry = theirs.get_inputs()[0].name
    expected = [theirs.run(None, {entry: image[None].transpose(0, 3, 1, 2)}) for image in images]

    network = convert(source, drawn_pictures(64, count=2))

    assert network.stages == stages
    maps = saliency_maps(network, images)
    for index, maps_of_one in enumerate(expected):
        for output, one in zip(OUTPUTS, maps_of_one, strict=True):
            np.testing.assert_allclose(
                maps[output][index], one[0].transpose(1, 2, 0), atol=SAME, err_msg=output
            )
    folded = fold(network)
    for row, was in zip(convolutions(network.stages), read_published(source), strict=True):
        assert (folded[row.name][0].transpose(3, 2, 0, 1) == was.kernel).all()
        assert (folded[row.name][1] == was.bias).all()
    ours = onnxruntime.InferenceSession(export(network), providers=["CPUExecutionProvider"])
    (fused,) = ours.run(None, {"image": images.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(fused, np.concatenate([maps_of_one[0] for maps_of_one in expected]), atol=SAME)
    np.testing.assert_allclose(fused, maps["fused"].transpose(0, 3, 1, 2), atol=SAME)


def test_a_table_of_any_width_is_told_from_the_shapes(model: bytes, tmp_path: Path, tiny: U2Net) -> None:
    (tmp_path / "narrow.onnx").write_bytes(model)

    network = quickly(tmp_path / "narrow.onnx")

    assert network.stages == TINY
    assert prove(network, tmp_path / "narrow.onnx") < 1e-4
    assert export(network, all_maps=True, size=64).count(b"De_1_side.weight") == 2


def test_another_wiring_of_the_same_convolutions_is_refused(
    altered: Callable[[Callable[[onnx.GraphProto], None]], Path],
) -> None:
    def swap_skip_and_deeper(graph: onnx.GraphProto) -> None:
        for node in graph.node:
            if node.op_type == "Concat" and len(node.input) == 2 and "De_4_" in node.name:
                node.input[0], node.input[1] = node.input[1], node.input[0]

    source = altered(swap_skip_and_deeper)

    with pytest.raises(
        BadModel, match=r"is wired unlike U²-Net: its map \w+ differs by .* on average, expected at most"
    ):
        prove(quickly(source), source)


def test_a_kernel_of_another_shape_is_named(
    altered: Callable[[Callable[[onnx.GraphProto], None]], Path],
) -> None:
    def widen(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            if tensor.name == "En_2_3.weight":
                tensor.CopyFrom(numpy_helper.from_array(np.zeros((5, 4, 3, 3), np.float32), tensor.name))

    with pytest.raises(
        BadModel,
        match=r"^convolution 17 is not U²-Net's En_2_3: got 5×4×3×3 with dilation 1, 4 biases,"
        r" expected 4×4×3×3 with dilation 1, 4 biases$",
    ):
        quickly(altered(widen))


def test_another_dilation_is_named(altered: Callable[[Callable[[onnx.GraphProto], None]], Path]) -> None:
    def undilate(graph: onnx.GraphProto) -> None:
        for node in graph.node:
            for attribute in node.attribute:
                if node.name == "En_5_3" and attribute.name == "dilations":
                    attribute.ints[:] = [1, 1]

    with pytest.raises(
        BadModel, match=r"is not U²-Net's En_5_3: got 4×4×3×3 with dilation 1, .* dilation 4, 4 biases$"
    ):
        quickly(altered(undilate))


def test_a_kernel_that_is_not_in_the_file_is_named(
    altered: Callable[[Callable[[onnx.GraphProto], None]], Path],
) -> None:
    def lose(graph: onnx.GraphProto) -> None:
        del graph.initializer[0]

    with pytest.raises(BadModel, match=r"^'.*altered.onnx': convolution 0 has no stored kernel and bias"):
        quickly(altered(lose))


def test_another_network_is_refused(tmp_path: Path) -> None:
    other = onnx_files.brightness(tmp_path / "other.onnx")

    with pytest.raises(BadModel, match=r"^'.*other.onnx' is no U²-Net: got 1 convolutions, expected 119$"):
        quickly(other)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.999])
def test_part_of_a_file_is_refused(model: bytes, tmp_path: Path, share: float) -> None:
    part = tmp_path / "part.onnx"
    part.write_bytes(model[: int(share * len(model))])

    with pytest.raises(BadModel, match=r"^'.*part.onnx' is no ONNX file, or only part of one$"):
        quickly(part)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n not a network", b"<html>not found</html>"], ids=["png", "html"]
)
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "no.onnx").write_bytes(content)

    with pytest.raises(
        BadModel, match=r"^'.*no.onnx' is no (ONNX file, or only part of one|U²-Net: got 0 conv)"
    ):
        quickly(tmp_path / "no.onnx")


@pytest.mark.parametrize("name", ["none.onnx", "."], ids=["missing", "folder"])
def test_what_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        SourceMissing, match=r"^no file '.*'; expected published ONNX weights; fix: u2bg models pull"
    ):
        quickly(tmp_path / name)
