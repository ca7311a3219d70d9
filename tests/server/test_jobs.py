"""Bounded work: places, deadlines, those who leave, and the end."""

from __future__ import annotations

import contextlib
import gc
import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.responses import Response

from tests.server.conftest import Running, running
from u2bg import Remover, memory
from u2bg.cores import usable_cores
from u2bg.saliency import engines
from u2bg.server import jobs
from u2bg.server.jobs import Place
from u2bg.server.service import Visit


class Held:
    """Holds every cut until it is let go; counts those that began."""

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Semaphore(0)

    def __call__(self, remover: Any, photo: Any, hints: Any = None) -> Any:
        self.begun.release()
        assert self.go.wait(30)
        return np.ones((4, 4), np.float32)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """While it lasts, the network of every server waits for `held.go`."""
    hold = Held()
    monkeypatch.setattr(Remover, "look", lambda *arguments: hold(*arguments))  # noqa: PLW0108 - it must bind
    yield hold
    hold.go.set()


def _post(server: Running, shot: bytes) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/remove", files={"image": shot}, timeout=60, trust_env=False)


def _begin(server: Running, shot: bytes) -> socket.socket:
    """Send a request and read nothing."""
    sent = socket.create_connection((server.host, server.port))
    head = f"POST /v1/remove HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(shot)}\r\n\r\n"
    sent.sendall(head.encode() + shot)
    return sent


def _until(true: Any) -> None:
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_beyond_workers_and_queue_is_503_and_when_to_come_again(quick: str, shot: bytes, held: Held) -> None:
    with running(models=quick, workers=1, queue=2) as server, ThreadPoolExecutor(3) as clients:
        accepted = [clients.submit(_post, server, shot) for _ in range(3)]
        held.begun.acquire()
        _until(lambda: server.service.pool._taken == 3)

        refused = _post(server, shot)
        assert server.client.get("/healthz").status_code == 200
        held.go.set()

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == "server_busy"
        assert [one.result().status_code for one in accepted] == [200, 200, 200]
        _until(lambda: server.service.pool._taken == 0)


def test_a_worker_has_its_share_of_the_cores_for_the_network_and_for_the_rest(
    quick: str, shot: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = []
    look, start = Remover.look, engines.start

    def looked(*arguments: Any) -> Any:
        shares.append(usable_cores())
        return look(*arguments)

    def started(*arguments: Any) -> Any:
        shares.append(usable_cores())
        return start(*arguments)

    monkeypatch.setattr(Remover, "look", looked)
    monkeypatch.setattr(engines, "start", started)
    with running(models=quick, workers=max(2, usable_cores())) as server:
        _post(server, shot)

    assert shares == [1, 1]


def test_free_memory_is_given_back_while_work_goes_on_but_not_after_every_picture(
    quick: str, shot: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = threading.Semaphore(0)
    monkeypatch.setattr(memory, "give_back", given.release)
    monkeypatch.setattr(jobs, "TIDY_S", 1000.0)
    with running(models=quick) as server:
        for _ in range(5):
            _post(server, shot)
        assert given.acquire(timeout=30)
        assert not given.acquire(blocking=False)
        monkeypatch.setattr(jobs, "TIDY_S", 0.0)
        _post(server, shot)
        assert given.acquire(timeout=30)


def test_an_answer_is_gone_from_memory_when_it_is_sent(quick: str, shot: bytes) -> None:
    with running(models=quick) as server:
        _post(server, shot)
        gc.collect()
        gc.disable()  # what a circle of references holds would wait for it, and pictures are large
        try:
            _post(server, shot)
            _until(lambda: server.service.pool._taken == 0)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            kept = {type(one) for one in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()

    assert not kept & {Response, Visit, Place}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("count", [10, 1])
def test_free_memory_is_kept_until_it_is_given_back(count: int) -> None:
    """Between blocks that are in use, and at the end of the heap."""
    code = (
        "import re; from pathlib import Path; from u2bg import memory; memory.keep()\n"
        "held = lambda: int(re.search(r'VmRSS:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "blocks = [bytes(1_000_000) + bytes([1]) for _ in range(100)]; full = held()\n"
        f"blocks = blocks[:{count * 10}:10]; kept = held(); memory.give_back(); left = held()\n"
        "print(memory._glibc() is None or (kept > full - 5_000 and left < full - 50_000))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


def test_past_the_deadline_is_503_and_the_place_is_free_again_only_when_the_thread_is(
    quick: str, shot: bytes, held: Held
) -> None:
    with running(models=quick, workers=1, queue=0, timeout="0.3s") as server:
        late = _post(server, shot)

        assert late.status_code == 503
        assert "not done within 0.3 s" in late.json()["error"]["message"]
        assert _post(server, shot).status_code == 503, "its thread still works"
        held.go.set()
        _until(lambda: server.service.pool._taken == 0)


def test_work_stops_before_its_next_stage_when_the_client_leaves(quick: str, shot: bytes, held: Held) -> None:
    with running(models=quick, workers=1, queue=4) as server:
        first, waiting = _begin(server, shot), _begin(server, shot)
        held.begun.acquire()
        _until(lambda: server.service.pool._taken == 2)
        waiting.close()
        first.close()
        _until(lambda: 'u2bg_errors_total{code="client_left"} 2.0' in server.client.get("/metrics").text)
        _until(lambda: server.service.pool._taken == 1)  # who waited gave up its place at once
        held.go.set()
        _until(lambda: server.service.pool._taken == 0)
        text = server.client.get("/metrics").text

    assert 'u2bg_stage_seconds_count{stage="look"} 1.0' in text
    assert 'stage="cut"' not in text


def test_who_would_wait_longer_than_the_deadline_is_refused_at_once(
    quick: str, shot: bytes, held: Held
) -> None:
    with running(models=quick, workers=1, queue=32, timeout="5s") as server:
        held.go.set()
        _post(server, shot)
        server.service.pool._usual_s = 4.0
        held.go.clear()
        with contextlib.closing(_begin(server, shot)):
            _until(lambda: server.service.pool._taken == 1)
            assert _post(server, shot).status_code == 503
            held.go.set()


def test_a_server_that_is_told_to_stop_finishes_what_it_took(quick: str, shot: bytes, held: Held) -> None:
    with ThreadPoolExecutor(2) as clients, running(models=quick, workers=1, queue=4) as server:
        taken = [clients.submit(_post, server, shot) for _ in range(2)]
        held.begun.acquire()
        _until(lambda: server.service.pool._taken == 2)
        server.server.should_exit = True
        _until(lambda: not server.server.servers[0].is_serving())
        with pytest.raises(httpx.ConnectError):
            _post(server, shot)
        held.go.set()

        assert [one.result().status_code for one in taken] == [200, 200]


def test_a_request_in_pieces_is_answered_and_the_connection_kept(server: Running, shot: bytes) -> None:
    connection = http.client.HTTPConnection(server.host, server.port)
    for _ in range(2):
        pieces = (shot[start : start + 50] for start in range(0, len(shot), 50))
        connection.request("POST", "/v1/remove", pieces, {"Content-Type": "image/png"}, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:4]) == (200, b"\x89PNG")
    connection.close()
