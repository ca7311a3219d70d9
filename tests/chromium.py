"""The browser of the page's tests, and how it is started without a screen or a graphics card."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@contextlib.contextmanager
def chromium(*flags: str, beside: Any = None) -> Iterator[Any]:
    """A browser until the block ends; `beside` another that runs, because Playwright starts but once."""
    with contextlib.ExitStack() as stack:
        if beside is None:
            from playwright.sync_api import sync_playwright

            kind = stack.enter_context(sync_playwright()).chromium
        else:
            kind = beside.browser_type
        browser = kind.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()
