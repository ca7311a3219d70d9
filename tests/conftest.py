"""What every test shares: a models' folder of its own, and the published weights for those that ask."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.command import Command, run

REPOSITORY = Path(__file__).parent.parent

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine says nothing about the code
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def models_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees or fills the user's own models' folder, or rembg's."""
    folder = tmp_path / "models-home"
    monkeypatch.setenv("U2BG_HOME", str(folder))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "rembg-home"))
    monkeypatch.setenv("U2BG_OFFLINE", "")  # and taken back, where a test says --offline
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """`command("remove", photo)` runs `u2bg remove PHOTO` and gives its exit code and both streams."""
    return functools.partial(run, monkeypatch)


@pytest.fixture(scope="session")
def published() -> Callable[[str], Path]:
    """`published("u2netp")` is the path of that published file, verified; for tests marked `weights`.

    Looked for in the folder U2BG_TEST_WEIGHTS when that is set, else pulled once into a folder that outlives
    the run: U2BG_TEST_CACHE, or `.cache/models` in the repository. The test is skipped when no origin can
    serve it, and only then: a damaged file is an error.
    """
    return functools.cache(_published)


def _published(name: str) -> Path:
    from u2bg.errors import PullFailed
    from u2bg.saliency import models, store

    spec = models.find(name)
    given = os.environ.get("U2BG_TEST_WEIGHTS")
    if given and (Path(given) / spec.file).exists():
        store.read_verified(spec, Path(given) / spec.file)
        return Path(given) / spec.file
    folder = Path(os.environ.get("U2BG_TEST_CACHE") or REPOSITORY / ".cache" / "models")
    with pytest.MonkeyPatch.context() as patch, _one_at_a_time(folder):
        patch.setenv("U2BG_HOME", str(folder))
        try:
            return store.pull(spec)
        except PullFailed as error:
            pytest.skip(f"the published weights cannot be had here: {error}")


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Workers of pytest-xdist wait for each other, so that one pulls and the others find the file."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
