"""What every test of videos shares: a quick network, and the command with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.command import Command, Ran
from tests.video import clips

from u2bg import Remover


class Video(Protocol):
    """`video(source, output, "--mask")` runs `u2bg video` with the quick network."""

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran: ...


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file that sees red things."""
    return clips.redness(tmp_path_factory.mktemp("network") / "redness.onnx")


@pytest.fixture(scope="session")
def remover(network: Path) -> Remover:
    """A remover with the quick network."""
    return Remover(str(network))


@pytest.fixture
def video(command: Command, network: Path) -> Video:
    """The command, with the quick network."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        return command("video", *arguments, "--model", network, stdin=stdin)

    return run


@pytest.fixture
def clip_file(tmp_path: Path) -> Any:
    """`clip_file("in.mp4", frames=8)` is the path of a new video."""
    return lambda name, **how: clips.make(tmp_path / name, **how)
