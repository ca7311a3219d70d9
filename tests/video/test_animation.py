"""Animations through `u2bg remove`: every frame, its time, the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.command import Command, Ran
from tests.video.clips import picture

SIZE = (48, 64)
TIMES = [100, 40, 250, 70]
Removed = Callable[..., Ran]


@pytest.fixture
def remove(command: Command, network: Path) -> Removed:
    """`u2bg remove`, with the quick network."""
    return lambda *arguments: command("remove", *arguments, "--model", network)


def _animation(path: Path, **how: Any) -> Path:
    frames = [Image.fromarray(picture(3 * index, SIZE)) for index in range(len(TIMES))]
    if path.suffix == ".tiff":
        frames[0].save(path, save_all=True, append_images=frames[1:])
    else:
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=TIMES, **how)
    return path


def _read(path: Path) -> tuple[list[np.ndarray[Any, np.dtype[np.uint8]]], list[float], int | None]:
    with Image.open(path) as shown:
        frames, times = [], []
        for index in range(shown.n_frames):  # type: ignore[attr-defined]
            shown.seek(index)
            shown.load()
            frames.append(np.asarray(shown.convert("RGBA")))
            times.append(shown.info.get("duration", 0))
        return frames, times, shown.info.get("loop")


def _disc(index: int) -> Any:
    return picture(3 * index, SIZE, alpha=True)[..., 3] == 255


@pytest.mark.parametrize("given", ["in.gif", "in.webp", "in.png"])
@pytest.mark.parametrize("asked", ["out.gif", "out.webp", "out.png"])
def test_frames_times_and_endless_loops_are_kept(
    given: str, asked: str, remove: Removed, tmp_path: Path
) -> None:
    source = _animation(tmp_path / given, loop=0)
    ran = remove(source, "-o", tmp_path / asked)
    assert (ran.exit_code, ran.stderr) == (0, "")
    frames, times, loop = _read(tmp_path / asked)
    assert times == TIMES
    assert loop == 0
    for index, frame in enumerate(frames):
        alpha = frame[..., 3]
        assert alpha[_disc(index)].mean() > 225
        assert alpha[:, -6:].max() == 0  # nothing of an earlier frame is left lying
        assert np.abs(frame[_disc(index) & (alpha > 250)][:, :3].mean(axis=0) - [220, 30, 30]).max() < 12


@pytest.mark.parametrize(("loop", "kept"), [(None, None), (2, 2)])
def test_a_gif_that_ends_ends(loop: int | None, kept: int | None, remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.gif", **({} if loop is None else {"loop": loop}))
    assert remove(source, "-o", tmp_path / "out.gif").exit_code == 0
    assert _read(tmp_path / "out.gif")[2] == kept


def test_a_gif_of_three_rounds_is_a_png_of_three(remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.gif", loop=2)  # GIF counts those after the first
    assert remove(source, "-o", tmp_path / "out.png").exit_code == 0
    assert _read(tmp_path / "out.png")[2] == 3


def test_a_gif_has_whole_pixels_only(remove: Removed, tmp_path: Path) -> None:
    assert remove(_animation(tmp_path / "in.webp"), "-o", tmp_path / "out.gif").exit_code == 0
    assert set(np.unique(_read(tmp_path / "out.gif")[0][1][..., 3])) == {0, 255}


def test_pages_of_a_tiff_stay_pages(remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.tiff")
    assert remove(source, "-o", tmp_path / "out.tiff").exit_code == 0
    frames = _read(tmp_path / "out.tiff")[0]
    assert len(frames) == 4
    assert frames[2][..., 3][_disc(2)].mean() > 225
    assert np.array_equal(frames[2][_disc(2)][300, :3], [220, 30, 30])


def test_pages_are_no_frames_of_an_animation(remove: Removed, tmp_path: Path) -> None:
    ran = remove(_animation(tmp_path / "in.tiff"))
    assert "u2bg: png holds one picture: of the pages the first is cut; fix: write .tiff\n" in ran.stderr
    assert len(_read(tmp_path / "in.cutout.png")[0]) == 1


def test_in_a_folder_animations_move_on_and_stills_stay_still(remove: Removed, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(picture(0, SIZE)).save(photos / "still.jpg")
    _animation(photos / "moving.gif", loop=0)
    _animation(photos / "other.webp", loop=0)
    ran = remove(photos, "-o", tmp_path / "out")
    assert (ran.exit_code, "3 cut in" in ran.stderr) == (0, True)
    assert len(_read(tmp_path / "out" / "still.png")[0]) == 1
    for name in ("moving.png", "other.png"):
        assert _read(tmp_path / "out" / name)[1:] == (TIMES, 0)
    again = remove(photos, "-o", tmp_path / "out")
    assert "0 cut in" in again.stderr
    assert ", 3 done before" in again.stderr


def test_a_folder_of_animations_as_stills_says_so_once(remove: Removed, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.gif", "b.gif", "c.gif"):
        _animation(photos / name)
    ran = remove(photos, "-o", tmp_path / "out", "--format", "jpg")
    assert ran.exit_code == 0
    assert ran.stderr.count("of the animation the first is cut") == 1


def test_a_broken_animation_in_a_folder_stops_no_other(remove: Removed, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a.webp", "b.webp"):
        _animation(photos / name)
    broken = photos / "a.webp"
    broken.write_bytes(broken.read_bytes()[:-300])
    ran = remove(photos, "-o", tmp_path / "out")
    assert ran.exit_code == 3
    assert [path.name for path in (tmp_path / "out").glob("*.png")] == ["b.png"]


def test_opencv_that_another_thread_is_loading_is_no_error(
    remove: Removed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv2.__spec__", None)  # what it looks like meanwhile
    assert remove(_animation(tmp_path / "in.gif"), "-o", tmp_path / "out.png").exit_code == 0


def test_several_files_may_be_animations(remove: Removed, tmp_path: Path) -> None:
    sources = [_animation(tmp_path / "a.gif"), _animation(tmp_path / "b.png")]
    assert remove(*sources, "-o", f"{tmp_path}/out/", "--format", "webp").exit_code == 0
    assert [len(_read(tmp_path / "out" / f"{name}.cutout.webp")[0]) for name in "ab"] == [4, 4]


@pytest.mark.parametrize(("asked", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("tiff", "TIFF")])
def test_an_animation_from_stdin_goes_to_stdout_whole(
    asked: str, kind: str, command: Command, network: Path, tmp_path: Path
) -> None:
    content = _animation(tmp_path / "in.gif", loop=0).read_bytes()
    ran = command("remove", "-", "-o", "-", "--format", asked, "--model", network, stdin=content)
    assert (ran.exit_code, ran.stderr) == (0, "")
    (tmp_path / "out").write_bytes(ran.output)
    with Image.open(tmp_path / "out") as shown:
        assert (shown.format, shown.n_frames) == (kind, 4)  # type: ignore[attr-defined]


def test_an_animation_from_stdin_may_become_a_gif_and_a_still_may_not(
    command: Command, network: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.gif"
    content = _animation(tmp_path / "in.webp").read_bytes()
    ran = command("remove", "-", "-o", output, "--model", network, stdin=content)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert len(_read(output)[0]) == 4
    Image.fromarray(picture(0, SIZE)).save(tmp_path / "still.png")
    ran = command("remove", tmp_path / "still.png", "-o", tmp_path / "still.gif", "--model", network)
    assert ran.exit_code == 2
    assert "gif" in ran.stderr
    assert not (tmp_path / "still.gif").exists()


def test_a_damaged_animation_from_stdin_writes_nothing(
    command: Command, network: Path, tmp_path: Path
) -> None:
    content = _animation(tmp_path / "in.webp").read_bytes()[:-300]
    ran = command("remove", "-", "-o", "-", "--model", network, stdin=content)
    assert (ran.exit_code, ran.output) == (1, b"")
    assert ran.stderr.count("\n") == 1


def test_beside_the_source_an_animated_png_is_written(remove: Removed, tmp_path: Path) -> None:
    ran = remove(_animation(tmp_path / "in.gif"))
    assert ran.stdout == f"{tmp_path / 'in.cutout.png'}\n"
    assert len(_read(tmp_path / "in.cutout.png")[0]) == 4


def test_an_animated_png_is_as_small_as_it_is_asked_to_be(remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.png")
    paths = {level: tmp_path / f"{level}.png" for level in ("0", "1", "9")}
    for level, path in paths.items():
        assert remove(source, "-o", path, "--compress", level).exit_code == 0
    assert remove(source, "-o", tmp_path / "out.png").exit_code == 0

    sizes = [path.stat().st_size for path in paths.values()]
    assert sizes[0] > sizes[1] > sizes[2]
    assert (tmp_path / "out.png").read_bytes() == paths["1"].read_bytes()
    for frames in zip(*(_read(path)[0] for path in paths.values()), strict=True):
        assert all(np.array_equal(frame, frames[0]) for frame in frames)


def test_backgrounds_and_masks_of_animations(remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.gif")
    assert remove(source, "-o", tmp_path / "blue.webp", "--background", "#0000ff").exit_code == 0
    corner = _read(tmp_path / "blue.webp")[0][3][-3, -3].astype(int)
    assert np.abs(corner - [0, 0, 255, 255]).max() < 12
    assert remove(source, "-o", tmp_path / "mask.png", "--mask").exit_code == 0
    assert _read(tmp_path / "mask.png")[0][3][..., 0][_disc(3)].mean() > 225


def test_one_picture_of_an_animation_is_told(remove: Removed, tmp_path: Path) -> None:
    ran = remove(_animation(tmp_path / "in.gif"), "-o", tmp_path / "out.jpg")
    assert "u2bg: jpg holds one picture: of the animation the first is cut; fix: write .png" in ran.stderr
    assert (tmp_path / "out.jpg").exists()


def test_an_animation_that_breaks_off_writes_nothing(remove: Removed, tmp_path: Path) -> None:
    source = _animation(tmp_path / "in.webp")
    source.write_bytes(source.read_bytes()[:-300])
    ran = remove(source, "-o", tmp_path / "out.webp")
    assert ran.exit_code == 1
    assert ran.stderr.count("\n") == 1
    assert not (tmp_path / "out.webp").exists()


def test_large_frames_are_refused(remove: Removed, tmp_path: Path) -> None:
    ran = remove(_animation(tmp_path / "in.gif"), "-o", tmp_path / "out.gif", "--max-pixels", "2k")
    assert ran.exit_code == 1
    assert "has frames of 64×48, more than the limit of 0.0 megapixels" in ran.stderr


def test_more_frames_than_can_be_held_are_refused(remove: Removed, tmp_path: Path) -> None:
    ran = remove(_animation(tmp_path / "in.gif"), "-o", tmp_path / "out.gif", "--max-pixels", "1k")
    assert ran.exit_code == 1
    assert "has 4 frames of 64×48, 0.0 megapixels, more than the limit of 0.0; fix: u2bg video" in ran.stderr
    assert not (tmp_path / "out.gif").exists()


def test_stills_take_the_way_of_stills(remove: Removed, tmp_path: Path) -> None:
    Image.fromarray(picture(0, SIZE)).save(tmp_path / "still.png")
    assert remove(tmp_path / "still.png", "-o", tmp_path / "out.png").exit_code == 0
    assert len(_read(tmp_path / "out.png")[0]) == 1
