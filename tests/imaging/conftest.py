"""Pictures that the imaging tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """A real photo, mode RGB."""
    with Image.open(EXAMPLES / "astronaut.jpg") as picture:
        return picture.convert("RGB")
