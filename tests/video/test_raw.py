"""Frames through pipes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.video import clips
from tests.video.conftest import Video

SIZE = (72, 96)
ASKED = ["--raw", "rgb24", "--size", "96x72"]


def _frames(count: int, order: tuple[int, ...] = (0, 1, 2)) -> bytes:
    return b"".join(
        np.ascontiguousarray(clips.picture(index, SIZE)[..., list(order)]).tobytes() for index in range(count)
    )


def _rgba(content: bytes) -> np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]]:
    return np.frombuffer(content, np.uint8).reshape(-1, *SIZE, 4)


@pytest.mark.parametrize(("layout", "order"), [("rgb24", (0, 1, 2)), ("bgr24", (2, 1, 0))])
def test_frames_come_out_as_rgba(layout: str, order: tuple[int, ...], video: Video) -> None:
    ran = video("-", "-", "--raw", layout, "--size", "96x72", stdin=_frames(4, order))
    assert ran.exit_code == 0
    found = _rgba(ran.output)
    assert len(found) == 4
    disc = clips.picture(3, SIZE, alpha=True)[..., 3] == 255
    assert found[3][disc][:, 3].mean() > 240
    assert np.abs(found[3][disc][:, :3].mean(axis=0) - [220, 30, 30]).max() < 6
    assert not found[3][:, -8:].any()


def test_a_background_is_opaque_rgba_and_a_mask_is_grey(video: Video) -> None:
    laid = _rgba(video("-", "-", *ASKED, "--background", "#0000ff", stdin=_frames(2)).output)
    assert laid[1][2, -2].tolist() == [0, 0, 255, 255]
    assert len(video("-", "-", *ASKED, "--mask", stdin=_frames(2)).output) == 2 * 72 * 96


def test_a_frame_comes_out_before_another_comes_in(network: Path) -> None:
    command = [sys.executable, "-m", "u2bg", "video", "-", "-", *ASKED, "--model", str(network)]
    length = 72 * 96 * 4
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as pipe:
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        for index in range(3):
            pipe.stdin.write(np.ascontiguousarray(clips.picture(index, SIZE)).tobytes())
            pipe.stdin.flush()
            assert len(pipe.stdout.read(length)) == length  # would wait for ever if frames were held back
        pipe.stdin.close()
        assert pipe.wait(30) == 0


def test_raw_frames_may_become_a_file(video: Video, tmp_path: Path) -> None:
    ran = video("-", tmp_path / "out.mov", *ASKED, "--fps", "30000/1001", stdin=_frames(5))
    assert ran.exit_code == 0
    wanted = [index * 1001 / 30_000 for index in range(5)]
    assert clips.times_s(tmp_path / "out.mov") == pytest.approx(wanted, abs=1e-4)


def test_a_file_may_become_raw_frames(video: Video, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", frames=3)
    assert len(_rgba(video(source, "-").output)) == 3


def test_a_part_of_a_frame_at_the_end_is_told(video: Video) -> None:
    ran = video("-", "-", *ASKED, stdin=_frames(2) + b"abc")
    assert len(_rgba(ran.output)) == 2
    assert "u2bg: the last 3 bytes are no whole frame of 20736 and were left out\n" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        ([], "frames on stdin need --raw and --size", 2),
        (["--raw", "rgb24"], "frames on stdin need --raw and --size", 2),
        ([*ASKED, "--resume"], "stdout carries raw frames", 2),
        ([*ASKED, "--fps", "0"], "no rate; expected one such as 25", 2),
        ([*ASKED[:2], "--size", "0x5"], "no size; expected width and height", 2),
        ([*ASKED, "--max-pixels", "1k"], "frames of 96×72 are more than the limit", 1),
        (ASKED, "stdin ends after 5 bytes; expected frames of 96×72 rgb24, 20736 bytes", 1),
    ],
)
def test_wrong_pipes(arguments: list[str], text: str, code: int, video: Video) -> None:
    ran = video("-", "-", *arguments, stdin=b"abcde")
    assert text in ran.stderr
    assert (ran.exit_code, ran.output) == (code, b"")
