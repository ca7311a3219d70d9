"""The exported graph: the Keras network's maps, in any size that it promises, for whatever runs u2netp.onnx."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.network.conftest import Photos, random_network

from u2bg.errors import UsageError
from u2bg.network import OUTPUTS, U2NETP, U2Net, saliency_maps
from u2bg.network.convolutions import convolutions
from u2bg.network.export import export


@pytest.fixture(scope="session")
def graph(tiny: U2Net) -> bytes:
    """The tiny network, all seven maps, free sizes."""
    return export(tiny, all_maps=True)


def run(graph: bytes, images: Any) -> dict[str, Any]:
    """The graph's maps of (N, H, W, 3) images, as (N, H, W, 1)."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    maps = session.run(None, {"image": images.transpose(0, 3, 1, 2)})
    return {
        port.name: one.transpose(0, 2, 3, 1) for port, one in zip(session.get_outputs(), maps, strict=True)
    }


@pytest.mark.parametrize("shape", [(1, 64, 64), (2, 32, 96), (3, 160, 32)], ids=str)
def test_all_seven_maps_are_those_of_keras_in_any_size_and_batch(
    tiny: U2Net, graph: bytes, shape: tuple[int, int, int]
) -> None:
    images = np.random.default_rng(2).normal(size=(*shape, 3)).astype(np.float32)

    got, expected = run(graph, images), saliency_maps(tiny, images)

    assert tuple(got) == OUTPUTS
    for name in OUTPUTS:
        assert expected[name].std() > 1e-3
        np.testing.assert_allclose(got[name], expected[name], atol=1e-4)


def test_a_full_size_network_with_random_weights_is_that_of_keras_at_320(photos: Photos) -> None:
    network = random_network(U2NETP)
    images = photos(320)

    got, expected = run(export(network, all_maps=True), images), saliency_maps(network, images)

    for name in OUTPUTS:
        np.testing.assert_allclose(got[name], expected[name], atol=1e-3)


def test_only_the_fused_map_is_handed_out_unless_asked(tiny: U2Net) -> None:
    session = onnxruntime.InferenceSession(export(tiny), providers=["CPUExecutionProvider"])

    assert [(port.name, port.shape) for port in session.get_inputs()] == [
        ("image", ["batch", 3, "height", "width"])
    ]
    assert [(port.name, port.shape) for port in session.get_outputs()] == [
        ("fused", ["batch", 1, "height", "width"])
    ]


def test_a_constant_size_gives_the_same_map(tiny: U2Net, graph: bytes) -> None:
    images = np.random.default_rng(4).normal(size=(2, 64, 64, 3)).astype(np.float32)
    fixed = export(tiny, size=64)

    session = onnxruntime.InferenceSession(fixed, providers=["CPUExecutionProvider"])

    assert session.get_inputs()[0].shape == ["batch", 3, 64, 64]
    assert session.get_outputs()[0].shape == ["batch", 1, 64, 64]
    np.testing.assert_allclose(run(fixed, images)["fused"], run(graph, images)["fused"], atol=1e-6)


def test_it_takes_the_place_of_the_published_graph(tiny: U2Net) -> None:
    # As programs for u2netp.onnx do it: the first input and the first output, whatever their names.
    session = onnxruntime.InferenceSession(export(tiny), providers=["CPUExecutionProvider"])
    image = np.zeros((1, 3, 320, 320), np.float32)

    fused = session.run(None, {session.get_inputs()[0].name: image})[0]

    assert fused.shape == (1, 1, 320, 320)
    assert fused.dtype == np.float32
    assert 0 <= fused.min() <= fused.max() <= 1


def test_the_same_weights_give_the_same_bytes(tiny: U2Net, graph: bytes) -> None:
    assert export(tiny, all_maps=True) == graph


def test_the_graph_is_what_onnx_runtime_is_quick_with(graph: bytes) -> None:
    model = onnx.load_from_string(graph)
    stored = {tensor.name for tensor in model.graph.initializer}
    kinds = [node.op_type for node in model.graph.node]

    assert (model.opset_import[0].version, model.ir_version) == (17, 8)
    assert set(kinds) == {"Conv", "Relu", "MaxPool", "Resize", "Concat", "Add", "DepthToSpace", "Sigmoid"}
    assert all(node.input[2] in stored for node in model.graph.node if node.op_type == "Resize")
    assert [node.name for node in model.graph.node if node.op_type == "Conv"] == [
        row.name for row in convolutions(U2NETP)
    ]


def test_the_file_tells_its_stages_and_its_terms(tiny: U2Net) -> None:
    network = random_network()
    network.notes = {"licence": "CC0"}

    model = onnx.load_from_string(export(network))

    told = {item.key: item.value for item in model.metadata_props}
    assert model.producer_name == "u2bg"
    assert told == {"licence": "CC0", "stages": json.dumps(tiny.stages)}


@pytest.mark.parametrize("size", [0, -32, 100, 321])
def test_a_size_that_cannot_be_is_refused(tiny: U2Net, size: int) -> None:
    with pytest.raises(
        UsageError, match=rf"^cannot export for size {size}: expected a multiple of 32, such as 320$"
    ):
        export(tiny, size=size)
