"""A teacher, its pupils, what they are told, and how they are judged."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from distil.graph import Maps, Trainable
from distil.pictures import Group
from distil.weights import Floats

SQUARE = 320
"""The side that the published networks were trained at."""

MAP_SHARES = (1.0, 0.3, 0.3, 0.2, 0.2, 0.2, 0.2)
"""What the fused map and the six side outputs count in the loss."""

TERMS = ("cross-entropy", "error", "1 - IoU")
TERM_SHARES = (0.5, 1.0, 0.5)

SOFT = ("alpha", "held")
"""Sets whose truth is to be met as it is; of the others' it counts what is above one half."""

LONGEST_MEAN = 0.998  # of the mean that stays at each step
PART_BYTES = 14_000_000  # of a file of weights


class Teacher:
    """Three opinions in one map, a little surer of itself than their mean.

    The full network's on the picture; its opinion on the mirror image squeezed to a square, as it was trained; and
    the published small one's, which is the better of the two on subjects that fill the picture (docs/training-log.md).
    """

    def __init__(self, full: Maps, lite: Maps, sharpness: float) -> None:
        """sharpness: what the mean's logit is multiplied by."""
        self._full, self._lite, self._sharpness = full, lite, sharpness

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) float32, as networks see them, to maps (N, 1, H, W) float32 in [0, 1]."""
        with torch.no_grad():
            half = images.to(torch.bfloat16)
            square = functional.interpolate(images, (SQUARE, SQUARE), mode="bilinear", antialias=True).flip(
                -1
            )
            square = square.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
            of_square = torch.sigmoid(self._full(square)[0]).flip(-1)
            opinions = (
                torch.sigmoid(self._full(half)[0]),
                functional.interpolate(of_square, images.shape[2:], mode="bilinear"),
                torch.sigmoid(self._lite(half)[0]),
            )
            return torch.sigmoid(self._sharpness * torch.logit(sum(opinions) / len(opinions), 1e-5))


class Pupil:
    """A network that learns.

    Attributes:
        name: of its graph. steps: how many it has taken.
        mean: its weights, averaged over what has been its last steps (at most some 500): these are judged and kept.
    """

    def __init__(self, name: str, network: Trainable, rate: float) -> None:
        """rate: Adam's, in each kernel's root mean square."""
        self.name, self.steps = name, 0
        self.mean = network.start.clone()
        self._network, self._rate = network, rate
        self._q = network.start.clone().requires_grad_()
        self._optimizer = torch.optim.Adam(
            [self._q], lr=rate, betas=(0.9, 0.99), fused=self._q.device.type == "cuda"
        )

    def learn(self, images: torch.Tensor, target: torch.Tensor, share: float) -> torch.Tensor:
        """One step at this share of the rate; returns the terms of the fused map's loss.

        Args:
            images: (N, 3, H, W) float32, as networks see them. target: (N, 1, H, W) in [0, 1].
        """
        weights = self._network.weights(self._q, torch.bfloat16)
        total, terms = loss(self._network.graph(images.to(torch.bfloat16), weights), target)
        self._optimizer.param_groups[0]["lr"] = self._rate * share
        self._optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_([self._q], 1.0)
        self._optimizer.step()
        self.steps += 1
        self.mean.lerp_(self._q.detach(), 1 - min(LONGEST_MEAN, self.steps / (self.steps + 9)))
        return terms

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) float32, as networks see them, to maps (N, 1, H, W) float32, of the mean weights."""
        with torch.no_grad():
            weights = self._network.weights(self.mean, torch.bfloat16)
            return torch.sigmoid(self._network.graph(images.to(torch.bfloat16), weights)[0])

    def folded(self) -> dict[str, Floats]:
        """The mean weights by the names that they have in the graph."""
        return self._network.folded(self.mean)


def loss(maps: Iterable[torch.Tensor], target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss over all maps, and the terms (3,) of the first, fused one, not weighted: see `TERMS`.

    Cross-entropy and error count four times as much where a pixel is unlike those around it (after F³Net, Wei et al.,
    2020). IoU, Σ(py) / Σ(p + y − py), is asked for where there is a subject.

    Args:
        maps: logits, (N, 1, H, W) float32 each. target: (N, 1, H, W) in [0, 1].
    """
    around = functional.avg_pool2d(target, 31, 1, 15, count_include_pad=False)
    weight = 1 + 3 * (around - target).abs()
    weight = weight / weight.mean()
    area = _sums(target)
    has_subject = (area > 0.002 * target[0].numel()).float()
    found = []
    for logits in maps:
        p = torch.sigmoid(logits)
        cross_entropy = functional.binary_cross_entropy_with_logits(logits, target, weight)
        error = (weight * (p - target).abs()).mean()
        both = _sums(p * target)
        missed = 1 - (both + 1) / (_sums(p) + area - both + 1)
        iou = (missed * has_subject).sum() / has_subject.sum().clamp_min(1)
        found.append(torch.stack([cross_entropy, error, iou]))
    terms = torch.stack(found)
    shares = terms.new_tensor(MAP_SHARES)[:, None] * terms.new_tensor(TERM_SHARES)
    return (shares * terms).sum(), found[0].detach()


def judge(
    predict: Callable[[torch.Tensor], torch.Tensor], sets: Mapping[str, Iterable[Group]]
) -> dict[str, tuple[float, float]]:
    """Mean absolute error and IoU by set, pictures at the size of their truth; IoU is 0 where there is no subject."""
    scores = {}
    for name, groups in sets.items():
        rows = []
        for images, truths in groups:
            for map_, truth in zip(predict(images).split(1), truths, strict=True):
                p = functional.interpolate(map_, truth.shape[2:], mode="bicubic").clamp(0, 1)
                known = truth if name in SOFT else (truth > 0.5).float()
                ours, theirs = p > 0.5, truth > 0.5
                iou = (ours & theirs).sum() / (ours | theirs).sum().clamp_min(1)
                rows.append(torch.stack([(p - known).abs().mean(), iou]))
        error, iou = torch.stack(rows).mean(0).tolist()
        scores[name] = error, iou
    return scores


def save(values: Mapping[str, Floats], folder: Path, name: str) -> None:
    """Write weights as NAME-0.npz, NAME-1.npz, …, each small enough to be brought home, never a half one.

    What does not go into one has its kernels in float16.
    """
    large = sum(value.nbytes for value in values.values()) > PART_BYTES
    parts: list[dict[str, Any]] = [{}]
    for key, value in values.items():
        kept = value.astype(np.float16) if large and value.ndim == 4 else value
        if sum(other.nbytes for other in parts[-1].values()) + kept.nbytes > PART_BYTES:
            parts.append({})
        parts[-1][key] = kept
    for number, part in enumerate(parts):
        content = io.BytesIO()
        np.savez(content, **part)
        unfinished = folder / f".{name}-{number}.npz"
        unfinished.write_bytes(content.getvalue())
        unfinished.replace(folder / f"{name}-{number}.npz")


def _sums(x: torch.Tensor) -> torch.Tensor:
    return x.sum((1, 2, 3))
