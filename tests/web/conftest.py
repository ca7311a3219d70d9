"""The built page on a plain host of this machine, in a real browser."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.chromium import CHROMIUM, chromium
from u2bg import Remover

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DIST = ROOT / "web" / "dist"
ISOLATION = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
READY_MS = 60_000


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, built anew where its sources changed."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    if shutil.which("npm") is None or shutil.which("make") is None:
        pytest.skip("no npm on this machine: the page cannot be built")
    with filelock.FileLock(tmp_path_factory.getbasetemp().parent / "web.lock"):
        installed = _make("web/node_modules/.installed")
        if installed.returncode:
            pytest.skip(f"npm cannot install what the build needs: {installed.stderr.strip()[-200:]}")
        built = _make("web")
        assert built.returncode == 0, built.stdout + built.stderr
    return DIST


def _make(target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", target], cwd=ROOT, capture_output=True, text=True, check=False)


class Host:
    """Serves a folder as it is, and counts what it sends.

    Attributes:
        sent: bytes of content on the wire.
        headers: what every answer carries besides.
        up: whether there is a connection at all.
    """

    def __init__(self, folder: Path) -> None:
        self.sent = 0
        self.headers: dict[str, str] = {}
        self.up = True
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Handler, self, directory=str(folder))
        )
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, host: Host, *arguments: Any, **more: Any) -> None:
        self.host = host
        super().__init__(*arguments, **more)

    def do_GET(self) -> None:
        if not self.host.up:
            self.close_connection = True
            return
        super().do_GET()

    def end_headers(self) -> None:
        for name, value in self.host.headers.items():
            self.send_header(name, value)
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        self.host.sent += len(content)
        outputfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def host(dist: Path) -> Iterator[Host]:
    host = Host(dist)
    yield host
    host.close()


@pytest.fixture(scope="module")
def browser(dist: Path) -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@contextlib.contextmanager
def visit(browser: Any, host: Host, **context: Any) -> Iterator[Any]:
    """The page in a fresh profile; it may ask nobody but its own host, and no error may reach the console."""
    profile = browser.new_context(viewport={"width": 1200, "height": 800}, **context)
    tab = profile.new_page()
    tab.troubles = []
    tab.on("pageerror", lambda error: tab.troubles.append(str(error)))
    tab.on("console", lambda said: tab.troubles.append(said.text) if said.type == "error" else None)
    profile.on(
        "request", lambda asked: tab.troubles.append(asked.url) if _elsewhere(asked.url, host) else None
    )
    tab.goto(host.url)
    yield tab
    profile.close()
    assert tab.troubles == []


def _elsewhere(url: str, host: Host) -> bool:
    return not url.startswith((host.url, "blob:", "data:"))


@pytest.fixture
def tab(browser: Any, host: Host) -> Iterator[Any]:
    """The page from a host that sends the headers for threads, its network started."""
    host.headers = ISOLATION
    with visit(browser, host) as tab:
        started(tab)
        yield tab


def started(tab: Any) -> str:
    """Wait for the network; how it runs."""
    tab.wait_for_selector("html[data-network]", timeout=READY_MS)
    return str(tab.get_attribute("html", "data-network"))


def cut(tab: Any, name: str, content: bytes) -> NDArray[np.uint8]:
    """Choose a photo, wait for its cut-out, save it: (H, W, 4)."""
    count = tab.locator("#pictures li[data-state=done]").count()
    tab.set_input_files("#files", {"name": name, "mimeType": "image/jpeg", "buffer": content})
    tab.locator("#pictures li[data-state=done]").nth(count).wait_for(timeout=READY_MS)
    return saved(tab)


def saved(tab: Any) -> NDArray[np.uint8]:
    with tab.expect_download() as expected:
        tab.click("#download")
    return np.asarray(Image.open(expected.value.path()))


def refused(tab: Any, name: str, content: bytes) -> str:
    """Choose a file that cannot be cut: what the page says of it."""
    tab.set_input_files("#files", {"name": name, "mimeType": "image/png", "buffer": content})
    tab.wait_for_selector("#veil[data-state=failed]", timeout=READY_MS)
    return str(tab.text_content("#veil-text"))


def png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


@functools.cache
def remover() -> Remover:
    return Remover()
