"""Many clients for a long time: none lost, none mixed up, no memory kept. With a server in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.server.conftest import CAT, opened
from u2bg.saliency import store
from u2bg.saliency.models import MODELS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]

START = """
from u2bg.saliency.models import *
from u2bg.saliency import models
models.MODELS["quick"] = {row!r}
from u2bg.cli import main
main()
"""


@dataclass
class Served:
    """`u2bg serve` in a process of its own."""

    url: str
    pid: int

    def megabytes(self) -> float:
        """What it holds in memory."""
        said = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", said)
        assert found
        return int(found[1]) / 1000


@contextlib.contextmanager
def serve(*flags: str) -> Iterator[Served]:
    """Start it with the quick network, wait until it is ready, and end it as an operator does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", START.format(row=MODELS["quick"]), "serve", "--models", "quick"]
    command += ["--port", str(port), *flags]
    file = store.locate(MODELS["quick"])
    assert file
    environment = {**os.environ, "U2BG_HOME": str(file.parent)}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None, "the server did not start"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                    break
            time.sleep(0.1)
        yield Served(url, process.pid)
        process.terminate()
        assert process.wait(90) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


def _photo(number: int) -> tuple[bytes, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """A photo like no other: by its size, and by a tint."""
    width, height = 60 + number % 100, 60 + number // 100 % 20
    with Image.open(io.BytesIO(CAT)) as cat:
        pixels = np.array(cat.convert("RGB").resize((width, height)))
    pixels[..., number % 3] //= 2 + number % 5
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue(), pixels


def _ask(client: httpx.Client, number: int) -> str:
    content, pixels = _photo(number)
    answer = client.post("/v1/remove", files={"image": content})
    if answer.status_code != 200:
        return str(answer.status_code)
    cut = np.asarray(opened(answer.content))
    if cut.shape[:2] != pixels.shape[:2]:
        return "another size"
    opaque = cut[..., 3] == 255
    return "right" if np.array_equal(cut[opaque][:, :3], pixels[opaque]) else "other colours"


def test_2000_pictures_by_16_clients_are_all_answered_rightly_and_leave_no_memory() -> None:
    with (
        serve("--timeout", "600") as served,
        httpx.Client(base_url=served.url, timeout=600, trust_env=False) as client,
        ThreadPoolExecutor(16) as clients,
    ):
        answers = Counter(clients.map(lambda number: _ask(client, number), range(200)))
        early = served.megabytes()
        answers += Counter(clients.map(lambda number: _ask(client, number), range(200, 2000)))
        late = served.megabytes()

    assert answers == {"right": 2000}
    assert late < 1.05 * early, f"{early:.0f} MB after 200, {late:.0f} MB after 2,000"


def test_at_four_times_what_fits_the_accepted_are_done_in_time_and_the_rest_get_503() -> None:
    timeout_s = 20
    begun = threading.Barrier(40)

    def ask(number: int) -> tuple[int, bool, float]:
        content, _ = _photo(number)
        begun.wait()
        start = time.monotonic()
        answer = httpx.post(f"{served.url}/v1/remove", files={"image": content}, timeout=120, trust_env=False)
        return answer.status_code, "retry-after" in answer.headers, time.monotonic() - start

    with (
        serve("--workers", "2", "--queue", "8", "--timeout", str(timeout_s)) as served,
        ThreadPoolExecutor(40) as clients,
    ):
        answers = list(clients.map(ask, range(40)))

    counted = Counter(status for status, _, _ in answers)
    assert counted.keys() == {200, 503}
    assert counted[200] >= 10
    assert all(later for status, later, _ in answers if status == 503)
    assert all(took < timeout_s for status, _, took in answers if status == 200)


def test_a_server_that_is_stopped_in_the_middle_finishes_what_it_took() -> None:
    with serve() as served, ThreadPoolExecutor(6) as clients:
        content, _ = _photo(7)

        def ask() -> int:
            answer = httpx.post(
                f"{served.url}/v1/remove", files={"image": content}, timeout=60, trust_env=False
            )
            return answer.status_code

        asked = [clients.submit(ask) for _ in range(6)]
        while not any(one.done() for one in asked):
            time.sleep(0.001)
        os.kill(served.pid, signal.SIGTERM)

        # Who had not connected yet may find the door closed; whoever was let in is answered.
        answers = [one.exception() or one.result() for one in asked]
    assert all(answer == 200 or isinstance(answer, httpx.ConnectError) for answer in answers), answers
    assert 200 in answers
