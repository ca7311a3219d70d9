"""What glibc does with memory: how many heaps there are, and what finished work has left free kept or given back."""

from __future__ import annotations

import ctypes
from functools import cache

KEPT_BYTES = 1 << 30
"""So much free memory at the end of a heap stays there until `give_back`."""

OWN_BYTES = 1 << 25
"""Blocks of so many bytes, and larger ones, are had from the system each by itself, as glibc's own limit is."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of malloc.h


def keep() -> None:
    """Let freed memory stay with the process until `give_back`; only glibc has to be told.

    By itself it gives pages back after every picture, and the system clears them anew for the next one.
    """
    glibc = _glibc()
    if glibc is not None:
        glibc.mallopt(_MMAP_THRESHOLD, OWN_BYTES)
        glibc.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)


def share_heaps(count: int) -> None:
    """Let threads share so many heaps, instead of eight for each core; only glibc has to be told.

    Each heap grows to the most that it ever held, so that with many of them a long run slowly grows.
    """
    glibc = _glibc()
    if glibc is not None:
        glibc.mallopt(_ARENA_MAX, count)


def give_back() -> None:
    """Give the free pages of the heap back, also those between what is in use; only glibc has to be told.

    Without it a server slowly grows: pictures of all sizes leave holes in the heap that no later picture fills.
    """
    glibc = _glibc()
    if glibc is not None:
        glibc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (OSError, AttributeError, TypeError):  # another system, or another C library
        return None
