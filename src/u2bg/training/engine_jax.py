"""Learning on JAX: one compiled function from state to state, the whole deck on the device where it fits."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from u2bg.datasets.augment import Batch, augment
from u2bg.datasets.deck import Deck
from u2bg.datasets.plan import Plan
from u2bg.network.u2net import U2Net
from u2bg.training import engine, losses
from u2bg.training.checkpoints import Arrays
from u2bg.training.optimizer import adamw
from u2bg.training.recipe import Recipe

DECK_SHARE = 0.4
"""Of a GPU's free memory, at most, that the deck may take."""


class State(NamedTuple):
    """All that changes. learning, fixed: the network's variables; optimizer: its own; mean: of both."""

    learning: list[Any]
    fixed: list[Any]
    optimizer: list[Any]
    mean: list[Any]


class JaxEngine:
    """See `engine.Engine`. With several devices each takes its share of every batch (the same on all of them).

    By JAX's own sharding: `keras.distribution` distributes what `Model.fit` is given, and a step here is a function of
    the deck and a plan. What it would do on one machine is two lines of `_placements`.
    """

    def __init__(self, network: U2Net, deck: Deck, recipe: Recipe) -> None:
        self._loss, self._by_batch = recipe.loss, recipe.network.batchnorm == "batch"
        self._network = engine.copy(network, recipe.network.precision, recipe.network.frozen)
        self._optimizer = adamw(recipe.optimizer, self._network.trainable_variables)
        self._names = [variable.path for variable in engine.variables(self._network)]
        self._rate_place = next(
            place
            for place, variable in enumerate(self._optimizer.variables)
            if variable is self._optimizer.learning_rate
        )
        self._everywhere, self._split = _placements(recipe.data.batch)
        self._deck, self._on_device = deck, _fits(deck)
        self._pixels = self._put(deck.pixels) if self._on_device else None
        self._noise = self._put(engine.noise(recipe))
        learning = _values(self._network.trainable_variables)
        fixed = _values(self._network.non_trainable_variables)
        state = State(learning, fixed, _values(self._optimizer.variables), [*learning, *fixed])
        self._state = State(*(self._put([np.array(x) for x in part]) for part in state))
        self._step = jax.jit(self._learn, static_argnames=("shape",), donate_argnums=(0,))
        self._frames = jax.jit(augment, static_argnames=("shape",))

    def learn(
        self, plan: Plan, shape: tuple[int, int], rate: float, memory: float
    ) -> tuple[Any, dict[str, Any]]:
        pixels, plan = self._rows(plan)
        numbers = np.array([rate, memory], np.float32)
        self._state, loss, terms = self._step(self._state, pixels, self._noise, plan, numbers, shape=shape)
        return loss, terms

    def frames(self, plan: Plan, shape: tuple[int, int]) -> Batch:
        pixels, plan = self._rows(plan)
        return Batch(*(np.asarray(part) for part in self._frames(pixels, self._noise, plan, shape=shape)))

    def state(self) -> dict[str, Arrays]:
        state: State = jax.device_get(self._state)
        return {
            "weights": engine.named(self._names, [*state.learning, *state.fixed]),
            "mean": engine.named(self._names, state.mean),
            "optimizer": engine.named(engine.optimizer_names(self._optimizer), state.optimizer),
        }

    def restore(self, state: dict[str, Arrays]) -> None:
        mine, names = self._state, engine.optimizer_names(self._optimizer)
        weights = engine.listed("weights", self._names, state["weights"], [*mine.learning, *mine.fixed])
        count = len(mine.learning)
        taken = State(
            weights[:count],
            weights[count:],
            engine.listed("optimizer", names, state["optimizer"], mine.optimizer),
            engine.listed("mean", self._names, state["mean"], mine.mean),
        )
        self._state = State(*(self._put(part) for part in taken))

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, self._everywhere)

    def _rows(self, plan: Plan) -> tuple[Any, Plan]:
        pixels = self._pixels
        if pixels is None:
            rows, plan = engine.few_rows(self._deck, plan)
            pixels = self._put(rows)
        same = len(plan.base) % self._devices() == 0
        return pixels, jax.device_put(plan, self._split if same else self._everywhere)

    def _devices(self) -> int:
        return int(self._split.mesh.size)

    def _learn(
        self, state: State, pixels: Any, noise: Any, plan: Plan, numbers: Any, shape: tuple[int, int]
    ) -> tuple[State, Any, dict[str, Any]]:
        batch = augment(pixels, noise, plan, shape)
        judge = functools.partial(self._judge, fixed=state.fixed, batch=batch)
        (loss, (fixed, terms)), gradients = jax.value_and_grad(judge, has_aux=True)(state.learning)
        optimizer = list(state.optimizer)
        optimizer[self._rate_place] = numbers[0]
        learning, optimizer = self._optimizer.stateless_apply(optimizer, gradients, state.learning)
        mean = [
            numbers[1] * old + (1 - numbers[1]) * new
            for old, new in zip(state.mean, [*learning, *fixed], strict=True)
        ]
        return State(learning, fixed, optimizer, mean), loss, terms

    def _judge(
        self, learning: list[Any], fixed: list[Any], batch: Batch
    ) -> tuple[Any, tuple[list[Any], Any]]:
        logits, fixed = self._network.stateless_call(learning, fixed, batch.images, training=self._by_batch)
        loss, terms = losses.total(logits, batch, self._loss)
        return loss, (fixed, terms)


def _values(variables: list[Any]) -> list[Any]:
    return [jnp.asarray(variable.value) for variable in variables]


def _placements(batch: int) -> tuple[NamedSharding, NamedSharding]:
    """Where what all devices need lies, and where what is split by picture lies: as many devices as divide a batch."""
    devices = jax.devices()
    count = max(n for n in range(1, len(devices) + 1) if batch % n == 0)
    mesh = Mesh(np.array(devices[:count]), ("pictures",))
    whole, by_picture = PartitionSpec(), PartitionSpec("pictures")  # type: ignore[no-untyped-call]
    return NamedSharding(mesh, whole), NamedSharding(mesh, by_picture)


def _fits(deck: Deck) -> bool:
    """Whether the deck may lie on the device; a CPU has it in its memory anyway."""
    device = jax.devices()[0]
    stats = None if device.platform == "cpu" else device.memory_stats()
    return stats is not None and deck.pixels.nbytes < DECK_SHARE * stats["bytes_limit"]
