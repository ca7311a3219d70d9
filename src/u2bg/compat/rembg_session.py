"""rembg's sessions: a network by its name, and its masks made with rembg's own arithmetic."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.errors import BadModel, SourceMissing, UnknownName
from u2bg.saliency import answers, folders, store
from u2bg.saliency.models import MODELS, InputSpec, ModelSpec

DEFAULT_MODEL = "u2net"

CUSTOM = {
    "u2net_custom": InputSpec(),
    "dis_custom": InputSpec(size=1024, mean=(0.5, 0.5, 0.5), std=(1, 1, 1)),
    "ben_custom": InputSpec(size=1024),
}
"""A user's own file, `model_path`, and what it sees."""

_NOT_HERE = {
    "sam": "it needs clicks; u2bg.remove takes hints: keep=[(x, y)], erase=[(x, y)]",
    "withoutbg": "it sends pictures to a paid service",
    "atlascloud": "it sends pictures to a paid service",
    "birefnet-general-fp16": "use birefnet-general",
}
_CLOTHES = {"upper": (1,), "lower": (2,), "full": (3,), "attire": (1, 2, 3)}
_ACCELERATORS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "OpenVINOExecutionProvider")
_CPU = "CPUExecutionProvider"


class NoSession(UnknownName, ValueError):
    """A model that has no session here."""


def new_session(
    model_name: str = DEFAULT_MODEL, *positional: Any, sess_opts: Any = None, **options: Any
) -> Session:
    """A session of a model by its name; its file is pulled if it is not here, and found where rembg keeps it.

    Args:
        model_name: of rembg's list but for those that need clicks or a service, or any of `u2bg models list`.
        sess_opts: an `onnxruntime.SessionOptions`.
        options: `providers`, a list that is used as it is given; `model_path`, for the names in `_custom`.

    Raises:
        NoSession: no such model (a ValueError). BadModel, PullFailed, SourceMissing: it cannot be had or run.
    """
    return Session(model_name, sess_opts, *positional, **options)


class Session:
    """One network, loaded once.

    Attributes:
        model_name: as it was asked for.
        inner_session: the `onnxruntime.InferenceSession`.
    """

    def __init__(self, model_name: str, sess_opts: Any = None, *_: Any, **options: Any) -> None:
        import onnxruntime

        self.model_name = model_name
        self._spec = _find(model_name)
        sess_opts = sess_opts or onnxruntime.SessionOptions()
        threads = os.environ.get("OMP_NUM_THREADS")
        for name in ("inter_op_num_threads", "intra_op_num_threads"):
            if threads and getattr(sess_opts, name) == 0:
                setattr(sess_opts, name, int(threads))
        there = onnxruntime.get_available_providers()
        fastest = next(([name] for name in _ACCELERATORS if name in there), [])
        asked = options.get("providers")
        providers = asked if isinstance(asked, list) else [*fastest, _CPU]
        content = _content(self._spec, options.get("model_path"))
        try:
            self.inner_session = onnxruntime.InferenceSession(content, sess_opts, providers=providers)
        except Exception as error:  # its classes share no base of their own
            raise BadModel(f"model '{model_name}' cannot be loaded: {str(error).splitlines()[0]}") from error
        bound = self.inner_session.get_providers()
        if {*providers} - {_CPU} and not {*bound} - {_CPU}:
            wanted = ", ".join(name for name in providers if name != _CPU)
            warnings.warn(f"{wanted} cannot be used here; it runs on the CPU", RuntimeWarning, stacklevel=3)

    def predict(self, img: Image.Image, *_: Any, **options: Any) -> list[Image.Image]:
        """The masks of a picture, mode L and of its size; one, but for clothes.

        The map is stretched to 0..1, cut off (not rounded) to 8 bits, and enlarged by Lanczos.
        """
        sees = self._spec.input
        size = (sees.size, sees.size)
        answer = self.inner_session.run(None, self.normalize(img, sees.mean, sees.std, size))[0]
        if self._spec.output.values == "classes":
            return _clothes(answer, img.size, options.get("cc") or options.get("cloth_category"))
        maps = answers.saliency(answer[:, :1], replace(self._spec.output, stretch=False), self.model_name)
        lowest, highest = maps.min(), maps.max()
        stretched = (maps[0] - lowest) / (highest - lowest) if highest > lowest else np.zeros_like(maps[0])
        mask = Image.fromarray((stretched * 255).astype(np.uint8))
        return [mask.resize(img.size, Image.Resampling.LANCZOS)]

    def normalize(
        self, img: Image.Image, mean: Any, std: Any, size: tuple[int, int], *_: Any, **__: Any
    ) -> dict[str, NDArray[np.float32]]:
        """What the network is fed: Lanczos to `size`, by the largest value, less the mean, by the deviation."""
        small = np.asarray(img.convert("RGB").resize(size, Image.Resampling.LANCZOS))
        scaled = (small / max(small.max(), 1e-6) - np.array(mean)) / np.array(std)
        batch = scaled.transpose(2, 0, 1)[None].astype(np.float32)
        return {self.inner_session.get_inputs()[0].name: batch}

    def name(self) -> str:
        """The model's name."""
        return self.model_name

    def download_models(self) -> str:
        """The path of the model's file, pulled if it is not here."""
        return str(store.ensure(self._spec))

    @staticmethod
    def u2net_home() -> str:
        """The folder that models are pulled into."""
        return str(folders.home())

    @staticmethod
    def checksum_disabled() -> bool:
        """Whether MODEL_CHECKSUM_DISABLED is set: then a file is loaded whatever its hash."""
        return "MODEL_CHECKSUM_DISABLED" in os.environ


def _find(name: str) -> ModelSpec:
    if name in CUSTOM:
        return ModelSpec(name, f"{name}.onnx", "", 0, "its maker's", "the user's own", input=CUSTOM[name])
    if name not in MODELS:
        error = NoSession("model", name, [*MODELS, *CUSTOM])
        if name in _NOT_HERE:
            error.args = (f"model '{name}' is not offered: {_NOT_HERE[name]}",)
        raise error
    return MODELS[name]


def _content(spec: ModelSpec, model_path: str | None) -> bytes:
    """The bytes of the model's file: verified, the user's own, or as it is where checking is switched off."""
    if spec.name in CUSTOM:
        if model_path is None:
            raise WrongArgument("model_path is required for a model of your own")
        path = Path(model_path).expanduser()
    else:
        path = store.ensure(spec)
        if not Session.checksum_disabled():
            return store.read_verified(spec, path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceMissing(
            f"cannot read the model '{path}': {error.strerror}; fix: check the name"
        ) from error


class WrongArgument(SourceMissing, ValueError):
    """An argument that rembg answers with a ValueError."""


def _clothes(answer: NDArray[np.float32], size: tuple[int, int], wanted: str | None) -> list[Image.Image]:
    """A hard mask for each kind of clothes (upper, lower, full), or for the one that is wanted."""
    kinds = (
        [_CLOTHES[wanted]] if wanted in _CLOTHES else [_CLOTHES[name] for name in ("upper", "lower", "full")]
    )
    classes = answer[0].argmax(0).astype(np.uint8)
    # As rembg does it: the numbers of the classes are enlarged like a picture, and only what is exactly one counts.
    enlarged = np.asarray(Image.fromarray(classes).resize(size, Image.Resampling.LANCZOS))
    return [Image.fromarray(np.isin(enlarged, kind).astype(np.uint8) * np.uint8(255)) for kind in kinds]
