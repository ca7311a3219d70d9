"""Running an ONNX network: one protocol, and ONNX Runtime behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import usable_cores
from u2bg.errors import BadModel, UnknownName
from u2bg.saliency import answers
from u2bg.saliency.models import OutputSpec

Engine = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(N, 3, H, W) float32, normalised, to (N, H, W) float32 saliency in [0, 1]."""

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
DEVICES = ("auto", *_PROVIDERS)


class OnnxRuntime:
    """A network in ONNX Runtime; only its first output, the fused map, is computed.

    Args:
        model: the bytes of an ONNX file with one input (N, 3, H, W) float32 and first output (N, C, H, W).
        what: names the file in messages.
        device: `cpu`, `cuda`, or `auto` for the fastest that is there.
        output: what that first output says.

    Attributes:
        fixed_size: (height, width) where the graph was exported for one size only, else None.

    Raises:
        BadModel: no ONNX, or other inputs and outputs than a saliency network's.
    """

    def __init__(
        self, model: bytes, what: str, device: str = "auto", output: OutputSpec | None = None
    ) -> None:
        import onnxruntime

        if device not in DEVICES:
            raise UnknownName("device", device, DEVICES)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # the first run would wait for a plan of one shape
        options.log_severity_level = 4  # its errors reach the user as ours, once
        there = onnxruntime.get_available_providers()
        wanted = ("cuda", "cpu") if device == "auto" else (device,)
        providers = [_PROVIDERS[name] for name in wanted if _PROVIDERS[name] in there]
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its classes share no base of their own
            raise BadModel(
                f"{what} cannot be loaded: {_first_line(error)}; "
                "expected a whole ONNX file of a saliency network; fix: export or download it again"
            ) from error
        if device == "cuda" and _PROVIDERS["cuda"] not in self._session.get_providers():
            raise BadModel(
                "device 'cuda' was asked for, but ONNX Runtime cannot use one here; "
                "fix: install onnxruntime-gpu and its CUDA libraries, or use device 'cpu'"
            )
        self._what = what
        self._means = output or OutputSpec()
        self.fixed_size = self._check_signature()
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        answer = self._session.run([self._output], {self._input: batch})[0]
        return answers.saliency(answer, self._means, self._what)

    def _check_signature(self) -> tuple[int, int] | None:
        """(height, width) of a fixed-size graph, None of a free one."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape if inputs else []
        output = outputs[0].shape if outputs else []
        fits = (
            len(inputs) == 1
            and inputs[0].type == "tensor(float)"
            and len(shape) == 4
            and _may_be(shape[1], 3)
            and len(output) == 4
            and (self._means.values == "classes" or _may_be(output[1], 1))
        )
        if not fits:
            got = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs) or "no inputs"
            raise BadModel(
                f"{self._what} is no saliency network: got inputs {got} and first output {output}; "
                "expected one float input (N, 3, H, W) and first output (N, 1, H, W)"
            )
        height, width = shape[2:]
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _may_be(dimension: Any, wanted: int) -> bool:
    """Whether a dimension of an ONNX shape (a number, a name or None) allows this number."""
    return dimension == wanted or not isinstance(dimension, int)


def _first_line(error: Exception) -> str:
    """The reason without ONNX Runtime's own prefix of code and class."""
    return str(error).splitlines()[0].rpartition(" : ")[2]
