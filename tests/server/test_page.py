"""The page, used as people use it, in a real browser; skipped where there is none."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.chromium import CHROMIUM, chromium
from tests.server.conftest import BOX, SIZE, Running, boxed, flat, opened, running

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PAGE = Path(__file__).parents[2] / "src" / "u2bg" / "server" / "page"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any, server: Running) -> Iterator[Any]:
    """The page in a fresh tab; it may ask nobody but its own server, and no error may reach the console."""
    context = browser.new_context(
        viewport={"width": 1200, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on(
        "request", lambda request: troubles.append(request.url) if _elsewhere(request.url, server) else None
    )
    page.goto(server.url)
    page.troubles = troubles
    yield page
    context.close()
    assert troubles == []


def _elsewhere(url: str, server: Running) -> bool:
    return not url.startswith((server.url, "blob:", "data:"))


def add(tab: Any, *pictures: tuple[str, bytes]) -> None:
    """Choose files, and wait until each is cut."""
    files = [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in pictures]
    tab.set_input_files("#files", files)
    done(tab, len(pictures))


def done(tab: Any, count: int = 1) -> None:
    tab.locator("#pictures li[data-state=done]").nth(count - 1).wait_for()


def saved(tab: Any, button: str = "#download") -> tuple[str, bytes]:
    """Press a button that saves; the file's name and bytes."""
    with tab.expect_download() as expected:
        tab.click(button)
    return expected.value.suggested_filename, Path(expected.value.path()).read_bytes()


def test_a_photo_that_is_dropped_is_cut_and_what_is_saved_is_the_servers_bytes(
    tab: Any, client: httpx.Client, shot: bytes
) -> None:
    tab.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "box.png", {type: "image/png"}));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        list(shot),
    )
    done(tab)

    name, content = saved(tab)

    assert name == "box.cutout.png"
    assert content == client.post("/v1/remove", files={"image": shot}).content


def test_a_photo_that_is_pasted_is_cut(tab: Any, shot: bytes) -> None:
    tab.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "image.png", {type: "image/png"}));
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data}));
        }""",
        list(shot),
    )
    done(tab)


def test_the_slider_shows_before_and_after_by_mouse_and_by_keyboard(tab: Any, shot: bytes) -> None:
    add(tab, ("box.png", shot))
    frame = tab.locator("#frame").bounding_box()

    tab.mouse.click(frame["x"] + 0.8 * frame["width"], frame["y"] + frame["height"] / 2)
    moved = tab.locator("#frame").evaluate("node => node.style.getPropertyValue('--split')")
    assert abs(float(moved.rstrip("%")) - 80) < 3

    tab.focus("#split")
    tab.keyboard.press("Home")
    assert (
        tab.locator("#before").evaluate("node => getComputedStyle(node).clipPath").endswith("100% 0px 0px)")
    )


def test_every_background_and_format_reaches_the_file(tab: Any, shot: bytes) -> None:
    add(tab, ("box.png", shot))

    def picked(ground: str, format_: str = "png") -> Any:
        tab.check(f"input[name=ground][value='{ground}']", force=True)
        tab.check(f"input[name=format][value={format_}]", force=True)
        name, content = saved(tab)
        assert name == f"box.cutout.{format_}"
        return opened(content)

    corner = (SIZE[0] - 1, 0)
    assert picked("#ffffff").convert("RGB").getpixel(corner) == (255, 255, 255)
    assert picked("#000000").convert("RGBA").getpixel(corner) == (0, 0, 0, 255)
    tab.check("input[name=ground][value=colour]", force=True)
    tab.fill("#colour", "#336699")
    assert picked("colour").convert("RGB").getpixel(corner) == (0x33, 0x66, 0x99)
    blurred = picked("blur").convert("RGBA")
    assert blurred.getpixel(corner)[3] == 255, "the blurred photo fills the whole"
    assert blurred.getpixel(corner)[0] < 30, "and the white subject does not glow through"
    assert (picked("none", "webp").format, picked("none", "jpg").format) == ("WEBP", "JPEG")
    assert picked("none", "jpg").convert("RGB").getpixel(corner) == (255, 255, 255)


def test_a_picture_can_lie_behind(tab: Any, shot: bytes) -> None:
    add(tab, ("box.png", shot))
    with tab.expect_file_chooser() as chooser:
        tab.check("input[name=ground][value=picture]", force=True)
    red = boxed((50, 50), (0, 0, 50, 50))
    chooser.value.set_files({"name": "red.png", "mimeType": "image/png", "buffer": red})
    tab.locator("#ground-name", has_text="red.png").wait_for()

    assert opened(saved(tab)[1]).convert("RGB").getpixel((SIZE[0] - 1, 0)) == (255, 255, 255)


def test_a_crop_is_the_subject_and_its_margin(tab: Any, shot: bytes) -> None:
    add(tab, ("box.png", shot))
    tab.check("#crop", force=True)
    tab.fill("#margin", "0")

    width, height = opened(saved(tab)[1]).size

    assert abs(width - (BOX[2] - BOX[0])) < 10
    assert abs(height - (BOX[3] - BOX[1])) < 10


def _paint(tab: Any, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A stroke, in shares of the photo."""
    if tab.get_attribute(f"#{kind}", "aria-pressed") == "false":
        tab.click(f"#{kind}")
    frame = tab.locator("#strokes").bounding_box()
    spots = [(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]) for x, y in (start, end)]
    tab.mouse.move(*spots[0])
    tab.mouse.down()
    tab.mouse.move(*spots[1], steps=5)
    solved(tab, tab.mouse.up)


