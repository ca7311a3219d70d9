"""Videos for tests, made here with real codecs: a red disc that crosses a textured ground, a tone, subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from u2bg.video.reading import Clip, Frame, look_into

Pixels = NDArray[np.uint8]
RATE = 25
SIDE = 64


def picture(index: int, size: tuple[int, int] = (72, 96), *, alpha: bool = False) -> Pixels:
    """One frame, (height, width, 3): the disc moves 2 pixels a frame. With alpha, only the disc is opaque."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    ground = 90 + 25 * np.sin(rows / 3 + columns / 5)
    pixels = np.dstack([ground - 20, ground + 10, ground + 30]).round().astype(np.uint8)
    disc = np.hypot(rows - height / 2, columns - width / 4 - 2 * index) < height / 4
    pixels[disc] = 220, 30, 30
    return np.dstack([pixels, 255 * disc.astype(np.uint8)]) if alpha else pixels


def make(
    path: Path,
    frames: int = 12,
    size: tuple[int, int] = (72, 96),
    *,
    codec: str = "libx264",
    layout: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, RATE),
    sound: str | None = None,
    subtitles: bool = False,
    turned: int = 0,
    options: dict[str, str] | None = None,
    matrix: int = 5,
) -> Path:
    """Write a video file; `times` are the pts of its frames in `time_base`."""
    times = list(range(frames)) if times is None else times
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(codec, rate=RATE, options=options or {})
        video.height, video.width = size
        video.pix_fmt = layout
        video.codec_context.time_base = time_base
        video.codec_context.colorspace = matrix
        if turned:
            video.set_display_rotation(turned)
        audio: Any = container.add_stream(sound, rate=48_000) if sound else None
        if audio is not None:
            audio.bit_rate = 128_000  # Windows Media has none of its own
        texts: Any = container.add_stream("mov_text") if subtitles and path.suffix == ".mp4" else None
        if texts is not None:
            texts.codec_context.time_base = Fraction(1, 1000)
        for index, pts in enumerate(times):
            alpha = "a" in layout.replace("gray", "")
            raw = av.VideoFrame.from_ndarray(picture(index, size, alpha=alpha), "rgba" if alpha else "rgb24")
            frame = raw.reformat(format=layout, dst_colorspace=matrix, dst_color_range=1)
            frame.pts, frame.time_base = pts, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _tone(container, audio, float((times[-1] + 1) * time_base))
    return path


def _tone(container: Any, stream: Any, seconds: float) -> None:
    samples = np.sin(np.arange(int(48_000 * seconds)) / 20).astype(np.float32) / 4
    frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    wanted = stream.codec_context.codec.audio_formats[0].name
    resampler = av.AudioResampler(format=wanted, layout="stereo", rate=48_000, frame_size=960)
    for ready in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(ready))
    container.mux(stream.encode(None))


def redness(path: Path) -> Path:
    """A network that sees the disc: how red each pixel is."""
    weight = np.array([2, -1, -1], np.float32).reshape(1, 3, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weight", "bias"], ["raw"]),
            helper.make_node("Sigmoid", ["raw"], ["map"]),
        ],
        "redness",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("map", onnx.TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.array([-2], np.float32), "bias"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def look(path: Path) -> Clip:
    """What the product sees of a file."""
    return look_into(path, 10**8)


def frames(path: Path) -> list[Frame]:
    """All of them."""
    return list(look(path).frames())


def times_s(path: Path) -> list[float]:
    """When each frame is shown."""
    clip = look(path)
    return [float(frame.pts * clip.time_base) for frame in clip.frames()]


def packets(path: Path, kind: str) -> list[bytes]:
    """The bytes of every packet of the first stream of a kind: audio, video, subtitle."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]
