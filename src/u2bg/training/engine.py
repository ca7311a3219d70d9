"""One step of learning on whatever runs under Keras: TensorFlow, the fastest on a CPU, or JAX, for a GPU.

Both do the same: a plan carried out on the device, one forward pass, the loss, AdamW, the mean of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import numpy as np

from u2bg.datasets.augment import Batch, noise_fields
from u2bg.datasets.deck import Deck
from u2bg.datasets.plan import Plan
from u2bg.errors import BadModel, MissingExtra
from u2bg.network.u2net import U2Net
from u2bg.training.checkpoints import Arrays
from u2bg.training.recipe import Recipe

POLICIES = {"bfloat16": "mixed_bfloat16", "float32": "float32"}


class Engine(Protocol):
    """Holds the network's state while it learns."""

    def learn(
        self, plan: Plan, shape: tuple[int, int], rate: float, memory: float
    ) -> tuple[Any, dict[str, Any]]:
        """One step; the loss and its terms, as scalars that may still be on their way.

        Args:
            rate: the learning rate. memory: of the mean of the weights; 0 makes it the weights.
        """

    def frames(self, plan: Plan, shape: tuple[int, int]) -> Batch:
        """A plan carried out, as NumPy arrays, nothing learnt."""

    def state(self) -> dict[str, Arrays]:
        """`weights`, `mean` and `optimizer`, each by the path of the variable."""

    def restore(self, state: dict[str, Arrays]) -> None:
        """Take up a state. Raises: BadModel when its names or shapes are others."""


def start(network: U2Net, deck: Deck, recipe: Recipe) -> Engine:
    """The engine of Keras' backend, which learns from a copy of the network.

    Raises:
        MissingExtra: Keras runs on something else.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from u2bg.training.engine_tensorflow import TensorFlowEngine

        return TensorFlowEngine(network, deck, recipe)
    if backend == "jax":
        from u2bg.training.engine_jax import JaxEngine

        return JaxEngine(network, deck, recipe)
    raise MissingExtra(f"training (Keras runs on {backend}; fix: KERAS_BACKEND=jax or tensorflow)", "train")


def copy(network: U2Net, precision: str, frozen: Sequence[str] = ()) -> U2Net:
    """The network again, computing in another precision; its weights stay float32, those of frozen stages fixed."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        other: U2Net = type(network).from_config(network.get_config())
    finally:
        keras.config.set_dtype_policy(before)
    other.set_weights(network.get_weights())
    for layer in other.layers:
        layer.trainable = not layer.name.startswith(tuple(frozen))
    return other


def variables(network: U2Net) -> list[Any]:
    """The network's variables in the one order that every state is kept in: those that learn first."""
    return [*network.trainable_variables, *network.non_trainable_variables]


def optimizer_names(optimizer: Any) -> list[str]:
    """Names of an optimizer's variables that are told apart even where Keras gives two the same path."""
    return [f"{place:04d}:{variable.path}" for place, variable in enumerate(optimizer.variables)]


def named(names: Sequence[str], arrays: Sequence[Any]) -> Arrays:
    """Arrays by name, on the host."""
    return {name: np.array(array) for name, array in zip(names, arrays, strict=True)}


def listed(part: str, names: Sequence[str], got: Arrays, like: Sequence[Any]) -> list[Any]:
    """Arrays in the order of the names. Raises: BadModel when names or shapes differ from what they replace."""
    if set(names) != set(got):
        odd = sorted(set(names) ^ set(got))
        raise BadModel(
            f"the checkpoint's {part} are of another network: {len(odd)} names differ, first {odd[0]!r}"
        )
    for name, other in zip(names, like, strict=True):
        if got[name].shape != tuple(other.shape):
            raise BadModel(f"the checkpoint's {name} is {got[name].shape}; expected {tuple(other.shape)}")
    return [got[name] for name in names]


def few_rows(deck: Deck, plan: Plan) -> tuple[Any, Plan]:
    """The pictures that a plan names, and the plan in their terms, where the whole deck stays on the host."""
    count = len(plan.base)
    rows = deck.pixels[np.concatenate([plan.base, plan.paste])]
    places = np.arange(2 * count, dtype=np.int32)
    return rows, plan._replace(base=places[:count], paste=places[count:])


def noise(recipe: Recipe) -> Any:
    """The fields of noise, as large as the largest frame."""
    return noise_fields(max(side for shape in recipe.data.shapes for side in shape))
