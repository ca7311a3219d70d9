"""ONNX Runtime behind our protocol, and every file that is no network of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.onnx_files import brightness

from u2bg.errors import BadModel, UnknownName
from u2bg.saliency.engines import OnnxRuntime


def _open(path: Path, device: str = "auto") -> OnnxRuntime:
    return OnnxRuntime(path.read_bytes(), f"'{path.name}'", device)


def test_a_map_is_the_first_output_without_its_channel(tmp_path: Path) -> None:
    engine = _open(brightness(tmp_path / "a.onnx"))

    maps = engine(np.zeros((2, 3, 8, 16), np.float32))

    assert maps.shape == (2, 8, 16)
    assert (maps == 0.5).all()


def test_a_graph_of_fixed_size_says_so(tmp_path: Path) -> None:
    assert _open(brightness(tmp_path / "a.onnx", size=64)).fixed_size == (64, 64)
    assert _open(brightness(tmp_path / "b.onnx")).fixed_size is None


@pytest.mark.parametrize("content", [b"", b"not an onnx file", b"\x08\x08" + b"\xff" * 50])
def test_a_file_that_is_no_onnx_is_refused(content: bytes) -> None:
    with pytest.raises(BadModel, match=r"'a\.onnx' cannot be loaded: .*; expected a whole ONNX file"):
        OnnxRuntime(content, "'a.onnx'")


def test_a_truncated_onnx_is_refused(tmp_path: Path) -> None:
    whole = brightness(tmp_path / "a.onnx").read_bytes()

    with pytest.raises(BadModel, match="cannot be loaded"):
        OnnxRuntime(whole[: len(whole) // 2], "'a.onnx'")


def test_an_onnx_with_other_inputs_is_refused(tmp_path: Path) -> None:
    for name, path in {
        "grey": brightness(tmp_path / "grey.onnx", channels=1),
        "two": brightness(tmp_path / "two.onnx", inputs=2),
    }.items():
        with pytest.raises(BadModel, match=r"is no saliency network: got inputs image0 tensor\(float\)"):
            OnnxRuntime(path.read_bytes(), name)


def test_values_that_are_no_saliency_are_refused(tmp_path: Path) -> None:
    engine = _open(brightness(tmp_path / "a.onnx", scale=9.0))

    with pytest.raises(
        BadModel, match=r"gave values from 9 to 9; expected a map in 0\.\.1; fix: export it with"
    ):
        engine(np.ones((1, 3, 4, 4), np.float32))
    with pytest.raises(BadModel, match="gave values from nan to nan"):
        engine(np.full((1, 3, 4, 4), np.nan, np.float32))


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no device named 'gpu'; expected one of auto, cpu, cuda"):
        _open(brightness(tmp_path / "a.onnx"), "gpu")


def test_a_device_that_is_not_there_is_never_quietly_replaced(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime can use CUDA")
    with pytest.raises(BadModel, match="device 'cuda' was asked for, but ONNX Runtime cannot use one here"):
        _open(brightness(tmp_path / "a.onnx"), "cuda")
