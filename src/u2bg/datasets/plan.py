"""What happens to each picture of a batch, drawn from a seed and the number of the step, and from nothing else.

So a run that goes on at step n sees the very batches that it would have seen, and a bad one can be drawn again.
A *box* is (top, bottom, left, right) of the frame in the picture, as shares of its sides; a flip swaps two of them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from u2bg.datasets.deck import Card
from u2bg.datasets.settings import Augment

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

WHOLE = (0.0, 1.0, 0.0, 1.0)
NOISES = 8
"""How many fields of noise there are to choose from."""


class Plan(NamedTuple):
    """One batch; every array has its N pictures first. `augment` carries it out.

    Attributes:
        base, base_box: the picture that fills the frame, and which part of it.
        plain, plain_colour: 1 where a plain colour (N, 3) stands in its place.
        pasted, paste, paste_box: 1 where a cut-out lies on it, which, and where the frame is in its terms.
        unknown: 1 where 128 in the base's mask is unknown. truth, taught: 1 where the mask, the map is to be learnt.
        blur: widening of the resampling filter, 1 for none. gain (N, 3), contrast, saturation, gamma: colours.
        noise, noise_field: deviation, and which field. jpeg: quality, or 0 for none.
    """

    base: Integers
    base_box: Floats
    plain: Floats
    plain_colour: Floats
    pasted: Floats
    paste: Integers
    paste_box: Floats
    unknown: Floats
    truth: Floats
    taught: Floats
    blur: Floats
    gain: Floats
    contrast: Floats
    saturation: Floats
    gamma: Floats
    noise: Floats
    noise_field: Integers
    jpeg: Floats


@dataclass(frozen=True)
class Planner:
    """Draws batches.

    Attributes:
        cards: of the whole deck. chosen: the places in it that may be drawn. augment: how far things may go.
        shapes: (height, width) of the frames; a batch has one of them. batch: pictures in it.
    """

    cards: Sequence[Card]
    chosen: npt.NDArray[np.int64]
    augment: Augment
    shapes: Sequence[tuple[int, int]]
    batch: int
    seed: int

    def draw(self, step: int) -> tuple[Plan, tuple[int, int]]:
        """The plan of a step, and the (height, width) of its frame."""
        rng = np.random.default_rng((self.seed, step))
        shape = self.shapes[int(rng.integers(len(self.shapes)))]
        places = rng.choice(self.chosen, self.batch, p=self.chances)
        return self.plan(places, shape, rng), shape

    def plan(
        self, places: Sequence[int] | npt.NDArray[np.int64], shape: tuple[int, int], rng: np.random.Generator
    ) -> Plan:
        """The plan for these pictures of the deck; a cut-out is laid on a background."""
        rows = [_picture(self, int(place), shape, rng) for place in places]
        return Plan(**{name: _column([row[name] for row in rows]) for name in Plan._fields})

    @functools.cached_property
    def chances(self) -> npt.NDArray[np.float64]:
        """How often each of the chosen is drawn."""
        weights = np.array([self.cards[place].weight for place in self.chosen])
        return np.asarray(weights / weights.sum(), np.float64)

    @functools.cached_property
    def grounds(self) -> list[int]:
        """The chosen that cut-outs may lie on."""
        return [int(place) for place in self.chosen if self.cards[place].kind == "background"]


def nearest_shape(aspect: float, shapes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The frame whose width by height is nearest to a picture's."""
    return min(shapes, key=lambda shape: abs(np.log(shape[1] / shape[0] / aspect)))


