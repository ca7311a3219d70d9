"""`u2bg video` from outside: files in, files out, read back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tests.video import clips
from tests.video.conftest import Video

Made = Callable[..., Path]
RED = np.array([220, 30, 30])


def _disc(index: int, size: tuple[int, int] = (72, 96)) -> Any:
    return clips.picture(index, size, alpha=True)[..., 3] == 255


@pytest.mark.parametrize(
    ("name", "codec", "alpha_error"),
    [
        ("out.webm", None, 4),
        ("out.mkv", None, 4),
        ("out.mov", "prores", 2),
        ("out.mov", "qtrle", 0),
        ("out.apng", None, 0),
    ],
)
def test_the_alpha_comes_back(
    name: str, codec: str | None, alpha_error: float, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source, output = clip_file("in.mp4"), tmp_path / name
    exact = tmp_path / "exact.mov"
    assert video(source, output, *(["--codec", codec] if codec else [])).exit_code == 0
    assert video(source, exact, "--codec", "qtrle").exit_code == 0

    found, wanted = clips.frames(output), clips.frames(exact)
    assert len(found) == len(wanted) == 12
    for one, other in zip(found, wanted, strict=True):
        assert one.photo.has_alpha
        difference = np.abs(one.photo.rgba.astype(int) - other.photo.rgba)
        assert difference[..., 3].mean() <= alpha_error
        opaque = other.photo.rgba[..., 3] == 255
        assert np.abs(one.photo.rgba[opaque][:, :3].mean(axis=0) - RED).max() < 8
    middle = found[6].photo.rgba[..., 3]
    assert middle[_disc(6)].mean() > 240
    assert middle[:, -8:].max() < 10


def test_an_animated_webp_has_every_frame_and_its_time(video: Video, clip_file: Made, tmp_path: Path) -> None:
    output = tmp_path / "out.webp"
    assert video(clip_file("in.mp4", times=[0, 1, 2, 6, 7]), output).exit_code == 0
    with Image.open(output) as picture:
        assert (picture.n_frames, picture.info["loop"]) == (5, 0)  # type: ignore[attr-defined]
        lasted = []
        for index in range(5):
            picture.seek(index)
            picture.load()
            lasted.append(picture.info["duration"])
        assert np.asarray(picture.convert("RGBA"))[36, 24 + 8, 3] > 240
    assert lasted[:4] == [40, 40, 160, 40]


@pytest.mark.parametrize("name", ["out.webm", "out.mov", "out.mp4", "out.mkv", "out.apng"])
def test_uneven_times_are_kept(name: str, video: Video, clip_file: Made, tmp_path: Path) -> None:
    times = [0, 3003, 6006, 15015, 16000, 30000, 33003]
    source = clip_file("in.mp4", times=times, time_base=Fraction(1, 90_000))
    assert video(source, tmp_path / name, "--background", "white" if name.endswith("mp4") else "transparent")
    found = clips.times_s(tmp_path / name)
    exact = name.endswith(("mov", "mp4"))
    assert found == pytest.approx([pts / 90_000 for pts in times], abs=1e-9 if exact else 0.001)


def test_sound_and_subtitles_are_copied_bit_by_bit(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = _with_subtitles(clip_file("in.mp4", frames=25, sound="aac"), tmp_path / "talk.mp4")
    output = tmp_path / "out.mp4"
    assert video(source, output, "--background", "blur").exit_code == 0
    assert clips.packets(output, "audio") == clips.packets(source, "audio")
    assert clips.packets(output, "subtitle") == clips.packets(source, "subtitle")


def _with_subtitles(source: Path, output: Path) -> Path:
    """The same file with a text stream, which FFmpeg's own tool can make."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg to make subtitles")
    text = output.with_suffix(".srt")
    text.write_text("1\n00:00:00,100 --> 00:00:00,500\nHello.\n\n2\n00:00:00,600 --> 00:00:00,900\nBye.\n")
    command: list[str | Path] = ["ffmpeg", "-v", "error", "-i", source, "-i", text]
    command += ["-map", "0", "-map", "1"]
    subprocess.run([*command, "-c", "copy", "-c:s", "mov_text", output], check=True)
    return output


