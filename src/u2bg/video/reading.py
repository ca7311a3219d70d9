"""A video file to its frames: upright, RGBA, each with its time."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from u2bg.errors import BrokenPicture, MissingExtra, NotAPicture, SourceMissing, TooManyPixels
from u2bg.imaging import Photo

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

log = logging.getLogger(__name__)

UNSPECIFIED = 2
HD_ROWS = 720
"""From this height on, a video that does not name its colour matrix has BT.709, below it BT.601."""

_LAST_TRY_S = 10
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave the alpha out."""


def library() -> Any:
    """PyAV.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import av
        import cv2  # noqa: F401 - asked for here, so that no run ends with the first frame
    except ImportError as error:
        raise MissingExtra("video", "video") from error
    av.logging.set_level(av.logging.PANIC)  # what goes wrong is told by us, once
    return av


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        photo: its pixels.
        pts: when it is shown, in time bases of the clip.
        duration: how long, in the same; 0 where the file does not say.
    """

    photo: Photo
    pts: int
    duration: int = 0


@dataclass(frozen=True, slots=True)
class Colours:
    """How the file's numbers mean colours, by FFmpeg's codes; 2 is "not said"."""

    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED


@dataclass(slots=True)
class Clip:
    """A video file, looked into: its first frame was decoded.

    Attributes:
        path: the file.
        size: (height, width) of the upright frames.
        time_base: seconds in which `pts` counts.
        rate: frames per second, on average.
        duration_s: as the file promises, or None.
        colours: how its numbers mean colours.
        aspect: width of a pixel by its height, upright.
        troubles: what was wrong with the file, for people; grows while frames are read.
    """

    path: Path
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    duration_s: float | None
    colours: Colours
    aspect: Fraction
    troubles: list[str] = field(default_factory=list)

    @property
    def expected_frames(self) -> int | None:
        """About how many there will be, or None."""
        return round(self.duration_s * self.rate) if self.duration_s else None

    def frames(
        self, start_s: Fraction = Fraction(0), end_s: Fraction | None = None, after: int | None = None
    ) -> Generator[Frame, None, None]:
        """Every frame shown from `start_s` and before `end_s`, in order; what cannot be decoded is passed over.

        Args:
            after: only frames with a later pts, for a run that goes on.
        """
        first_s = start_s if after is None else after * self.time_base
        last: int | None = after
        late = twice = 0
        for frame in self._decoded(first_s):
            at = frame.pts * self.time_base
            if at < start_s or (after is not None and frame.pts <= after):
                continue
            if end_s is not None and at >= end_s:
                return
            if last is not None and frame.pts <= last:
                twice += 1
                continue
            last, late = frame.pts, frame.pts + frame.duration
            yield frame
        if twice:
            self.troubles.append(f"{twice} frames came out of their order and were left out")
        seen_s = float(late * self.time_base) if last is not None else 0.0
        if self.duration_s and self.duration_s - seen_s > max(1.0, 2 / float(self.rate)) and end_s is None:
            self.troubles.append(f"the pictures end after {seen_s:.1f} of {self.duration_s:.1f} s")

    def _decoded(self, first_s: Fraction) -> Iterator[Frame]:
        """Frames from some key frame at or before `first_s` on."""
        with _opened(self.path) as container:
            stream = moving(container)[0]
            if first_s > 0 and not _reached(container, stream, first_s, self.time_base):
                container.seek(0)
            damaged = resized = index = 0
            pixels = Pixels(self.size, self.colours)
            for decoded in _frames_of(container, stream):
                if decoded is None:
                    damaged += 1
                    continue
                if (decoded.height, decoded.width) != _turned(self.size, decoded.rotation):
                    resized += 1
                pts = decoded.pts if decoded.pts is not None else round(index / self.rate / self.time_base)
                index += 1
                yield Frame(pixels(decoded), pts, decoded.duration or 0)
        if damaged:
            self.troubles.append(f"{damaged} packets could not be decoded; their frames are missing")
        if resized:
            height, width = self.size
            self.troubles.append(f"{resized} frames of another size were scaled to {width}×{height}")


def look_into(path: Path, max_pixels: int) -> Clip:
    """Open a video, decode its first frame, and tell what it is.

    Raises:
        SourceMissing, NotAPicture, BrokenPicture, TooManyPixels: one line that says what and why.
    """
    with _opened(path) as container:
        if not moving(container):
            held = ", ".join(sorted({_what(stream) for stream in container.streams})) or "nothing"
            raise NotAPicture(f"'{path}' has no pictures: got {held}; expected a video stream")
        stream = moving(container)[0]
        _check_size(path, stream.codec_context.width, stream.codec_context.height, max_pixels)
        frame = next((frame for frame in _frames_of(container, stream) if frame is not None), None)
        if frame is None:
            raise BrokenPicture(f"'{path}' has a video stream without a frame; fix: get a whole copy")
        _check_size(path, frame.width, frame.height, max_pixels)
        sideways = frame.rotation % 180 == 90
        height, width = (frame.width, frame.height) if sideways else (frame.height, frame.width)
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        return Clip(
            path,
            (height, width),
            Fraction(stream.time_base or Fraction(1, 90_000)),
            Fraction(stream.average_rate or stream.guessed_rate or 25),
            _duration(container, stream),
            _colours(frame),
            1 / aspect if sideways else aspect,
        )


