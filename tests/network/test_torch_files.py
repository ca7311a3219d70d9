"""PyTorch's files without PyTorch: what is read, what is refused, what is written, and that nothing in them runs."""

from __future__ import annotations

import io
import json
import os
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.command import Command
from tests.network.conftest import TINY

from u2bg.errors import BadModel, SourceMissing
from u2bg.network import OUTPUTS, U2Net, exchange, saliency_maps, saving
from u2bg.network.batchnorm import fold
from u2bg.network.calibration import drawn_pictures
from u2bg.network.convolutions import convolutions
from u2bg.network.export import export
from u2bg.network.torch_read import Arrays, read
from u2bg.network.torch_state import from_state, to_state
from u2bg.network.torch_write import write

STATE: Arrays = {
    "a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "a.count": np.array(3, np.int64),
    "ü": np.zeros((0, 3), np.float32),
}

shapes = hnp.array_shapes(min_dims=0, max_dims=4, max_side=4)
states = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    hnp.arrays(np.float32, shapes) | hnp.arrays(np.int64, shapes),
    min_size=1,
    max_size=4,
)


def same(one: Arrays, other: Arrays) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        assert (array.dtype, array.shape) == (other[name].dtype, other[name].shape)
        np.testing.assert_array_equal(array, other[name], name)


@settings(max_examples=40)
@given(state=states, suffix=st.sampled_from([".pth", ".safetensors"]))
def test_what_is_written_is_read_back_bit_for_bit(
    state: Arrays, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("state") / f"net{suffix}"
    write(state, path)
    same(state, read(path))


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.pth", "two.pth"):
        write(STATE, tmp_path / name)
    assert (tmp_path / "one.pth").read_bytes() == (tmp_path / "two.pth").read_bytes()


def test_safetensors_are_those_of_the_safetensors_package(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    write(STATE, tmp_path / "ours.safetensors")
    assert {name: (a == STATE[name]).all() for name, a in load_file(tmp_path / "ours.safetensors").items()}
    whole = {**STATE, "half": np.array([0.5, -2], np.float16), "double": np.array([[1 / 3]])}
    save_file(whole, tmp_path / "theirs.safetensors", metadata={"made": "by a test"})
    got = read(tmp_path / "theirs.safetensors")
    assert {name: got[name].tolist() for name in whole} == {name: a.tolist() for name, a in whole.items()}


def test_a_file_of_before_2020_is_read(tmp_path: Path) -> None:
    """Pickles in a row: magic, version, system, state, keys; then each storage, its length first."""
    dumped = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    stored = np.arange(6, dtype=np.float32)
    state = _pickled(
        {"w": ("FloatStorage", "77", 6, 0, (2, 3), (1, 2)), "x": ("FloatStorage", "77", 6, 4, (2,), (1,))}
    )
    pieces = [pickle.dumps(one, 2) for one in dumped] + [state, pickle.dumps(["77"], 2)]
    path = tmp_path / "old.pth"
    path.write_bytes(b"".join(pieces) + struct.pack("<q", 6) + stored.tobytes())

    got = read(path)

    assert got["w"].tolist() == [[0, 2, 4], [1, 3, 5]]  # strides of a transposed tensor
    assert got["x"].tolist() == [4, 5]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadModel, match=r"it is cut off: a tensor has 23 of 24 bytes; expected a state dict"):
        read(path)


def test_bfloat16_becomes_float32_exactly(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 3.140625, 1e30], np.float32)
    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    expected = (upper.astype(np.uint32) << 16).view(np.float32)
    path = _zip(tmp_path, _pickled({"b": ("BFloat16Storage", "0", 4, 0, (4,), (1,))}), {"0": upper.tobytes()})
    assert read(path)["b"].tolist() == expected.tolist()


def test_a_checkpoint_gives_its_state_dict(tmp_path: Path) -> None:
    inside = _tensors({"w": ("FloatStorage", "0", 2, 0, (2,), (1,))})
    state = _dump({"epoch": 3, "model": inside, "lr": 0.1, "optimizer": {"state": {}, "names": ["w"]}})
    path = _zip(tmp_path, state, {"0": np.array([1, 2], np.float32).tobytes()})
    assert read(path)["w"].tolist() == [1, 2]
    several = _zip(tmp_path, _dump({"model": inside, "ema": inside}), {"0": bytes(8)})
    with pytest.raises(BadModel, match="it holds 2 dicts of tensors, not one"):
        read(several)


