"""Steps in threads of their own."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from u2bg.video.overlap import ahead


def test_everything_comes_in_order() -> None:
    assert list(ahead((index for index in range(50)), 3)) == list(range(50))


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    found = ahead(items(), 2)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_no_more_is_made_than_may_wait() -> None:
    made = []
    enough = threading.Semaphore(0)

    def items() -> Generator[int, None, None]:
        for index in range(100):
            made.append(index)
            enough.release()
            yield index

    found = ahead(items(), 2)
    assert next(found) == 0
    for _ in range(4):  # the one taken, two that wait, one in hand
        enough.acquire(timeout=5)
    assert len(made) == 4
    found.close()  # type: ignore[attr-defined]


def test_a_reader_who_leaves_closes_the_generator() -> None:
    closed = threading.Event()

    def items() -> Generator[int, None, None]:
        try:
            yield from range(100)
        finally:
            closed.set()

    found = ahead(items(), 1)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert closed.wait(5)
