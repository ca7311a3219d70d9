"""The one table of what is written: kinds of file, and the codecs in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from u2bg.errors import UnknownName, UsageError


@dataclass(frozen=True, slots=True)
class Codec:
    """One row: how frames are coded.

    Attributes:
        name: what people type after `--codec`.
        encoder: FFmpeg's name of the encoder.
        pixels: FFmpeg's name of the layout of opaque frames.
        pixels_alpha: the same with alpha, None where the codec has none.
        options: FFmpeg's options of the encoder.
        exact: whether every pixel comes back as it was.
        even: whether both sides must be even.
    """

    name: str
    encoder: str
    pixels: str
    pixels_alpha: str | None
    options: tuple[tuple[str, str], ...] = ()
    exact: bool = False
    even: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: a kind of file.

    Attributes:
        name: what people read in messages.
        suffixes: file name endings, lower case.
        container: FFmpeg's name of the format; empty for single pictures.
        codecs: what it may hold; the first is the default.
        pieces: whether it is written in pieces that are joined at the end, so that a run can go on. The others are
            written in one go.
    """

    name: str
    suffixes: tuple[str, ...]
    container: str
    codecs: tuple[Codec, ...]
    pieces: bool = True


# No codec here reorders frames (H.264 without B-frames): pieces then join by their timestamps alone.
VP9 = Codec(
    "vp9",
    "libvpx-vp9",
    "yuv420p",
    "yuva420p",
    (("crf", "24"), ("b", "0"), ("deadline", "realtime"), ("cpu-used", "6"), ("row-mt", "1")),
)  # "good" takes five times as long for the same size and the same error, and there are two planes to code
H264 = Codec("h264", "libx264", "yuv420p", None, (("crf", "18"), ("preset", "fast"), ("bf", "0")), even=True)
PRORES = Codec("prores", "prores_ks", "yuv444p10le", "yuva444p10le", (("profile", "4444"),))
QTRLE = Codec("qtrle", "qtrle", "rgb24", "argb", exact=True)
APNG = Codec("apng", "apng", "rgb24", "rgba", (("pred", "mixed"),), exact=True)
WEBP = Codec("webp", "libwebp_anim", "yuv420p", "yuva420p", (("quality", "85"),))
PNG = Codec("png", "", "rgb24", "rgba", exact=True)

KINDS = (
    Kind("webm", (".webm",), "webm", (VP9,)),
    Kind("mov", (".mov",), "mov", (PRORES, QTRLE, H264)),
    Kind("mp4", (".mp4", ".m4v"), "mp4", (H264,)),
    Kind("mkv", (".mkv",), "matroska", (VP9, H264)),
    Kind("webp", (".webp",), "webp", (WEBP,), pieces=False),
    Kind("apng", (".apng",), "apng", (APNG,), pieces=False),
    Kind("png", (".png",), "", (PNG,), pieces=False),
)
CODECS = tuple(dict.fromkeys(codec.name for row in KINDS for codec in row.codecs if codec.encoder))


def of_output(path: Path, codec: str | None = None) -> tuple[Kind, Codec]:
    """The kind of an output by its suffix, and the codec by its name, or the kind's default.

    Raises:
        UnknownName: no such kind. UsageError: a codec that the kind does not hold, one picture for many frames.
    """
    known = {suffix: row for row in KINDS for suffix in row.suffixes}
    suffix = path.suffix.lower()
    if suffix not in known:
        raise UnknownName("kind of video", suffix or str(path), known)
    kind = known[suffix]
    if kind.name == "png" and "%" not in path.name:
        raise UsageError(
            f"'{path}' is one picture, a video has many; fix: number them, '{path.stem}-%05d.png', or name .apng"
        )
    if codec is None:
        return kind, kind.codecs[0]
    for row in kind.codecs:
        if row.name == codec:
            return kind, row
    held = ", ".join(row.name for row in kind.codecs)
    raise UsageError(
        f"{kind.name} holds no {codec} here; expected {held}; fix: choose another codec or output"
    )