def test_opus_is_copied_into_webm(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.mkv", frames=25, sound="libopus"), tmp_path / "out.webm"
    ran = video(source, output)
    assert "coded anew" not in ran.stderr
    assert clips.packets(output, "audio") == clips.packets(source, "audio")


def test_sound_that_the_file_cannot_hold_is_coded_anew_and_told(
    video: Video, clip_file: Made, tmp_path: Path
) -> None:
    output = tmp_path / "out.webm"
    ran = video(clip_file("in.mp4", frames=50, sound="aac"), output)
    assert "u2bg: webm cannot hold aac sound: it was coded anew as opus\n" in ran.stderr
    with av.open(str(output)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert heard / 48_000 == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(("name", "codec"), [("out.mkv", "opus"), ("out.mp4", "aac")])
def test_sound_of_a_wmv_is_coded_anew_to_its_end(
    name: str, codec: str, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source = clip_file("in.wmv", frames=25, sound="wmav2", codec="wmv2")
    output = tmp_path / name
    ran = video(source, output)
    assert (ran.exit_code, f"coded anew as {codec}" in ran.stderr) == (0, True)
    with av.open(str(output)) as container:
        heard = sum(frame.samples for frame in container.decode(audio=0))
    assert heard / 48_000 == pytest.approx(1.0, abs=0.1)


def test_a_name_like_a_protocol_is_a_file(
    video: Video, clip_file: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_file("in.mp4", frames=3).rename(tmp_path / "http:in.mp4")
    monkeypatch.chdir(tmp_path)
    assert video("http:in.mp4", "http:out.webm").exit_code == 0
    assert (tmp_path / "http:out.webm").exists()


def test_a_part_begins_at_0_with_its_sound(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.mp4", frames=50, sound="aac"), tmp_path / "out.mp4"
    assert video(source, output, "--background", "white", "--start", "0.4", "--end", "0:01.2").exit_code == 0
    times = clips.times_s(output)
    assert (len(times), times[0]) == (20, 0.0)
    assert times[-1] == pytest.approx(0.76)
    part, whole = clips.packets(output, "audio"), clips.packets(source, "audio")
    begins = whole.index(part[0])
    assert part == whole[begins : begins + len(part)]
    assert len(part) * 1024 / 48_000 == pytest.approx(0.8, abs=0.05)


def test_ffprobe_agrees(video: Video, clip_file: Made, tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("needs ffprobe")
    source = clip_file("in.mp4", frames=30, sound="aac")
    for name in ("out.mp4", "out.mov", "out.mkv"):
        assert video(source, tmp_path / name).exit_code in {0}
        shown = _probe(tmp_path / name)
        video_stream = next(stream for stream in shown["streams"] if stream["codec_type"] == "video")
        assert int(video_stream["nb_read_packets"]) == 30
        assert float(shown["format"]["duration"]) == pytest.approx(1.2, abs=0.03)
        assert {stream["codec_type"] for stream in shown["streams"]} == {"video", "audio"}


def _probe(path: Path) -> Any:
    shown = ["-count_packets", "-show_streams", "-show_format", "-of", "json"]
    command = ["ffprobe", "-v", "error", *shown, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_turned_video_is_upright_and_turned_no_more(
    turned: int, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source, output = clip_file("in.mp4", frames=3, turned=turned), tmp_path / "out.mov"
    assert video(source, output, "--codec", "qtrle").exit_code == 0
    with av.open(str(output)) as container:
        frame = next(container.decode(video=0))
    assert frame.rotation == 0
    upright = np.rot90(_disc(0), turned // 90)
    assert frame.to_ndarray(format="rgba")[..., 3].shape == upright.shape
    assert frame.to_ndarray(format="rgba")[..., 3][upright].mean() > 240


@pytest.mark.parametrize("size", [(71, 95), (64, 128)])
def test_sides_may_be_odd(size: tuple[int, int], video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = clip_file("in.mov", frames=3, size=size, codec="qtrle", layout="rgb24")
    for name, background in (("out.webm", "transparent"), ("out.mp4", "#00ff00")):
        assert video(source, tmp_path / name, "--background", background).exit_code == 0
        height, width = size
        padded = (height + height % 2, width + width % 2) if name == "out.mp4" else size
        assert clips.look(tmp_path / name).size == padded
        assert len(clips.frames(tmp_path / name)) == 3


@pytest.mark.parametrize("matrix", [1, 5])
def test_colours_keep_their_meaning(matrix: int, video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.mp4", frames=3, matrix=matrix), tmp_path / "out.mp4"
    assert video(source, output, "--background", "#00c800").exit_code == 0
    assert clips.look(output).colours.matrix == matrix
    pixels = clips.frames(output)[1].photo.rgba
    assert np.abs(pixels[36, 26, :3].astype(int) - RED).max() < 8
    assert np.abs(pixels[4, -4, :3].astype(int) - [0, 200, 0]).max() < 8


def test_a_background_may_be_a_picture_or_a_video(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = clip_file("in.mp4", frames=8)
    Image.new("RGB", (30, 10), (0, 0, 255)).save(tmp_path / "blue.png")
    still, moving = tmp_path / "still.mp4", tmp_path / "moving.mp4"
    assert video(source, still, "--background", tmp_path / "blue.png").exit_code == 0
    assert np.abs(clips.frames(still)[3].photo.rgba[4, -4, :3].astype(int) - [0, 0, 255]).max() < 8

    short = clip_file("under.mp4", frames=3, size=(36, 48))
    assert video(source, moving, "--background", short).exit_code == 0
    found, under = clips.frames(moving), clips.frames(short)
    for index in (0, 2, 3, 7):  # it begins again after its third frame
        wanted = under[index % 3].photo.rgba[-4:, -4:, :3].mean(axis=(0, 1))
        assert np.abs(found[index].photo.rgba[-8:, -8:, :3].mean(axis=(0, 1)) - wanted).max() < 8


def test_the_mask_is_a_grey_video(video: Video, clip_file: Made, tmp_path: Path) -> None:
    assert video(clip_file("in.mp4"), tmp_path / "matte.mp4", "--mask").exit_code == 0
    pixels = clips.frames(tmp_path / "matte.mp4")[5].photo.rgba[..., :3].astype(int)
    assert pixels[_disc(5)].mean() > 235
    assert pixels[:, -8:].mean() < 12
    assert np.ptp(pixels, axis=2).max() < 6


def test_pictures_are_numbered_from_1(video: Video, clip_file: Made, tmp_path: Path) -> None:
    assert video(clip_file("in.mp4", frames=4), tmp_path / "pictures" / "f-%03d.png").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["f-001.png", "f-002.png", "f-003.png", "f-004.png"]
    with Image.open(tmp_path / "pictures" / "f-002.png") as picture:
        assert picture.mode == "RGBA"


def test_smooth_0_is_frame_by_frame_bit_for_bit(
    video: Video, clip_file: Made, tmp_path: Path, remover: Any
) -> None:
    source = clip_file("in.mp4", frames=5)
    assert video(source, tmp_path / "out.mov", "--codec", "qtrle", "--smooth", "0").exit_code == 0
    for found, frame in zip(clips.frames(tmp_path / "out.mov"), clips.frames(source), strict=True):
        assert np.array_equal(found.photo.rgba, remover(frame.photo.rgba).rgba)


def test_mp4_says_that_it_has_no_transparency(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = clip_file("in.mp4", frames=2)
    ran = video(source, tmp_path / "out.mp4")
    assert (
        "u2bg: h264 has no transparency: the background becomes white (--background chooses)\n" in ran.stderr
    )
    assert clips.frames(tmp_path / "out.mp4")[0].photo.rgba[2, -2].min() > 245
    ran = video(source, tmp_path / "other.mp4", "--background", "transparent")
    assert ran.exit_code == 2
    assert ran.stderr == (
        "u2bg: h264 has no transparency; fix: write .webm or .mov, or choose a --background\n"
    )
    assert not (tmp_path / "other.mp4").exists()


def test_what_is_there_is_left_alone(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.mp4", frames=2), tmp_path / "out.webm"
    output.write_bytes(b"mine")
    ran = video(source, output)
    assert (ran.exit_code, output.read_bytes()) == (1, b"mine")
    assert "is already there; fix: --overwrite" in ran.stderr
    assert "is the video itself" in video(source, source, "--overwrite").stderr
    assert video(source, output, "--overwrite").exit_code == 0


def test_a_video_without_a_subject_says_so(video: Video, tmp_path: Path) -> None:
    source = tmp_path / "grey.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for _ in range(3):
            grey = av.VideoFrame.from_ndarray(np.full((72, 96, 3), 90, np.uint8), "rgb24")
            container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    ran = video(source, tmp_path / "out.webm")
    assert ran.exit_code == 4
    assert "3 without a subject" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["out.avi"], "no kind of video named '.avi'; expected one of .apng, .m4v, .mkv"),
        (["out.png"], "one picture, a video has many; fix: number them"),
        (["out.webm", "--codec", "h264"], "webm holds no h264 here; expected vp9"),
        (["out.webm", "--start", "5", "--end", "2"], "--end 2 is not after --start 5"),
        (["out.webm", "--start", "1:2:3:4"], "no time; expected one such as 90, 1:30"),
        (["out.webm", "--background", "blurr"], "or a picture or a video that is there"),
        (["out.webm", "--mask", "--background", "blur"], "--mask writes the alpha alone"),
        (["out.apng", "--resume"], "apng is written in one go"),
        (["out.webm", "--size", "10x10"], "leave --raw and --size away"),
    ],
)
def test_requests_that_make_no_sense(
    arguments: list[str], text: str, video: Video, clip_file: Made, tmp_path: Path
) -> None:
    ran = video(clip_file("in.mp4", frames=1), tmp_path / arguments[0], *arguments[1:])
    assert ran.exit_code == 2
    assert text in ran.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))] == []


def test_a_bar_tells_how_far_and_how_fast_it_goes(
    video: Video, clip_file: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.command._Stream.isatty", lambda stream: True, raising=False)

    said = video(clip_file("in.mp4"), tmp_path / "out.mp4").stderr

    assert re.search(r"12/12 .*\d+\.\d frames/s", said)
