"""Servers that are started by their command, as people start them."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    """One that nobody has, so that the servers of two tests do not meet."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def serving(line: str, port: int, folder: Path) -> Iterator[None]:
    """A server that answers, until the block ends; then it goes in peace."""
    server = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder)
    try:
        for _ in range(600):
            assert server.poll() is None, f"{line}: it ended"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) in {0, -signal.SIGTERM}, line
