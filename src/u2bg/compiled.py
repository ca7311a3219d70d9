"""The compiled loops, `_loops.c`, or None where u2bg was built without a compiler: numpy's stand beside every use."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

loops: ModuleType | None
try:
    loops = import_module("u2bg._loops")
except ImportError:
    loops = None
