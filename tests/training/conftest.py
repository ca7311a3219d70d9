"""A network of two layers with U²-Net's outputs, discs to learn from, and runs that take milliseconds."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # as in tests/network

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pytest
from tests.datasets.conftest import NOT_OURS, disc, photo

from u2bg.datasets.deck import Card, Deck
from u2bg.datasets.plan import Planner
from u2bg.network.u2net import OUTPUTS, U2Net
from u2bg.training import engine, recipe
from u2bg.training.recipe import Recipe
from u2bg.training.schedule import Schedule
from u2bg.training.trainer import Run
from u2bg.training.validation import Validation, split

HERE = Path(__file__).parent
SIDE = 32

QUICK = """
[network]
precision = "float32"
[data]
side = 32
shapes = [[32, 32]]
batch = 4
validation = 0.25
[optimizer]
rate = 0.01
warmup = 2
steps = 6
ema = 0.8
[log]
every = 2
validate = 3
checkpoint = 2
pictures = 2
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass the one warning that Keras and NumPy 2 have between them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(NOT_OURS))


@keras.saving.register_keras_serializable("tests")
class Toy(keras.Model):  # type: ignore[misc]
    """One convolution with BatchNorm, and a map of it for each output: what engines and trainers need of a network."""

    def __init__(
        self,
        stages: Sequence[Any] = (),
        *,
        notes: Mapping[str, str] | None = None,
        folded: bool = False,
        kernels: str = "glorot_uniform",
        name: str = "toy",
        **keywords: Any,
    ) -> None:
        image = keras.Input((None, None, 3), name="image")
        x = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="first_bn", momentum=0.9)(x))
        maps = {}
        for output in OUTPUTS:
            logits = keras.layers.Conv2D(1, 1, name=f"{output}_side")(x)
            maps[output] = keras.layers.Activation("linear", dtype="float32", name=output)(logits)
        super().__init__(inputs=image, outputs=maps, name=name, **keywords)
        self.stages, self.notes = tuple(stages), dict(notes or {})

    def get_config(self) -> dict[str, Any]:
        return {"stages": list(self.stages), "notes": self.notes, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Toy:
        return cls(**config)


def toy(seed: int = 1) -> U2Net:
    """A toy network with random weights. A seed always gives the same."""
    keras.utils.set_random_seed(seed)
    return cast(U2Net, Toy())


@pytest.fixture(scope="session")
def deck() -> Deck:
    """Twelve photos with a bright disc each, four without, two discs cut out, four photos for the teacher alone."""
    kinds = ["alpha"] * 12 + ["background"] * 4 + ["cutout"] * 2 + ["unlabelled"] * 4
    rows, cards = [], []
    for number, kind in enumerate(kinds):
        mask = disc(SIDE, SIDE, 0.2 + 0.02 * (number % 8))
        dark, bright = photo(SIDE, SIDE, number) // 3, np.uint8(150) + photo(SIDE, SIDE, number) // 3
        subject = np.where(mask[..., None] > 0, bright, dark) if kind != "background" else dark
        known = mask if kind in {"alpha", "cutout"} else np.zeros_like(mask)
        rows.append(np.dstack([subject, known, mask if kind == "unlabelled" else np.zeros_like(mask)]))
        cards.append(Card(f"{kind}/{number}", kind, kind, 1.0, False, 1.0, kind == "unlabelled"))
    return Deck(np.stack(rows), tuple(cards))


def quick(**changes: Any) -> Recipe:
    """The quick recipe; `quick(optimizer={"rate": 1})` with another rate."""
    made = recipe.parse(QUICK)
    parts = {name: dataclasses.replace(getattr(made, name), **values) for name, values in changes.items()}
    return dataclasses.replace(made, **parts)


MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(deck: Deck, tmp_path: Path) -> MakeRun:
    """`make_run("name", recipe, budget_s=…, clock=…)` gives a run of the toy network, ready to train."""

    def make(
        name: str = "run", made: Recipe | None = None, budget_s: float | None = None, **others: Any
    ) -> Run:
        made = made or quick()
        network = others.pop("network", None) or toy()
        learnt, judged = split(deck.cards, made.data.validation)
        (tmp_path / name).mkdir(exist_ok=True)
        return Run(
            folder=tmp_path / name,
            recipe=made,
            network=network,
            engine=engine.start(network, deck, made),
            cards=deck.cards,
            planner=Planner(
                deck.cards, learnt, made.augment, made.data.shapes, made.data.batch, made.data.seed
            ),
            validation=Validation(deck.cards, judged, made),
            schedule=Schedule(made.optimizer, budget_s),
            **others,
        )

    return make
