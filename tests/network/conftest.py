"""Small networks with random weights, and photos as networks see them."""

from __future__ import annotations

import contextlib
import os

os.environ.setdefault(
    "KERAS_BACKEND", "tensorflow"
)  # the quicker one here: it needs no compiling for a single run

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from PIL import Image

from u2bg.network import U2NET, Stage, U2Net
from u2bg.network.calibration import normalise

TINY = tuple(stage._replace(mid=4, out=8) for stage in U2NET)

HERE = Path(__file__).parent
NOT_OURS = (
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning",  # Keras reads TensorFlow's variables
    "ignore:Even though the `tf.config.experimental_run:UserWarning",  # `eagerly` below
)

Photos = Callable[[int], npt.NDArray[np.float32]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass what Keras and TensorFlow warn each other of."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(*NOT_OURS))


def random_network(stages: Sequence[Stage] = TINY, seed: int = 7) -> U2Net:
    """A network whose every weight is random, BatchNorm's too, with maps that are neither flat nor saturated."""
    rng = np.random.default_rng(seed)
    network = U2Net(stages, kernels="zeros")
    for layer in network.layers:
        shapes = [weight.shape for weight in layer.weights]
        if len(shapes) == 2:
            kernel, bias = shapes
            spread = np.sqrt(1.3 / np.prod(kernel[:3]))
            layer.set_weights([rng.normal(0, spread, kernel), rng.normal(0, 0.1, bias)])
        elif len(shapes) == 4:
            channels = shapes[0]
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.2, channels),
                    rng.normal(0, 0.2, channels),
                    rng.normal(0, 0.2, channels),
                    rng.uniform(0.5, 1.5, channels),
                ]
            )
    return network


@pytest.fixture(autouse=True)
def eagerly() -> Iterator[None]:
    """Without compiling, TensorFlow runs a network once in a second in place of ten."""
    with _tensorflow_eager(True):
        yield


@pytest.fixture
def compiling(eagerly: None) -> Iterator[None]:
    """Compile all the same, as in earnest."""
    with _tensorflow_eager(False):
        yield


@contextlib.contextmanager
def _tensorflow_eager(eager: bool) -> Iterator[None]:
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow

    before = tensorflow.config.functions_run_eagerly()
    tensorflow.config.run_functions_eagerly(eager)
    yield
    tensorflow.config.run_functions_eagerly(before)


@pytest.fixture(scope="session")
def tiny() -> U2Net:
    """The whole network with 4 and 8 channels. Shared: tests that change weights make their own."""
    return random_network()


@pytest.fixture(scope="session")
def photos() -> Photos:
    """`photos(320)` is (2, 320, 320, 3) float32, ImageNet-normalised: a cat and an astronaut."""

    def squeezed(size: int) -> npt.NDArray[np.float32]:
        pictures: Any = (skimage.data.chelsea(), skimage.data.astronaut())  # type: ignore[no-untyped-call]
        small = (Image.fromarray(p).resize((size, size), Image.Resampling.BILINEAR) for p in pictures)
        return np.concatenate(
            [normalise(np.asarray(picture, np.float32) / np.float32(255)) for picture in small]
        )

    return squeezed