def solved(tab: Any, act: Callable[[], object]) -> None:
    """Do what has the photo cut again, and wait for that."""
    with tab.expect_response("**/v1/remove"):
        act()
    done(tab)


def test_the_brush_keeps_and_erases_and_undo_takes_it_back(
    tab: Any, client: httpx.Client, shot: bytes
) -> None:
    add(tab, ("box.png", shot))
    first = saved(tab)[1]

    _paint(tab, "keep", (0.9, 0.2), (0.9, 0.8))
    _paint(tab, "erase", (0.3, 0.5), (0.5, 0.5))
    painted = np.asarray(opened(saved(tab)[1]))[..., 3]

    assert painted[50, 180] == 255, "kept, though black"
    assert painted[50, 80] == 0, "erased, though white"
    solved(tab, lambda: tab.keyboard.press("Control+z"))
    solved(tab, lambda: tab.click("#undo"))
    assert saved(tab)[1] == first


def test_all_photos_come_as_one_zip_that_others_can_read(tab: Any, shot: bytes) -> None:
    add(tab, ("a.png", shot), ("ä b.png", boxed((60, 60), (10, 10, 40, 40))), ("a.png", shot))

    name, content = saved(tab, "#download-all")

    assert name == "cutouts.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.cutout.png", "ä b.cutout.png", "a.cutout 2.png"]
        assert opened(archive.read("ä b.cutout.png")).size == (60, 60)


def test_a_copy_is_a_png_on_the_clipboard(tab: Any, shot: bytes) -> None:
    add(tab, ("box.png", shot))
    tab.click("#copy")
    tab.locator("#status", has_text="Copied.").wait_for()

    kinds = tab.evaluate("navigator.clipboard.read().then(items => items[0].types)")
    assert kinds == ["image/png"]


