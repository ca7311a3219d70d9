"""Memory that finished work has left free, given back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Give the free pages of the heap back, also those between what is in use; only glibc has to be told.

    Without it a server slowly grows: pictures of all sizes leave holes in the heap that no later picture fills.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another system, or another C library
        return None
