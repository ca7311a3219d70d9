"""The ReSidual U-block (Qin et al., 2020, figure 2), drawn with any pen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from u2bg.network.stages import Stage

T = TypeVar("T")


class Pen(Protocol[T]):
    """What is drawn at each step of the walk: Keras layers, ONNX nodes, or rows of a list.

    `T` is whatever stands for a feature map. `name` is the name of the step, unique within its kind.
    """

    def unit(self, x: T, name: str, width: int, dilation: int) -> T:
        """3×3 convolution with a bias, BatchNorm, ReLU; `width` channels out, the size kept."""

    def squeeze(self, x: T, name: str, kernel: int) -> T:
        """A bare `kernel`×`kernel` convolution with a bias to one channel, the size kept."""

    def halve(self, x: T, name: str) -> T:
        """2×2 max-pooling with stride 2; odd sizes round up."""

    def grow(self, x: T, like: T, name: str) -> T:
        """Bilinear up-sampling (half-pixel centres) to the height and width of `like`."""

    def join(self, maps: Sequence[T], name: str) -> T:
        """The channels of all maps, one after the other."""

    def add(self, x: T, y: T, name: str) -> T:
        """The sum."""

    def output(self, logits: T, name: str) -> T:
        """A map that the network hands out."""


def rsu(pen: Pen[T], x: T, stage: Stage) -> T:
    """RSU-L: a U-Net of height L inside one residual unit. (N, H, W, any) to (N, H, W, out).

    RSU-4F has the same shape, with dilations 1, 2, 4, 8 where RSU-L halves and grows.
    """
    name, height, dilated = stage.name, stage.height, stage.dilated
    entry = pen.unit(x, f"{name}_in", stage.out, 1)
    path = [pen.unit(entry, f"{name}_1", stage.mid, 1)]
    for level in range(1, height - 1):
        step = f"{name}_{level + 1}"
        deeper = path[-1] if dilated else pen.halve(path[-1], step)
        path.append(pen.unit(deeper, step, stage.mid, 2**level if dilated else 1))
    y = pen.unit(path[-1], f"{name}_{height}", stage.mid, 2 ** (height - 1) if dilated else 2)
    for level in reversed(range(height - 1)):
        step = f"{name}_{level + 1}d"
        same_size = dilated or level == height - 2
        grown = y if same_size else pen.grow(y, path[level], step)
        both = pen.join([grown, path[level]], step)
        y = pen.unit(both, step, stage.mid if level else stage.out, 2**level if dilated else 1)
    return pen.add(y, entry, name)
