"""`u2bg serve` against `rembg s`: the same weights, 1 MP photos, 8 clients at once; pictures a second, and health.

    python benchmarks/server.py --u2bg .venv/test/bin/u2bg --rembg .venv/rembg/bin/rembg [--json FILE]

Both servers run at once and are asked in turn (A B A B), so that a busy minute of the machine falls on both; the one
that is not asked does nothing. rembg gets our `lite-float` graph as its `u2netp`, and is asked for it by name: the
same weights, in floats as it has them. While ours is under load, `/healthz` is asked 20 times a second: how long the
answer takes is told beside.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure
import speed_photos
from speed import rembg_home

CLIENTS = 8
DEVICES = {"base": "cpu", "OpenVINO": "openvino", "OpenVINO in bfloat16": "openvino-bf16"}


def main() -> int:
    options = _options()
    sources = speed_photos.sources()
    photos = [speed_photos.jpeg(source, 1) for source in sources[:CLIENTS]]
    rows: dict[str, Any] = {}
    print(f"{measure.describe(measure.machine())}\n")
    with tempfile.TemporaryDirectory() as place:
        home = rembg_home(options.u2bg, Path(place))
        with serving([options.rembg, "s", "--no-ui"], "/openapi.json", home) as theirs:
            for name in options.engines:
                command = [options.u2bg, "serve", "--device", DEVICES[name]]
                with serving(command, "/readyz") as ours:
                    rows[name] = _compare(ours, theirs, photos, options.rounds, options.pictures)
                _show(name, rows[name])
    measure.write_result(options.json, rows, clients=CLIENTS)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="u2bg serve against rembg s, pictures a second.")
    parser.add_argument("--u2bg", type=Path, required=True, help="the u2bg command, with the extra server")
    parser.add_argument("--rembg", type=Path, required=True, help="the rembg command")
    parser.add_argument(
        "--engines", nargs="+", choices=DEVICES, default=["base"], help="what runs our network"
    )
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds of each (default 3)")
    parser.add_argument("--pictures", type=int, default=24, help="pictures a round (default 24)")
    parser.add_argument("--json", type=Path, help="write a result file")
    return parser.parse_args()


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path], ready: str, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start a server on a free port; its address, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host = ["--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [*map(str, command), *host],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with {process.returncode} before it answered")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url + ready, timeout=5).close()
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _compare(ours: str, theirs: str, photos: Sequence[bytes], rounds: int, pictures: int) -> dict[str, Any]:
    """Rounds of both in turn; pictures a second, and how long health took meanwhile."""
    health: list[float] = []

    def run_ours() -> None:
        with _asking_health(ours, health):
            _load(ours, "/v1/remove", "image", {}, photos, pictures)

    def run_theirs() -> None:
        _load(theirs, "/api/remove", "file", {"model": "u2netp"}, photos, pictures)

    timed = measure.alternate(run_ours, run_theirs, rounds)
    health.sort()
    return {
        **timed.summary(),
        "a": "u2bg",
        "b": "rembg",
        "pictures": pictures,
        "a_per_s": pictures / statistics.median(timed.a),
        "b_per_s": pictures / statistics.median(timed.b),
        "health_asked": len(health),
        "health_p50_ms": 1000 * health[len(health) // 2],
        "health_p99_ms": 1000 * health[int(len(health) * 0.99)],
        "health_max_ms": 1000 * health[-1],
    }


def _load(
    url: str, path: str, field: str, fields: Mapping[str, str], photos: Sequence[bytes], pictures: int
) -> None:
    """So many photos by `CLIENTS` clients at once."""
    boundary = "benchmark"
    texts = {f'name="{name}"\r\n': value.encode() for name, value in fields.items()}
    bodies = []
    for photo in photos:
        parts = {**texts, f'name="{field}"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n': photo}
        body = [
            f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n".encode() + content + b"\r\n"
            for head, content in parts.items()
        ]
        bodies.append(b"".join(body) + f"--{boundary}--\r\n".encode())

    def ask(number: int) -> None:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(url + path, bodies[number % len(bodies)], headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            if not answer.read().startswith(b"\x89PNG"):
                raise ValueError(f"{url} answered no PNG")

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask, range(pictures)))


@contextlib.contextmanager
def _asking_health(url: str, seconds: list[float]) -> Iterator[None]:
    """While the block lasts, ask for health 20 times a second, on a thread of its own."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            start = time.perf_counter()
            urllib.request.urlopen(url + "/healthz", timeout=30).read()
            seconds.append(time.perf_counter() - start)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def _show(name: str, row: Mapping[str, Any]) -> None:
    print(
        f"{name:10} u2bg {row['a_per_s']:.2f}/s, rembg {row['b_per_s']:.2f}/s; u2bg is faster by "
        f"{row['ratio_median']:.2f} ({row['ratio_min']:.2f} to {row['ratio_max']:.2f}); health p50 "
        f"{row['health_p50_ms']:.1f} ms, p99 {row['health_p99_ms']:.1f} ms, longest {row['health_max_ms']:.1f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
