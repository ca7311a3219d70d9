"""`u2bg convert` and `u2bg export`, as a person runs them: exit code, one line, and the files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from tests import onnx_files
from tests.command import Command

from u2bg.network import U2Net, read, write
from u2bg.network.export import export


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory, tiny: U2Net) -> Path:
    """A file like the published ones, only narrow."""
    path = tmp_path_factory.mktemp("narrow") / "narrow.onnx"
    path.write_bytes(export(tiny, all_maps=True, size=64))
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, tiny: U2Net) -> Path:
    """The tiny network as a `.keras` file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.keras"
    write(tiny, path)
    return path


def test_there_and_back_gives_the_same_graph(command: Command, narrow: Path, tmp_path: Path) -> None:
    converted = command("convert", narrow, tmp_path / "net.keras", "--size", "64")
    exported = command("export", tmp_path / "net.keras", tmp_path / "net.onnx", "--all-maps", "--size", "64")

    assert (converted.exit_code, exported.exit_code) == (0, 0)
    assert (converted.stdout, exported.stdout) == ("", "")
    assert "the seven maps differ by at most" in converted.stderr
    assert "BatchNorm statistics" in converted.stderr
    image = {"image": np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)}
    before, after = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, image)
        for path in (narrow, tmp_path / "net.onnx")
    )
    for one, other in zip(before, after, strict=True):
        assert (one == other).all()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["net.keras", "net.onnx"]


def test_statistics_come_from_the_pictures_that_are_given(
    command: Command, narrow: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (50, 40), (124, 116, 104)).save(photos / "grey.png")
    (photos / "broken.jpg").write_bytes(b"nothing")

    ran = command("convert", narrow, tmp_path / "net.keras", "--pictures", photos, "--size", "32")

    assert ran.exit_code == 0
    mean = read(tmp_path / "net.keras").get_layer("En_1_in_bn").get_weights()[2]
    bias = read(tmp_path / "net.keras").get_layer("En_1_in").get_weights()[1]
    assert mean == pytest.approx(bias, abs=0.02)  # a picture of ImageNet's mean is nearly all zeros


@pytest.mark.parametrize(
    ("verb", "suffixes"),
    [("convert", ("onnx", "keras")), ("export", ("keras", "onnx"))],
    ids=["convert", "export"],
)
def test_what_is_there_is_not_overwritten_unasked(
    command: Command, tmp_path: Path, verb: str, suffixes: tuple[str, str]
) -> None:
    target = tmp_path / f"there.{suffixes[1]}"
    target.write_bytes(b"mine")

    ran = command(verb, tmp_path / f"source.{suffixes[0]}", target)

    assert (ran.exit_code, ran.stderr) == (
        1,
        f"u2bg: '{target}' is there already; fix: --overwrite, or another name\n",
    )
    assert target.read_bytes() == b"mine"


def test_export_writes_8_bits_within_the_ranges_of_pictures(
    command: Command, weights: Path, tmp_path: Path
) -> None:
    rng, folder = np.random.default_rng(1), tmp_path / "photos"
    folder.mkdir()
    for index in range(3):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)).save(folder / f"{index}.png")

    ran = command("export", weights, tmp_path / "small.onnx", "--int8", folder, "--size", "64")

    assert ran.exit_code == 0, ran.stderr
    kinds = {node.op_type for node in onnx.load(tmp_path / "small.onnx").graph.node}
    assert "DequantizeLinear" in kinds


def test_export_overwrites_when_asked(command: Command, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "old.onnx").write_bytes(b"old")

    assert command("export", weights, tmp_path / "old.onnx", "--overwrite").exit_code == 0

    onnxruntime.InferenceSession(tmp_path / "old.onnx", providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["convert", "none.onnx", "o.keras"], 1, "no file 'none.onnx'; expected published ONNX weights"),
        (["convert", "text.onnx", "o.keras"], 1, "'text.onnx' is no "),
        (
            ["convert", "other.onnx", "o.keras"],
            1,
            "'other.onnx' is no U²-Net: got 1 convolutions, expected 119",
        ),
        (
            ["convert", "other.onnx", "o.h5"],
            2,
            "'o.h5' is no file of weights: got the suffix '.h5', expected one of .keras, .onnx, .pth",
        ),
        (
            ["convert", "other.onnx", "o.keras", "--pictures", "none"],
            1,
            "no folder 'none'; expected a folder of",
        ),
        (["export", "none.keras", "o.onnx"], 1, "no weights at 'none.keras'; expected a .keras file"),
        (["export", "text.keras", "o.onnx"], 1, "'text.keras' is no whole .keras file"),
        (
            ["export", "tiny.keras", "nowhere/o.onnx"],
            1,
            "cannot write 'nowhere/o.onnx': its folder does not exist",
        ),
        (
            ["export", "tiny.keras", "o.onnx", "--size", "100"],
            2,
            "cannot export for size 100: expected a multiple",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    command: Command,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.onnx").write_text("not a network")
    Path("text.keras").write_text("not a network")
    onnx_files.brightness(Path("other.onnx"))
    os.link(weights, "tiny.keras")
    before = sorted(Path().iterdir())

    ran = command(*arguments)

    assert ran.exit_code == code
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"u2bg: {line}")
    assert "Traceback" not in ran.stderr
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("verb", ["convert", "export"])
def test_help_comes_with_examples_and_without_keras(
    command: Command, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "u2bg.network", None)  # importing it would fail

    ran = command(verb, "--help")

    assert ran.exit_code == 0
    assert f"u2bg {verb} " in ran.stdout.partition("Examples:")[2]
