"""The loop: draw, learn, tell, judge, keep; until the steps or the clock are at their end, or somebody says stop."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from u2bg.datasets.deck import Card
from u2bg.datasets.plan import Planner
from u2bg.errors import ModelError
from u2bg.network import saving
from u2bg.network.u2net import U2Net
from u2bg.training import checkpoints, report
from u2bg.training.checkpoints import Checkpoint, Progress
from u2bg.training.engine import Engine
from u2bg.training.events import Events
from u2bg.training.recipe import Recipe
from u2bg.training.schedule import Schedule
from u2bg.training.validation import Scores, Shown, Validation

log = logging.getLogger(__name__)

BEST = "best.keras"

AHEAD = 4
"""Steps that a device may be ahead of us: enough to keep it busy, few enough to know the time."""

End = Literal["done", "stopped", "paused"]


@dataclass(frozen=True, slots=True)
class News:
    """What a run tells while it goes; `scores` only when it has just been judged."""

    step: int
    share: float
    loss: float
    rate: float
    images_per_s: float
    left_s: float
    scores: Scores | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run is made of.

    Attributes:
        folder: what it leaves goes there. network: to begin with, in float32. engine: learns from a copy of it.
        cards: of the whole deck. planner, validation: the two sides of the split. schedule: the rate over time.
        pause_s: seconds after which this sitting ends with a checkpoint, the schedule going on in the next.
    """

    folder: Path
    recipe: Recipe
    network: U2Net
    engine: Engine
    cards: Sequence[Card]
    planner: Planner
    validation: Validation
    schedule: Schedule
    pause_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    stop: Callable[[], bool] = lambda: False
    tell: Callable[[News], None] = lambda news: None


def train(run: Run, checkpoint: Checkpoint | None = None, *, goes_on: bool = False) -> tuple[End, Progress]:
    """Train until the end, or until told to stop; every way out leaves a checkpoint.

    Args:
        checkpoint: the state to begin with. goes_on: it is this very run's, so its step and clock go on too.

    Raises:
        ModelError: the loss is no number any more; the last good checkpoint stays. CannotWrite: the disk.
    """
    sitting = _Sitting(run, checkpoint, goes_on)
    return sitting.go(), sitting.progress()


