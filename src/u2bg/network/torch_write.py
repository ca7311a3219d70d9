"""Arrays to PyTorch's files of weights (`.pth`, `.safetensors`), without PyTorch."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from u2bg.files import replacing

_STORAGES = {"float32": "FloatStorage", "int64": "LongStorage"}
_SAFETENSORS = {"float32": "F32", "int64": "I64"}
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same weights give the same bytes


def write(state: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write float32 and int64 arrays as a state dict, whole or not at all; the format is the suffix's.

    `torch.load(path, weights_only=True)` and `safetensors.torch.load_file(path)` read it.

    Raises:
        CannotWrite: the system refuses.
    """
    whole = {
        name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in state.items()
    }
    with replacing(path) as part:
        if path.suffix == ".safetensors":
            part.write_bytes(_safetensors(whole))
        else:
            _write_zip(whole, part)


def _write_zip(state: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("weights/data.pkl", _STAMP), _pickled(state))
        archive.writestr(zipfile.ZipInfo("weights/byteorder", _STAMP), b"little")
        for key, array in enumerate(state.values()):
            archive.writestr(zipfile.ZipInfo(f"weights/data/{key}", _STAMP), array.tobytes())
        archive.writestr(zipfile.ZipInfo("weights/version", _STAMP), b"3\n")


def _pickled(state: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """An OrderedDict of tensors in the opcodes of a pickle, since the classes that it names are not here."""
    items = b"".join(_text(name) + _tensor(key, array) for key, (name, array) in enumerate(state.items()))
    return b"".join([pickle.PROTO, b"\x02", _EMPTY_DICT, pickle.MARK, items, pickle.SETITEMS, pickle.STOP])


def _tensor(key: int, array: npt.NDArray[Any]) -> bytes:
    """A call of _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)."""
    kind = _name("torch", _STORAGES[array.dtype.name])
    storage = _tuple([_text("storage"), kind, _text(str(key)), _text("cpu"), _number(array.size)])
    strides = [stride // array.itemsize for stride in array.strides]
    arguments = [
        storage + pickle.BINPERSID,
        _number(0),
        _tuple(map(_number, array.shape)),
        _tuple(map(_number, strides)),
        pickle.NEWFALSE,
        _EMPTY_DICT,
    ]
    return _name("torch._utils", "_rebuild_tensor_v2") + _tuple(arguments) + pickle.REDUCE


def _name(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{name}\n".encode()


def _text(text: str) -> bytes:
    encoded = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def _number(number: int) -> bytes:
    return pickle.BININT + struct.pack("<i", number)


def _tuple(items: Iterable[bytes]) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


_EMPTY_DICT = _name("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE


def _safetensors(state: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Length of the header, the header, the numbers; the header padded, so that the numbers begin aligned."""
    about, start = {}, 0
    for name, array in state.items():
        offsets = [start, start + array.nbytes]
        about[name] = {
            "dtype": _SAFETENSORS[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": offsets,
        }
        start += array.nbytes
    header = json.dumps(about, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return b"".join([struct.pack("<Q", len(header)), header, *(array.tobytes() for array in state.values())])
