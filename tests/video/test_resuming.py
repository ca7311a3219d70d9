"""Runs that are stopped, and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.video import clips
from tests.video.conftest import Video

from u2bg.video import pieces

Made = Callable[..., Path]
FRAMES = 40


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of ten frames, so that short clips have several."""
    monkeypatch.setattr(pieces, "FRAMES", 10)


def _left_with(folder: Path, whole: int) -> None:
    """What a crash leaves: the first pieces whole, and half a file."""
    for told in sorted(folder.glob("*.json")):
        if told.stem != "plan" and int(told.stem) >= whole:
            told.unlink()
    (folder / "part.webm").write_bytes(b"half a fil")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs keep their pieces when they are done, as a crash between the last piece and the joined file would."""
    monkeypatch.setattr(pieces.Pieces, "discard", lambda self: None)


@pytest.mark.parametrize("name", ["out.webm", "out.mov", "out.mp4"])
def test_a_run_that_goes_on_ends_with_the_same_bytes(
    name: str, short_pieces: None, kept: None, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source, output = clip_file("in.mp4", frames=FRAMES, sound="aac"), tmp_path / name
    background = ["--background", "blur"] if name.endswith("mp4") else []
    assert video(source, output, *background).exit_code == 0
    whole = clips.packets(output, "video")
    output.unlink()
    _left_with(pieces.folder_of(output), 2)

    ran = video(source, output, "--resume", *background)
    assert ran.exit_code == 0
    assert f"{FRAMES} frames in" in ran.stderr
    assert clips.packets(output, "video") == whole
    assert clips.times_s(output) == pytest.approx([index / clips.RATE for index in range(FRAMES)], abs=1e-3)


def test_whole_pieces_are_not_cut_again(
    short_pieces: None, kept: None, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source, output = clip_file("in.mp4", frames=FRAMES), tmp_path / "out.webm"
    assert video(source, output).exit_code == 0
    output.unlink()
    folder = pieces.folder_of(output)
    _left_with(folder, 3)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("0000[012].*")}
    assert video(source, output, "--resume").exit_code == 0
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert len(before) == 9


def test_pieces_of_another_plan_are_refused(
    short_pieces: None, kept: None, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source, output = clip_file("in.mp4", frames=12), tmp_path / "out.webm"
    assert video(source, output).exit_code == 0
    ran = video(source, output, "--resume", "--smooth", "0.2")
    assert ran.exit_code == 2
    assert (
        "was begun with another input, model or options; fix: ask for the same, or begin anew" in ran.stderr
    )


def test_nothing_hidden_is_left_of_a_whole_run(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.mp4", frames=3), tmp_path / "out.webm"
    assert video(source, output, "--resume").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.mp4", "out.webm"]
    assert not pieces.folder_of(output).exists()


def test_ctrl_c_leaves_a_whole_file_and_resume_goes_on(
    clip_file: Made, tmp_path: Path, network: Path
) -> None:
    source, output = clip_file("in.mp4", frames=300, sound="aac"), tmp_path / "out.webm"
    command: list[str | Path] = [sys.executable, "-m", "u2bg", "video", source, output, "--model", network]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    part = pieces.folder_of(output) / "part.webm"
    while running.poll() is None and not part.exists():
        time.sleep(0.02)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "what was done is whole; fix: the same command with --resume goes on" in told
    done = clips.times_s(output)
    assert 0 < len(done) < 300
    assert clips.packets(output, "audio")

    again = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, f"{output}\n")
    assert clips.times_s(output) == pytest.approx([index / clips.RATE for index in range(300)], abs=1e-3)


@pytest.mark.slow
def test_killed_at_many_moments_it_ends_whole(clip_file: Made, tmp_path: Path, network: Path) -> None:
    source, output = clip_file("in.mp4", frames=480), tmp_path / "out.webm"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "u2bg",
        "video",
        source,
        output,
        "--model",
        network,
        "--resume",
    ]
    for wait_s in (1.5, 2.0, 2.5, 3.0, 3.5):
        running = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
        time.sleep(wait_s)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        folder = pieces.folder_of(output)
        for told in folder.glob("0*.json"):
            assert (
                len(clips.packets(told.with_suffix(".webm"), "video"))
                == json.loads(told.read_text())["frames"]
            )
    if not output.exists():
        subprocess.run(command, check=True, capture_output=True)
    assert len(clips.times_s(output)) == 480
