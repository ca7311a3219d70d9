"""The picture of the page for the docs: `u2bg serve`, opened in Chromium, with the photos of examples/.

    python tools/page_picture.py

Where there is no Chromium, it says so and leaves the picture that is there.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image

from u2bg.server import run, settings

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "page.webp"
PHOTOS = ("astronaut.jpg", "cat.jpg", "coffee.jpg", "camera.jpg")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def main() -> int:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium on this machine: docs/pictures/page.webp stays as it is")
        return 0
    server: Any = run.server(settings.load(port=0), log_config=None)
    serving = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    serving.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    shot = _photographed(chromium, f"http://127.0.0.1:{port}")
    server.should_exit = True
    serving.join(10)
    with Image.open(io.BytesIO(shot)) as picture:
        picture.convert("RGB").save(PICTURE, quality=86, method=6)
    print(PICTURE.relative_to(ROOT))
    return 0


def _photographed(chromium: str, url: str) -> bytes:
    """The page with its photos cut, as PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        page = browser.new_page(viewport={"width": 1200, "height": 760}, device_scale_factor=1.5)
        page.goto(url)
        page.set_input_files("#files", [ROOT / "examples" / name for name in PHOTOS])
        page.locator("#pictures li[data-state=done]").nth(len(PHOTOS) - 1).wait_for(timeout=120_000)
        page.mouse.move(5, 5)
        page.wait_for_timeout(5000)  # until the last message is gone
        shot = page.screenshot()
        browser.close()
    return shot


if __name__ == "__main__":
    sys.exit(main())
