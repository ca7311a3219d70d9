"""The rate rises, stays, and falls to nothing in the last part, by steps or by the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from u2bg.training.recipe import Optimizer
from u2bg.training.schedule import Schedule

OPTIMIZER = Optimizer(rate=1.0, warmup=10, steps=100, decay=0.2)


def test_by_steps_it_rises_stays_and_falls() -> None:
    schedule = Schedule(OPTIMIZER)
    assert [schedule.rate(step, 0) for step in (0, 4, 9, 50, 80)] == pytest.approx([0.1, 0.5, 1, 1, 1])
    assert schedule.rate(90, 0) == pytest.approx(0.5)
    assert schedule.rate(99, 0) == pytest.approx(0.05)
    assert [schedule.decaying(step, 0) for step in (79, 80)] == [False, True]
    assert [schedule.over(step, 0) for step in (99, 100)] == [False, True]


def test_by_the_clock_steps_do_not_count() -> None:
    schedule = Schedule(OPTIMIZER, budget_s=1000)
    assert schedule.rate(5000, 899) == pytest.approx(0.505)
    assert not schedule.over(5000, 999)
    assert schedule.over(11, 1000)
    assert schedule.left_s(11, 400, 1.0) == 600


@given(st.integers(0, 200), st.floats(0, 2000), st.booleans())
def test_the_rate_is_never_negative_nor_above_its_peak(step: int, elapsed_s: float, timed: bool) -> None:
    schedule = Schedule(OPTIMIZER, 1000 if timed else None)
    assert 0 <= schedule.rate(step, elapsed_s) <= 1


def test_without_warm_up_and_decay_it_is_constant() -> None:
    schedule = Schedule(Optimizer(rate=0.5, warmup=0, decay=0.0, steps=10))
    assert {schedule.rate(step, 0) for step in range(10)} == {0.5}
