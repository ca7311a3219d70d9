"""PyTorch's files of weights (`.pth`, `.safetensors`) to arrays, without PyTorch and without running what is in them.

A `.pth` is a pickle with the numbers beside it, and a pickle can call whatever it names. Ours knows the names of a
state dict alone, each of them stands for a function of this file, and every other one ends the reading.

Formats: torch.save since 1.6 (a ZIP archive) and before (pickles in a row), as torch/serialization.py reads them;
safetensors as its README lays it down.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from u2bg.errors import BadModel, SourceMissing

Arrays = dict[str, npt.NDArray[np.generic]]

SUFFIXES = (".pth", ".pt", ".safetensors")

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bf16",
    "LongStorage": "i8",
    "IntStorage": "i4",
}
_SAFETENSORS = {"F32": "f4", "F64": "f8", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4"}
_HEADER_LIMIT = 10_000_000


def read(path: Path) -> Arrays:
    """The tensors of a file by their names; bfloat16 becomes float32, which holds it exactly.

    Of a checkpoint that holds more than a state dict (an optimizer, an epoch), the one dict of tensors is taken.

    Raises:
        SourceMissing: there is no such file. BadModel: it is damaged, or holds something else than weights.
    """
    if not path.is_file():
        raise SourceMissing(f"no file '{path}'; expected PyTorch weights (.pth, .safetensors)")
    try:
        if path.suffix == ".safetensors":
            return _read_safetensors(path.read_bytes())
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_legacy(path.read_bytes())
    except (
        *(pickle.UnpicklingError, zipfile.BadZipFile, EOFError, KeyError, ValueError, IndexError),
        *(
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
            OSError,
            NotImplementedError,
            MemoryError,
        ),
    ) as error:
        reason = str(error).strip("'\"").partition("\n")[0] or type(error).__name__
        raise BadModel(
            f"cannot read '{path}': {reason}; expected a state dict, whole, as torch.save(net.state_dict()) writes it"
        ) from error


class _Storage(NamedTuple):
    """A row of numbers in the file: its name there, its type, and how many there are."""

    key: str
    kind: str
    numbers: int


class _Tensor(NamedTuple):
    """A view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Dict(dict[Any, Any]):
    """A dict whose attributes, which PyTorch pickles with it, are let go."""

    def __setstate__(self, state: object) -> None:
        pass


