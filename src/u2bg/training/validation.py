"""What a run is judged by: pictures that it never learns from, seen whole, through the mean of the weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from u2bg.datasets.augment import Batch
from u2bg.datasets.deck import Card
from u2bg.datasets.plan import Plan, Planner, nearest_shape
from u2bg.datasets.settings import STILL
from u2bg.network.u2net import U2Net, saliency_maps
from u2bg.training.engine import Engine
from u2bg.training.recipe import Recipe

AT_ONCE = 8
"""Pictures judged in one go, so that memory does not grow with a recipe's batch."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the pictures of the validation split; None where it has none of that sort.

    Attributes:
        error: mean absolute error wherever the truth is known. mae, iou: the part of them with a subject (IoU at ½).
        empty: the part without: the mean of the map.
        taught: mean difference from the teacher's map where nothing else is known.
    """

    error: float | None = None
    mae: float | None = None
    iou: float | None = None
    empty: float | None = None
    taught: float | None = None

    @property
    def deciding(self) -> float | None:
        """What the best weights are chosen by; less is better."""
        return self.taught if self.error is None else self.error


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture for the contact sheet: picture (H, W, 3), truth and saliency map (H, W), all in [0, 1]."""

    key: str
    picture: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]
    saliency_map: npt.NDArray[np.float32]


def split(cards: Sequence[Card], share: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places to learn from and to judge by, decided by each picture's name, so the same in every run.

    The share is met in each folder as closely as whole pictures can; a folder of one is learnt from.
    """
    by_folder: dict[str, list[int]] = {}
    for place, card in enumerate(cards):
        by_folder.setdefault(card.folder, []).append(place)
    judged: set[int] = set()
    for places in by_folder.values():
        places.sort(key=lambda place: hashlib.sha256(cards[place].key.encode()).digest())
        judged |= set(places[: round(share * len(places))])
    learnt = [place for place in range(len(cards)) if place not in judged]
    return np.array(learnt, np.int64), np.array(sorted(judged), np.int64)


class Validation:
    """The validation split, prepared once: the same frames every time.

    Args:
        cards: of the whole deck. places: those to judge by.
    """

    def __init__(self, cards: Sequence[Card], places: npt.NDArray[np.int64], recipe: Recipe) -> None:
        self._cards, self._pictures = cards, recipe.log.pictures
        planner = Planner(cards, places, STILL, recipe.data.shapes, AT_ONCE, recipe.data.seed)
        rng = np.random.default_rng(recipe.data.seed)
        by_shape: dict[tuple[int, int], list[int]] = {}
        for place in places:
            by_shape.setdefault(nearest_shape(cards[place].aspect, recipe.data.shapes), []).append(int(place))
        self._batches = [
            (chunk, planner.plan([*chunk, *[chunk[-1]] * (AT_ONCE - len(chunk))], shape, rng), shape)
            for shape, found in sorted(by_shape.items())
            for chunk in (found[i : i + AT_ONCE] for i in range(0, len(found), AT_ONCE))
        ]

    def judge(self, network: U2Net, engine: Engine) -> tuple[Scores, list[Shown]]:
        """Score a network; some of the pictures with their maps, evenly spread."""
        found: dict[str, list[float]] = {field.name: [] for field in dataclasses.fields(Scores)}
        shown: list[Shown] = []
        every = max(1, sum(len(chunk) for chunk, _, _ in self._batches) // max(1, self._pictures))
        seen = 0
        for chunk, plan, shape in self._batches:
            batch = engine.frames(plan, shape)
            maps = saliency_maps(network, np.asarray(batch.images))["fused"]
            for row, place in enumerate(chunk):
                _score(found, plan, batch, maps, row)
                if seen % every == 0 and len(shown) < self._pictures:
                    shown.append(_shown(self._cards[place].key, plan, batch, maps, row))
                seen += 1
        return Scores(
            **{name: float(np.mean(values)) if values else None for name, values in found.items()}
        ), shown

    def __bool__(self) -> bool:
        return bool(self._batches)


def _score(found: dict[str, list[float]], plan: Plan, batch: Batch, maps: Any, row: int) -> None:
    got, known = maps[row], batch.known[row] > 0
    if not plan.truth[row]:
        found["taught"].append(float(np.abs(got - batch.teacher[row]).mean()))
        return
    truth, got = batch.truth[row][known], got[known]
    if not truth.size:
        return
    found["error"].append(float(np.abs(got - truth).mean()))
    if truth.max() < 0.5:
        found["empty"].append(float(got.mean()))
        return
    either = np.count_nonzero((truth > 0.5) | (got > 0.5))
    found["mae"].append(found["error"][-1])
    found["iou"].append(np.count_nonzero((truth > 0.5) & (got > 0.5)) / either)


def _shown(key: str, plan: Plan, batch: Batch, maps: Any, row: int) -> Shown:
    truth = batch.truth if plan.truth[row] else batch.teacher
    return Shown(key, batch.pictures[row], truth[row, ..., 0], maps[row, ..., 0])