def _picture(
    planner: Planner, place: int, shape: tuple[int, int], rng: np.random.Generator
) -> dict[str, Any]:
    """One picture's row of each array of a plan."""
    card, augment = planner.cards[place], planner.augment
    cut, paste_box = card.kind == "cutout", WHOLE
    base, plain = place, False
    if cut:
        paste_box = _place_subject(card.aspect, shape, augment, rng)
        plain = _chance(rng, augment.plain) or not planner.grounds
        base = place if plain else planner.grounds[int(rng.integers(len(planner.grounds)))]
    ground = planner.cards[base]
    return {
        "base": base,
        "base_box": _crop(ground.aspect, shape, augment, rng),
        "plain": float(plain),
        "plain_colour": _plain_colour(rng),
        "pasted": float(cut),
        "paste": place,
        "paste_box": paste_box,
        "unknown": float(ground.unknown and not cut),
        "truth": float(card.labelled),
        "taught": float(card.taught and not cut),
        **_look(augment, rng),
    }


def _column(values: list[Any]) -> Any:
    """(N, …) int32 or float32."""
    return np.array(values, np.int32 if isinstance(values[0], int) else np.float32)


def _crop(
    aspect: float, shape: tuple[int, int], augment: Augment, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A box of the frame's shape, more or less, within the picture; or the whole picture."""
    top, bottom, left, right = WHOLE
    if not _chance(rng, augment.whole):
        area = rng.uniform(augment.crop, 1)
        shape_off = np.exp(rng.uniform(-augment.stretch, augment.stretch)) * shape[1] / shape[0] / aspect
        height, width = min(1.0, (area / shape_off) ** 0.5), min(1.0, (area * shape_off) ** 0.5)
        top, left = rng.uniform(0, 1 - height), rng.uniform(0, 1 - width)
        bottom, right = top + height, left + width
    if _chance(rng, augment.flip):
        left, right = right, left
    if _chance(rng, augment.upside_down):
        top, bottom = bottom, top
    return top, bottom, left, right


def _place_subject(
    aspect: float, shape: tuple[int, int], augment: Augment, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """Where the frame is in a cut-out's terms, when the cut-out takes a drawn share of the frame."""
    share = rng.uniform(augment.least_subject, max(augment.least_subject, augment.most_subject))
    off = np.exp(rng.uniform(-augment.stretch, augment.stretch)) * aspect * shape[0] / shape[1]
    height, width = share * min(1.0, 1 / off), share * min(1.0, off)
    centre = 0.5 + (rng.random(2) - 0.5) * np.abs(1 - np.array([height, width]))
    top, left = centre - np.array([height, width]) / 2
    box = (-top / height, (1 - top) / height, -left / width, (1 - left) / width)
    if _chance(rng, augment.flip):
        box = (box[0], box[1], 1 - box[2], 1 - box[3])
    return tuple(map(float, box))  # type: ignore[return-value]


def _look(augment: Augment, rng: np.random.Generator) -> dict[str, Any]:
    """Colours, blur, noise and compression of one picture."""
    strength = augment.colour
    gain = np.exp(rng.normal(0, strength / 2) + rng.normal(0, strength / 4, 3))
    grey, blurred, noisy, squeezed = rng.random(4) < (augment.grey, augment.blur, 0.5, augment.jpeg)
    widening, deviation = rng.uniform(1, augment.blur_px), rng.uniform(0, augment.noise)
    quality = rng.uniform(augment.jpeg_quality, 100)
    contrast, saturation, gamma = np.exp(rng.uniform(-1, 1, 3) * strength * (1, 2, 1))
    return {
        "blur": float(widening if blurred else 1),
        "gain": gain,
        "contrast": contrast,
        "saturation": float(0 if grey else saturation),
        "gamma": gamma,
        "noise": float(deviation if noisy else 0),
        "noise_field": int(rng.integers(NOISES)),
        "jpeg": float(quality if squeezed else 0),
    }


def _plain_colour(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Often white or grey, as product photos are; else anything."""
    return np.full(3, rng.uniform(0.6, 1.0)) if rng.random() < 0.5 else rng.random(3)


def _chance(rng: np.random.Generator, share: float) -> bool:
    """Draws even for 0 and 1, so that changing a chance leaves the other draws as they were."""
    return bool(rng.random() < share)