@dataclass(slots=True)
class _Sitting:
    """A run from its start, or its resumption, to its end or the next pause."""

    run: Run
    checkpoint: Checkpoint | None
    goes_on: bool
    step: int = 0
    images: int = 0
    best: float | None = None
    before_s: float = 0.0
    begun_s: float = 0.0
    speed: float = 0.0
    kept_step: int = -1
    rows: list[report.Row] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    pending: deque[tuple[int, Any, dict[str, Any]]] = field(default_factory=deque)
    begun: checkpoints.Arrays = field(default_factory=dict)
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        run = self.run
        self.events = Events(run.folder)
        if run.recipe.optimizer.reach < 1:
            self.begun = self._where_it_began()
        if self.checkpoint:
            parts = ("weights", "mean", "optimizer")
            run.engine.restore({part: getattr(self.checkpoint, part) for part in parts})
        if self.checkpoint and self.goes_on:
            progress = self.checkpoint.progress
            self.step, self.images, self.best = progress.step, progress.images, progress.best
            self.before_s, self.kept_step = progress.elapsed_s, progress.step
            self.rows = report.read_log(run.folder, self.step)

    def go(self) -> End:
        run, often = self.run, self.run.recipe.log
        self.begun_s = run.clock()
        told_s, told_step = self.begun_s, self.step
        if not self.goes_on:
            self._judge(math.nan, 0.0)
            self._keep()
        while not run.schedule.over(self.step, self._elapsed_s()):
            if run.stop() or self._pause_due():
                self._settle(0)
                self._keep()
                report.write(run.folder, self.rows, self.shown)
                return "stopped" if run.stop() else "paused"
            self._keep_before_decay()
            rate = self._learn()
            if self.step % often.every == 0:
                loss = self._settle(min(AHEAD, often.every - 1))
                now_s = run.clock()
                self.speed = (self.step - told_step) / max(now_s - told_s, 1e-9)
                told_s, told_step = now_s, self.step
                self._tell(loss, rate)
            if self.step % often.validate == 0:
                self._judge(self._settle(0), rate)
                told_s, told_step = run.clock(), self.step
            if self.step % often.checkpoint == 0:
                self._keep()
        loss = self._settle(0)
        if not self.rows or self.rows[-1].get("val_error") is None or self.rows[-1]["step"] != self.step:
            self._judge(loss, 0.0)
        self._keep()
        return "done"

    def progress(self) -> Progress:
        network, schedule = self.run.network, self.run.schedule
        return Progress(
            step=self.step,
            elapsed_s=self._elapsed_s(),
            images=self.images,
            best=self.best,
            budget_s=schedule.budget_s,
            stages=[list(stage) for stage in network.stages],
            notes=dict(network.notes),
        )

    def _learn(self) -> float:
        """One step; gives its rate."""
        run = self.run
        plan, shape = run.planner.draw(self.step)
        rate = run.schedule.rate(self.step, self._elapsed_s())
        # The mean of few weights is of those few: else it would stay near where the run began.
        memory = min(run.recipe.optimizer.ema, (1 + self.step) / (10 + self.step))
        loss, terms = run.engine.learn(plan, shape, rate, memory)
        self.pending.append((self.step, loss, terms))
        self.step += 1
        self.images += len(plan.base)
        if len(self.pending) > AHEAD:
            self._check(*self.pending[-1 - AHEAD][:2])
        return rate

    def _settle(self, ahead: int) -> float:
        """The mean loss of the steps that are through; all but the last `ahead` are waited for."""
        losses = []
        while len(self.pending) > ahead:
            step, loss, terms = self.pending.popleft()
            losses.append((self._check(step, loss), {name: float(value) for name, value in terms.items()}))
        if not losses:
            return math.nan
        mean = {name: float(np.mean([terms[name] for _, terms in losses])) for name in losses[0][1]}
        loss = float(np.mean([loss for loss, _ in losses]))
        self.rows.append({"step": self.step - ahead, "loss": loss, **mean})
        return loss

    def _check(self, step: int, loss: Any) -> float:
        number = float(loss)
        if math.isfinite(number):
            return number
        plan, _ = self.run.planner.draw(step)
        names = sorted({self.run.cards[place].key for place in [*plan.base, *plan.paste[plan.pasted > 0]]})
        raise ModelError(
            f"the loss of step {step} is {number}; its pictures: {', '.join(names)}; the checkpoint of step "
            f"{self.kept_step} is kept in '{self.run.folder}'; fix: a lower optimizer.rate, or precision float32"
        )

    def _tell(self, loss: float, rate: float, scores: Scores | None = None) -> None:
        run, elapsed_s = self.run, self._elapsed_s()
        batch = run.planner.batch
        if self.rows:
            self.rows[-1] |= {"elapsed_s": elapsed_s, "images": self.images, "rate": rate}
            self.rows[-1] |= {"images_per_s": self.speed * batch}
            self.events.add(self.rows[-1])
        run.tell(
            News(
                step=self.step,
                share=run.schedule.progress(self.step, elapsed_s),
                loss=loss,
                rate=rate,
                images_per_s=self.speed * batch,
                left_s=run.schedule.left_s(self.step, elapsed_s, self.speed),
                scores=scores,
            )
        )

    def _judge(self, loss: float, rate: float) -> None:
        """Score what the run has come to, keep it if it is the best so far, and write the report."""
        run = self.run
        run.network.set_weights(_in_order(run.network, self._reached()))
        scores = Scores()
        if run.validation:
            scores, self.shown = run.validation.judge(run.network, run.engine)
        if not self.rows or self.rows[-1]["step"] != self.step:
            self.rows.append({"step": self.step})
        self.rows[-1] |= {f"val_{name}": getattr(scores, name) for name in Scores.__dataclass_fields__}
        if scores.deciding is None or self.best is None or scores.deciding < self.best:
            self.best = scores.deciding
            saving.write(run.network, run.folder / BEST)
        self._tell(loss, rate, scores)
        report.write(run.folder, self.rows, self.shown)

    def _where_it_began(self) -> checkpoints.Arrays:
        if self.checkpoint and self.goes_on:
            if not self.checkpoint.begun:
                log.warning("the run does not tell where it began; its network is kept as if reach were 1")
            return self.checkpoint.begun
        if self.checkpoint:
            return self.checkpoint.mean
        return {variable.path: np.array(variable) for variable in self.run.network.weights}

    def _reached(self) -> checkpoints.Arrays:
        """The mean of the weights, or a point on the way there from where the run began.

        Half way, a network fine-tuned on one kind of picture has most of what it learned, and has forgotten little
        (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).
        """
        mean: checkpoints.Arrays = self.run.engine.state()["mean"]
        if not self.begun:
            return mean
        reach = np.float32(self.run.recipe.optimizer.reach)
        return {path: first + reach * (mean[path] - first) for path, first in self.begun.items()}

    def _keep(self, name: str = checkpoints.LAST) -> None:
        """Write a checkpoint of a state that is known to be good."""
        self._settle(0)
        state = self.run.engine.state()
        checkpoints.write(self.run.folder / name, Checkpoint(self.progress(), **state, begun=self.begun))
        self.kept_step = self.step

    def _keep_before_decay(self) -> None:
        if not self.run.schedule.decaying(self.step, self._elapsed_s()):
            return
        path = self.run.folder / checkpoints.BEFORE_DECAY
        if not path.is_file():
            self._keep(checkpoints.BEFORE_DECAY)

    def _elapsed_s(self) -> float:
        return self.before_s + self.run.clock() - self.begun_s

    def _pause_due(self) -> bool:
        pause_s = self.run.pause_s
        return pause_s is not None and self.run.clock() - self.begun_s >= pause_s


def _in_order(network: U2Net, arrays: checkpoints.Arrays) -> list[Any]:
    return [arrays[variable.path] for variable in network.weights]
