"""Progress that people see, on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import click


@contextlib.contextmanager
def pulling(name: str) -> Iterator[Callable[[int, int], None]]:
    """A callback for a pull: a bar appears with the first news of bytes, and ends with the block."""
    with contextlib.ExitStack() as stack:
        bar = None
        done_before = 0

        def progress(done: int, total: int) -> None:
            nonlocal bar, done_before
            if bar is None:
                bar = stack.enter_context(
                    click.progressbar(
                        length=total, label=f"pulling {name}", file=sys.stderr, show_percent=True
                    )
                )
            bar.update(done - done_before)
            done_before = done

        yield progress
