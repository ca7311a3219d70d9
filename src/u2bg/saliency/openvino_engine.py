"""A network in OpenVINO: slower to start than ONNX Runtime, faster in bfloat16 on processors that have it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import photos_at_once, usable_cores
from u2bg.errors import MissingExtra
from u2bg.saliency import answers
from u2bg.saliency.engines import Port, check_signature, not_loaded
from u2bg.saliency.models import OutputSpec


class OpenVino:
    """A network on the processor. Safe to call from several threads.

    Args:
        precision: `f32` or `bf16`; said outright, because OpenVINO else takes bfloat16 wherever it finds it.

    The others, and the errors, as `engines.start`.
    """

    batch = 1

    def __init__(self, model: bytes, what: str, precision: str, output: OutputSpec | None = None) -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingExtra("OpenVINO", "openvino") from error
        settings = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": usable_cores() * photos_at_once(),
            "NUM_STREAMS": photos_at_once(),  # else photos side by side would wait for each other
            "PERFORMANCE_HINT": "LATENCY",
        }
        core = openvino.Core()
        try:
            self._network: Any = core.compile_model(core.read_model(model=model), "CPU", settings)
        except RuntimeError as error:
            raise not_loaded(what, str(error).strip().splitlines()[-1]) from error
        self._what = what
        self._means = output or OutputSpec()
        self.fixed_size = check_signature(
            what, _ports(self._network.inputs), _ports(self._network.outputs), self._means
        )
        self._of_thread = threading.local()

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        request = getattr(self._of_thread, "request", None)
        if request is None:
            request = self._of_thread.request = self._network.create_infer_request()
        answer = request.infer({0: batch})[0]
        return answers.saliency(answer, self._means, self._what)


def _ports(ports: Any) -> list[Port]:
    return [
        Port(
            min(one.names, default="unnamed"),
            "float" if one.element_type.get_type_name() == "f32" else one.element_type.get_type_name(),
            [side.get_length() if side.is_static else None for side in one.partial_shape],
        )
        for one in ports
    ]