class Pixels:
    """Turns decoded frames into photos of one size.

    Args:
        size: (height, width) of the photos, upright.
        colours: of the clip, for frames that do not say.
    """

    def __init__(self, size: tuple[int, int], colours: Colours) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformat = VideoReformatter().reformat
        self._size = size
        self._colours = colours

    def __call__(self, frame: av.VideoFrame) -> Photo:
        height, width = _turned(self._size, frame.rotation)
        matrix = int(frame.colorspace)
        rgba = self._reformat(
            frame,
            width=width,
            height=height,
            format="rgba",
            src_colorspace=self._colours.matrix if matrix == UNSPECIFIED else matrix,
            interpolation="BICUBIC",
        ).to_ndarray()
        upright = np.ascontiguousarray(np.rot90(rgba, frame.rotation // 90))
        return Photo(upright, has_alpha=_has_alpha(frame))


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8"


def address(path: Path) -> str:
    """What FFmpeg opens: a file, even where its name looks like `http:` or another of its protocols."""
    return f"file:{path}"


def moving(container: InputContainer) -> list[av.VideoStream]:
    """The video streams, without the cover pictures of music."""
    return [stream for stream in container.streams.video if not _is_cover(stream)]


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & library().stream.Disposition.attached_pic)


def _what(stream: Any) -> str:
    return "a cover" if stream.type == "video" else str(stream.type)


def _opened(path: Path) -> InputContainer:
    av = library()
    try:
        with path.open("rb"):
            pass
        container: InputContainer = av.open(address(path))
        return container
    except av.error.FFmpegError as error:
        raise NotAPicture(
            f"'{path}' is no video that can be read: {error.strerror}; expected a whole file of a known kind"
        ) from error
    except FileNotFoundError as error:
        raise SourceMissing(f"no file '{path}'; fix: check the name") from error
    except OSError as error:
        raise SourceMissing(f"cannot read '{path}': {error.strerror}; fix: check the name") from error


def _frames_of(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame | None]:
    """Decoded frames; None for a packet that cannot be decoded. A file that breaks off ends here."""
    av = library()
    decoder = _decoder(stream)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            log.warning("the video breaks off: %s", error.strerror)
            return
        try:
            decoded = decoder.decode(packet if packet.size else None)
        except (av.error.InvalidDataError, av.error.BufferTooSmallError):
            yield None
            continue
        except av.error.EOFError:
            return
        yield from decoded


def _decoder(stream: av.VideoStream) -> Any:
    """The stream's decoder, or the one that sees its alpha."""
    av = library()
    context = stream.codec_context
    name = _ALPHA_DECODERS.get(context.name)
    says_alpha = any(stream.metadata.get(key) == "1" for key in ("alpha_mode", "ALPHA_MODE"))
    if name is None or not says_alpha:
        return context
    decoder = av.CodecContext.create(name, "r")
    decoder.width, decoder.height = context.width, context.height
    return decoder


def _reached(
    container: InputContainer, stream: av.VideoStream, first_s: Fraction, time_base: Fraction
) -> bool:
    """Seek to a key frame at or before a time. False where the file's index is missing or lies."""
    av = library()
    target = int(first_s / time_base)
    try:
        container.seek(target, stream=stream)
        landed = next((packet.pts for packet in container.demux(stream) if packet.pts is not None), None)
        container.seek(target, stream=stream)
    except av.error.FFmpegError:
        return False
    return landed is not None and landed <= target


def _turned(size: tuple[int, int], rotation: int) -> tuple[int, int]:
    return size[::-1] if rotation % 180 == 90 else size


def _colours(frame: av.VideoFrame) -> Colours:
    matrix = int(frame.colorspace)
    if matrix == UNSPECIFIED:
        matrix = 1 if frame.height >= HD_ROWS else 5
    return Colours(matrix, int(frame.color_primaries), int(frame.color_trc))


def _duration(container: InputContainer, stream: av.VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1_000_000 if container.duration else None


def _check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    """Refuse by the header alone what would take too much memory."""
    if width * height > max_pixels:
        raise TooManyPixels(
            f"'{path}' has {width}×{height} = {width * height / 1e6:,.1f} megapixels a frame, "
            f"more than the limit of {max_pixels / 1e6:,.1f}; fix: raise it with --max-pixels if the file is trusted"
        )
