"""Pictures of many threads through a device that likes many at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from u2bg.saliency import engines, predictor
from u2bg.saliency.gathering import Gathering

Field = NDArray[np.float32]


class Device:
    """A device that is busy until it is let go, and says how many pictures each run had."""

    fixed_size = None
    batch = 4

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.began, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, batch: Field, /) -> Field:
        self.runs.append(len(batch))
        self.began.release()
        assert self.go.acquire(timeout=30)
        return batch.mean(axis=1)


def _picture(value: float, side: int = 2) -> Field:
    return np.full((1, 3, side, side), value, np.float32)


def _all_wait(gathering: Gathering, count: int) -> None:
    while len(gathering._waiting) < count:
        threading.Event().wait(0.001)


def test_one_picture_goes_in_alone_and_at_once() -> None:
    device = Device()
    device.go.release()
    assert Gathering(device, 4)(_picture(0.5)).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]
    assert device.runs == [1]


def test_what_comes_while_the_device_is_busy_goes_in_together_and_each_has_its_own_answer() -> None:
    device = Device()
    gathering = Gathering(device, 4)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(gathering, _picture(0))
        assert device.began.acquire(timeout=30)
        others = [pool.submit(gathering, _picture(number)) for number in range(1, 7)]
        _all_wait(gathering, 6)
        device.go.release(8)
        found = [future.result(30) for future in [first, *others]]
    assert device.runs == [1, 4, 2]
    assert [one.shape for one in found] == [(1, 2, 2)] * 7
    assert [float(one.mean()) for one in found] == [0, 1, 2, 3, 4, 5, 6]


def test_pictures_of_another_shape_go_in_by_themselves() -> None:
    device = Device()
    gathering = Gathering(device, 4)
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(gathering, _picture(0))]
        assert device.began.acquire(timeout=30)
        futures += [pool.submit(gathering, _picture(1, side)) for side in (2, 5, 2, 5)]
        _all_wait(gathering, 4)
        device.go.release(8)
        assert [future.result(30).shape[1] for future in futures] == [2, 2, 5, 2, 5]
    assert sorted(device.runs) == [1, 2, 2]


def test_an_error_reaches_all_whose_pictures_were_in_the_run_and_no_later_one() -> None:
    device = Device()
    gathering = Gathering(device, 4)

    def breaks(batch: Field) -> Field:
        if len(batch) > 1:
            raise MemoryError("too many")
        return device(batch)

    gathering._engine = breaks
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering, _picture(0))
        assert device.began.acquire(timeout=30)
        others: list[Future[Any]] = [pool.submit(gathering, _picture(1)) for _ in range(2)]
        _all_wait(gathering, 2)
        device.go.release(2)
        first.result(30)
        for future in others:
            with pytest.raises(MemoryError):
                future.result(30)
    assert float(gathering(_picture(2)).mean()) == 2


def test_a_network_is_gathered_for_where_its_device_likes_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "start", lambda *_: Device())
    assert isinstance(predictor.load("lite")._engine, Gathering)


def test_on_the_cpu_each_picture_goes_in_by_itself() -> None:
    assert not isinstance(predictor.load("lite", "cpu")._engine, Gathering)
