"""Weights from one kind of file to another: published ONNX, PyTorch, safetensors, Keras."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from u2bg.errors import UsageError
from u2bg.files import replacing
from u2bg.network import convert, saving, torch_read, torch_state, torch_write
from u2bg.network.export import export
from u2bg.network.u2net import U2Net
from u2bg.saliency.models import APACHE, MODELS

Pictures = Iterable[npt.NDArray[np.float32]]

SUFFIXES = (saving.SUFFIX, ".onnx", *torch_read.SUFFIXES)

_AUTHORS_FILES = {
    "09fb4e49b7f785c9f855baf94916840a": "u2net.pth",
    "e4f636406ca4e2af789941e7f139ee2e": "u2netp.pth",
    "347c3d51b01528e5c6c071e3cff1cb55": "u2net_human_seg.pth",
}
"""By MD5: the files that the authors handed out themselves."""


def check_suffix(path: Path) -> None:
    """Raises: UsageError when the name is that of no kind of file that holds weights."""
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"'{path}' is no file of weights: got the suffix '{path.suffix}', expected one of {', '.join(SUFFIXES)}"
        )


def read(path: Path, pictures: Callable[[], Pictures]) -> tuple[U2Net, float | None]:
    """The network of a file, and how far it is from what that file computes itself.

    A PyTorch file and a Keras one hold BatchNorm; a published graph no longer does, so it is put back.

    Args:
        pictures: asked for BatchNorm's statistics where the file has none; see `batchnorm.measure`.

    Returns:
        The network; the largest difference of any of its maps from the published graph's, or None where the file is
        no graph.

    Raises:
        UsageError, SourceMissing, BadModel: the file is none of a network's, is damaged, or is another network's.
    """
    check_suffix(path)
    if path.suffix == saving.SUFFIX:
        return saving.read(path), None
    if path.suffix == ".onnx":
        network = convert.convert(path, pictures())
        network.notes["licence"] = _LICENCES.get(network.notes["source_sha256"], _OF_ITS_SOURCE)
        return network, convert.prove(network, path)
    network = torch_state.from_state(torch_read.read(path), f"'{path}'")
    content = path.read_bytes()
    known = hashlib.md5(content, usedforsecurity=False).hexdigest() in _AUTHORS_FILES
    network.notes |= {
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "licence": APACHE if known else _OF_ITS_SOURCE,
    }
    return network, None


def write(network: U2Net, path: Path) -> None:
    """Write the network as the kind of file that its suffix names, whole or not at all.

    Raises:
        UsageError: a suffix of no such file. CannotWrite: the system refuses.
    """
    check_suffix(path)
    if path.suffix == saving.SUFFIX:
        saving.write(network, path)
    elif path.suffix == ".onnx":
        content = export(network)
        with replacing(path) as part:
            part.write_bytes(content)
    else:
        torch_write.write(torch_state.to_state(network), path)


_OF_ITS_SOURCE = "that of its source"
_LICENCES = {row.sha256: row.licence for row in MODELS.values() if row.sha256}
