"""The list of U²-Net's 119 convolutions, in the order of the walk: what convert, fold and counting share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from u2bg.network.stages import Stage
from u2bg.network.u2net import draw


class Convolution(NamedTuple):
    """One convolution of the network.

    Attributes:
        name: of its Keras layer and its ONNX node.
        inputs, outputs: channels.
        kernel: side of the kernel in pixels.
        dilation: distance of its taps.
        shrink: how many times smaller than the image (per side) the map is that it runs on.
        normalised: whether BatchNorm and ReLU follow.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    dilation: int
    shrink: int
    normalised: bool

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the kernel as PyTorch and ONNX keep it: outputs, inputs, height, width."""
        return (self.outputs, self.inputs, self.kernel, self.kernel)


def convolutions(stages: Sequence[Stage]) -> tuple[Convolution, ...]:
    """Every convolution of the network, in the order in which the authors' files hold them."""
    tally = _Tally()
    draw(tally, _Map(channels=3, shrink=1), stages)
    return tuple(tally.rows)


def multiply_adds(stages: Sequence[Stage], size: tuple[int, int]) -> int:
    """Multiply-adds of all convolutions for one image of that (height, width), both multiples of 32."""
    height, width = size
    return sum(
        row.outputs * row.inputs * row.kernel**2 * (height // row.shrink) * (width // row.shrink)
        for row in convolutions(stages)
    )


class _Map(NamedTuple):
    channels: int
    shrink: int


class _Tally:
    """The pen that writes down the convolutions."""

    def __init__(self) -> None:
        self.rows: list[Convolution] = []

    def unit(self, x: _Map, name: str, width: int, dilation: int) -> _Map:
        self.rows.append(Convolution(name, x.channels, width, 3, dilation, x.shrink, normalised=True))
        return x._replace(channels=width)

    def squeeze(self, x: _Map, name: str, kernel: int) -> _Map:
        self.rows.append(Convolution(name, x.channels, 1, kernel, 1, x.shrink, normalised=False))
        return x._replace(channels=1)

    def halve(self, x: _Map, name: str) -> _Map:
        return x._replace(shrink=2 * x.shrink)

    def grow(self, x: _Map, like: _Map, name: str) -> _Map:
        return x._replace(shrink=like.shrink)

    def join(self, maps: Sequence[_Map], name: str) -> _Map:
        return maps[0]._replace(channels=sum(part.channels for part in maps))

    def add(self, x: _Map, y: _Map, name: str) -> _Map:
        return x

    def output(self, logits: _Map, name: str) -> _Map:
        return logits
