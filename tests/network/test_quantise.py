"""Graphs in 8 bits: the same maps within what 8 bits can tell, on every processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from PIL import Image
from tests.network.conftest import Photos

import u2bg
from u2bg.errors import BadModel
from u2bg.network import U2Net
from u2bg.network.convert import read_published
from u2bg.network.export import export
from u2bg.network.quantise import quantise

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graph(tiny: U2Net) -> bytes:
    return export(tiny, spread=False)


def in_bytes(graph: bytes, pictures: npt.NDArray[np.float32]) -> bytes:
    return quantise(graph, [picture[None] for picture in pictures])


def run(graph: bytes, pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N, H, W, 3) to the fused maps (N, H, W)."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (maps,) = session.run(["fused"], {"image": np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))})
    answer: npt.NDArray[np.float32] = maps[:, 0]
    return answer


def test_the_map_stays_within_what_8_bits_can_tell(graph: bytes, photos: Photos) -> None:
    pictures = photos(64)

    expected, got = run(graph, pictures), run(in_bytes(graph, pictures), pictures)

    assert expected.std() > 1e-3
    assert np.abs(got - expected).mean() < 0.1 * expected.std()
    assert (got != expected).any()


def test_input_and_output_are_those_of_the_float_graph(graph: bytes, photos: Photos) -> None:
    before, after = onnx.load_from_string(graph), onnx.load_from_string(in_bytes(graph, photos(64)))

    assert list(after.graph.input) == list(before.graph.input)
    assert list(after.graph.output) == list(before.graph.output)
    properties = {prop.key: prop.value for prop in after.metadata_props}
    assert properties == {**{prop.key: prop.value for prop in before.metadata_props}, "weights": "8 bits"}


def test_two_products_fit_16_bits_and_the_fusion_stays_in_floats(graph: bytes, photos: Photos) -> None:
    model = onnx.load_from_string(in_bytes(graph, photos(64))).graph
    stored = {array.name: numpy_helper.to_array(array) for array in model.initializer}
    weights = [array for name, array in stored.items() if name.endswith("weight_quantized")]

    assert len(weights) == 118
    assert all(array.dtype == np.int8 and np.abs(array.astype(int)).max() <= 64 for array in weights)
    assert 2 * 255 * 64 < 2**15
    assert stored["fuse.weight"].dtype == np.float32


def test_a_graph_in_8_bits_has_no_weights_to_train_from(graph: bytes, photos: Photos, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(in_bytes(graph, photos(64)))

    with pytest.raises(BadModel, match="no stored kernel and bias; expected both in the file, as floats"):
        read_published(path)


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee"])
def test_the_embedded_network_in_8_bits_sees_what_it_sees_in_floats(name: str) -> None:
    with Image.open(ROOT / "examples" / f"{name}.jpg") as photo:
        small = photo.resize((320, 320))
    cut, expected = (u2bg.Remover(model)(small).alpha for model in ("lite", "lite-float"))

    assert np.abs(cut - expected).mean() < 0.02
