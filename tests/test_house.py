"""The house as a whole: light to import, layers held, every public name there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import u2bg

HEAVY = {"keras", "jax", "tensorflow", "onnx", "onnxruntime", "numpy", "PIL", "filelock", "requests", "click"}


def _loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).split())


def test_importing_u2bg_loads_nothing_heavy() -> None:
    assert not HEAVY & _loaded_by("import u2bg")


def test_the_version_is_told_without_numpy() -> None:
    command = "import contextlib\nfrom u2bg.cli import main\nwith contextlib.suppress(SystemExit): main(['--version'])"

    assert not (HEAVY - {"click"}) & _loaded_by(command)


def test_cutting_a_photo_loads_no_workshop() -> None:
    loaded = _loaded_by("import numpy, u2bg\nu2bg.remove(numpy.zeros((8, 8, 3), 'uint8'))")

    assert not {"keras", "jax", "tensorflow", "onnx", "u2bg.network", "filelock", "requests"} & loaded


@pytest.mark.parametrize("name", u2bg.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(u2bg, name).__name__ == name
    assert name in dir(u2bg)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'u2bg' has no attribute 'nothing'"):
        u2bg.nothing  # noqa: B018
