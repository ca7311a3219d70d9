"""BatchNorm taken out of a network (folding, for inference) and put back (for training to go on).

A published graph has no BatchNorm left: it was folded into the convolutions. To train on, each convolution gets one
again that changes nothing in inference: with the mean μ and the variance σ² of its output over some pictures,
y ↦ (y − μ)/√(σ² + ε) · γ + β is the identity for γ = √(σ² + ε), β = μ; in training it then normalises by the batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from u2bg.network.convolutions import convolutions
from u2bg.network.layers import BATCHNORM_EPSILON
from u2bg.network.u2net import U2Net

Floats = npt.NDArray[np.floating[Any]]


Folded = dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
"""By the convolution's name: kernel (height, width, inputs, outputs) and bias (outputs,)."""


class Moments(NamedTuple):
    """Mean and variance per channel, (C,) float64."""

    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def fold(network: U2Net) -> Folded:
    """Kernel (height, width, inputs, outputs) and bias of each convolution, its BatchNorm folded in.

    W·s and (b − μ)·s + β with s = γ/√(σ² + ε), in float64, then rounded once.
    """
    folded = {}
    for row in convolutions(network.stages):
        kernel, bias = _weights(network, row.name)
        if row.normalised and not network.folded:
            gamma, beta, mean, variance = _weights(network, f"{row.name}_bn")
            scale = _scale(gamma, variance)
            kernel, bias = kernel * scale, (bias - mean) * scale + beta
        folded[row.name] = (kernel.astype(np.float32), bias.astype(np.float32))
    return folded


def unfold(network: U2Net, folded: Folded, moments: Mapping[str, Moments]) -> None:
    """Set the network's weights to folded ones, and its BatchNorm, if it has one, to what changes nothing.

    `fold` afterwards gives the same kernels and biases, bit for bit: convert and export lose nothing.

    Args:
        moments: of each normalised convolution's output; without them mean 0 and variance 1 are taken.
    """
    for row in convolutions(network.stages):
        kernel, bias = folded[row.name]
        if row.normalised and not network.folded:
            mean, variance = moments.get(row.name) or _standard(row.outputs)
            gamma, moving_variance = _near_unit_scale(variance)
            centre = mean.astype(np.float32)
            network.get_layer(f"{row.name}_bn").set_weights([gamma, centre, centre, moving_variance])
            # The bias takes up what the scale, a hair from 1, would do to it.
            bias = (centre + (bias - centre.astype(np.float64)) / _scale(gamma, moving_variance)).astype(
                np.float32
            )
        network.get_layer(row.name).set_weights([kernel, bias])


def measure(network: U2Net, pictures: Iterable[Floats]) -> dict[str, Moments]:
    """Moments of every normalised convolution's output over all pixels of all pictures.

    Pictures of one size pass one at a time, so memory does not grow with their number; sums are float64.

    Args:
        pictures: (1, H, W, 3) float32 each, ImageNet-normalised, all of one size; without any, {}.
    """
    names = [row.name for row in convolutions(network.stages) if row.normalised]
    probe = keras.Model(network.input, {name: _moments(network.get_layer(name).output) for name in names})
    sums = {name: np.zeros((2, network.get_layer(name).filters)) for name in names}
    count = 0
    for picture in pictures:
        for name, (mean, variance) in probe.predict_on_batch(picture).items():
            mean64 = mean.astype(np.float64)
            sums[name] += mean64, variance + mean64**2
        count += 1
    return {
        name: Moments(mean, np.maximum(square - mean**2, 0.0))
        for name, (mean, square) in ((name, total / count) for name, total in sums.items() if count)
    }


def _standard(channels: int) -> Moments:
    return Moments(np.zeros(channels), np.ones(channels))


def _moments(x: Any) -> Any:
    """(1, H, W, C) to (2, C): mean and variance. Not `ops.moments`, which on JAX subtracts large squares."""
    mean = keras.ops.mean(x, axis=(0, 1, 2))
    return keras.ops.stack([mean, keras.ops.mean(keras.ops.square(x - mean), axis=(0, 1, 2))])


def _near_unit_scale(variance: Floats) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """γ and σ² in float32 with γ/√(σ² + ε) so near to 1 that a float32 scaled by it rounds to itself.

    γ = √(σ² + ε) rounds, and σ² = γ² − ε takes up that rounding, within 2⁻²⁵; of the next 1024 values of γ (0.01 %
    of it), the one where both fit best is within 2⁻³⁴ or so.
    """
    first = np.sqrt(variance + BATCHNORM_EPSILON).astype(np.float32)
    gammas = (first.view(np.int32) + np.arange(1, 1025, dtype=np.int32)[:, None]).view(np.float32)
    variances = (gammas.astype(np.float64) ** 2 - BATCHNORM_EPSILON).astype(np.float32)
    best = np.abs(_scale(gammas, variances) - 1).argmin(0), np.arange(len(first))
    return gammas[best], variances[best]


def _scale(gamma: Floats, variance: Floats) -> npt.NDArray[np.float64]:
    deviation = np.sqrt(variance.astype(np.float64) + BATCHNORM_EPSILON)
    return np.asarray(gamma / deviation, np.float64)


def _weights(network: U2Net, name: str) -> list[npt.NDArray[np.float64]]:
    return [weight.astype(np.float64) for weight in network.get_layer(name).get_weights()]
