"""u2bg: a photo goes in, a clean cut-out comes out, cut by U²-Net (Qin et al., 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from u2bg.cutout import Cutout
    from u2bg.errors import InputError, NoSubject, U2bgError
    from u2bg.pipeline import Options, Remover, remove

__all__ = ["Cutout", "InputError", "NoSubject", "Options", "Remover", "U2bgError", "remove"]

_HOME = {
    "Cutout": "cutout",
    "InputError": "errors",
    "NoSubject": "errors",
    "Options": "pipeline",
    "Remover": "pipeline",
    "U2bgError": "errors",
    "remove": "pipeline",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that `import u2bg` stays instant (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'u2bg' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"u2bg.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
