"""The pictures that BatchNorm's statistics are taken over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from u2bg.errors import InputError, SourceMissing
from u2bg.network.calibration import dead_leaves, drawn_pictures, folder_pictures, read_pictures


def test_drawn_pictures_are_the_same_every_time() -> None:
    first, second = (np.concatenate(list(drawn_pictures(64, count=2))) for _ in range(2))

    assert first.shape == (2, 64, 64, 3)
    assert first.dtype == np.float32
    assert (first == second).all()
    assert (first[0] != first[1]).any()


def test_drawn_pictures_have_the_spectrum_of_nature() -> None:
    # Power falls as 1/f^(2 − η), η small, in photos and in dead leaves alike (Lee, Mumford and Huang, 2001).
    rng = np.random.default_rng(0)
    drawn = np.stack([dead_leaves(128, rng).mean(-1) for _ in range(8)])
    power = (np.abs(np.fft.fft2(drawn)) ** 2).sum(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128)))
    bands = [(0.02, 0.04), (0.04, 0.08), (0.08, 0.16), (0.16, 0.32)]
    levels = [np.log2(power[(frequency >= low) & (frequency < high)].mean()) for low, high in bands]

    slope = np.polyfit(range(4), levels, 1)[0]

    assert -3.2 < slope < -1.5


def test_pictures_of_a_folder_and_below_are_found_in_order(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.jpg", "a.PNG", "sub/c.webp"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")

    assert [path.relative_to(tmp_path).as_posix() for path in folder_pictures(tmp_path)] == [
        "a.PNG",
        "b.jpg",
        "sub/c.webp",
    ]


def test_of_very_many_pictures_some_are_taken_evenly(tmp_path: Path) -> None:
    for index in range(9):
        (tmp_path / f"{index}.png").touch()

    assert [path.name for path in folder_pictures(tmp_path, most=3)] == ["0.png", "4.png", "8.png"]


def test_pictures_are_upright_square_and_normalised(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 32), (255, 0, 0))
    picture.paste(
        (0, 0, 255), (32, 0, 64, 32)
    )  # red left, blue right; EXIF says: turn a quarter, red goes on top
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)

    (seen,) = read_pictures([tmp_path / "turned.png"], 32)

    assert seen.shape == (1, 32, 32, 3)
    red, blue = (1 - 0.485) / 0.229, (1 - 0.406) / 0.225
    assert seen[0, 2, :, 0] == pytest.approx(red, abs=1e-5)
    assert seen[0, 29, :, 2] == pytest.approx(blue, abs=1e-5)


def test_a_picture_that_cannot_be_read_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")

    seen = list(read_pictures([tmp_path / "bad.png", tmp_path / "good.png"], 32))

    assert len(seen) == 1
    assert "left out" in caplog.text
    assert "bad.png" in caplog.text


def test_a_folder_without_any_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"^no picture under '.*'; expected at least one, better 16 or more$"
    ):
        folder_pictures(tmp_path)


def test_pictures_none_of_which_can_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")

    with pytest.raises(InputError, match=r"^none of 1 pictures could be read; expected at least one"):
        list(read_pictures([tmp_path / "bad.png"], 32))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"^no folder '.*nowhere'; expected a folder of pictures$"):
        folder_pictures(tmp_path / "nowhere")
