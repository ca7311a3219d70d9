"""What networks are shown: the deck of pictures on the device, what is drawn from it, and what is judged by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from distil import cards
from distil.cards import Card

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

ASPECTS = (1.0, 11 / 9, 9 / 11, 3 / 2)
"""Width by height of the frames."""

SHARES = {"photos": 0.7, "pairs": 0.12, "backgrounds": 0.06, "cutouts": 0.12}
"""How much of a batch is of each kind, on average; a cut-out lies on a background or a plain colour."""

TRUST = {"photos": 0.0, "pairs": 0.7, "backgrounds": 1.0, "cutouts": 1.0}
"""How far the mask counts; the rest is the teacher's map. Backgrounds have an empty one."""

HALVED = ("catsdogs", "clothing", "ccp1094")
"""Folders of one kind of subject each: drawn half as often as others."""

HELD_ONE_IN = 40
"""So many pictures to one that is kept out."""

FEW = 20
"""With fewer pictures of a shape, a frame takes those of any."""

TOGETHER = 16
"""Pictures judged at once."""

Vector = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        images: (N, 3, H, W) float32, as networks see them: `enter`.
        truth: (N, 1, H, W) the mask in [0, 1]. trust: (N, 1, 1, 1) how far it counts, in [0, 1].
    """

    images: torch.Tensor
    truth: torch.Tensor
    trust: torch.Tensor


class Group(NamedTuple):
    """Pictures of one size to judge by.

    Attributes:
        images: (N, 3, H, W) float32, as networks see them. truths: N times (1, 1, h, w) in [0, 1], of any size.
    """

    images: torch.Tensor
    truths: Sequence[torch.Tensor]


class Deck:
    """Pictures squeezed to one square, on the device, a few of them kept out.

    Attributes:
        frames: (height, width) of each kind of frame. shares: how often each is drawn.
    """

    def __init__(self, drawn: Sequence[Card], side: int, device: torch.device) -> None:
        """side: the frames have this much area, squared."""
        with ThreadPoolExecutor() as pool:
            pixels = [torch.from_numpy(x.transpose(2, 0, 1).copy()) for x in pool.map(cards.decode, drawn)]
        self._pixels = torch.stack(pixels).to(device)  # (M, 4, S, S) uint8
        self._aspects = np.array([card.aspect for card in drawn])
        self._kinds = np.array([card.kind for card in drawn])
        self._kept_out = np.array([kept_out(card.name) for card in drawn])
        self._weights = np.array([0.5 if card.folder in HALVED else 1.0 for card in drawn])
        self._frame = np.abs(np.log(self._aspects)[:, None] - np.log(ASPECTS)).argmin(1)
        self.frames = [frame(aspect, side) for aspect in ASPECTS]
        photos = np.bincount(self._frame[self._kinds == "photos"], minlength=len(self.frames))
        self.shares = 0.6 * photos / photos.sum() + 0.4 / len(self.frames)

    def draw(self, rng: np.random.Generator, at: int, count: int) -> Batch:
        """Some of each kind, in any order, for the frame at this place: crops, mirrored, their colours changed."""
        counts = dict(zip(SHARES, rng.multinomial(count, list(SHARES.values())), strict=True))
        chosen = np.concatenate(
            [
                self._pick(rng, "backgrounds" if kind == "cutouts" else kind, at, some)
                for kind, some in counts.items()
            ]
        )
        boxes, mirrored = crops(rng, self._aspects[chosen] / ASPECTS[at]), rng.random(count) < 0.5
        shown = self._show(chosen, boxes, at, mirrored)
        image, truth = shown[:, :3], shown[:, 3:]
        if some := counts["cutouts"]:
            image[-some:], truth[-some:] = self._paste(rng, at, image[-some:])
        trust = np.repeat([TRUST[kind] for kind in counts], list(counts.values()))
        order = torch.from_numpy(rng.permutation(count)).to(image.device)  # so that no kind has its place
        trusted = self._floats(trust)[order, None, None, None]
        return Batch(enter(recolour(image[order], rng)), truth[order], trusted)

    def held(self) -> Iterator[torch.Tensor]:
        """The photos kept out, with and without a mask: whole, as they are, (N, 3, H, W) as networks see them."""
        held = self._kept_out & np.isin(self._kinds, ["photos", "pairs"])
        for at in range(len(self.frames)):
            places = np.flatnonzero(held & (self._frame == at))
            for start in range(0, len(places), TOGETHER):
                some = places[start : start + TOGETHER]
                whole = np.tile([0.5, 0.5, 1.0, 1.0], (len(some), 1))
                yield enter(self._show(some, whole, at, np.zeros(len(some), bool))[:, :3])

    def _pick(self, rng: np.random.Generator, kind: str, at: int, count: int) -> Places:
        """Pictures near the frame's shape, three times of four."""
        if rng.random() < 0.25:
            at = int(rng.integers(len(self.frames)))
        of_kind = (self._kinds == kind) & ~self._kept_out
        near = np.flatnonzero(of_kind & (self._frame == at))
        places = near if len(near) >= FEW else np.flatnonzero(of_kind)
        weights = self._weights[places]
        return rng.choice(places, count, p=weights / weights.sum())

    def _paste(
        self, rng: np.random.Generator, at: int, ground: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut-outs laid over pictures (N, 3, H, W), or over plain colours, C = αF + (1 − α)B; and their alpha."""
        count = len(ground)
        chosen = self._pick(rng, "cutouts", at, count)
        boxes, mirrored = surroundings(rng, self._aspects[chosen] / ASPECTS[at]), rng.random(count) < 0.5
        colour = self._show(chosen, boxes, at, mirrored)[:, :3]
        alpha = self._show(chosen, boxes, at, mirrored, outside="zeros")[:, 3:]
        plain = self._floats(rng.random((count, 3)))[:, :, None, None]
        is_plain = torch.from_numpy(rng.random(count) < 0.3).to(ground.device)[:, None, None, None]
        return alpha * colour + (1 - alpha) * torch.where(is_plain, plain, ground), alpha

    def _show(
        self, places: Places, boxes: Vector, at: int, mirrored: npt.NDArray[np.bool_], outside: str = "border"
    ) -> torch.Tensor:
        """(N, 4, H, W) in [0, 1]: boxes of pictures in a frame, from twice its size, so that little aliases.

        Args:
            boxes: (N, 4), centre y and x, height and width, in pictures. outside: what is beyond a picture, as
                PyTorch's grid_sample has it.
        """
        height, width = (2 * length for length in self.frames[at])
        centre_y, centre_x, box_height, box_width = self._floats(boxes).T[..., None]
        sign = self._floats(np.where(mirrored, -1, 1))[:, None]
        ys = (torch.arange(height, device=sign.device) + 0.5) / height - 0.5
        xs = (torch.arange(width, device=sign.device) + 0.5) / width - 0.5
        rows, columns = centre_y + box_height * ys, centre_x + sign * box_width * xs
        size = len(places), height, width
        grid = torch.stack([columns[:, None, :].expand(size), rows[:, :, None].expand(size)], -1)
        pixels = self._pixels[torch.from_numpy(places).to(sign.device)].float() / 255
        return functional.avg_pool2d(
            functional.grid_sample(pixels, 2 * grid - 1, "bilinear", outside, align_corners=False), 2
        )

    def _floats(self, values: npt.ArrayLike) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self._pixels.device)


def kept_out(name: str) -> bool:
    """One picture of forty, by its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % HELD_ONE_IN == 0


def frame(aspect: float, side: int) -> tuple[int, int]:
    """(height, width) of this aspect and about side² pixels, multiples of 32."""
    height, width = (max(32, round(side * aspect**power / 32) * 32) for power in (-0.5, 0.5))
    return height, width


def crops(rng: np.random.Generator, ratios: Vector) -> Vector:
    """Boxes (N, 4): whole pictures, squeezed into the frame; or parts of them, in their shape.

    ratios: (N,) the pictures' aspects divided by the frame's.
    """
    count = len(ratios)
    whole = rng.random(count) < 0.55
    scale = np.where(whole, 1, rng.uniform(0.45, 1, count) ** 0.7)
    jitter = np.where(whole, 1, np.exp(rng.uniform(-0.12, 0.12, count)))
    ratios = np.where(whole, 1, ratios)
    height = np.minimum(1, scale * np.minimum(1, ratios) / jitter)
    width = np.minimum(1, scale * np.minimum(1, 1 / ratios) * jitter)
    y, x = (length / 2 + rng.random(count) * (1 - length) for length in (height, width))
    return np.stack([y, x, height, width], 1)


def surroundings(rng: np.random.Generator, ratios: Vector) -> Vector:
    """Boxes (N, 4) around cut-outs, in their shape: these fill .35 to 1.3 of the frame, off its middle."""
    count = len(ratios)
    height = np.maximum(1, ratios) / rng.uniform(0.35, 1.3, count)
    width = height / ratios
    y, x = (0.5 + rng.uniform(-0.35, 0.35, count) * length for length in (height, width))
    return np.stack([y, x, height, width], 1)


def recolour(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Light, cast, contrast, saturation, gamma, noise, blur: of some pictures each; (N, 3, H, W) in [0, 1]."""
    count = len(x)

    def some(low: float, high: float, share: float, others: float = 1, channels: int = 1) -> torch.Tensor:
        chosen = rng.random((count, 1)) < share
        values = np.where(chosen, rng.uniform(low, high, (count, channels)), others)
        return torch.from_numpy(values.astype(np.float32)).to(x.device)[:, :, None, None]

    x = x * some(0.7, 1.3, 0.5) * some(0.85, 1.15, 0.3, channels=3)
    middle = x.mean((1, 2, 3), keepdim=True)
    x = middle + (x - middle) * some(0.7, 1.3, 0.4)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * some(0.3, 1.5, 0.4)
    x = x.clamp(1e-4, 1) ** some(0.75, 1.35, 0.3)
    source = torch.Generator(x.device).manual_seed(int(rng.integers(2**32)))
    noise = torch.randn(x.shape, generator=source, device=x.device)
    x = (x + noise * some(0, 0.04, 0.15, others=0)).clamp(0, 1)
    if rng.random() < 0.2:  # of one batch in five a third; they lie in any order
        blurred = max(1, count // 3)
        soft = functional.avg_pool2d(functional.pad(x[:blurred], (1, 1, 1, 1), mode="replicate"), 3, 1)
        x = torch.cat([soft, x[blurred:]])
    return x


def enter(image: torch.Tensor) -> torch.Tensor:
    """What networks see of (N, 3, H, W) in [0, 1]: the brightest value 1, ImageNet's mean and deviation."""
    image = image / image.amax((1, 2, 3), keepdim=True).clamp_min(1 / 255)
    mean, std = (torch.tensor(values, device=image.device)[None, :, None, None] for values in (MEAN, STD))
    return ((image - mean) / std).contiguous(memory_format=torch.channels_last)


def read_sets(found: Iterable[Card], side: int, device: torch.device) -> dict[str, list[Group]]:
    """What is judged by, by the set's name, pictures of one size side by side."""
    alike: dict[tuple[str, tuple[int, int]], list[tuple[torch.Tensor, torch.Tensor]]] = {}
    for card in found:
        size = frame(card.aspect, side)
        picture = torch.from_numpy(cards.decode(card)).to(device).permute(2, 0, 1)[None].float() / 255
        image = enter(functional.interpolate(picture[:, :3], size, mode="bilinear", antialias=True))
        alike.setdefault((card.kind, size), []).append((image, picture[:, 3:]))
    sets: dict[str, list[Group]] = {}
    for (name, _), rows in alike.items():
        for start in range(0, len(rows), TOGETHER):
            images, truths = zip(*rows[start : start + TOGETHER], strict=True)
            sets.setdefault(name, []).append(Group(torch.cat(images), truths))
    return sets
