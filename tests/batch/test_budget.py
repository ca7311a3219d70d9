"""Memory holds whatever the sizes: headers are read, and too many pixels wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.hostile.files import HOSTILE

from u2bg.batch.budget import Budget, free_bytes, pixels_of


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "bmp", "gif", "avif"])
def test_the_header_tells_the_pixels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (64, 48)).save(path, kind)

    assert pixels_of(path) == 64 * 48


def test_a_header_that_promises_too_much_is_believed_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(HOSTILE["png-header-60000x60000"])

    assert pixels_of(path) == 3_600_000_000


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0broken"])
def test_what_has_no_header_counts_by_its_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)

    assert pixels_of(path) == len(content)


def test_a_missing_file_counts_nothing(tmp_path: Path) -> None:
    assert pixels_of(tmp_path / "none.jpg") == 0


def _in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_pixels_never_exceed_the_budget_and_giants_go_alone() -> None:
    budget = Budget(100)
    now, most, alone, lock = 0, 0, [], threading.Lock()

    def work(pixels: int) -> None:
        nonlocal now, most
        with budget.hold(pixels):
            with lock:
                now += pixels
                most = max(most, now if pixels <= 100 else 0)
                if pixels > 100:
                    alone.append(now)
            threading.Event().wait(0.002)
            with lock:
                now -= pixels

    threads = [_in_thread(lambda pixels=pixels: work(pixels)) for pixels in [30, 60, 500, 90, 10, 40] * 5]  # type: ignore[misc]
    for thread in threads:
        thread.join()

    assert 0 < most <= 100
    assert alone == [500] * 5


def test_there_is_some_memory_to_share() -> None:
    assert free_bytes() > 1 << 20
