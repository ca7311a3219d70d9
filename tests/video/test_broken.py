"""Files that are damaged: a clear line, or the good part with a notice."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from tests.video import clips
from tests.video.conftest import Video

Made = Callable[..., Path]


def _refused(ran: object, output: Path, text: str) -> None:
    assert text in ran.stderr  # type: ignore[attr-defined]
    assert ran.stderr.count("\n") == 1  # type: ignore[attr-defined]
    assert ran.exit_code == 1  # type: ignore[attr-defined]
    assert list(output.parent.glob("*out*")) == []
    assert list(output.parent.glob(".*")) == []


def test_no_file(video: Video, tmp_path: Path) -> None:
    _refused(video(tmp_path / "no.mp4", tmp_path / "out.webm"), tmp_path / "out.webm", "fix: check the name")


def test_a_file_that_is_no_video(video: Video, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(b"no video at all" * 99)
    _refused(video(source, tmp_path / "out.webm"), tmp_path / "out.webm", "is no video that can be read")


def test_an_mp4_without_its_tail_cannot_be_read(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = clip_file("in.mp4", frames=20)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    _refused(video(source, tmp_path / "out.webm"), tmp_path / "out.webm", "is no video that can be read")


def test_sound_alone_is_no_video(video: Video, tmp_path: Path) -> None:
    source = tmp_path / "in.wav"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _refused(
        video(source, tmp_path / "out.webm"),
        tmp_path / "out.webm",
        "has no pictures: got audio; expected a video stream",
    )


def test_music_with_a_cover_is_no_video(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = tmp_path / "in.mp3"
    cover = bytes(
        clips.packets(clip_file("cover.mkv", frames=1, codec="mjpeg", layout="yuvj420p"), "video")[0]
    )
    picture = b"\0image/jpeg\0\x03\0" + cover
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    sound = b"".join(clips.packets(clip_file("sound.mkv", frames=25, sound="libmp3lame"), "audio"))
    source.write_bytes(b"ID3\x03\0\0" + size + frame + sound)
    _refused(
        video(source, tmp_path / "out.webm"), tmp_path / "out.webm", "has no pictures: got a cover, audio"
    )


def test_sound_out_of_its_order_is_left_out_and_told(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source, output = clip_file("in.ts", frames=50, sound="mp2"), tmp_path / "out.mkv"
    content = bytearray(source.read_bytes())
    places = [at for at in range(len(content)) if content[at : at + 4] == b"\0\0\x01\xc0"]
    times = [bytes(content[at + 9 : at + 14]) for at in places]
    content[places[4] + 9 : places[4] + 14] = times[0]
    source.write_bytes(content)
    ran = video(source, output)
    assert ran.exit_code == 0
    assert "packets of sound or subtitles came out of their order and were left out\n" in ran.stderr
    assert len(clips.times_s(output)) == 50
    assert clips.packets(output, "audio")


def test_a_video_without_frames(video: Video, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        container.start_encoding()
    _refused(video(source, tmp_path / "out.webm"), tmp_path / "out.webm", "has no pictures: got nothing")


def test_a_time_without_frames(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = clip_file("in.mp4", frames=5)
    _refused(
        video(source, tmp_path / "out.webm", "--start", "9"),
        tmp_path / "out.webm",
        "has no frame in the time that was asked for",
    )


def test_a_truncated_file_gives_its_good_part_and_a_notice(
    video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source = clip_file("in.mkv", frames=75, options={"g": "10"})
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 3])
    ran = video(source, tmp_path / "out.webm")
    assert ran.exit_code == 0
    assert "u2bg: the pictures end after " in ran.stderr
    assert 5 < len(clips.times_s(tmp_path / "out.webm")) < 40


def test_damage_in_the_middle_costs_some_frames_and_is_told(
    video: Video, clip_file: Made, tmp_path: Path
) -> None:
    source = clip_file("in.mov", frames=20, codec="png", layout="rgb24")
    with av.open(str(source)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.pos is not None]
    content = bytearray(source.read_bytes())
    for place in (places[8], places[9]):
        content[place : place + 60] = b"\xff" * 60
    source.write_bytes(content)
    ran = video(source, tmp_path / "out.webm")
    assert ran.exit_code == 0
    assert "u2bg: 2 packets could not be decoded; their frames are missing\n" in ran.stderr
    times = clips.times_s(tmp_path / "out.webm")
    assert len(times) == 18
    assert times[-1] == pytest.approx(19 / clips.RATE, abs=1e-3)


def test_a_change_of_size_is_scaled_and_told(video: Video, clip_file: Made, tmp_path: Path) -> None:
    source = tmp_path / "in.h264"
    first, second = clip_file("a.h264", frames=5), clip_file("b.h264", frames=4, size=(48, 64))
    source.write_bytes(first.read_bytes() + second.read_bytes())
    ran = video(source, tmp_path / "out.webm")
    assert ran.exit_code == 0
    assert "u2bg: 4 frames of another size were scaled to 96×72\n" in ran.stderr
    found = clips.frames(tmp_path / "out.webm")
    assert {frame.photo.size for frame in found} == {(72, 96)}


def test_huge_frames_are_refused_by_the_header(video: Video, tmp_path: Path) -> None:
    source = tmp_path / "in.avi"
    clips.make(source, frames=2, codec="rawvideo", layout="bgr24")
    content = bytearray(source.read_bytes())
    place = content.index(b"strf") + 8  # BITMAPINFOHEADER: its size, then width and height
    content[place + 4 : place + 12] = struct.pack("<ii", 14_000, 14_000)
    source.write_bytes(content)
    _refused(video(source, tmp_path / "out.webm"), tmp_path / "out.webm", "more than the limit of 50.0")
