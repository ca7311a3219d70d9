"""A picture to its saliency map: resize, normalise, run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.errors import BadModel, SourceMissing
from u2bg.saliency import engines, models, store
from u2bg.saliency.engines import Engine, Run
from u2bg.saliency.gathering import Gathering
from u2bg.saliency.models import InputSpec, ModelSpec
from u2bg.shrinking import Overview, overview

if TYPE_CHECKING:
    from u2bg.saliency.origins import Progress

STEP = 32
LONGEST = 3.0
AREA = (0.95, 1.15)
"""Of the network's picture, as shares of its square: wide enough for a shape within 5 % of most photos'."""

ToSrgb = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


class Predictor:
    """One network, loaded once. Safe to call from several threads.

    Args:
        engine: runs the network.
        spec: what the network wants to see.
    """

    def __init__(self, engine: Run, spec: InputSpec) -> None:
        self._engine = engine
        self._spec = spec

    def __call__(self, pixels: NDArray[np.uint8] | Overview, to_srgb: ToSrgb) -> NDArray[np.float32]:
        """The saliency map of a picture.

        Args:
            pixels: (H, W, 4) uint8, C-contiguous, or its overview; the fourth channel is not looked at.
            to_srgb: takes (h, w, 3) uint8 in the picture's own colours to sRGB.

        Returns:
            (h, w) float32 in [0, 1], small; never stretched.
        """
        photo = overview(pixels)
        small = to_srgb(shrink(photo, network_size(photo.size, self._spec)))
        maps = self._engine(normalise(small, self._spec)[None])
        saliency_map: NDArray[np.float32] = maps[0]
        return saliency_map


def load(model: str, device: str = "auto", progress: Progress | None = None) -> Predictor:
    """The predictor of a model by its name in the table, or by the path of the user's own ONNX file.

    A model of the table that is not here yet is pulled; `progress` hears of it.

    Raises:
        UnknownName, SourceMissing, BadModel, MissingExtra, PullFailed.
    """
    if model.lower().endswith(".onnx"):
        return _load_file(Path(model), device)
    spec = models.find(model)
    if spec.in_float and engines.on_gpu(device):
        spec = models.in_float(spec)
    return _predictor(start(spec, device, progress), spec.input)


def start(spec: ModelSpec, device: str = "auto", progress: Progress | None = None) -> Engine:
    """The engine of a row of the table, from the file that starts soonest there. Errors as `load`."""
    if device in {"auto", "cpu"} and spec.name in models.PREPARED:
        prepared = models.PREPARED[spec.name]
        content = store.read_verified(prepared, store.ensure(prepared))
        with contextlib.suppress(BadModel):  # of another ONNX Runtime than it was made with, it may be none
            return engines.start(content, f"model '{spec.name}'", device, spec.output)
    content = store.read_verified(spec, store.ensure(spec, progress))
    return engines.start(content, f"model '{spec.name}'", device, spec.output)


def _predictor(engine: Engine, spec: InputSpec) -> Predictor:
    """With company for the pictures, where the device likes that."""
    return Predictor(Gathering(engine, engine.batch) if engine.batch > 1 else engine, spec)


def _load_file(path: Path, device: str) -> Predictor:
    """A user's own file: a row made at run time, for the size that the graph demands, or ours."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceMissing(
            f"cannot read the model '{path}': {error.strerror}; fix: check the name"
        ) from error
    engine = engines.start(content, f"'{path}'", device)
    if engine.fixed_size is None:
        return _predictor(engine, InputSpec(keep_aspect=True))
    height, width = engine.fixed_size
    if height != width:
        raise BadModel(f"'{path}' wants {width}×{height} pictures; expected a square; fix: export it again")
    return _predictor(engine, InputSpec(size=height))


def network_size(photo_size: tuple[int, int], spec: InputSpec) -> tuple[int, int]:
    """The (height, width) at which the network sees a photo of (height, width).

    With `keep_aspect`, whole steps whose shape is nearest to the photo's, at about the area of `spec.size` squared. A
    strip longer than 3:1 is squeezed to that, because the network needs some of both sides to see anything.
    """
    if not spec.keep_aspect:
        return spec.size, spec.size
    height, width = photo_size
    shape = min(max(width / height, 1 / LONGEST), LONGEST)
    least, most = (share * spec.size**2 for share in AREA)
    sides = range(STEP, 2 * spec.size + 1, STEP)
    fitting = ((down, across) for down in sides for across in sides if least <= down * across <= most)
    return min(fitting, key=lambda size: abs(math.log(size[1] / size[0] / shape)))


def shrink(pixels: NDArray[np.uint8] | Overview, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W, 4) to (height, width, 3) uint8 by a triangle filter over each target pixel's area.

    The triangle is what the scores choose: Lanczos, as rembg has it, is sharper and worse for the network.
    """
    return overview(pixels).at(size, Image.Resampling.BILINEAR)[..., :3]


def normalise(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """(h, w, 3) uint8 sRGB to (3, h, w) float32: (x / brightest − mean) / std, brightest of all its values."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)  # long rows are faster
    mean, std = np.array(spec.mean, np.float32), np.array(spec.std, np.float32)
    scale, offset = 1 / (max(1, int(planes.max())) * std), mean / std
    planes *= scale[:, None, None]
    planes -= offset[:, None, None]
    return planes
