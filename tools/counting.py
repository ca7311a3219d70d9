"""Each stage's channels, map size, parameters and multiply-adds, from the network's own list of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from u2bg.network.convolutions import Convolution, convolutions
from u2bg.network.stages import Stage

SIZE = 320
"""Side of the square that the published networks were made for; tables and figures are at this side."""


class Row(NamedTuple):
    """A stage in its place.

    Attributes:
        stage: the row of the project's own table.
        entering: channels that come in; a decoder stage gets the deeper map and the skip, joined.
        side: height and width of its map in pixels, for a square image of `SIZE`.
        parameters: trainable ones: kernels, biases, batch norm's scale and shift.
        multiply_adds: of its convolutions, for one image of `SIZE`.
    """

    stage: Stage
    entering: int
    side: int
    parameters: int
    multiply_adds: int


def rows(stages: Sequence[Stage]) -> list[Row]:
    """Every stage of a table."""
    steps = convolutions(stages)
    return [row(stage, [step for step in steps if belongs(step, stage)]) for stage in stages]


def row(stage: Stage, steps: Sequence[Convolution]) -> Row:
    """One stage, from its convolutions; the first of them is its entry."""
    entry = steps[0]
    return Row(stage, entry.inputs, SIZE // entry.shrink, parameters(steps), multiply_adds(steps))


def belongs(step: Convolution, stage: Stage) -> bool:
    """Whether a convolution is inside that stage's block (its side output is not)."""
    return step.normalised and step.name.startswith(f"{stage.name}_")


def parameters(steps: Sequence[Convolution]) -> int:
    """Trainable parameters of these convolutions and of the batch norm after them."""
    return sum(
        step.inputs * step.outputs * step.kernel**2 + step.outputs * (3 if step.normalised else 1)
        for step in steps
    )


def multiply_adds(steps: Sequence[Convolution]) -> int:
    """Multiply-adds of these convolutions for one square image of `SIZE`."""
    return sum(step.inputs * step.outputs * step.kernel**2 * (SIZE // step.shrink) ** 2 for step in steps)


def whole(stages: Sequence[Stage]) -> tuple[int, int]:
    """Trainable parameters and multiply-adds of the whole network, side outputs and fusing with them."""
    steps = convolutions(stages)
    return parameters(steps), multiply_adds(steps)
