"""The models that a server answers with, each loaded once, whatever the options of a request."""

from __future__ import annotations

from collections.abc import Sequence

from u2bg.errors import UnknownName
from u2bg.pipeline import Options, Remover


class Removers:
    """A fixed set of models: nothing that a request says makes another one be loaded.

    Args:
        names: of the table; the first is the default.
        device: as `Remover` takes it.
    """

    def __init__(self, names: Sequence[str], device: str = "auto") -> None:
        self.names = tuple(names)
        self._loaded = {name: Remover(name, device) for name in names}

    def __call__(self, name: str | None, options: Options) -> Remover:
        """The remover of that model, or of the default one, with these options.

        Raises:
            UnknownName: a model that this server was not started with.
        """
        name = name or self.names[0]
        if name not in self._loaded:
            raise UnknownName("model", name[:40], self.names)
        return self._loaded[name].with_options(options)
