"""U²-Net, as an ONNX graph has it, run by PyTorch; and its weights as training moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn import functional

from distil.doubling import Double, plain
from distil.weights import Floats, read

Weights = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""Kernel (O, I, k, k) and bias (O,) of each convolution."""

Maps = Callable[[torch.Tensor], list[torch.Tensor]]
"""(N, 3, H, W), as networks see it, to the logits (N, 1, H, W) of the fused map and of the six side outputs."""

EPSILON = 1e-5
"""BatchNorm's (u2bg.network.layers)."""

CHANNELS = 8
"""Tensor cores are slow on counts of channels that are no multiple of this."""


class Graph:
    """The steps of an ONNX graph, their weights put in from outside.

    Attributes:
        kernels: each convolution's kernel (O, I, k, k) and bias (O,), float32, as in the file.
        units: the convolutions that a ReLU follows: behind these training has BatchNorm.
        readers: of each convolution that another one reads, and nothing else does, that other one: in low rank a
            unit is a chain of two or three ("narrow", "core"), and how wide the chain is inside is its own affair.
    """

    def __init__(self, path: Path, double: Double = plain) -> None:
        model = onnx.load(path)
        self._double = double
        self._steps = list(model.graph.node)
        self._image = model.graph.input[0].name
        self._constants = read(model)
        self._settings = {
            step.name: {a.name: onnx.helper.get_attribute_value(a) for a in step.attribute}
            for step in self._steps
        }
        reading = {name: [step for step in self._steps if name in step.input] for name in self._outputs()}
        self._last = {name: steps[-1].name for name, steps in reading.items() if steps}
        convolutions = [step for step in self._steps if step.op_type == "Conv"]
        after = {step.name: reading[step.output[0]] for step in convolutions}
        self.kernels: dict[str, tuple[Floats, Floats]] = {
            step.name: (self._constants[step.input[1]], self._constants[step.input[2]])
            for step in convolutions
        }
        self.units = frozenset(name for name, (step, *_) in after.items() if step.op_type == "Relu")
        self.readers: dict[str, str] = {
            name: step.name
            for name, (step, *others) in after.items()
            if step.op_type == "Conv" and not others
        }

    def __call__(
        self,
        image: torch.Tensor,
        weights: Weights,
        look: Callable[[str, torch.Tensor], None] | None = None,
    ) -> list[torch.Tensor]:
        """The logits of the fused map and of sides 1 to 6, (N, 1, H, W) float32 each.

        Args:
            image: (N, 3, H, W), ImageNet-normalised, channels-last. weights: in the image's type.
            look: is shown what each convolution gives.
        """
        values, sides = {self._image: image}, list[torch.Tensor]()
        for step in self._steps:
            x = values[step.input[0]]
            match step.op_type:
                case "Conv":
                    y = self._convolve(step.name, x, weights)
                    if look is not None:
                        look(step.name, y)
                case "Relu":
                    y = functional.relu(x, inplace=True)
                case "MaxPool":
                    y = functional.max_pool2d(x, 2, 2)
                case "Resize":
                    y = self._grow(x, round(float(self._constants[step.input[2]][-1])))
                case "Concat":
                    parts = [values[name] for name in step.input]
                    sides = parts if step.name == "fuse_join" else sides
                    y = torch.cat(parts, 1)
                case "Add":
                    y = x + values[step.input[1]]
                case "Sigmoid":
                    return [logits.float() for logits in (x, *sides)]
                case other:
                    raise ValueError(f"a step of kind {other!r}; expected a graph of export(spread=False)")
            values[step.output[0]] = y
            for name in {*step.input} & values.keys():
                if self._last[name] == step.name:
                    del values[name]
        raise ValueError("a graph without a sigmoid at its end")

    def fixed(self, device: torch.device) -> Maps:
        """The network as it is in the file, in bfloat16, for good: a teacher."""
        kept = {
            name: tuple(torch.from_numpy(part).to(device, torch.bfloat16) for part in (kernel, bias))
            for name, (kernel, bias) in self.kernels.items()
        }
        return partial(self, weights=kept)

    def _outputs(self) -> list[str]:
        return [self._image, *(name for step in self._steps for name in step.output)]

    def _convolve(self, name: str, x: torch.Tensor, weights: Weights) -> torch.Tensor:
        settings = self._settings[name]
        dilation = settings.get("dilations", [1, 1])
        padding = [d * (k - 1) // 2 for d, k in zip(dilation, settings["kernel_shape"], strict=True)]
        return functional.conv2d(x, *weights[name], padding=padding, dilation=dilation)

    def _grow(self, x: torch.Tensor, factor: int) -> torch.Tensor:
        if factor == 2:
            return self._double(x)
        return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class Trainable:
    """A graph's weights as one flat vector q, each part of it in units of that part's own size.

        kernel = scale·q_kernel · γ / σ        γ = scale·q_gain
        bias   = β − μ · γ / σ                 β = scale·q_shift

    Without γ / σ where no unit is. So a step of Adam moves every kernel in proportion to what it is. μ and σ, the mean
    and deviation of what the kernel gives, are measured once and stay: batch statistics, counted anew for inference,
    made even a network worse that had learnt nothing. What BatchNorm does is then a part of the weights, and no work.

    The channels between the convolutions of a chain are filled up to a multiple of 8 with zeros: a kernel of zeros
    reads them, so nothing comes of them, and no gradient either.

    Attributes:
        graph: whose weights these are.
        start: q at the start, float32, on the device: the graph as it is in the file.
    """

    def __init__(self, graph: Graph, pictures: Iterable[torch.Tensor], device: torch.device) -> None:
        """pictures: batches as the network sees them, float32 on the device; over them μ and σ are measured."""
        self.graph = graph
        self._moments: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        parts: list[Floats] = []
        scales: list[Floats] = []

        def add(name: str, value: Floats, scale: Floats | float) -> None:
            self._shapes[name] = value.shape
            parts.append((value / scale).ravel())
            scales.append(np.broadcast_to(np.asarray(scale, np.float32), value.shape).ravel())

        measured = moments(graph, pictures, device)
        for name, (kernel, bias) in graph.kernels.items():
            more_outputs, more_inputs = self._filling(name)
            wide = ((0, more_outputs), (0, more_inputs), (0, 0), (0, 0))
            add(name + "/kernel", np.pad(kernel, wide), _size(kernel))
            if name in graph.units:
                mean, deviation = measured[name]
                self._moments[name] = tuple(
                    torch.from_numpy(moment).to(device) for moment in (mean - bias, deviation)
                )
                add(name + "/gain", deviation, deviation)  # each channel's own: some move hardly at all
                add(name + "/shift", mean, deviation)
            else:
                add(name + "/shift", np.pad(bias, (0, more_outputs)), _size(bias))
        self.start = torch.from_numpy(np.concatenate(parts)).to(device, torch.float32)
        self._scale = torch.from_numpy(np.concatenate(scales)).to(device)

    def weights(self, q: torch.Tensor, kind: torch.dtype) -> Weights:
        """What the graph runs with, computed in q's own type, then of the kind that is asked for."""
        return {name: (kernel.to(kind), bias.to(kind)) for name, (kernel, bias) in self._folded(q).items()}

    def folded(self, q: torch.Tensor) -> dict[str, Floats]:
        """Kernels and biases in the graph's own shapes, by the names that they have there, float32."""
        found = {}
        for name, pair in self._folded(q.detach().double()).items():
            for suffix, part, source in zip(("weight", "bias"), pair, self.graph.kernels[name], strict=True):
                own = tuple(slice(length) for length in source.shape)
                found[f"{name}.{suffix}"] = part[own].float().cpu().numpy()
        return found

    def _folded(self, q: torch.Tensor) -> Weights:
        flat = (q * self._scale).split([int(np.prod(shape)) for shape in self._shapes.values()])
        parts = {
            name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), flat, strict=True)
        }
        folded = {}
        for name in self.graph.kernels:
            kernel, bias = parts[name + "/kernel"], parts[name + "/shift"]
            if name in self._moments:
                mean, deviation = self._moments[name]
                gain = parts[name + "/gain"] / deviation
                kernel, bias = kernel * gain[:, None, None, None], bias - mean * gain
            folded[name] = kernel, bias
        return folded

    def _filling(self, name: str) -> tuple[int, int]:
        """How many outputs and inputs a convolution lacks."""
        kernel = self.graph.kernels[name][0]
        read_inside, reads_inside = name in self.graph.readers, name in self.graph.readers.values()
        outputs, inputs = (-length % CHANNELS for length in kernel.shape[:2])
        return outputs * read_inside, inputs * reads_inside


def moments(
    graph: Graph, pictures: Iterable[torch.Tensor], device: torch.device
) -> dict[str, tuple[Floats, Floats]]:
    """Mean and deviation, √(variance + ε), of what each unit's convolution gives, bias and all; (O,) each."""
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in graph.units}

    def look(name: str, y: torch.Tensor) -> None:
        if name in seen:
            seen[name].append(torch.stack(torch.var_mean(y, (0, 2, 3), correction=0)))

    own = {
        name: (torch.from_numpy(kernel).to(device), torch.from_numpy(bias).to(device))
        for name, (kernel, bias) in graph.kernels.items()
    }
    with torch.no_grad():
        for images in pictures:
            graph(images, own, look)
    found = {}
    for name, rows in seen.items():
        variances, means = torch.stack(rows, 1)
        variance = variances.mean(0) + means.var(0, correction=0)
        found[name] = means.mean(0).cpu().numpy(), (variance + EPSILON).sqrt().cpu().numpy()
    return found


def _size(value: Floats) -> float:
    """Root mean square; of what is zero a little, so that it can grow."""
    return max(float(np.sqrt(np.mean(np.square(value, dtype=np.float64)))), 1e-4)
