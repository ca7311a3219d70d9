"""The learning rate over a run: it rises, stays, and falls to zero in the last part.

By steps, or shaped to a clock: then the share of the time that is gone stands for the share of the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from u2bg.training.recipe import Optimizer


@dataclass(frozen=True, slots=True)
class Schedule:
    """Says how far a run is, and what the rate is there.

    Attributes:
        optimizer: rate, warm-up, decay and steps. budget_s: seconds for the whole run, or None to go by steps.
    """

    optimizer: Optimizer
    budget_s: float | None = None

    def progress(self, step: int, elapsed_s: float) -> float:
        """The share of the run that is done, in [0, 1]."""
        share = elapsed_s / self.budget_s if self.budget_s is not None else step / self.optimizer.steps
        return min(1.0, share)

    def rate(self, step: int, elapsed_s: float) -> float:
        """The learning rate of a step, counted from 0."""
        optimizer = self.optimizer
        rising = min(1.0, (step + 1) / optimizer.warmup) if optimizer.warmup else 1.0
        left = 1 - self.progress(step, elapsed_s)
        falling = min(1.0, left / optimizer.decay) if optimizer.decay else 1.0
        return optimizer.rate * rising * falling

    def decaying(self, step: int, elapsed_s: float) -> bool:
        """Whether the last part has begun."""
        return self.progress(step, elapsed_s) >= 1 - self.optimizer.decay

    def over(self, step: int, elapsed_s: float) -> bool:
        """Whether the run is at its end."""
        return self.progress(step, elapsed_s) >= 1

    def left_s(self, step: int, elapsed_s: float, steps_per_s: float) -> float:
        """Seconds to go."""
        if self.budget_s is not None:
            return max(0.0, self.budget_s - elapsed_s)
        return max(0, self.optimizer.steps - step) / max(steps_per_s, 1e-9)
