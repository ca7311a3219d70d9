"""A small folder of pictures of every form, drawn anew for each test."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # as in tests/network: no compiling for a single run

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

Save = Callable[[str, npt.NDArray[np.uint8]], Path]

NOT_OURS = (
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"  # Keras reading TensorFlow's
)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pass the one warning that Keras and NumPy 2 have between them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings(NOT_OURS))


def disc(height: int, width: int, radius: float = 0.3) -> npt.NDArray[np.uint8]:
    """A white disc on black, (height, width) uint8."""
    y, x = np.mgrid[:height, :width]
    away = np.hypot((y + 0.5) / height - 0.5, (x + 0.5) / width - 0.5)
    return np.where(away < radius, 255, 0).astype(np.uint8)


def photo(height: int, width: int, seed: int) -> npt.NDArray[np.uint8]:
    """Smooth colours, (height, width, 3) uint8."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def saver(folder: Path) -> Save:
    """What writes pictures by their name into a folder, and gives their path."""

    def write(name: str, pixels: npt.NDArray[np.uint8]) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """`save("a/images/1.png", pixels)` writes a picture under DATA and gives its path."""
    return saver(tmp_path / "data")


@pytest.fixture
def data(save: Save, tmp_path: Path) -> Path:
    """Three pairs, a cut-out and two photos."""
    for number in range(3):
        save(f"pairs/images/{number}.png", photo(40, 60, number))
        save(f"pairs/masks/{number}.png", disc(40, 60))
    cut = np.dstack([photo(50, 30, 8), disc(50, 30)])
    save("cutouts/vase.png", cut)
    save("rooms/hall.jpg", photo(48, 48, 9))
    save("photos/street.webp", photo(32, 64, 10))
    return tmp_path / "data"
