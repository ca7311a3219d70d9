"""Learning on TensorFlow."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from u2bg.datasets.augment import Batch, augment
from u2bg.datasets.deck import Deck
from u2bg.datasets.plan import Plan
from u2bg.network.u2net import U2Net
from u2bg.training import engine, losses
from u2bg.training.checkpoints import Arrays
from u2bg.training.optimizer import adamw
from u2bg.training.recipe import Recipe


class TensorFlowEngine:
    """See `engine.Engine`. The deck stays in the computer's memory; the step is one graph per shape of frame."""

    def __init__(self, network: U2Net, deck: Deck, recipe: Recipe) -> None:
        self._deck, self._loss = deck, recipe.loss
        self._by_batch = recipe.network.batchnorm == "batch"
        self._network = engine.copy(network, recipe.network.precision, recipe.network.frozen)
        self._optimizer = adamw(recipe.optimizer, self._network.trainable_variables)
        self._variables = engine.variables(self._network)
        self._mean = [tf.Variable(variable.numpy(), trainable=False) for variable in self._variables]
        self._noise = tf.constant(engine.noise(recipe))
        self._names = [variable.path for variable in self._variables]
        self._graphs: dict[tuple[str, tuple[int, int]], Any] = {}

    def learn(
        self, plan: Plan, shape: tuple[int, int], rate: float, memory: float
    ) -> tuple[Any, dict[str, Any]]:
        rows, plan = engine.few_rows(self._deck, plan)
        self._optimizer.learning_rate.assign(rate)
        step = self._graph("learn", shape, self._learn)
        loss, terms = step(tf.constant(rows), _tensors(plan), tf.constant(memory, tf.float32))
        return loss, terms

    def frames(self, plan: Plan, shape: tuple[int, int]) -> Batch:
        rows, plan = engine.few_rows(self._deck, plan)
        carry_out = self._graph("frames", shape, augment)
        return Batch(*(part.numpy() for part in carry_out(tf.constant(rows), self._noise, _tensors(plan))))

    def state(self) -> dict[str, Arrays]:
        optimizer = self._optimizer
        return {
            "weights": engine.named(self._names, [variable.numpy() for variable in self._variables]),
            "mean": engine.named(self._names, [variable.numpy() for variable in self._mean]),
            "optimizer": engine.named(
                engine.optimizer_names(optimizer), [variable.numpy() for variable in optimizer.variables]
            ),
        }

    def restore(self, state: dict[str, Arrays]) -> None:
        optimizer = self._optimizer
        for part, names, held in (
            ("weights", self._names, self._variables),
            ("mean", self._names, self._mean),
            ("optimizer", engine.optimizer_names(optimizer), optimizer.variables),
        ):
            for variable, array in zip(held, engine.listed(part, names, state[part], held), strict=True):
                variable.assign(array)

    def _graph(self, name: str, shape: tuple[int, int], function: Callable[..., Any]) -> Any:
        """The function compiled for one shape of frame, once."""
        if (name, shape) not in self._graphs:
            self._graphs[name, shape] = tf.function(functools.partial(function, shape=shape), autograph=False)
        return self._graphs[name, shape]

    def _learn(
        self, rows: Any, plan: Plan, memory: Any, shape: tuple[int, int]
    ) -> tuple[Any, dict[str, Any]]:
        batch = augment(rows, self._noise, plan, shape)
        with tf.GradientTape() as tape:
            logits = self._network(batch.images, training=self._by_batch)
            loss, terms = losses.total(logits, batch, self._loss)
        learning = self._network.trainable_variables
        gradients = tape.gradient(loss, [variable.value for variable in learning])
        self._optimizer.apply(gradients, learning)
        for mean, variable in zip(self._mean, self._variables, strict=True):
            mean.assign(memory * mean + (1 - memory) * variable.value)
        return loss, terms


def _tensors(plan: Plan) -> Plan:
    return Plan(*(tf.constant(np.asarray(part)) for part in plan))
