"""What `tools/distil` makes at home and puts together afterwards; the lessons need PyTorch and are not here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

from distil import cards, packing, weights

DISTIL = Path(weights.__file__).parent


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Two convolutions, the second to one channel."""
    rng = np.random.default_rng(1)
    kernels = {
        "wide.weight": rng.normal(size=(8, 3, 3, 3)) * np.logspace(-3, 2, 8)[:, None, None, None],
        "wide.bias": rng.normal(size=8),
        "side.weight": rng.normal(size=(1, 8, 3, 3)),
        "side.bias": rng.normal(size=1),
    }
    stored = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in kernels.items()]
    nodes = [
        helper.make_node("Conv", [x, f"{name}.weight", f"{name}.bias"], [name], name=name, pads=[1] * 4)
        for x, name in (("image", "wide"), ("wide", "side"))
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, c, 8, 8])
        for name, c in (("image", 3), ("side", 1))
    ]
    path = tmp_path / "lite.onnx"
    model = helper.make_graph(nodes, "two", ports[:1], ports[1:], stored)
    onnx.save(helper.make_model(model, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def learnt(graph: Path, folder: Path, step: float) -> Path:
    """Weights all of which are `step` higher than the graph's, in two files; returns their prefix."""
    moved = {name: value + np.float32(step) for name, value in weights.read(onnx.load(graph)).items()}
    for number, suffix in enumerate(("weight", "bias")):
        part: dict[str, Any] = {name: value for name, value in moved.items() if name.endswith(suffix)}
        np.savez(folder / f"lite-end-{number}.npz", **part)
    return folder / "lite-end"


def test_a_shrunk_graph_reads_as_it_was_within_half_a_step_of_each_channel(
    graph: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.onnx"
    weights.shrink(graph, small)
    before, after = (weights.read(onnx.load(path)) for path in (graph, small))
    assert before.keys() == after.keys()
    step = np.abs(before["wide.weight"]).max((1, 2, 3), keepdims=True) / 127
    assert (np.abs(after["wide.weight"] - before["wide.weight"]) <= 0.501 * step).all()
    for name in ("wide.bias", "side.weight", "side.bias"):
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_mixed_graph_lies_on_the_way_to_what_was_learnt(graph: Path, tmp_path: Path, share: float) -> None:
    new = tmp_path / "new.onnx"
    weights.mix(graph, new, {learnt(graph, tmp_path, 2.0): share})
    before, after = (weights.read(onnx.load(path)) for path in (graph, new))
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value + 2 * share, rtol=1e-5, atol=1e-5)
    onnx.checker.check_model(onnx.load(new), full_check=True)


def test_weights_of_another_network_are_named_and_nothing_is_written(graph: Path, tmp_path: Path) -> None:
    other: dict[str, Any] = {"wide.weight": np.zeros((4, 3, 3, 3), np.float32)}
    np.savez(tmp_path / "base-end-0.npz", **other)
    with pytest.raises(ValueError, match=r"wide\.weight \(4, 3, 3, 3\)"):
        weights.mix(graph, tmp_path / "new.onnx", {tmp_path / "base-end": 0.5})
    with pytest.raises(FileNotFoundError, match=r"none-0\.npz"):
        weights.mix(graph, tmp_path / "new.onnx", {tmp_path / "none": 0.5})
    assert not (tmp_path / "new.onnx").exists()


def test_the_command_mixes(graph: Path, tmp_path: Path) -> None:
    prefix, new = learnt(graph, tmp_path, 1.0), tmp_path / "new.onnx"
    subprocess.run([sys.executable, DISTIL, "mix", graph, new, f"{prefix}=0.5"], check=True)
    side = (weights.read(onnx.load(path))["side.bias"] for path in (graph, new))
    np.testing.assert_allclose(np.subtract(*side), -0.5, rtol=1e-5)


def test_cards_travel_with_their_masks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), 5), np.uint8)
    mask = rng.integers(0, 256, (40, 30), dtype=np.uint8)
    sent = [
        cards.encode("photos/zoo/a.b@0.7500", image, None, 90),
        cards.encode("pairs/zoo/b@1.3333", image, mask, 90),
    ]
    cards.write(tmp_path / "deck-0.tar", sent)
    bare, masked = sorted(cards.read([tmp_path / "deck-0.tar"]), key=lambda card: card.mask is not None)
    assert [bare, masked] == sent
    assert (masked.kind, masked.folder, masked.aspect) == ("pairs", "zoo", 1.3333)
    pixels = cards.decode(masked)
    np.testing.assert_array_equal(pixels[..., 3], mask)
    assert np.abs(pixels[..., :3].astype(int) - image[..., ::-1]).mean() < 8
    assert not cards.decode(bare)[..., 3].any()


def test_a_data_folder_is_packed_whole(graph: Path, tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "folder"
    picture = np.full((60, 90, 3), (10, 120, 240), np.uint8)
    mask = np.zeros((60, 90), np.uint8)
    mask[20:40, 30:60] = 255
    for path, pixels in {
        "train/photos/a/1.png": picture,
        "train/backgrounds/b/2.jpg": picture,
        "train/cutouts/c/3.png": np.dstack([picture, mask]),
        "train/pairs/d/images/4.jpg": picture,
        "train/pairs/d/masks/4.png": mask,
        "train/pairs/d/images/alone.jpg": picture,
        "eval/alpha/images/5.jpg": picture,
        "eval/alpha/masks/5.png": mask,
        "eval/backgrounds/images/6.jpg": picture,
    }.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(data / path), pixels)
    packing.pack(data, folder, teacher=graph, lite=graph, students=[graph])
    deck = cards.read(sorted(folder.glob("deck-*.tar")))
    assert [card.name for card in deck] == [
        "backgrounds/b/2@1.5000",
        "cutouts/c/3@1.5000",
        "pairs/d/4@1.5000",
        "photos/a/1@1.5000",
    ]
    assert [card.mask is not None for card in deck] == [False, True, True, False]
    assert {cards.decode(card).shape for card in deck} == {(packing.SIDE, packing.SIDE, 4)}
    judged = cards.read([folder / "eval.tar"])
    assert [card.kind for card in judged] == ["alpha", "empty"]
    assert cards.decode(judged[0]).shape == (60, 90, 4)
    assert {path.name for path in folder.glob("*.onnx")} == {"teacher.onnx", "lite.onnx"}
