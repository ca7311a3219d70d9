"""Running an ONNX network: one protocol, ONNX Runtime behind it, OpenVINO where it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import photos_at_once, usable_cores
from u2bg.errors import BadModel, UnknownName
from u2bg.saliency import answers
from u2bg.saliency.models import OutputSpec

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_PRECISIONS = {"openvino": "f32", "openvino-bf16": "bf16"}
DEVICES = ("auto", *_PROVIDERS, *_PRECISIONS)
"""`auto` is the first of cuda and cpu that is there. OpenVINO is asked for by name: in float its answers differ in the
last digits, in bfloat16 more, at about half the time on processors that have it."""

GPU_BATCH = 8
"""Pictures in one run on a GPU: fewer leave it idle between them, and more only take memory."""

LIGHT = 16 << 20
"""Bytes of a network of which every photo at once has a session: `lite` in each of its forms, not the full network."""

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(N, 3, H, W) float32, normalised, to (N, H, W) float32 saliency in [0, 1]."""


class Engine(Protocol):
    """A network that runs.

    Attributes:
        fixed_size: (height, width) where the graph was exported for one size only, else None.
        batch: pictures that its device likes to see in one run, where there are so many; 1 where that gains nothing.
    """

    fixed_size: tuple[int, int] | None
    batch: int

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """(N, 3, H, W) float32, normalised, to (N, H, W) float32 saliency in [0, 1]."""


class Port(NamedTuple):
    """An input or output of a graph; a dimension that is free is no number."""

    name: str
    type: str
    shape: Sequence[Any]

    def __str__(self) -> str:
        return f"{self.name} {self.type} {list(self.shape)}"


def start(model: bytes, what: str, device: str = "auto", output: OutputSpec | None = None) -> Engine:
    """The engine of a network on a device.

    Args:
        model: the bytes of an ONNX file with one input (N, 3, H, W) float32 and first output (N, C, H, W).
        what: names the file in messages.
        device: one of `DEVICES`.
        output: what that first output says.

    Raises:
        UnknownName: no such device. MissingExtra: its packages are not installed.
        BadModel: no ONNX, or other inputs and outputs than a saliency network's.
    """
    if device not in DEVICES:
        raise UnknownName("device", device, DEVICES)
    if device in _PRECISIONS:
        from u2bg.saliency.openvino_engine import OpenVino

        return OpenVino(model, what, _PRECISIONS[device], output)
    return OnnxRuntime(model, what, device, output)


def on_gpu(device: str) -> bool:
    """Whether a GPU would run a network there."""
    if device != "auto":
        return device == "cuda"
    import onnxruntime

    return _PROVIDERS["cuda"] in onnxruntime.get_available_providers()


class OnnxRuntime:
    """A network in ONNX Runtime; only its first output, the fused map, is computed. Args and errors as `start`."""

    def __init__(
        self, model: bytes, what: str, device: str = "auto", output: OutputSpec | None = None
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # the first run would wait for a plan of one shape
        # Threads that went on spinning after a run would take a core from the edges.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.log_severity_level = 4  # its errors reach the user as ours, once
        there = onnxruntime.get_available_providers()
        wanted = ("cuda", "cpu") if device == "auto" else (device,)
        providers = [_PROVIDERS[name] for name in wanted if _PROVIDERS[name] in there]

        def begin() -> Any:
            return onnxruntime.InferenceSession(model, options, providers=providers)

        try:
            session = begin()
        except Exception as error:  # its classes share no base of their own
            raise not_loaded(what, str(error).splitlines()[0].rpartition(" : ")[2]) from error
        if device == "cuda" and _PROVIDERS["cuda"] not in session.get_providers():
            raise BadModel(
                "device 'cuda' was asked for, but ONNX Runtime cannot use one here; "
                "fix: install onnxruntime-gpu and its CUDA libraries, or use device 'cpu'"
            )
        self._what = what
        self._means = output or OutputSpec()
        inputs, outputs = (
            [Port(one.name, "float" if one.type == "tensor(float)" else one.type, one.shape) for one in ports]
            for ports in (session.get_inputs(), session.get_outputs())
        )
        self.fixed_size = check_signature(what, inputs, outputs, self._means)
        self._input, self._output = inputs[0].name, outputs[0].name
        on_gpu = session.get_providers()[0] == _PROVIDERS["cuda"]
        self._session = _OfThread(session, begin, 1 if on_gpu or len(model) > LIGHT else photos_at_once())
        self.batch = GPU_BATCH if on_gpu and not isinstance(inputs[0].shape[0], int) else 1
        # The first run gives its memory back, for the edges to use: in a command there often is no second one.
        self._first_run = onnxruntime.RunOptions()
        self._first_run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        options, self._first_run = self._first_run, None
        answer = self._session().run([self._output], {self._input: batch}, options)[0]
        return answers.saliency(answer, self._means, self._what)


class _OfThread:
    """This thread's session, where threads cut photos side by side.

    In one session, the runs of two photos share a store of memory that is never given back, so that it grows on the
    rare occasion that both need most at once: by a sixth of the process, anywhere in the first thousand pictures of a
    folder (docs/scale.md). In a session of its own, a photo finds the memory of the photo before it.

    Args:
        first: the session that is there.
        begin: gives another.
        most: how many there may be; more threads share them.
    """

    def __init__(self, first: Any, begin: Callable[[], Any], most: int) -> None:
        self._sessions = {0: first}
        self._begin = begin
        self._most = most
        self._threads = count()
        self._mine = threading.local()

    def __call__(self) -> Any:
        if not hasattr(self._mine, "session"):
            thread = next(self._threads)
            if 0 < thread < self._most:
                self._sessions[thread] = self._begin()
            self._mine.session = self._sessions.get(thread % self._most, self._sessions[0])
        return self._mine.session


def not_loaded(what: str, reason: str) -> BadModel:
    """What is said of a file that an engine cannot read."""
    return BadModel(
        f"{what} cannot be loaded: {reason}; "
        "expected a whole ONNX file of a saliency network; fix: export or download it again"
    )


def check_signature(
    what: str, inputs: Sequence[Port], outputs: Sequence[Port], means: OutputSpec
) -> tuple[int, int] | None:
    """(height, width) of a fixed-size graph, None of a free one.

    Raises:
        BadModel: other inputs and outputs than a saliency network's.
    """
    shape = inputs[0].shape if inputs else []
    output = outputs[0].shape if outputs else []
    fits = (
        len(inputs) == 1
        and inputs[0].type == "float"
        and len(shape) == 4
        and _may_be(shape[1], 3)
        and len(output) == 4
        and (means.values == "classes" or _may_be(output[1], 1))
    )
    if not fits:
        got = ", ".join(map(str, inputs)) or "no inputs"
        raise BadModel(
            f"{what} is no saliency network: got inputs {got} and first output {list(output)}; "
            "expected one float input (N, 3, H, W) and first output (N, 1, H, W)"
        )
    height, width = shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _may_be(dimension: Any, wanted: int) -> bool:
    """Whether a dimension of an ONNX shape (a number, a name or None) allows this number."""
    return dimension == wanted or not isinstance(dimension, int)
