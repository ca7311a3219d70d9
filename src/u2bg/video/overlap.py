"""Steps that overlap: each in a thread of its own, never more than a few frames ahead of the next."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import TypeVar

Item = TypeVar("Item")

_PATIENCE_S = 0.1
_FAREWELL_S = 5.0


@dataclass(frozen=True, slots=True)
class _End:
    """The last thing that comes: the iterator has ended, well or with an error."""

    error: BaseException | None = None


def ahead(items: Generator[Item, None, None], most: int) -> Iterator[Item]:
    """What a generator gives, made in a thread of its own, at most `most` items before they are asked for.

    Its errors are raised here. When the caller leaves, the generator is closed in its thread.
    """
    ready: Queue[Item | _End] = Queue(most)
    left = threading.Event()

    def hand_over(item: Item | _End) -> bool:
        while not left.is_set():
            try:
                ready.put(item, timeout=_PATIENCE_S)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not hand_over(item):
                    return
            hand_over(_End())
        except BaseException as error:  # whatever it is, it belongs to who waits at the other end
            hand_over(_End(error))
        finally:
            items.close()

    thread = threading.Thread(target=work, name="u2bg-video", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()
        _empty(ready)
        thread.join(_FAREWELL_S)


def _empty(queue: Queue[Item]) -> None:
    """Empty a queue, so that its frames are freed and who waits to hand over another can go."""
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
