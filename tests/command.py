"""The command line from outside: what it exits with, says and writes."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import Protocol

import pytest

from u2bg.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    exit_code: int
    output: bytes
    stderr: str

    @property
    def stdout(self) -> str:
        """Standard output as text."""
        return self.output.decode()


class Command(Protocol):
    """`command("remove", photo)` runs `u2bg remove PHOTO` in this process."""

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran: ...


class _Stream(io.TextIOWrapper):
    """A standard stream in memory, with the bytes beneath it."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8", write_through=True)

    def content(self) -> bytes:
        """Everything that was written."""
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue()


def run(patch: pytest.MonkeyPatch, *arguments: object, stdin: bytes = b"") -> Ran:
    """Run `main` with its streams in memory. Quick: engines and models stay imported between runs."""
    with patch.context() as streams:
        out, err = _Stream(), _Stream()
        streams.setattr(sys, "stdin", _Stream(stdin))
        streams.setattr(sys, "stdout", out)
        streams.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
    code = left.value.code
    assert isinstance(code, int)
    return Ran(code, out.content(), err.content().decode())
