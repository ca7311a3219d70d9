"""Deep supervision: every side output and the fused map learn from the same mask (Qin et al., 2020, equation 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import keras

from u2bg.errors import UnknownName
from u2bg.network.u2net import OUTPUTS

Mask = TypeVar("Mask")


def deep_supervision(weights: Mapping[str, float] | None = None) -> dict[str, Any]:
    """What `compile` needs: binary cross-entropy per map, summed with a weight per output.

    L = Σ w(output) · mean over batch and pixels of −[y log σ(z) + (1 − y) log(1 − σ(z))], from the logits z. Use it as

        network.compile("adam", **deep_supervision())
        network.fit(images, every_output(masks))

    One forward pass trains all seven maps.

    Args:
        weights: by output name; an output not named has weight 1, as the paper has for all. Weight 0 switches off.

    Raises:
        UnknownName: for a weight of no output.
    """
    weights = dict(weights or {})
    for name in weights:
        if name not in OUTPUTS:
            raise UnknownName("output", name, OUTPUTS)
    return {
        "loss": {name: keras.losses.BinaryCrossentropy(from_logits=True) for name in OUTPUTS},
        "loss_weights": {name: float(weights.get(name, 1.0)) for name in OUTPUTS},
    }


def every_output(mask: Mask) -> dict[str, Mask]:
    """The same mask, (N, H, W, 1) in [0, 1], as the target of each of the seven outputs."""
    return dict.fromkeys(OUTPUTS, mask)
