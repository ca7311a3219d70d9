"""Large constants that cancel each other, taken out of a network: what 8 bits, and bfloat16, cannot carry.

A channel whose ReLU never cuts is a linear function. Where it hardly moves (the authors' † has one between 226 and
228), it is a constant that later convolutions take off again with a bias as large (1361). The constant can as well
be left out on both sides: out of the channel's bias, and out of the bias of all that read it. Max-pooling, bilinear
resizing and sums keep a constant as it is; only where a convolution pads with zeros (the outermost pixels) is the
new network another one: there the old one saw the constant end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from u2bg.network.batchnorm import Floats, Folded, fold, unfold
from u2bg.network.convolutions import convolutions
from u2bg.network.u2net import U2Net, draw

MARGIN = 0.5
"""What stays below the least value seen, as a share of the range seen: other pictures go a little further."""

Vector = npt.NDArray[np.float64]


def settle(network: U2Net, pictures: Iterable[Floats]) -> U2Net:
    """The same function, but at the outermost pixels, without large constants; a network without BatchNorm.

    Args:
        pictures: (1, H, W, 3) float32 each, ImageNet-normalised, of one size: over them the channels' ranges are taken.
    """
    settled = U2Net(network.stages, notes=network.notes, folded=True, kernels="zeros")
    folded = fold(network)
    unfold(settled, folded, {})
    unfold(settled, lowered(folded, network, floors(settled, pictures)), {})
    return settled


def floors(network: U2Net, pictures: Iterable[Floats]) -> dict[str, Vector]:
    """What can be taken off each channel: 0 where its ReLU cuts, or where it moves as far as it is high."""
    names = [row.name for row in convolutions(network.stages) if row.normalised]
    probe = keras.Model(network.input, {name: _ends(network.get_layer(name).output) for name in names})
    ends: dict[str, Vector] = {}
    for picture in pictures:
        for name, found in probe.predict_on_batch(picture).items():
            low, high = found.astype(np.float64)
            if name in ends:
                low, high = np.minimum(low, ends[name][0]), np.maximum(high, ends[name][1])
            ends[name] = np.stack([low, high])
    return {
        name: np.where(low > high - low, low - MARGIN * (high - low), 0.0)
        for name, (low, high) in ends.items()
    }


def lowered(folded: Folded, network: U2Net, taken_off: Mapping[str, Vector]) -> Folded:
    """Folded weights with a constant taken off some channels, and off what reads them."""
    pen = _Biases(folded, taken_off)
    draw(pen, np.zeros(3), network.stages)
    return pen.folded


def _ends(x: Any) -> Any:
    """(1, H, W, C) to (2, C): the least and the greatest."""
    return keras.ops.stack([keras.ops.min(x, axis=(0, 1, 2)), keras.ops.max(x, axis=(0, 1, 2))])


class _Biases:
    """The pen that moves constants: a feature map is what was taken off each of its channels."""

    def __init__(self, folded: Folded, taken_off: Mapping[str, Vector]) -> None:
        self.folded = dict(folded)
        self._taken_off = taken_off

    def unit(self, x: Vector, name: str, width: int, dilation: int) -> Vector:
        floor = self._taken_off.get(name, np.zeros(width))
        self._move(x, name, floor)
        return floor

    def squeeze(self, x: Vector, name: str, kernel: int) -> Vector:
        self._move(x, name, np.zeros(1))
        return np.zeros(1)

    def halve(self, x: Vector, name: str) -> Vector:
        return x

    def grow(self, x: Vector, like: Vector, name: str) -> Vector:
        return x

    def join(self, maps: Sequence[Vector], name: str) -> Vector:
        return np.concatenate(maps)

    def add(self, x: Vector, y: Vector, name: str) -> Vector:
        return x + y

    def output(self, logits: Vector, name: str) -> Vector:
        return logits

    def _move(self, missing: Vector, name: str, floor: Vector) -> None:
        kernel, bias = self.folded[name]
        constant = missing @ kernel.astype(np.float64).sum((0, 1))
        self.folded[name] = kernel, (bias + constant - floor).astype(np.float32)
