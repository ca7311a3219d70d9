"""The models that are here, hashed, and the devices, each by a network that is really run on it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

import numpy as np

from u2bg.doctor import machine
from u2bg.doctor.findings import Finding
from u2bg.errors import MissingExtra, ModelError, U2bgError
from u2bg.saliency import engines, predictor, store
from u2bg.saliency.checks import flaw_of
from u2bg.saliency.models import DEFAULT_MODEL, MODELS, find, forms

TIMED_S = 3.0
_SMALL, _WARM = 64, 2
REACH = (0.25, 1.25)
"""A network runs at these shares of the speed of one large float32 product in numpy, on the same cores."""
REACH_IN_8_BITS = (0.5, 3.0)
"""The same for one in 8 bits, where the processor has instructions for them."""


def examine_files() -> Iterator[Finding]:
    """Every model file that is here, by its hash."""
    for spec in (form for row in MODELS.values() for form in forms(row)):
        path = store.locate(spec)
        if path is None and not spec.embedded:
            continue
        flaw = flaw_of(path, store.seal(spec)) if path else "got no file"
        if flaw:
            yield Finding(f"model {spec.name}", f"damaged: {flaw}", "bad", store.remedy(spec))
        else:
            yield Finding(f"model {spec.name}", f"whole: {path}")


def examine_devices() -> Iterator[Finding]:
    """Every device: a session of the default model is opened on it, and run."""
    spec = find(DEFAULT_MODEL)
    try:
        content = store.read_verified(spec, store.ensure(spec))
    except ModelError as error:
        yield Finding("devices", str(error).partition("; fix: ")[0], "bad", store.remedy(spec))
        return
    for device in engines.DEVICES:
        if device != "auto":
            yield _of_device(device, content)


def _of_device(device: str, content: bytes) -> Finding:
    topic = f"device {device}"
    try:
        engine = engines.start(content, "the default model", device, find(DEFAULT_MODEL).output)
        engine(np.zeros((1, 3, _SMALL, _SMALL), np.float32))
    except MissingExtra as error:
        return Finding(topic, "not installed", "note", str(error).partition("; fix: ")[2])
    except (U2bgError, RuntimeError, ImportError, OSError) as error:
        said, _, fix = str(error).partition("; fix: ")
        needed = device == "cpu" or (device == "cuda" and shutil.which("nvidia-smi"))
        return Finding(topic, f"not bound: {said}", "bad" if needed else "note", fix)
    return Finding(topic, "bound: a network ran on it")


def examine_speed(seconds: float = TIMED_S) -> Finding:
    """The default model at its own size for so long, beside what this machine's matrix product lets expect."""
    spec = find(DEFAULT_MODEL)
    try:
        engine = predictor.start(spec)
        batch = np.zeros((1, 3, *(engine.fixed_size or (spec.input.size,) * 2)), np.float32)
        rate = _matrix_rate()
        times = _timed(lambda: engine(batch), seconds)
    except U2bgError as error:
        return Finding("speed", "not measured, because the default model does not run", "bad", str(error))
    took = float(np.median(times))
    said = f"{1e3 * took:.0f} ms a picture, median of {len(times)}"
    if not spec.multiply_adds:
        return Finding("speed", said)
    rate = max(rate, _matrix_rate())  # others may have been at work during one of them
    shares = REACH_IN_8_BITS if spec.in_float and machine.has_int8() else REACH
    most, least = (spec.multiply_adds / (rate * share) for share in shares)
    said += f"; expected {1e3 * least:.0f} to {1e3 * most:.0f} ms, by this machine's matrix product"
    if took > most:
        fix = "see that no other program keeps the cores busy, and that ONNX Runtime is the newest for this machine"
        return Finding("speed", f"{said}: slower", "note", fix)
    return Finding("speed", said)


def _timed(run: Callable[[], object], seconds: float) -> list[float]:
    for _ in range(_WARM):
        run()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def _matrix_rate(side: int = 1024, tries: int = 5) -> float:
    """Multiply-adds a second of one large float32 product, the best of some."""
    matrix = np.ones((side, side), np.float32)
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - start)
    return side**3 / min(times)
