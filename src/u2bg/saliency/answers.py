"""What a network's answer means: its first output as saliency maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import BadModel
from u2bg.saliency.models import OutputSpec

Array = NDArray[np.float32]


def saliency(answer: Array, spec: OutputSpec, what: str) -> Array:
    """(N, C, H, W) float32, as `spec` says, to (N, H, W) float32 in [0, 1].

    Logits become σ(z). Of classes, what counts is everything but the first: 1 − softmax(z)₀.

    Args:
        what: names the model in messages.

    Raises:
        BadModel: values that no saliency network gives.
    """
    maps = _MEANINGS[spec.values](answer)
    lowest, highest = float(maps.min()), float(maps.max())
    if not (lowest >= -0.01 and highest <= 1.01):  # written so that NaN fails too
        raise BadModel(
            f"{what} gave values from {lowest:g} to {highest:g}; expected a map in 0..1; "
            "fix: export it with the sigmoid, or use another model"
        )
    fused: Array = np.clip(maps, 0, 1)
    return stretched(fused) if spec.stretch else fused


def stretched(maps: Array) -> Array:
    """Each of (N, H, W) to the whole of [0, 1]: (m − min) / (max − min); a flat one stays as it is."""
    lowest = maps.min((1, 2), keepdims=True)
    reach = maps.max((1, 2), keepdims=True) - lowest
    flat = reach == 0
    return np.where(flat, maps, (maps - lowest) / np.where(flat, np.float32(1), reach))


def _first_channel(answer: Array) -> Array:
    return answer[:, 0]


def _of_logits(answer: Array) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * answer[:, 0]), np.float32)


def _of_classes(answer: Array) -> Array:
    odds = np.exp(answer - answer.max(1, keepdims=True))
    background: Array = odds[:, 0] / odds.sum(1)
    return 1 - background


_MEANINGS = {"saliency": _first_channel, "logits": _of_logits, "classes": _of_classes}
