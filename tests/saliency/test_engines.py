"""ONNX Runtime and OpenVINO behind our protocol, and every file that is no network of ours."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from tests.onnx_files import brightness

from u2bg.cores import shared_by, usable_cores
from u2bg.errors import BadModel, UnknownName
from u2bg.saliency import folders, models, predictor, store
from u2bg.saliency.engines import DEVICES, Engine, start

ON_THE_PROCESSOR = ["cpu", "openvino", "openvino-bf16"]


@pytest.fixture(params=ON_THE_PROCESSOR)
def device(request: pytest.FixtureRequest) -> str:
    device = str(request.param)
    if device.startswith("openvino"):
        pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    return device


def _open(path: Path, device: str = "auto") -> Engine:
    return start(path.read_bytes(), f"'{path.name}'", device)


def test_a_map_is_the_first_output_without_its_channel(tmp_path: Path, device: str) -> None:
    engine = _open(brightness(tmp_path / "a.onnx"), device)

    maps = engine(np.zeros((2, 3, 8, 16), np.float32))

    assert maps.shape == (2, 8, 16)
    assert (maps == 0.5).all()


def test_a_graph_of_fixed_size_says_so(tmp_path: Path, device: str) -> None:
    assert _open(brightness(tmp_path / "a.onnx", size=64), device).fixed_size == (64, 64)
    assert _open(brightness(tmp_path / "b.onnx"), device).fixed_size is None


@pytest.mark.parametrize("content", [b"", b"not an onnx file", b"\x08\x08" + b"\xff" * 50])
def test_a_file_that_is_no_onnx_is_refused(content: bytes, device: str) -> None:
    with pytest.raises(
        BadModel, match=r"'a\.onnx' (cannot be loaded: .+; expected a whole ONNX|is no saliency)"
    ):
        start(content, "'a.onnx'", device)


def test_a_truncated_onnx_is_refused(tmp_path: Path, device: str) -> None:
    whole = brightness(tmp_path / "a.onnx").read_bytes()

    with pytest.raises(BadModel, match="cannot be loaded"):
        start(whole[: len(whole) // 2], "'a.onnx'", device)


def test_an_onnx_of_grey_pictures_is_refused(tmp_path: Path, device: str) -> None:
    with pytest.raises(BadModel, match=r"is no saliency network: got inputs image0 float"):
        _open(brightness(tmp_path / "grey.onnx", channels=1), device)


def test_an_onnx_of_two_inputs_is_refused(tmp_path: Path) -> None:
    """By ONNX Runtime; OpenVINO leaves out an input that nothing reads."""
    with pytest.raises(BadModel, match=r"is no saliency network: got inputs image0 float"):
        _open(brightness(tmp_path / "two.onnx", inputs=2))


def test_values_that_are_no_saliency_are_refused(tmp_path: Path, device: str) -> None:
    engine = _open(brightness(tmp_path / "a.onnx", scale=9.0), device)

    with pytest.raises(
        BadModel, match=r"gave values from 9 to 9; expected a map in 0\.\.1; fix: export it with"
    ):
        engine(np.ones((1, 3, 4, 4), np.float32))
    with pytest.raises(BadModel, match="gave values from nan to nan"):
        engine(np.full((1, 3, 4, 4), np.nan, np.float32))


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no device named 'gpu'; expected one of auto, cpu, cuda, openvino"):
        _open(brightness(tmp_path / "a.onnx"), "gpu")


def test_a_device_that_is_not_there_is_never_quietly_replaced(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime can use CUDA")
    with pytest.raises(BadModel, match="device 'cuda' was asked for, but ONNX Runtime cannot use one here"):
        _open(brightness(tmp_path / "a.onnx"), "cuda")


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_gets_the_network_in_floats(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    import onnxruntime

    started: list[str] = []
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    monkeypatch.setattr("u2bg.saliency.engines.start", lambda content, what, *_: started.append(what))

    monkeypatch.setattr("u2bg.saliency.predictor._predictor", lambda *_: None)
    for where in (device, "cpu"):
        predictor.load("lite", where)

    assert started == ["model 'lite-float'", "model 'lite'"]


@pytest.mark.parametrize(
    ("name", "device", "close"),
    [
        ("lite-float", "openvino", 1e-3),
        ("lite-float", "openvino-bf16", 0.05),
        ("lite", "openvino", 0.05),
    ],
)
def test_openvino_gives_the_map_of_onnx_runtime(name: str, device: str, close: float) -> None:
    pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    spec = models.find(name)
    content = store.read_verified(spec, store.ensure(spec))
    picture = np.random.default_rng(0).normal(size=(1, 3, 96, 128)).astype(np.float32)

    expected, got = (start(content, "lite", name)(picture) for name in ("cpu", device))
    assert np.abs(expected - got).mean() < close


@pytest.mark.parametrize("size", [(320, 320), (96, 416)])
def test_a_prepared_network_answers_to_the_bit_what_it_was_made_from(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).normal(size=(1, 3, *size)).astype(np.float32)
    for name, prepared in models.PREPARED.items():
        one, other = (
            start(store.read_verified(spec, store.ensure(spec)), name, "cpu", spec.output)(picture)
            for spec in (models.find(name), prepared)
        )
        assert np.array_equal(one, other)


def test_a_prepared_network_that_this_onnx_runtime_cannot_read_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = b"for another ONNX Runtime"
    for spec in (models.find("lite"), models.find("lite-float")):
        whole = store.locate(spec)
        assert whole is not None
        shutil.copy(whole, tmp_path)
    prepared = models.PREPARED["lite"]
    (tmp_path / prepared.file).write_bytes(content)
    monkeypatch.setattr(folders, "EMBEDDED", tmp_path)
    monkeypatch.setitem(
        models.PREPARED,
        "lite",
        replace(prepared, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)),
    )
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)

    assert predictor.load("lite")(picture, lambda pixels: pixels).shape == (320, 320)


def test_photos_side_by_side_do_not_wait_for_each_other_in_openvino(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
    compile_model, settings = openvino.Core.compile_model, {}

    def compiled(core: Any, graph: Any, device: str, wanted: dict[str, Any]) -> Any:
        settings.update(wanted)
        return compile_model(core, graph, device, wanted)

    monkeypatch.setattr(openvino.Core, "compile_model", compiled)
    with shared_by(usable_cores()):
        _open(brightness(tmp_path / "a.onnx"), "openvino")

    assert settings["NUM_STREAMS"] == settings["INFERENCE_NUM_THREADS"] == usable_cores()


@pytest.mark.parametrize(("at_once", "light", "sessions"), [(2, 1 << 20, 2), (1, 1 << 20, 1), (2, 0, 1)])
def test_threads_that_cut_photos_at_once_have_a_session_each_of_a_light_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, light: int, sessions: int
) -> None:
    import onnxruntime

    begun = []

    class Counted(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            begun.append(1)
            super().__init__(*args, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Counted)
    monkeypatch.setattr("u2bg.saliency.engines.LIGHT", light)
    monkeypatch.setattr("u2bg.cores._all_cores", lambda: 2)
    with shared_by(at_once):
        engine = _open(brightness(tmp_path / "a.onnx"), "cpu")
    meeting = Barrier(4)

    def ask(value: float) -> float:
        return float(engine(np.full((1, 3, 4, 4), value, np.float32)).max())

    def ask_with_the_others(value: float) -> float:
        meeting.wait(10)
        return ask(value)

    values = [0.0, 0.1, 0.2, 0.3]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask_with_the_others, values))
    assert len(begun) == sessions
    assert answers == [ask(value) for value in values]
    assert len(set(answers)) == len(values)


def test_without_its_package_openvino_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['openvino'] = None\n"
        "from u2bg.saliency.engines import start\n"
        "try: start(b'', 'it', 'openvino')\n"
        "except Exception as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert said == "OpenVINO needs packages that are not installed; fix: pip install 'u2bg[openvino]'\n"


def test_every_device_is_a_choice_of_the_command_line() -> None:
    from u2bg.cli.remove import command

    (option,) = (one for one in command.params if one.name == "device")
    assert tuple(option.type.choices) == DEVICES  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_first_run_gives_its_memory_back() -> None:
    code = """
import numpy as np
from u2bg.saliency import engines, models, store

def mb(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) / 1024

model = store.ensure(models.find("lite-float")).read_bytes()
ask = engines.start(model, "it", "cpu")
before = mb("VmRSS")
first = ask(np.zeros((1, 3, 320, 320), np.float32))
print(mb("VmHWM") - before, mb("VmRSS") - before)
assert np.array_equal(first, ask(np.zeros((1, 3, 320, 320), np.float32)))
"""
    said = subprocess.check_output([sys.executable, "-c", code], text=True)

    most, left = map(float, said.split())
    assert most > 80
    assert left < most / 2
