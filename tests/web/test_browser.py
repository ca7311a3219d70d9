"""The page without a server, used as people use it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.chromium import chromium
from tests.web.conftest import (
    EXAMPLES,
    ISOLATION,
    ROOT,
    Host,
    cut,
    png,
    refused,
    remover,
    saved,
    started,
    visit,
)
from u2bg.evaluation.metrics import boundary_iou

Recorder = Callable[[str, object], None]

CAT = (EXAMPLES / "cat.jpg").read_bytes()
FIRST_LOAD_BYTES = 15_000_000


def assert_equal_to_python(found: NDArray[np.uint8], content: bytes) -> None:
    expected = remover()(content).rgba
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    # The network's 8 bits are rounded a little differently by every build of the runtime; in floats this is .01.
    assert difference[..., 3].mean() < 2
    opaque = (found[..., 3] == 255) & (expected[..., 3] == 255)
    assert opaque.any()
    assert difference[opaque].max() == 0, "where it is opaque, the photo's own pixels"
    assert found[found[..., 3] == 0].max() == 0, "nothing hides where it is transparent"
    both = (found[..., 3] > 0) & (expected[..., 3] > 0)
    assert difference[both][:, :3].mean() < 1, "the subject's own colours along the edge"


def test_a_dropped_photo_is_cut_as_in_python_and_again_without_a_connection(browser: Any, host: Host) -> None:
    with visit(browser, host) as tab:
        assert started(tab) == "wasm, 1 threads", "a plain host gives no threads on the first visit"
        first = host.sent
        assert 4_000_000 < first < FIRST_LOAD_BYTES
        tab.evaluate(
            """bytes => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], "cat.jpg", {type: "image/jpeg"}));
                const how = {dataTransfer: data, bubbles: true, cancelable: true};
                document.body.dispatchEvent(new DragEvent("drop", how));
            }""",
            list(CAT),
        )
        tab.wait_for_selector("#pictures li[data-state=done]", timeout=60_000)

        host.up = False
        tab.reload()
        how = started(tab)
        found = cut(tab, "cat.jpg", CAT)

        assert how != "wasm, 1 threads", "the service worker gives threads where the host does not"
        assert host.sent == first, "the second load fetches nothing"
        assert_equal_to_python(found, CAT)


def test_a_photo_keeps_its_own_transparency(tab: Any) -> None:
    rgba = np.asarray(remover()(CAT).rgba).copy()
    rgba[:, :200] = 0

    found = cut(tab, "half.png", png(rgba))

    assert found[:, :200].max() == 0
    assert (found[..., 3] > 0).sum() > 1000


def test_the_brush_holds_exactly(tab: Any) -> None:
    cut(tab, "cat.jpg", CAT)
    frame = tab.locator("#frame").bounding_box()
    for kind, x in (("keep", 0.03), ("erase", 0.5)):
        tab.click(f"#{kind}")
        tab.mouse.move(frame["x"] + x * frame["width"], frame["y"] + 0.5 * frame["height"])
        tab.mouse.down()
        tab.mouse.up()
        tab.wait_for_selector("#pictures li[data-state=done]", state="detached")
        tab.wait_for_selector("#pictures li[data-state=done]", timeout=60_000)
    alpha = saved(tab)[..., 3]
    height, width = alpha.shape

    assert alpha[height // 2, int(0.03 * width)] == 255
    assert alpha[height // 2, width // 2] == 0


def test_files_that_are_no_pictures_get_a_line_and_the_page_goes_on(tab: Any) -> None:
    bomb = bytearray(png(np.zeros((1, 1, 3), np.uint8)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2

    assert "cannot be read here" in refused(tab, "text.png", b"no picture at all")
    assert "cannot be read here" in refused(tab, "cut short.png", png(np.zeros((90, 90, 3), np.uint8))[:80])
    assert "empty" in refused(tab, "empty.png", b"")
    assert "60000×60000 pixels, 3600 megapixels" in refused(tab, "bomb.png", bytes(bomb))
    assert cut(tab, "cat.jpg", CAT).shape[2] == 4


def test_photos_of_any_shape_are_cut(tab: Any) -> None:
    for size in ((1, 1), (3, 700), (64, 40)):
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
        assert cut(tab, "odd.png", png(pixels)).shape == (*size, 4)


MODULE = """async (photo) => {
    const { removeBackground, release } = await import("./u2bg/index.js");
    const blob = new Blob([new Uint8Array(photo)]);
    release(); // the page itself has started it
    const said = new Set();
    const stop = new AbortController();
    const stopped = removeBackground(blob, { signal: stop.signal }).catch((error) => error.name);
    stop.abort();
    const cutout = await removeBackground(blob, { progress: (words) => said.add(words) });
    const ended = removeBackground(blob).catch((error) => error.message);
    release();
    const again = await removeBackground(blob);
    const same = again.size === cutout.size;
    return { stopped: await stopped, ended: await ended, type: cutout.type, said: [...said], same };
}"""


def test_the_module_is_stopped_released_and_used_again(browser: Any, host: Host) -> None:
    host.headers = ISOLATION
    with visit(browser, host, service_workers="block") as tab:
        found = tab.evaluate(MODULE, list(CAT))

    assert found["stopped"] == "AbortError"
    assert found["ended"] == "The work was ended."
    assert (found["type"], found["same"]) == ("image/png", True)
    assert {"Reading", "Fetching the network", "Cutting"} <= set(found["said"])


def test_a_host_that_is_gone_is_said_and_tried_again(browser: Any, host: Host) -> None:
    with visit(browser, host, service_workers="block") as tab:
        started(tab)
        tab.evaluate("import('./u2bg/index.js').then(({ release }) => release())")
        tab.route("**/lite.onnx.gz", lambda route: route.abort())
        tab.set_input_files("#files", {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": CAT})
        tab.locator("#veil-text", has_text="there is no connection").wait_for()
        tab.unroute("**/lite.onnx.gz")
        tab.click("#retry")
        tab.wait_for_selector("#pictures li[data-state=done]", timeout=60_000)
        tab.troubles.clear()  # the browser itself writes failed requests to the console


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())

    assert all("resolved" not in package for package in lock["packages"].values())


def test_nothing_that_is_built_names_another_host(dist: Path) -> None:
    for path in [
        dist / "index.html",
        dist / "service-worker.js",
        *(dist / "page").iterdir(),
        *(dist / "u2bg").glob("[iw]*.js"),
    ]:
        hosts = [word for word in path.read_text().split() if "://" in word and "www.w3.org" not in word]
        assert hosts == [], path.name


@pytest.mark.parametrize(
    "name", ["index.html", "page/style.css", "page/brush.js", "page/stage.js", "page/main.js"]
)
def test_both_pages_are_one(dist: Path, name: str) -> None:
    page = ROOT / "src" / "u2bg" / "server" / "page"

    assert (dist / name).read_bytes() == (page / name.removeprefix("page/")).read_bytes()


LOSES = """
const ask = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...how) {
    const card = await ask.apply(this, how);
    setTimeout(() => card.destroy(), 2000);
    return card;
};
"""


@pytest.mark.slow
def test_a_graphics_card_that_is_lost_is_gone_on_without(browser: Any, host: Host) -> None:
    """A card drawn by the processor, which takes minutes for a photo: it is destroyed long before."""
    host.headers = ISOLATION
    flags = ("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader")
    with (
        chromium(*flags, beside=browser) as own,
        visit(own, host, service_workers="block") as tab,
    ):
        if not tab.evaluate("navigator.gpu?.requestAdapter().then(Boolean)"):
            pytest.skip("this Chromium has no WebGPU")
        assert started(tab).startswith("wasm"), "by itself it does not take such a card"
        tab.evaluate("import('./u2bg/index.js').then(({ release }) => release())")
        tab.route("**/u2bg/worker.js", _patched)
        found = tab.evaluate(
            """async (photo) => {
                const { preload, cutOut } = await import("./u2bg/index.js");
                const before = await preload({ device: "webgpu" });
                const { cutout } = await cutOut(new Blob([new Uint8Array(photo)]), { device: "webgpu" });
                return { before, after: await preload({ device: "webgpu" }), size: cutout.size };
            }""",
            list(CAT),
        )

    assert (found["before"], found["after"][:4]) == ("webgpu", "wasm")
    assert found["size"] > 10_000


def _patched(route: Any) -> None:
    script = route.fetch()
    route.fulfill(response=script, body=LOSES + script.text())


@pytest.mark.slow
def test_a_tab_in_the_background_goes_on(browser: Any, host: Host) -> None:
    with visit(browser, host) as tab:
        started(tab)
        tab.set_input_files("#files", {"name": "cat.jpg", "mimeType": "image/jpeg", "buffer": CAT})
        tab.context.new_page().bring_to_front()
        tab.wait_for_selector("#pictures li[data-state=done]", state="attached", timeout=60_000)


@pytest.mark.slow
def test_a_photo_of_100_megapixels_is_cut_or_refused_in_a_line(tab: Any) -> None:
    pixels = np.zeros((10_000, 10_000, 3), np.uint8)
    pixels[3000:7000, 3000:7000] = 250
    tab.set_input_files("#files", {"name": "large.png", "mimeType": "image/png", "buffer": png(pixels)})
    tab.wait_for_selector("#pictures li:is([data-state=done], [data-state=failed])", timeout=300_000)
    state = tab.get_attribute("#pictures li", "data-state")

    assert state == "done" or "megapixels" in str(tab.text_content("#veil-text"))
    assert cut(tab, "cat.jpg", CAT).shape[2] == 4, "and the page goes on"


PASCALS = ROOT.parent / "shared" / "data" / "eval" / "pascals"


@pytest.mark.slow
@pytest.mark.skipif(not PASCALS.is_dir(), reason="the scored photos do not ship")
def test_alpha_is_pythons_on_20_scored_photos(tab: Any, record_property: Recorder) -> None:
    differences, overlaps = [], []
    for path in sorted(PASCALS.rglob("*.jpg"))[::12][:20]:
        found = cut(tab, path.name, path.read_bytes())[..., 3]
        expected = remover()(path).mask
        differences.append(np.abs(found.astype(int) - expected).mean())
        overlaps.append(boundary_iou(found > 127, expected > 127))
        tab.click(".close")
    record_property("alpha", f"{np.mean(differences):.4f} of 255, at most {max(differences):.4f}")
    record_property("boundary IoU", f"{np.nanmean(overlaps):.4f}, at least {np.nanmin(overlaps):.4f}")

    assert len(differences) == 20
    assert np.mean(differences) <= 2
    assert np.nanmean(overlaps) >= 0.98


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="no /proc to look into")
def test_memory_is_given_back_after_50_photos(
    browser: Any, host: Host, tmp_path: Path, record_property: Recorder
) -> None:
    host.headers = ISOLATION
    photo = tmp_path / "cat.png"
    photo.write_bytes(png(np.asarray(Image.open(EXAMPLES / "cat.jpg").resize((1600, 1200)))))
    sizes = {}
    with chromium(f"--user-agent={MARK}", beside=browser) as own, visit(own, host) as tab:
        started(tab)
        before = _resident_mb()
        for count in range(1, 51):
            tab.set_input_files("#files", photo)
            # Not wait_for_selector, which keeps the element, and with it the picture.
            tab.locator("#pictures li[data-state=done]").wait_for(timeout=60_000)
            tab.click(".close", force=True)
            if count % 5 == 0:
                sizes[count] = _resident_mb()
        tab.evaluate("import('./u2bg/index.js').then(({ release }) => release())")
        tab.wait_for_timeout(7000)  # an idle worker ends
        tab.context.new_cdp_session(tab).send("HeapProfiler.collectGarbage")
        tab.wait_for_timeout(3000)
        after = _resident_mb()
    record_property("MB before, released", [round(before), round(after)])
    record_property("MB after 5, 10, … 50", [round(size) for size in sizes.values()])

    # It swings with the workers' garbage, which the browser collects when it likes; but about a middle.
    assert min(sizes[40], sizes[45], sizes[50]) < 1.1 * max(sizes[10], sizes[15], sizes[20])
    assert after < 1.1 * before, "were a cut-out of each photo left, it would be more"


MARK = "u2bg-memory"


def _resident_mb() -> float:
    """Of all processes of the browser that was started with the mark; a page that several share counts once."""
    total_kb = 0
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if MARK.encode() not in command.read_bytes():
                continue
            text = (command.parent / "smaps_rollup").read_text()
            found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
            total_kb += int(found[1]) if found else 0
    return total_kb / 1000
