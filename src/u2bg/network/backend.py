"""Which engine runs under Keras: the one place that decides."""

from __future__ import annotations

import importlib.util
import os
import sys

from u2bg.errors import MissingExtra

PREFERRED = ("jax", "tensorflow")


def choose_backend() -> None:
    """Name Keras' backend, unless `KERAS_BACKEND` does or Keras is running already.

    Raises:
        MissingExtra: without Keras, or without any engine under it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on stderr otherwise
    if "keras" in sys.modules:
        return
    if importlib.util.find_spec("keras") is None:
        raise MissingExtra("the Keras network", "train")
    if os.environ.get("KERAS_BACKEND"):
        return
    for backend in PREFERRED:
        if importlib.util.find_spec(backend):
            os.environ["KERAS_BACKEND"] = backend
            return
    raise MissingExtra("the Keras network", "train")