# Nothing runs


class _Runs:
    """Calls what it is told to when an ordinary unpickler meets it."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "name", ["os.system", "builtins.eval", "builtins.getattr", "torch.load", "torch.hub.load", "numpy.load"]
)
def test_a_pickle_that_calls_anything_is_refused_and_nothing_is_called(
    name: str, legacy: bool, tmp_path: Path
) -> None:
    module, _, function = name.rpartition(".")
    call = f"c{module}\n{function}\n(V{tmp_path / 'called'}\ntR.".encode()
    with pytest.raises(BadModel) as caught:
        read(_file(tmp_path, call, legacy))
    assert f"it names {name}, which is no part of a state dict and is not run; expected" in str(caught.value)
    assert not (tmp_path / "called").exists()


def test_an_ordinary_unpickler_would_have_run_it(tmp_path: Path) -> None:
    """The same attack does work: the test above would fail if names were not refused."""
    attack = pickle.dumps(_Runs(os.mkdir, str(tmp_path / "called")), 2)
    with pytest.raises(BadModel, match=r"it names (posix|nt)\.mkdir"):
        read(_file(tmp_path, attack, legacy=False))
    assert not (tmp_path / "called").exists()
    pickle.loads(attack)
    assert (tmp_path / "called").exists()


@pytest.mark.parametrize(
    "name", ["torch._utils\n_rebuild_tensor_v2", "collections\nOrderedDict", "torch\nSize"]
)
def test_a_pickle_cannot_alter_what_it_names(name: str, tmp_path: Path) -> None:
    build_with_slots = b"(N}V_function\nI1\nstb."  # (None, {"_function": 1}), which BUILD would set
    with pytest.raises(BadModel, match="it alters what it names, as no state dict does"):
        read(_file(tmp_path, f"c{name}\n".encode() + build_with_slots, legacy=False))
    write(STATE, tmp_path / "good.pth")
    same(STATE, read(tmp_path / "good.pth"))


def test_a_whole_model_is_told_from_a_state_dict(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"it names model\.u2net\.U2NET, which is no part of a state dict"):
        read(_file(tmp_path, b"cmodel.u2net\nU2NET\n)\x81.", legacy=False))


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_is_done_to_a_file_it_is_read_or_refused_in_a_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("altered")
    suffix = data.draw(st.sampled_from([".pth", ".safetensors"]))
    write(STATE, folder / f"net{suffix}")
    content = bytearray((folder / f"net{suffix}").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    (folder / f"net{suffix}").write_bytes(content)
    said = ""
    try:
        read(folder / f"net{suffix}")
    except BadModel as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("view", "why"),
    [
        (("FloatStorage", "0", 2, 1, (2,), (1,)), "its tensor w leaves its storage"),
        (("FloatStorage", "0", 2, 0, (2,), (-1,)), "its tensor w leaves its storage"),
        (("FloatStorage", "0", 2, 0, (1 << 20, 1 << 20), (0, 0)), "its tensor w leaves its storage"),
        (("FloatStorage", "0", 3, 0, (2,), (1,)), "a tensor has 8 of 12 bytes"),
        (("FloatStorage", "1", 2, 0, (2,), (1,)), "There is no item named 'weights/data/1' in the archive"),
        (("QInt8Storage", "0", 2, 0, (2,), (1,)), "it names torch.QInt8Storage, which is no part"),
    ],
    ids=["offset", "backwards", "blown up", "short", "elsewhere", "quantised"],
)
def test_a_tensor_that_is_not_in_its_file_is_refused(view: Any, why: str, tmp_path: Path) -> None:
    path = _zip(tmp_path, _pickled({"w": view}), {"0": bytes(8)})
    with pytest.raises(BadModel, match=why):
        read(path)


def test_compressed_numbers_are_refused_before_they_unfold(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "weights/data.pkl", _pickled({"w": ("FloatStorage", "0", 25_000_000, 0, (2,), (1,))})
        )
        archive.writestr("weights/data/0", bytes(100_000_000))
    with pytest.raises(BadModel, match="its tensors are compressed, as PyTorch never writes them"):
        read(path)


def test_an_archive_without_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/other", b"")

    with pytest.raises(BadModel, match=r"its archive holds no data\.pkl; expected a state dict, whole"):
        read(path)


def test_an_archive_that_is_cut_off_is_called_so(tmp_path: Path) -> None:
    whole = _zip(tmp_path, _pickled({"w": ("FloatStorage", "0", 2, 0, (2,), (1,))}), {"0": bytes(8)})
    (tmp_path / "half.pth").write_bytes(whole.read_bytes()[:100])
    with pytest.raises(BadModel, match=r"half\.pth': its archive is cut off; expected a state dict, whole"):
        read(tmp_path / "half.pth")


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"<html>", b"\x80\x02."], ids=["empty", "png", "page", "stop"]
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_holds_no_weights_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"no{suffix}").write_bytes(content)
    with pytest.raises(BadModel, match=rf"^cannot read '.*no{suffix}': .*; expected a state dict, whole"):
        read(tmp_path / f"no{suffix}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"^no file '.*none.pth'; expected PyTorch weights"):
        read(tmp_path / "none.pth")


# The network's names


def test_a_network_becomes_a_state_dict_and_itself_again(tiny: U2Net, tmp_path: Path) -> None:
    for suffix in (".pth", ".safetensors"):
        write(to_state(tiny), tmp_path / f"net{suffix}")
        again = from_state(read(tmp_path / f"net{suffix}"), "it")
        assert again.stages == TINY
        for one, other in zip(tiny.get_weights(), again.get_weights(), strict=True):
            assert (one == other).all()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_the_prefixes_of_training_are_taken_off(prefix: str, tiny: U2Net) -> None:
    again = from_state({prefix + name: array for name, array in to_state(tiny).items()}, "it")
    for one, other in zip(tiny.get_weights(), again.get_weights(), strict=True):
        assert (one == other).all()


def test_names_that_do_not_fit_are_counted_and_the_likely_one_is_named(tiny: U2Net) -> None:
    state = to_state(tiny)
    state["stage3.rebnconv4d.conv_s1.kernel"] = state.pop("stage3.rebnconv4d.conv_s1.weight")
    with pytest.raises(BadModel) as caught:
        from_state(state, "'net.pth'")
    assert str(caught.value) == (
        "'net.pth' is no state dict of U²-Net: of 686 names, 1 missing (stage3.rebnconv4d.conv_s1.weight); "
        "1 not U²-Net's (stage3.rebnconv4d.conv_s1.kernel); expected those of the authors' model/u2net.py; "
        "is 'stage3.rebnconv4d.conv_s1.kernel' its 'stage3.rebnconv4d.conv_s1.weight'?"
    )


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("stage2.rebnconv3.conv_s1.weight", np.zeros((5, 4, 3, 3)), "is not U²-Net's En_2_3: got 5×4×3×3"),
        (
            "stage2.rebnconv3.conv_s1.weight",
            np.zeros(()),
            r"stage2.rebnconv3.conv_s1 has shapes \(\) and \(4,\)",
        ),
        ("stage2.rebnconv3.bn_s1.weight", np.zeros(5), r"bn_s1.weight has shape \(5,\), expected \(4,\)"),
        ("outconv.bias", np.array([np.nan]), "outconv.bias holds values that are no numbers"),
    ],
    ids=["widths", "no kernel", "norm", "nan"],
)
def test_weights_that_do_not_fit_are_named(name: str, array: Any, said: str, tiny: U2Net) -> None:
    with pytest.raises(BadModel, match=said):
        from_state(to_state(tiny) | {name: array}, "'net.pth'")


# The command


def test_a_state_dict_becomes_a_keras_file_and_a_graph_and_comes_back(
    command: Command, tiny: U2Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.chdir(tmp_path)
    write(to_state(tiny), tmp_path / "net.pth")

    there = command("convert", "net.pth", "mine")
    back = command("convert", "mine", "back.pth")

    assert (there.exit_code, there.stderr) == (0, "mine.keras, mine.onnx\n")
    assert (back.exit_code, back.stderr) == (0, "back.pth\n")
    assert (tmp_path / "back.pth").read_bytes() == (tmp_path / "net.pth").read_bytes()
    image = np.random.default_rng(5).normal(size=(1, 64, 96, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession("mine.onnx", providers=["CPUExecutionProvider"])
    (fused,) = session.run(None, {"image": image.transpose(0, 3, 1, 2)})
    expected = saliency_maps(tiny, image)[OUTPUTS[0]].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(fused, expected, atol=1e-5)
    assert saving.read(tmp_path / "mine.keras").notes["licence"] == "that of its source"


@pytest.mark.slow
def test_a_published_graph_becomes_a_state_dict_with_the_same_convolutions(
    tiny: U2Net, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(export(tiny, all_maps=True, size=32))
    network, difference = exchange.read(tmp_path / "net.onnx", lambda: drawn_pictures(32, count=1))
    exchange.write(network, tmp_path / "net.safetensors")
    again = fold(from_state(read(tmp_path / "net.safetensors"), "it"))
    assert difference is not None
    assert difference < 1e-4
    for row in convolutions(TINY):
        assert (again[row.name][0] == fold(tiny)[row.name][0]).all()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("none.pth", "out"), 1, "no file 'none.pth'; expected PyTorch weights (.pth, .safetensors)"),
        (
            ("photo.jpg", "out"),
            2,
            "'photo.jpg' is no file of weights: got the suffix '.jpg', expected one of",
        ),
        (("none.pth", "out.h5"), 2, "'out.h5' is no file of weights: got the suffix '.h5', expected one of"),
        (("u2nett", "out"), 2, "no model named 'u2nett'; expected one of"),
    ],
)
def test_what_cannot_be_converted_is_one_line(
    arguments: tuple[str, str],
    code: int,
    said: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = command("convert", *arguments)
    assert (ran.exit_code, ran.stdout, ran.stderr.count("\n")) == (code, "", 1)
    assert ran.stderr.startswith(f"u2bg: {said}")
    assert list(tmp_path.iterdir()) == []


# Files made by hand


def _zip(folder: Path, pickled: bytes, storages: dict[str, bytes]) -> Path:
    path = folder / "made.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickled)
        for key, numbers in storages.items():
            archive.writestr(f"weights/data/{key}", numbers)
    return path


def _file(folder: Path, pickled: bytes, legacy: bool) -> Path:
    if not legacy:
        return _zip(folder, pickled, {})
    path = folder / "made.pth"
    path.write_bytes(pickled)
    return path


class _Named:
    """Pickled as a name of torch's, whether torch is there or not."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Storage:
    def __init__(self, kind: str, key: str, count: int) -> None:
        self.pid = ("storage", _Named("torch", kind), key, "cpu", count)


