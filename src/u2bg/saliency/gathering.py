"""Pictures from several threads, together through a network whose device likes many at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from u2bg.saliency.engines import Run


@dataclass(slots=True, eq=False)
class _Asked:
    """What one thread wants to know, and what it is told."""

    batch: NDArray[np.float32]
    answer: NDArray[np.float32] | None = None
    error: Exception | None = None

    @property
    def is_open(self) -> bool:
        return self.answer is None and self.error is None


class Gathering:
    """An engine that may be asked from many threads: what comes while the device is busy goes in together, next.

    Nobody waits for company: a picture that finds the device idle goes in alone, and at once.

    Args:
        engine: runs the network.
        most: pictures in one run.
    """

    def __init__(self, engine: Run, most: int) -> None:
        self._engine = engine
        self._most = most
        self._waiting: list[_Asked] = []
        self._list, self._device = threading.Lock(), threading.Lock()

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        asked = _Asked(batch)
        with self._list:
            self._waiting.append(asked)
        with self._device:
            if asked.is_open:  # nobody has taken it along
                self._run(self._taken(asked))
        if asked.error is not None:
            raise asked.error
        assert asked.answer is not None
        return asked.answer

    def _taken(self, first: _Asked) -> list[_Asked]:
        """One, and others of its shape, off the list."""
        with self._list:
            same = [other for other in self._waiting if other.batch.shape == first.batch.shape]
            same.sort(key=lambda other: other is not first)
            taken = same[: max(1, self._most // len(first.batch))]
            self._waiting = [other for other in self._waiting if other not in taken]
        return taken

    def _run(self, taken: list[_Asked]) -> None:
        try:
            answers = self._engine(np.concatenate([asked.batch for asked in taken]))
        except Exception as error:  # each of the threads raises it
            for asked in taken:
                asked.error = error
            return
        for asked, answer in zip(taken, np.split(answers, len(taken)), strict=True):
            asked.answer = answer