class _Call:
    """What a known name stands for. It can be called, and nothing else: a pickle can also alter what it names."""

    __slots__ = ("_function",)
    _function: Callable[..., object]

    def __init__(self, function: Callable[..., object]) -> None:
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError("it alters what it names, as no state dict does")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: object) -> _Tensor:
    """torch._utils._rebuild_tensor_v2: nothing is looked at before the numbers are there."""
    return _Tensor(_Storage(*storage), int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _parameter(tensor: object, *_: object) -> object:
    """torch._utils._rebuild_parameter."""
    return tensor


_KNOWN = {
    ("collections", "OrderedDict"): _Call(_Dict),
    ("torch._utils", "_rebuild_tensor_v2"): _Call(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Call(_parameter),
    ("torch", "Size"): _Call(tuple),
}


class _Unpickler(pickle.Unpickler):
    """Builds dicts, numbers, texts and tensors; calls nothing but what stands in `_KNOWN`."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, which is no part of a state dict and is not run"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, numbers, *view = pid
        if any(part is not None for part in view):
            raise ValueError("it holds views of storages, as PyTorch before 0.4 wrote them")
        storage = _Storage(str(key), str(kind), int(numbers))
        self.storages[storage.key] = storage
        return storage


def _read_zip(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        if not pickles:
            raise ValueError("its archive holds no data.pkl")
        pickled = pickles[0]
        root = pickled.removesuffix("data.pkl")
        order = "<"
        if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder").strip() == b"big":
            order = ">"

        def numbers(storage: _Storage) -> bytes:
            member = archive.getinfo(f"{root}data/{storage.key}")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError("its tensors are compressed, as PyTorch never writes them")
            return archive.read(member)

        state = _Unpickler(io.BytesIO(archive.read(pickled))).load()
        return _arrays(_state_dict(state), numbers, order)


def _read_legacy(content: bytes) -> Arrays:
    file = io.BytesIO(content)
    if content.startswith(b"PK"):
        raise ValueError("its archive is cut off")
    magic, _, system = (_Unpickler(file).load() for _ in range(3))
    if magic != _LEGACY_MAGIC:
        raise ValueError("it is no file of PyTorch's")
    unpickler = _Unpickler(file)
    state = _state_dict(unpickler.load())
    stored: dict[str, bytes] = {}
    for key in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        stored[key] = file.read(count * _item_bytes(unpickler.storages[key].kind))
    order = "<" if dict(system).get("little_endian", True) else ">"
    return _arrays(state, lambda storage: stored[storage.key], order)


def _read_safetensors(content: bytes) -> Arrays:
    length = int.from_bytes(content[:8], "little")
    if length > min(len(content), _HEADER_LIMIT):
        raise ValueError("its header is cut off")
    header = json.loads(content[8 : 8 + length])
    arrays: Arrays = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        start, stop = about["data_offsets"]
        kind = _SAFETENSORS[about["dtype"]]
        numbers = content[8 + length + start : 8 + length + stop]
        arrays[name] = _flat(numbers, kind, stop - start, "<").reshape(about["shape"])
    return arrays


def _state_dict(state: Any) -> Mapping[str, _Tensor]:
    """The dict of tensors itself, or the only one in a checkpoint."""
    if not isinstance(state, dict):
        raise TypeError(f"it holds a {type(state).__name__}, not a dict of tensors")
    found = [
        one
        for one in (state, *(value for value in state.values() if isinstance(value, dict)))
        if _holds_tensors(one)
    ]
    if len(found) != 1:
        raise ValueError(f"it holds {len(found) or 'no'} dicts of tensors, not one")
    return {str(name): value for name, value in found[0].items() if isinstance(value, _Tensor)}


def _holds_tensors(state: dict[Any, Any]) -> bool:
    return any(isinstance(value, _Tensor) for value in state.values())


def _arrays(state: Mapping[str, _Tensor], numbers: Callable[[_Storage], bytes], order: str) -> Arrays:
    """Each tensor as an array of its own. A view that leaves its storage is refused."""
    flats: dict[str, npt.NDArray[np.generic]] = {}
    arrays: Arrays = {}
    for name, (storage, offset, shape, strides) in state.items():
        if storage.key not in flats:
            expected = storage.numbers * _item_bytes(storage.kind)
            flats[storage.key] = _flat(numbers(storage), storage.kind, expected, order)
        flat = flats[storage.key]
        last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        if min((offset, *shape, *strides)) < 0 or math.prod(shape) > flat.size or last >= max(flat.size, 1):
            raise ValueError(f"its tensor {name} leaves its storage")
        view = np.lib.stride_tricks.as_strided(
            flat[offset:], shape, [stride * flat.itemsize for stride in strides], writeable=False
        )
        arrays[name] = np.array(view, order="C")
    return arrays


def _item_bytes(kind: str) -> int:
    return 2 if kind == "bf16" else np.dtype(kind).itemsize


def _flat(numbers: bytes, kind: str, expected: int, order: str) -> npt.NDArray[np.generic]:
    if len(numbers) != expected:
        raise ValueError(f"it is cut off: a tensor has {len(numbers):,} of {expected:,} bytes")
    if kind == "bf16":  # the upper half of a float32
        upper = np.frombuffer(numbers, f"{order}u2").astype(np.uint32)
        return (upper << 16).view(np.float32)
    return np.frombuffer(numbers, order + kind).astype(kind)
