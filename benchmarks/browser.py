"""The page without a server in Chromium beside the native path: seconds a photo, bytes of a first load, longest wait.

    make web && python benchmarks/browser.py [--json FILE]

The page lies on a plain host of this machine that sends no header of its own; it is loaded twice, because its service
worker gives it threads from the second time on. The same JPEGs then go through its module and through a `Remover` that
is warm, in turn, from bytes to the bytes of a PNG. The longest wait is that of the page's own thread while a photo of
12 megapixels is dropped, cut and shown, by the browser's account of its tasks over 50 ms.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import measure
import speed_photos
from u2bg import Remover

DIST = measure.ROOT / "web" / "dist"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
LIMIT_MS, LIMIT_MB = 50, 15

WATCH = """
window.waits = [];
new PerformanceObserver((list) => waits.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""
CUT = """async () => {
    const { removeBackground } = await import("./u2bg/index.js");
    const start = performance.now();
    await removeBackground(document.getElementById("timed").files[0]);
    return (performance.now() - start) / 1000;
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description="The page without a server beside the native path.")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12])
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each (default 5)")
    parser.add_argument("--json", type=Path, help="write a result file")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not DIST.is_dir():
        raise SystemExit("nothing to measure: no Chromium, or no web/dist; fix: make web")
    rows: list[dict[str, Any]] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        tab = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
        tab.add_init_script(WATCH)
        with Host() as host:
            tab.goto(host.url)
            ready(tab)
            first_mb = host.sent / 1e6
            tab.reload()
            how = ready(tab)
            second_mb = host.sent / 1e6 - first_mb
            photo = Path(place) / "photo.jpg"
            for megapixels in options.megapixels:
                photo.write_bytes(speed_photos.jpeg(speed_photos.sources()[0], megapixels))
                rows.append(
                    {
                        "megapixels": megapixels,
                        "waits_ms": waits(tab, photo),
                        **timed(tab, photo, options.runs),
                    }
                )
                print(rows[-1])
        facts = {"browser": browser.version, "how": how, "first_mb": first_mb, "second_mb": second_mb}
        browser.close()
    print(facts)
    measure.write_result(options.json, rows, **facts)
    return 0


def timed(tab: Any, photo: Path, runs: int) -> dict[str, Any]:
    """Seconds in the browser (a) and here (b)."""
    tab.evaluate(
        "document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'timed' }))"
    )
    tab.set_input_files("#timed", photo)
    remover, content = Remover(), photo.read_bytes()
    times: list[float] = []

    def browser() -> measure.Run:
        times.append(tab.evaluate(CUT))
        return measure.Run(times[-1], 0, 0)

    compared = measure.alternate(browser, lambda: remover(content).encode("png"), runs)
    tab.evaluate("document.getElementById('timed').remove()")
    return compared.summary()


def waits(tab: Any, photo: Path) -> list[float]:
    """Tasks of the page's thread over 50 ms while the photo goes through the page as people use it."""
    tab.wait_for_timeout(1000)
    tab.evaluate("waits.length = 0")
    tab.set_input_files("#files", photo)
    tab.wait_for_selector("#pictures li[data-state=done]", timeout=120_000)
    tab.wait_for_timeout(1000)
    found: list[float] = tab.evaluate("waits.splice(0)")
    tab.click(".close", force=True)
    return found


def ready(tab: Any) -> str:
    """Wait for the network; how it runs."""
    tab.wait_for_selector("html[data-network]", timeout=120_000)
    return str(tab.get_attribute("html", "data-network"))


class Host:
    """A plain host of web/dist within a block.

    Attributes:
        sent: bytes of content that went over the wire.
    """

    def __init__(self) -> None:
        self.sent = 0

    def __enter__(self) -> Host:
        host = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def copyfile(self, source: Any, outputfile: Any) -> None:
                content = source.read()
                host.sent += len(content)
                outputfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(DIST))
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
