"""Networks as `.keras` files: the table of stages, the weights and where they are from, in one file."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from u2bg.errors import BadModel, SourceMissing, UsageError
from u2bg.files import replacing
from u2bg.network.u2net import U2Net

SUFFIX = ".keras"


def read(path: Path) -> U2Net:
    """Read a network written by `write`, or by Keras itself while training.

    Raises:
        SourceMissing: there is no such file. BadModel: it is no `.keras` file, is damaged, or holds another network.
    """
    config = _read_config(path)
    try:
        network = U2Net(**config, kernels="zeros")
        network.load_weights(path)
    except Exception as error:  # Keras raises whatever its parts do
        reason = str(error).strip().partition("\n")[0]
        raise BadModel(f"cannot read '{path}': {reason}; fix: convert or train it again") from error
    return network


def write(network: U2Net, path: Path) -> None:
    """Write the network, whole or not at all.

    Raises:
        UsageError: the name does not end in `.keras`. CannotWrite: the system refuses.
    """
    check_suffix(path)
    with replacing(path) as part:
        whole = part.with_name(part.name + SUFFIX)  # Keras goes by the suffix
        try:
            network.save(whole)
            whole.replace(part)
        finally:
            whole.unlink(missing_ok=True)


def check_suffix(path: Path) -> None:
    """Raises: UsageError when the name is not that of a `.keras` file."""
    if path.suffix != SUFFIX:
        raise UsageError(f"cannot write '{path}': got the suffix '{path.suffix}', expected '{SUFFIX}'")


def _read_config(path: Path) -> dict[str, Any]:
    """What `U2Net.get_config` said. Looked at by itself: Keras would build whatever class the file names."""
    if not path.is_file():
        raise SourceMissing(f"no weights at '{path}'; expected a {SUFFIX} file; fix: u2bg convert makes one")
    try:
        with zipfile.ZipFile(path) as archive:
            saved = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadModel(f"'{path}' is no whole {SUFFIX} file; expected what u2bg convert writes") from error
    kind = (saved.get("registered_name") or saved.get("class_name")) if isinstance(saved, dict) else None
    if kind != "u2bg>U2Net":
        raise BadModel(
            f"'{path}' holds no U²-Net: got {kind or 'another kind of model'}, expected u2bg>U2Net"
        )
    return dict(saved["config"])
