"""Progress that people see, on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from u2bg.saliency.origins import Progress


@contextlib.contextmanager
def pulling(name: str) -> Iterator[Progress]:
    """A callback for a pull: a bar appears with the first news of bytes, and ends with the block."""
    bar: ProgressBar[int] | None = None
    with contextlib.ExitStack() as stack:

        def show(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = stack.enter_context(
                    click.progressbar(length=total, label=f"pulling {name}", file=sys.stderr)
                )
            # The next origin starts anew, and has a size of its own.
            bar.length = total
            bar.update(done - bar.pos)

        yield show
