"""A course of lessons in the time that there is: all pupils at once, on the same pictures, under one teacher."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from distil import cards
from distil.doubling import fastest
from distil.graph import Graph, Trainable
from distil.lessons import TERMS, Pupil, Teacher, judge, save
from distil.pictures import Deck, Group, read_sets

MEASURED = 3
"""Batches of each frame, over which BatchNorm's statistics are taken, half as large as a step's."""

WARM_S, WARM_SHARE = 20.0, 0.1
"""How long the rate rises: so many seconds, but no more than this share of the time."""

LAST_LOOK = 0.85
"""No validation after this share of the time but the one at the end."""

TOLD_EVERY = 100  # steps


class Student(NamedTuple):
    """A graph in the folder, and its rate."""

    file: str
    rate: float


def run(
    folder: Path,
    out: Path,
    students: Sequence[Student],
    *,
    seconds: float,
    validate_s: float,
    batch: int,
    side: int,
    sharpness: float,
) -> None:
    """Teach until the time is over; weights and log.jsonl, a line for each validation, go into OUT."""
    began = time.monotonic()

    def now() -> float:
        return time.monotonic() - began

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = np.random.default_rng(1)
    double = fastest(device)
    deck = Deck(cards.read(sorted(folder.glob("deck-*.tar"))), side, device)
    full, lite = (Graph(folder / name, double).fixed(device) for name in ("teacher.onnx", "lite.onnx"))
    teacher = Teacher(full, lite, sharpness)
    sets = read_sets(cards.read([folder / "eval.tar"]), side, device)
    sets["held"] = [Group(images, teacher(images).split(1)) for images in deck.held()]
    still = [
        deck.draw(rng, at, max(1, batch // 2)).images
        for at in range(len(deck.frames))
        for _ in range(MEASURED)
    ]
    pupils = [
        Pupil(Path(file).stem, Trainable(Graph(folder / file, double), still, device), rate)
        for file, rate in students
    ]
    out.mkdir(parents=True, exist_ok=True)
    counts = {name: sum(len(group.truths) for group in groups) for name, groups in sets.items()}
    print(f"{now():.0f} s: ready; judged by {counts}", flush=True)
    next_look = now() + validate_s
    for share in _lessons(now, seconds, deck, rng, teacher, pupils, batch):
        if now() > next_look and share < LAST_LOOK:
            _look(now(), pupils, sets, out, "last")
            next_look = now() + validate_s
    _look(now(), pupils, sets, out, "end")


def rate_at(elapsed_s: float, whole_s: float) -> float:
    """What the learning rate is multiplied by, in [0, 1]: up for a moment, then down to zero by a cosine."""
    warm_s = min(WARM_S, WARM_SHARE * whole_s)
    return min(1.0, (elapsed_s + 0.5) / warm_s) * 0.5 * (1 + math.cos(math.pi * elapsed_s / whole_s))


def _lessons(
    now: Callable[[], float],
    seconds: float,
    deck: Deck,
    rng: np.random.Generator,
    teacher: Teacher,
    pupils: Sequence[Pupil],
    batch: int,
) -> Iterator[float]:
    """Steps of all pupils in turn until the time is over; after each, the share of the time that was."""
    first, step = now(), 0
    terms: list[torch.Tensor] = []
    while (elapsed := now() - first) < seconds - first:
        factor = rate_at(elapsed, seconds - first)
        images, truth, trust = deck.draw(rng, int(rng.choice(len(deck.frames), p=deck.shares)), batch)
        target = trust * truth + (1 - trust) * teacher(images)
        terms.append(torch.stack([pupil.learn(images, target, factor) for pupil in pupils]))
        step += 1
        if step in {1, 5, 20} or step % TOLD_EVERY == 0:
            rows = torch.stack(terms).mean(0).tolist()
            terms.clear()
            said = {
                pupil.name: dict(zip(TERMS, np.round(row, 4).tolist(), strict=True))
                for pupil, row in zip(pupils, rows, strict=True)
            }
            per_s = step * batch / (now() - first)
            print(f"{now():.0f} s, step {step}, {per_s:.0f}/s, rate {factor:.2f}: {said}", flush=True)
            if not np.isfinite(rows).all():
                raise SystemExit("the loss is no number any more")
        yield elapsed / (seconds - first)


def _look(
    at_s: float, pupils: Sequence[Pupil], sets: Mapping[str, Sequence[Group]], out: Path, label: str
) -> None:
    """Keep every pupil's weights as NAME-LABEL-0.npz …, then judge them."""
    for pupil in pupils:
        save(pupil.folded(), out, f"{pupil.name}-{label}")
        scores = {
            name: [round(score, 5) for score in row] for name, row in judge(pupil.predict, sets).items()
        }
        line = {"at_s": round(at_s), "pupil": pupil.name, "steps": pupil.steps, **scores}
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        print(line, flush=True)