def test_a_photo_that_fails_says_why_and_can_be_tried_again_or_taken_away(tab: Any, shot: bytes) -> None:
    tab.set_input_files("#files", {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture at all"})
    tab.locator("#veil-text", has_text="is no picture").wait_for()
    tab.troubles.clear()  # the browser itself writes failed requests to the console

    tab.click("#retry")
    tab.locator("#veil-text", has_text="is no picture").wait_for()
    tab.troubles.clear()
    tab.focus(".thumb")
    tab.keyboard.press("Delete")

    assert tab.is_visible("#welcome")


def test_a_photo_without_a_subject_says_so(tab: Any) -> None:
    add(tab, ("flat.png", flat()))

    assert tab.get_attribute(".thumb", "aria-label") == "flat.png: No subject was found"


def test_photos_are_gone_through_by_keyboard(tab: Any, shot: bytes) -> None:
    add(tab, ("one.png", shot), ("two.png", shot))
    tab.focus("#pictures li:first-child .thumb")
    tab.keyboard.press("ArrowRight")

    assert tab.get_attribute("#pictures li:nth-child(2) .thumb", "aria-current") == "true"


SETTLED = """() => Promise.all(
    document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished.catch(() => 0))
)"""
"""Waits for colours that fade in: half-way they have any contrast."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1200, 800), (390, 844)], ids=["desk", "phone"])
def test_nothing_keeps_people_out(
    browser: Any, server: Running, shot: bytes, scheme: str, size: tuple[int, int]
) -> None:
    axe: Any = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    for url, open_ in (("/", False), ("/", True), ("/api", False)):
        page.goto(server.url + url)
        if url == "/api":
            page.locator("article").first.wait_for()
        if open_:
            add(page, ("box.png", shot))
            page.click("#keep")
        page.evaluate(SETTLED)
        found = axe.Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size[0], "nothing has to be scrolled sideways"
    context.close()


def test_on_a_phone_a_finger_chooses_moves_the_slider_and_paints(
    browser: Any, server: Running, shot: bytes
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(server.url)
    with page.expect_file_chooser() as chooser:
        page.tap("#choose")
    chooser.value.set_files({"name": "box.png", "mimeType": "image/png", "buffer": shot})
    done(page)

    def touch(x: float, y: float) -> None:
        frame = page.locator("#frame").bounding_box()
        page.touchscreen.tap(frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])

    touch(0.8, 0.5)
    moved = page.locator("#frame").evaluate("node => node.style.getPropertyValue('--split')")
    assert abs(float(moved.rstrip("%")) - 80) < 3
    page.tap("#erase")
    solved(page, lambda: touch(0.4, 0.5))
    page.tap("#erase")
    page.locator("#download").scroll_into_view_if_needed()
    assert np.asarray(opened(saved(page)[1]))[50, 80, 3] == 0
    context.close()


def test_everything_can_be_done_by_keyboard_and_is_said_to_those_who_do_not_see(
    tab: Any, shot: bytes
) -> None:
    with tab.expect_file_chooser() as chooser:
        tab.locator("#choose").press("Enter")
    chooser.value.set_files({"name": "box.png", "mimeType": "image/png", "buffer": shot})
    done(tab)

    assert tab.get_attribute("#status", "aria-live") == "polite"
    tab.locator("#status", has_text="box.png:").wait_for()
    tab.focus("#download")
    with tab.expect_download() as expected:
        tab.keyboard.press("Enter")
    assert expected.value.suggested_filename == "box.cutout.png"


def test_light_and_dark_follow_the_system_until_one_is_chosen(browser: Any, server: Running) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(server.url)

    def ground() -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    page.evaluate(SETTLED)
    dark = ground()
    page.click("#theme")
    page.evaluate(SETTLED)
    assert dark < 3 * 80 < 3 * 170 < ground()
    context.close()


def test_several_photos_are_dropped_at_once(tab: Any, shot: bytes) -> None:
    tab.evaluate(
        """bytes => {
            const data = new DataTransfer();
            for (const [name, type] of [["a.png", "image/png"], ["b.png", "image/png"], ["notes.txt", "text/plain"]])
                data.items.add(new File([new Uint8Array(bytes)], name, {type}));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
        }""",
        list(shot),
    )
    done(tab, 2)

    assert tab.locator("#pictures li").count() == 2


def test_with_keys_the_page_asks_for_one_and_keeps_it_for_the_tab(
    browser: Any, quick: str, shot: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("secret\n")
    with running(models=quick, api_key_file=path) as locked:
        context = browser.new_context()
        page = context.new_page()
        page.goto(locked.url)
        page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": shot})
        for key in ("wrong", "secret"):
            page.locator("#key-dialog[open]").wait_for()
            page.fill("#key", key)
            page.click("#key-dialog .primary")
        done(page)
        page.set_input_files("#files", {"name": "b.png", "mimeType": "image/png", "buffer": shot})
        done(page, 2)
        context.close()


def test_a_busy_server_is_waited_for(browser: Any, server: Running, shot: bytes) -> None:
    context = browser.new_context()
    page = context.new_page()
    answers = iter([503])

    def busy(route: Any) -> None:
        if next(answers, None):
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    page.route("**/v1/remove", busy)
    page.goto(server.url)
    page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": shot})
    page.locator("#veil-text", has_text="Waiting for the server").wait_for()
    done(page)
    context.close()


def test_the_page_is_small_and_names_no_other_host() -> None:
    files = [path for path in PAGE.iterdir() if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 80_000
    for path in files:
        hosts = [word for word in path.read_text().split() if "://" in word and "www.w3.org" not in word]
        assert hosts == [], path.name


def test_the_icon_is_the_logo() -> None:
    assert (PAGE / "icon.svg").read_bytes() == (PAGE.parents[3] / "docs" / "logo.svg").read_bytes()


def test_what_the_browser_has_is_asked_for_again_only_when_it_changed(client: httpx.Client) -> None:
    first = client.get("/page/main.js")
    again = client.get("/page/main.js", headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["content-type"].startswith("text/javascript")
