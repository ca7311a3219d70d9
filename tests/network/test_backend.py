"""Which engine runs under Keras."""

from __future__ import annotations

import importlib.util
import os
import sys

import pytest

from u2bg.errors import MissingExtra
from u2bg.network.backend import choose_backend


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The packages that seem to be there, in a process that has not imported Keras and names no backend."""
    packages = {"keras", "jax", "tensorflow"}
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in packages else None)
    return packages


def test_jax_is_taken_where_it_is_installed(installed: set[str]) -> None:
    choose_backend()

    assert os.environ["KERAS_BACKEND"] == "jax"


def test_tensorflow_is_taken_where_jax_is_not(installed: set[str]) -> None:
    installed.remove("jax")
    choose_backend()

    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_backend_that_is_named_is_kept(installed: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    choose_backend()

    assert os.environ["KERAS_BACKEND"] == "torch"


@pytest.mark.parametrize("missing", [{"keras"}, {"jax", "tensorflow"}], ids=["keras", "engines"])
def test_what_is_missing_is_named_with_its_extra(installed: set[str], missing: set[str]) -> None:
    installed -= missing

    with pytest.raises(MissingExtra, match=r"^the Keras network needs .*; fix: pip install 'u2bg\[train\]'$"):
        choose_backend()