class _Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """The pickler in Python, which can be told to write names that are not importable."""

    write: Any

    def persistent_id(self, item: object) -> object:
        return item.pid if isinstance(item, _Storage) else None

    def save(self, item: Any, save_persistent_id: bool = True) -> None:
        if isinstance(item, _Named):
            self.write(pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode())
        elif isinstance(item, _Tensor):
            storage, *view = item.arguments
            self.save(_Named("torch._utils", "_rebuild_tensor_v2"))
            super().save((storage, *view, False, OrderedDict()))  # type: ignore[misc]
            self.write(pickle.REDUCE)
        else:
            super().save(item, save_persistent_id)  # type: ignore[misc]


class _Tensor:
    def __init__(self, kind: str, key: str, count: int, *view: object) -> None:
        self.arguments = (_Storage(kind, key, count), *view)


def _tensors(views: dict[str, Any]) -> dict[str, _Tensor]:
    return {name: _Tensor(*view) for name, view in views.items()}


def _pickled(views: dict[str, Any]) -> bytes:
    return _dump(OrderedDict(_tensors(views)))


def _dump(item: object) -> bytes:
    file = io.BytesIO()
    _Pickler(file, 2).dump(item)
    assert pickletools.genops(file.getvalue())
    return file.getvalue()


def test_the_header_of_safetensors_is_json_of_a_bounded_length(tmp_path: Path) -> None:
    path = tmp_path / "long.safetensors"
    path.write_bytes(struct.pack("<Q", 1 << 40) + json.dumps({}).encode())
    with pytest.raises(BadModel, match="its header is cut off"):
        read(path)
