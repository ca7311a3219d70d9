"""U²-Net: six ReSidual U-blocks down, five up, a side output from each of the last six, one fused map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from u2bg.network.blocks import Pen, T, rsu
from u2bg.network.layers import Layers
from u2bg.network.stages import ENCODER_STAGES, U2NET, Stage

OUTPUTS = ("fused", "side1", "side2", "side3", "side4", "side5", "side6")


def draw(pen: Pen[T], image: T, stages: Sequence[Stage]) -> dict[str, T]:
    """Draw U²-Net (Qin et al., 2020, figure 5): image (N, H, W, 3) to seven maps of logits (N, H, W, 1).

    The order of the steps is the order of the convolutions in the authors' files: `convert` relies on it.
    """
    x, encoded = image, list[T]()
    stem, stages = stages[: -len(U2NET)], stages[-len(U2NET) :]
    for row in stem:
        x = pen.halve(pen.unit(x, row.name, row.out, 1), row.name)
    for stage in stages[:ENCODER_STAGES]:
        x = rsu(pen, pen.halve(x, stage.name) if encoded else x, stage)
        encoded.append(x)
    deep = [x]
    for stage, skip in zip(stages[ENCODER_STAGES:], reversed(encoded[:-1]), strict=True):
        grown = pen.grow(deep[-1], skip, stage.name)
        deep.append(rsu(pen, pen.join([grown, skip], stage.name), stage))
    names = [f"{stage.name}_side" for stage in reversed(stages[ENCODER_STAGES - 1 :])]
    small = [pen.squeeze(x, name, 3) for x, name in zip(reversed(deep), names, strict=True)]
    sides = [
        pen.grow(x, image, name) if stem or number else x
        for number, (x, name) in enumerate(zip(small, names, strict=True))
    ]
    fused = pen.squeeze(pen.join(sides, "fuse"), "fuse", 1)
    return {name: pen.output(x, name) for name, x in zip(OUTPUTS, [fused, *sides], strict=True)}


@keras.saving.register_keras_serializable("u2bg")
class U2Net(keras.Model):  # type: ignore[misc]
    """The network of a table of stages: (N, H, W, 3) ImageNet-normalised sRGB, of any size, to seven maps.

    The outputs are a dict over `OUTPUTS` of (N, H, W, 1) float32 *logits*, so that the loss is safe where a map is
    sure of itself (the sigmoid of 20 is 1 in float32, and its logarithm's gradient gone). `saliency_maps` and the
    exported graph apply the sigmoid.

    Args:
        stages: eleven rows; `U2NET`, `U2NETP`, or a table of other widths.
        notes: where the weights are from and on what terms; kept in the file, and in what is exported from it.
        folded: without BatchNorm, as published graphs are; to train on with few pictures, and quicker.
        kernels: the Keras initializer of the convolutions; `zeros` is quick where weights are loaded next.
    """

    def __init__(
        self,
        stages: Sequence[Stage | Sequence[Any]] = U2NET,
        *,
        notes: Mapping[str, str] | None = None,
        folded: bool = False,
        kernels: str = "glorot_uniform",
        name: str = "u2net",
        **keywords: Any,
    ) -> None:
        table = tuple(Stage(*row) for row in stages)
        image = keras.Input((None, None, 3), name="image")
        super().__init__(
            inputs=image, outputs=draw(Layers(kernels, folded), image, table), name=name, **keywords
        )
        self.stages = table
        self.notes = dict(notes or {})
        self.folded = folded

    def get_config(self) -> dict[str, Any]:
        """The table says it all; layers and their precision are drawn anew from it."""
        return {
            "stages": [list(stage) for stage in self.stages],
            "notes": dict(self.notes),
            "folded": self.folded,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> U2Net:
        """The network that `get_config` told of, with fresh weights."""
        return cls(**config)


def saliency_maps(
    network: U2Net, images: npt.NDArray[np.floating[Any]]
) -> dict[str, npt.NDArray[np.float32]]:
    """The seven saliency maps of a batch, without gradients.

    Args:
        images: (N, H, W, 3) float32, ImageNet-normalised.

    Returns: for each name of `OUTPUTS`, (N, H, W, 1) float32 in [0, 1].
    """
    logits = network.predict_on_batch(images)
    return {name: (0.5 + 0.5 * np.tanh(0.5 * logits[name])).astype(np.float32) for name in OUTPUTS}
