"""AdamW by the recipe: with a scale for each weight, as Adam is, or with one for each kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from u2bg.training.recipe import Optimizer

NO_DECAY = ["bias", "gamma", "beta"]


class ByKernel(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW whose second moment is one number a kernel, and whose steps are in proportion to the kernel.

    Adam moves a weight by the rate whatever its gradient: what hardly matters goes astray by noise. Here weights keep
    the proportions of their gradients (Adam-mini, Zhang et al., 2024), and a kernel as a whole moves by the rate times
    its own size (LARS, You et al., 2017).
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one kernel or bias."""
        place = self._get_variable_index(variable)
        moment, square = self._momentums[place], self._velocities[place]
        gradient = ops.cast(gradient, variable.dtype)
        self.assign_add(moment, (gradient - moment) * (1 - self.beta_1))
        self.assign_add(square, (ops.mean(ops.square(gradient)) - square) * (1 - self.beta_2))
        done = ops.cast(self.iterations + 1, variable.dtype)
        mean = moment / (1 - ops.power(self.beta_1, done))
        spread = ops.sqrt(square / (1 - ops.power(self.beta_2, done)))
        size = ops.sqrt(ops.mean(ops.square(variable)))
        self.assign_sub(variable, learning_rate * size * mean / (spread + self.epsilon))


SCALES = {"weight": keras.optimizers.AdamW, "kernel": ByKernel}


def adamw(optimizer: Optimizer, variables: Sequence[Any]) -> Any:
    """AdamW by the recipe, its rate set anew at each step."""
    made = SCALES[optimizer.scale](
        learning_rate=0.0,
        weight_decay=optimizer.weight_decay,
        beta_2=optimizer.beta2,
        epsilon=1e-8,
        global_clipnorm=optimizer.clip or None,
        name="adamw",
    )
    made.exclude_from_weight_decay(var_names=NO_DECAY)
    made.build(list(variables))
    return made
