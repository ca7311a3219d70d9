"""The pen that draws Keras layers, on any backend, channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

BATCHNORM_EPSILON = 1e-5
BATCHNORM_MOMENTUM = 0.9  # as the authors' framework has it by default (there it is called 0.1)


class Layers:
    """Draws each step as Keras layers; a feature map is a symbolic (N, H, W, C) tensor.

    A convolution's layer has the step's name, its BatchNorm the name with `_bn`.

    Args:
        kernels: the Keras initializer of the convolutions' kernels.
        folded: leave BatchNorm out; the convolutions' biases stand for it.
    """

    def __init__(self, kernels: str, folded: bool = False) -> None:
        self.kernels = kernels
        self.folded = folded

    def unit(self, x: Any, name: str, width: int, dilation: int) -> Any:
        x = self._convolution(x, name, width, 3, dilation)
        if not self.folded:
            x = keras.layers.BatchNormalization(
                axis=-1, momentum=BATCHNORM_MOMENTUM, epsilon=BATCHNORM_EPSILON, name=f"{name}_bn"
            )(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    def squeeze(self, x: Any, name: str, kernel: int) -> Any:
        return self._convolution(x, name, 1, kernel, 1)

    def halve(self, x: Any, name: str) -> Any:
        layer = keras.layers.MaxPooling2D(
            2, 2, padding="same", data_format="channels_last", name=f"{name}_halve"
        )
        return layer(x)

    def grow(self, x: Any, like: Any, name: str) -> Any:
        return ResizeLike(name=f"{name}_grow")(x, like)

    def join(self, maps: Sequence[Any], name: str) -> Any:
        return keras.layers.Concatenate(axis=-1, name=f"{name}_join")(list(maps))

    def add(self, x: Any, y: Any, name: str) -> Any:
        return keras.layers.Add(name=f"{name}_add")([x, y])

    def output(self, logits: Any, name: str) -> Any:
        # In mixed precision the loss still sees float32; and the layer's name is the output's.
        return keras.layers.Activation("linear", dtype="float32", name=name)(logits)

    def _convolution(self, x: Any, name: str, width: int, kernel: int, dilation: int) -> Any:
        layer = keras.layers.Conv2D(
            width,
            kernel,
            padding="same",
            dilation_rate=dilation,
            data_format="channels_last",
            kernel_initializer=self.kernels,
            name=name,
        )
        return layer(x)


@keras.saving.register_keras_serializable("u2bg")
class ResizeLike(keras.layers.Layer):  # type: ignore[misc]
    """Bilinear resize of one map to the height and width of another, whatever they are at run time."""

    def call(self, x: Any, like: Any) -> Any:
        size = keras.ops.shape(like)[1:3]
        if all(isinstance(side, int) for side in size):
            return keras.ops.image.resize(
                x, size, interpolation="bilinear", antialias=False, data_format="channels_last"
            )
        # Compiled for any size (TensorFlow, once it has seen two): Keras' resize asks for numbers.
        rows, columns = (
            _bilinear(target, source, x.dtype)
            for target, source in zip(size, keras.ops.shape(x)[1:3], strict=True)
        )
        return keras.ops.einsum("Xx,nYxc->nYXc", columns, keras.ops.einsum("Yy,nyxc->nYxc", rows, x))

    def compute_output_shape(self, x_shape: Any, like_shape: Any) -> Any:
        return (x_shape[0], like_shape[1], like_shape[2], x_shape[3])


def _bilinear(target: Any, source: Any, dtype: Any) -> Any:
    """(target, source): how much of each source row a target row is made of, half-pixel centres, edges clamped."""
    source = keras.ops.cast(source, "float32")
    step = source / keras.ops.cast(target, "float32")
    centres = (keras.ops.arange(target, dtype="float32") + 0.5) * step - 0.5
    centres = keras.ops.clip(centres, 0.0, source - 1)
    distance = keras.ops.abs(centres[:, None] - keras.ops.arange(source, dtype="float32"))
    return keras.ops.cast(keras.ops.relu(1 - distance), dtype)
