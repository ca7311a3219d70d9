"""Between this network and the authors' PyTorch one: the names of their state dict, and its shapes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from u2bg.errors import BadModel, UsageError
from u2bg.network.convert import PublishedConvolution, told_stages
from u2bg.network.convolutions import Convolution, convolutions
from u2bg.network.stages import U2NET
from u2bg.network.u2net import U2Net

State = dict[str, npt.NDArray[Any]]

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

_BATCHNORM = ("weight", "bias", "running_mean", "running_var")
_COUNTER = "num_batches_tracked"


def from_state(state: Mapping[str, npt.NDArray[Any]], what: str) -> U2Net:
    """The network of a state dict of U²-Net, of any widths, BatchNorm and all.

    Args:
        what: names the file in messages.

    Raises:
        BadModel: names that are missing or too many, shapes that are no U²-Net's, weights that are no numbers.
    """
    state = {_bare(name): array for name, array in state.items()}
    _check_names(state, what)
    stages = told_stages([_published(state, row, what) for row in convolutions(U2NET)])
    network = U2Net(stages, kernels="zeros")
    for row in convolutions(stages):
        place, norm = _names(row)
        kernel = _floats(state, f"{place}.weight", row.shape, what)
        bias = _floats(state, f"{place}.bias", (row.outputs,), what)
        network.get_layer(row.name).set_weights([kernel.transpose(2, 3, 1, 0), bias])
        if norm:
            values = [_floats(state, f"{norm}.{part}", (row.outputs,), what) for part in _BATCHNORM]
            network.get_layer(f"{row.name}_bn").set_weights(values)
    return network


def to_state(network: U2Net) -> State:
    """The state dict that the authors' PyTorch network of the same widths loads, strictly.

    Raises:
        UsageError: the network has other stages than theirs.
    """
    if [stage.name for stage in network.stages] != [stage.name for stage in U2NET]:
        raise UsageError(
            "only the paper's stages have a PyTorch form, and this network has others; fix: write ONNX"
        )
    state: State = {}
    for row in convolutions(network.stages):
        place, norm = _names(row)
        kernel, bias = network.get_layer(row.name).get_weights()
        state |= {f"{place}.weight": kernel.transpose(3, 2, 0, 1), f"{place}.bias": bias}
        if norm:
            values = network.get_layer(f"{row.name}_bn").get_weights()
            state |= {f"{norm}.{part}": value for part, value in zip(_BATCHNORM, values, strict=True)}
            state[f"{norm}.{_COUNTER}"] = np.zeros((), np.int64)
    return state


def _names(row: Convolution) -> tuple[str, str | None]:
    """Where the authors keep a convolution, and its BatchNorm: En_1_in is stage1.rebnconvin.conv_s1 and bn_s1."""
    if row.name == "fuse":
        return "outconv", None
    stage, _, unit = row.name.removeprefix("En_").removeprefix("De_").partition("_")
    if unit == "side":
        return f"side{stage}", None
    block = f"stage{stage}{'d' if row.name.startswith('De_') else ''}.rebnconv{unit}"
    return f"{block}.conv_s1", f"{block}.bn_s1"


def _bare(name: str) -> str:
    for prefix in PREFIXES * 2:
        name = name.removeprefix(prefix)
    return name


def _check_names(state: Mapping[str, Any], what: str) -> None:
    expected = set()
    for place, norm in map(_names, convolutions(U2NET)):
        expected |= {f"{place}.weight", f"{place}.bias"}
        expected |= {f"{norm}.{part}" for part in _BATCHNORM} if norm else set()
    missing = sorted(expected - state.keys())
    foreign = sorted(name for name in state.keys() - expected if not name.endswith(f".{_COUNTER}"))
    if not missing and not foreign:
        return
    said = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in (("missing", missing), ("not U²-Net's", foreign))
        if names
    ]
    near = difflib.get_close_matches(missing[0], foreign, n=1) if missing else []
    hint = f"; is {near[0]!r} its {missing[0]!r}?" if near else ""
    raise BadModel(
        f"{what} is no state dict of U²-Net: of {len(expected)} names, {'; '.join(said)}; "
        f"expected those of the authors' model/u2net.py{hint}"
    )


def _published(state: Mapping[str, npt.NDArray[Any]], row: Convolution, what: str) -> PublishedConvolution:
    """The shapes that tell the table of stages; the dilation is not in a state dict."""
    place, _ = _names(row)
    kernel, bias = state[f"{place}.weight"], state[f"{place}.bias"]
    if (kernel.ndim, bias.ndim) != (4, 1):
        raise BadModel(f"{what}: {place} has shapes {kernel.shape} and {bias.shape}, expected {row.shape}")
    return PublishedConvolution(kernel, bias, row.dilation)


def _floats(
    state: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...], what: str
) -> npt.NDArray[np.float32]:
    array = np.asarray(state[name], np.float32)
    if array.shape != shape:
        raise BadModel(f"{what}: {name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise BadModel(f"{what}: {name} holds values that are no numbers; fix: get a whole copy")
    return array
