"""Frames to a video file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from u2bg.errors import CannotWrite
from u2bg.video.kinds import Codec, Kind
from u2bg.video.reading import HD_ROWS, Colours, address, library

Pixels = NDArray[np.uint8]
"""(H, W) grey, (H, W, 3), or (H, W, 4) with straight alpha."""

_LAYOUTS = {1: "gray", 3: "rgb24", 4: "rgba"}
_MATROSKA_S = Fraction(1, 1000)
_RGB_MATRIX = 0
_LIMITED = 1


@dataclass(frozen=True, slots=True)
class Form:
    """How the frames of one file are written.

    Attributes:
        kind, codec: rows of the tables.
        size: (height, width) of the frames.
        alpha: whether they have alpha.
        time_base: seconds in which their pts counts.
        rate: frames per second, on average.
        colours: how the numbers of the source mean colours; kept.
        aspect: width of a pixel by its height.
    """

    kind: Kind
    codec: Codec
    size: tuple[int, int]
    alpha: bool
    time_base: Fraction
    rate: Fraction
    colours: Colours
    aspect: Fraction = Fraction(1)

    @property
    def ticks(self) -> Fraction:
        """The time base that the file can hold: Matroska, which WebM is, counts milliseconds."""
        return _MATROSKA_S if self.kind.container in {"webm", "matroska"} else self.time_base

    @property
    def layout(self) -> str:
        """FFmpeg's name of the layout of the frames."""
        layout = self.codec.pixels_alpha if self.alpha else self.codec.pixels
        assert layout is not None  # who orders alpha of a codec without it was refused
        return layout

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) in the file: the next even sides, where the codec wants them."""
        height, width = self.size
        return (height + height % 2, width + width % 2) if self.codec.even else self.size


class Encoder:
    """Writes one file, frame by frame, in bounded memory. Use it in a `with` block, which ends the file.

    Args:
        path: the file to make.
        form: how.

    Raises:
        CannotWrite: the encoder or the disk refuses.
    """

    def __init__(self, path: Path, form: Form) -> None:
        av = library()
        self._av = av
        self._form = form
        self._path = path
        self._durations: dict[int, int] = {}
        self._layout = form.layout
        endless = {"webp": {"loop": "0"}, "apng": {"plays": "0"}}.get(form.kind.container, {})
        self._container = av.open(address(path), "w", format=form.kind.container, options=endless)
        self._stream = self._container.add_stream(
            form.codec.encoder, rate=form.rate, options=dict(form.codec.options)
        )
        self._set_up(self._stream)
        self._reformat = av.video.reformatter.VideoReformatter().reformat

    def __enter__(self) -> Encoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._mux(None)
        finally:
            self._container.close()

    def write(self, pixels: Pixels, pts: int, duration: int = 0) -> None:
        """One more frame; `pts` and `duration` in `form.ticks`, later than all before."""
        if duration:
            self._durations[pts] = duration
        self._mux(self._frame(pixels, pts))

    def _mux(self, frame: Any) -> None:
        try:
            for packet in self._stream.encode(frame):
                duration = self._durations.pop(packet.pts, 0) if packet.pts is not None else 0
                if duration and packet.time_base == self._form.ticks:
                    packet.duration = duration
                self._container.mux(packet)
        except self._av.error.FFmpegError as error:
            raise CannotWrite(
                f"cannot write '{self._path}': {error.strerror}; fix: free some space, or choose another --codec"
            ) from error

    def _set_up(self, stream: Any) -> None:
        form, context = self._form, stream.codec_context
        stream.height, stream.width = form.padded
        stream.pix_fmt = self._layout
        stream.time_base = context.time_base = form.ticks
        context.sample_aspect_ratio = form.aspect
        if self._is_yuv:
            context.colorspace, context.color_range = self._matrix, _LIMITED
        context.color_primaries, context.color_trc = form.colours.primaries, form.colours.transfer

    @property
    def _is_yuv(self) -> bool:
        return self._layout.startswith("yuv")

    @property
    def _matrix(self) -> int:
        if self._form.colours.matrix != _RGB_MATRIX:
            return self._form.colours.matrix
        return 1 if self._form.size[0] >= HD_ROWS else 5

    def _frame(self, pixels: Pixels, pts: int) -> Any:
        """FFmpeg's frame, in the layout and the colours of the file."""
        height, width = self._form.padded
        if pixels.shape[:2] != (height, width):
            edges = [(0, height - pixels.shape[0]), (0, width - pixels.shape[1])]
            pixels = np.pad(pixels, [*edges, (0, 0)][: pixels.ndim], mode="edge")
        layout = _LAYOUTS[1 if pixels.ndim == 2 else pixels.shape[2]]
        raw = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
        colours = {"dst_colorspace": self._matrix, "dst_color_range": _LIMITED} if self._is_yuv else {}
        frame = self._reformat(raw, format=self._layout, **colours)
        frame.pts, frame.time_base = pts, self._form.ticks
        frame.color_primaries, frame.color_trc = self._form.colours.primaries, self._form.colours.transfer
        return frame
