"""What training runs on when nobody says so."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from u2bg.training import GPU_PLUGINS


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None or any(map(importlib.util.find_spec, GPU_PLUGINS)),
    reason="only without a GPU's JAX, and with TensorFlow, is there a choice",
)
def test_a_cpu_trains_on_tensorflow_though_the_network_by_itself_takes_jax() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    ran = subprocess.run(
        [sys.executable, "-c", "import u2bg.training, keras; print(keras.backend.backend())"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.split() == ["tensorflow"]
