"""A run learns, ends when it should, goes on exactly where it was, and loses nothing when it goes wrong.

On whatever backend Keras runs on; `test_engines.py` runs this file on the other one too.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.training.conftest import MakeRun, quick, toy

from u2bg.datasets.plan import Plan
from u2bg.errors import ModelError
from u2bg.training import checkpoints
from u2bg.training.recipe import TERMS
from u2bg.training.trainer import News, Run, train


def clock(tick_s: float) -> Callable[[], float]:
    """A clock that goes on by a tick each time it is read."""
    return itertools.count(0, tick_s).__next__


def same(one: checkpoints.Checkpoint, other: checkpoints.Checkpoint) -> bool:
    return all(
        np.array_equal(array, getattr(other, part)[name])
        for part in ("weights", "mean", "optimizer")
        for name, array in getattr(one, part).items()
    )


def logged(run: Run) -> list[dict[str, str]]:
    with (run.folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def last(run: Run) -> checkpoints.Checkpoint:
    return checkpoints.read(run.folder / "last.npz")


def test_three_steps_and_three_more_are_six(make_run: MakeRun) -> None:
    whole, parts = make_run("whole"), make_run("parts", stop=(asked := Stop(3)))
    train(whole)
    end, progress = train(parts)
    assert (end, progress.step) == ("stopped", 3)

    asked.patience = 99
    end, progress = train(make_run("parts", network=toy(seed=9)), last(parts), goes_on=True)

    assert (end, progress.step, progress.images) == ("done", 6, 24)
    assert same(last(whole), last(parts))
    assert (whole.folder / "best.keras").is_file()
    assert logged(whole)[-1]["step"] == logged(parts)[-1]["step"] == "6"


class Stop:
    """Says stop once it has been asked a number of times."""

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def __call__(self) -> bool:
        self.patience -= 1
        return self.patience < 0


def test_the_loss_falls_and_the_scores_rise(make_run: MakeRun) -> None:
    made = quick(
        optimizer={"steps": 60, "rate": 0.05},
        loss={"error": 1.0, "iou": 1.0, "boundary": 1.0, "distill": 1.0},
        log={"every": 5, "validate": 30, "checkpoint": 30},
        augment={"colour": 0.0, "grey": 0.0},
    )
    news: list[News] = []
    run = make_run("falls", made, tell=news.append)
    train(run)

    losses = [one.loss for one in news if not one.scores]
    assert losses[-1] < 0.7 * losses[0]
    scores = [one.scores for one in news if one.scores]
    assert scores[0].error is not None
    assert scores[-1].error is not None
    assert scores[-1].error < 0.8 * scores[0].error
    assert all(
        value is not None for value in (scores[-1].mae, scores[-1].iou, scores[-1].empty, scores[-1].taught)
    )
    told = {name for row in logged(run) for name, value in row.items() if value}
    assert set(TERMS) <= told
    for name in ("curves.png", "validation.webp"):
        with Image.open(run.folder / name) as picture:
            assert picture.width > 100


def test_at_rate_zero_with_batchnorm_folded_nothing_changes(make_run: MakeRun) -> None:
    run = make_run("still", quick(optimizer={"rate": 0.0}, network={"batchnorm": "folded"}))
    before = run.engine.state()
    train(run)
    after = last(run)

    for part in ("weights", "mean"):
        for name, array in before[part].items():
            # The mean of equal numbers is off by their last bit.
            assert np.allclose(getattr(after, part)[name], array, rtol=1e-6, atol=0)


def test_the_mean_follows_the_weights(make_run: MakeRun) -> None:
    run = make_run("mean")
    plan, shape = run.planner.draw(0)
    before = run.engine.state()
    run.engine.learn(plan, shape, 0.1, 0.75)
    after = run.engine.state()

    for name, mean in after["mean"].items():
        expected = 0.75 * before["mean"][name] + 0.25 * after["weights"][name]
        assert np.allclose(mean, expected, atol=1e-6)
    assert any(not np.array_equal(array, before["weights"][name]) for name, array in after["weights"].items())


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_pictures(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("nan")
    draw = run.planner.draw

    def poisoned(step: int) -> tuple[Plan, tuple[int, int]]:
        plan, shape = draw(step)
        return plan._replace(gain=plan.gain * np.float32(np.nan)) if step == 4 else plan, shape

    object.__setattr__(run.planner, "draw", poisoned)
    with pytest.raises(ModelError, match=r"the loss of step 4 is nan; its pictures: \w+/\d+") as raised:
        train(run)

    assert "the checkpoint of step 4 is kept" in str(raised.value)
    kept = last(run)
    assert kept.progress.step == 4
    assert all(np.isfinite(array).all() for array in kept.weights.values())


def test_a_time_budget_shapes_the_rate_and_keeps_the_state_before_the_decay(make_run: MakeRun) -> None:
    news: list[News] = []
    made = quick(optimizer={"steps": 1}, log={"every": 1, "validate": 1000, "checkpoint": 1000})
    run = make_run("timed", made, budget_s=100.0, clock=clock(0.5), tell=news.append)
    end, progress = train(run)
    rates = [one.rate for one in news if not one.scores]

    assert end == "done"
    assert progress.elapsed_s >= 100
    assert progress.step > 10
    assert rates[0] == pytest.approx(0.005)
    assert max(rates) == pytest.approx(0.01)
    assert 0 <= rates[-1] < 0.002
    before = checkpoints.read(run.folder / "before-decay.npz")
    assert 75 < before.progress.elapsed_s < 85
    assert before.progress.budget_s == 100


def test_a_pause_ends_the_sitting_and_not_the_schedule(make_run: MakeRun) -> None:
    run = make_run("paused", budget_s=100.0, clock=clock(0.5), pause_s=30.0)
    end, progress = train(run)
    assert end == "paused"
    assert 30 <= progress.elapsed_s < 40

    end, progress = train(make_run("paused", budget_s=100.0, clock=clock(0.5)), last(run), goes_on=True)

    assert end == "done"
    assert 100 <= progress.elapsed_s < 110


def test_the_best_weights_are_those_with_the_least_error_not_the_last(make_run: MakeRun) -> None:
    run = make_run("worse", quick(optimizer={"rate": 1.0, "clip": 0.0, "warmup": 0}))
    news: list[Any] = []
    object.__setattr__(run, "tell", news.append)
    _, progress = train(run)

    errors = [one.scores.error for one in news if one.scores]
    assert progress.best == min(errors)


def test_the_network_that_is_kept_lies_as_far_on_the_way_as_it_is_told(make_run: MakeRun) -> None:
    made = quick(optimizer={"reach": 0.25}, network={"batchnorm": "folded"})
    run = make_run("half", made, stop=(asked := Stop(3)))
    begun = run.engine.state()["mean"]
    assert train(run)[0] == "stopped"
    asked.patience = 99
    resumed = make_run("half", made, network=toy(seed=9))
    train(resumed, last(run), goes_on=True)  # with other weights in hand, it still knows where it began

    kept = {variable.path: np.array(variable) for variable in resumed.network.weights}
    mean = last(resumed).mean
    assert any(not np.array_equal(mean[name], first) for name, first in begun.items())
    for name, first in begun.items():
        np.testing.assert_allclose(kept[name], 0.75 * first + 0.25 * mean[name], atol=1e-5)


def test_a_run_that_does_not_tell_where_it_began_is_kept_whole_and_says_so(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run("older", quick(network={"batchnorm": "folded"}), stop=Stop(3))
    assert train(run)[0] == "stopped"
    resumed = make_run("older", quick(optimizer={"reach": 0.25}, network={"batchnorm": "folded"}))
    train(resumed, last(run), goes_on=True)

    assert "does not tell where it began" in caplog.text
    kept, mean = resumed.network.weights, last(resumed).mean
    for variable in kept:
        np.testing.assert_array_equal(np.array(variable), mean[variable.path])


def test_a_checkpoint_of_another_network_is_refused(make_run: MakeRun) -> None:
    run = make_run("one")
    state = run.engine.state()
    state["weights"]["odd"] = state["weights"].pop(next(iter(state["weights"])))

    with pytest.raises(
        ModelError, match=re.escape("the checkpoint's weights are of another network: 2 names")
    ):
        run.engine.restore(state)
