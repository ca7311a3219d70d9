"""Training: a recipe, a deck of pictures and a network become better weights, and a folder that tells how.

`recipe` is the schema, `trainer` the loop, `engine` the step on TensorFlow or JAX, `losses` and `schedule` what it
follows, `validation` what it is judged by, `checkpoints` and `report` what it leaves behind, `start` where it begins.
"""

import importlib.util
import os
import sys

GPU_PLUGINS = ("jax_cuda13_plugin", "jax_cuda12_plugin", "jax_rocm7_plugin")


def prefer_the_fastest() -> None:
    """TensorFlow where JAX has no GPU: on a CPU it takes a third of JAX' time. KERAS_BACKEND overrules."""
    gpu = any(importlib.util.find_spec(plugin) for plugin in GPU_PLUGINS)
    if "keras" not in sys.modules and not gpu and importlib.util.find_spec("tensorflow"):
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")


prefer_the_fastest()  # before u2bg.network, which settles on JAX where nothing is named

from u2bg.network.backend import choose_backend  # noqa: E402

choose_backend()  # Keras reads it when it is imported, and the rooms of datasets import it too
