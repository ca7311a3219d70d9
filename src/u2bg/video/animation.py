"""Animated GIF, WebP and PNG, and TIFF with several pages: every frame cut, its time and the loop kept."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cutout import Cutout
from u2bg.errors import BrokenPicture, CannotWrite, TooManyPixels
from u2bg.imaging import png, read, webp
from u2bg.imaging.formats import FORMATS, PNG, SIGNATURE_BYTES, TIFF, WEBP, Format, recognise
from u2bg.pipeline import Remover
from u2bg.video.stabilise import Stabiliser, can_steady, on_grid

GIF = next(row for row in FORMATS if row.name == "gif")
MOVING = (GIF, WEBP, PNG, TIFF)
"""What is read with several frames, and written."""

OPAQUE = 128
"""Alpha, of 255, from which a pixel of a GIF is seen: it has no half-transparent ones, and dots would crawl."""

MOST_LIMITS = 10
"""All frames of an animation are held at once: together they may have so many times the pixels that one may have."""

_REDUCED_PAGE = 254
_SCREEN_MS = 10
"""Steps in which GIF counts time."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Times:
    """How an animation is shown.

    Attributes:
        durations_ms: of each frame.
        loop: how often it is shown; 0 is for ever.
    """

    durations_ms: list[float]
    loop: int


def kind_of(source: Path | bytes) -> Format | None:
    """The kind of a file with several frames or pages; None for what is no animation, or cannot be read."""
    try:
        with _file(source) as file:
            kind = recognise(file.read(SIGNATURE_BYTES))
        if kind not in MOVING:
            return None
        with _opened(source, kind) as picture:
            several = len(_pages(picture)) > 1 if kind is TIFF else getattr(picture, "is_animated", False)
            return kind if several else None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None  # whoever reads it as a picture says what is wrong with it


def holds(kind: Format, source: Format) -> bool:
    """Whether a kind of file takes all frames of another; pages are no frames: nobody turns over an animated PNG."""
    return kind in MOVING and (source is not TIFF or kind is TIFF)


def cut(
    source: Path | bytes,
    remover: Remover,
    finish: Callable[[Cutout], Pixels],
    kind: Format,
    *,
    smooth: float,
    max_pixels: int,
    compress: int | None = None,
    hear: Callable[[Cutout], object] = lambda cutout: None,
) -> bytes:
    """The bytes of the animation's cut-out.

    Args:
        source: a file of `MOVING`, or its bytes.
        finish: what is written of each cut-out, (H, W), (H, W, 3) or (H, W, 4).
        kind: what is written, one of `MOVING`.
        smooth: how far maps are steadied, in [0, 1]; pages of a TIFF are never, they are pictures of their own.
        compress: of an animated PNG, as `imaging.writing.encode` has it.
        hear: told of every cut-out.

    Raises:
        TooManyPixels, BrokenPicture: one line that says what and why. CannotWrite: pages of several sizes.
    """
    with _file(source) as file:
        held = recognise(file.read(SIGNATURE_BYTES))
    assert held in MOVING
    what = "the input" if isinstance(source, bytes) else f"'{source}'"
    steady = held is not TIFF and can_steady()
    stabiliser = Stabiliser(smooth) if steady and smooth > 0 else None
    durations: list[float] = []
    made = []
    try:
        with _opened(source, held) as picture:
            loop = _loop(picture, held)
            for frame, duration_ms in _frames(picture, held, max_pixels, what):
                photo = read(frame)
                saliency_map = remover.look(photo)
                if stabiliser is not None:
                    grid = saliency_map.shape[0], saliency_map.shape[1]
                    saliency_map = stabiliser(on_grid(photo.shown, grid), saliency_map)
                cutout = remover.cut(photo, saliency_map)
                hear(cutout)
                made.append(Image.fromarray(finish(cutout)))
                durations.append(duration_ms)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BrokenPicture(
            f"{what} breaks off after {len(made)} frames: {error}; fix: get a whole copy"
        ) from error
    return _encode(made, Times(durations, loop), kind, png.COMPRESS if compress is None else compress)


def _file(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _opened(source: Path | bytes, kind: Format) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # of metadata that Pillow mends by itself, and of sizes, which we check
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=[kind.pillow])


def _frames(
    picture: Image.Image, kind: Format, max_pixels: int, what: str
) -> Iterator[tuple[Image.Image, float]]:
    """Each frame as it is seen, whatever parts of it the file stores; and its time."""
    places = _pages(picture) if kind is TIFF else range(getattr(picture, "n_frames", 1))
    total = len(places) * picture.width * picture.height
    if total > MOST_LIMITS * max_pixels:
        raise TooManyPixels(
            f"{what} has {len(places)} frames of {picture.width}×{picture.height}, {total / 1e6:,.1f} megapixels, "
            f"more than the limit of {MOST_LIMITS * max_pixels / 1e6:,.1f}; "
            "fix: u2bg video, which holds few frames at once, or raise it with --max-pixels if the file is trusted"
        )
    for index in places:
        picture.seek(index)
        if picture.width * picture.height > max_pixels:
            raise TooManyPixels(
                f"{what} has frames of {picture.width}×{picture.height}, more than the limit of "
                f"{max_pixels / 1e6:,.1f} megapixels; fix: raise it with --max-pixels if the file is trusted"
            )
        picture.load()
        frame = picture.copy() if kind is TIFF else picture.convert("RGBA")
        opaque = kind is not TIFF and frame.getchannel("A").getextrema() == (255, 255)
        yield frame.convert("RGB") if opaque else frame, float(picture.info.get("duration", 0))


def _pages(picture: Image.Image) -> list[int]:
    """The pages of a TIFF that are pictures, not smaller copies of another."""
    found = []
    for index in range(getattr(picture, "n_frames", 1)):
        picture.seek(index)
        tags: Any = getattr(picture, "tag_v2", {})
        if not int(tags.get(_REDUCED_PAGE, 0)) & 1:
            found.append(index)
    return found


def _loop(picture: Image.Image, kind: Format) -> int:
    """How often it is shown, 0 for ever: GIF counts the times after the first, and says nothing of a single one."""
    loop = picture.info.get("loop")
    if kind is GIF:
        return 1 if loop is None else loop + 1 if loop else 0
    return int(loop or 0)


def _encode(frames: list[Image.Image], times: Times, kind: Format, compress: int) -> bytes:
    file = io.BytesIO()
    extra: dict[str, Any] = {"duration": times.durations_ms, "loop": times.loop}
    if kind is TIFF:
        extra = {"compression": "tiff_adobe_deflate"}
    elif len({frame.size for frame in frames}) > 1:
        raise CannotWrite(f"the pages have several sizes, which {kind.name} cannot hold; fix: write .tiff")
    if kind is PNG:
        extra["compress_level"] = compress
    if kind is WEBP:
        extra |= {"quality": webp.QUALITY, "exact": False, "minimize_size": False}
        extra["duration"] = [max(1, round(each)) for each in times.durations_ms]
    if kind is GIF:
        frames = [_paletted(frame) for frame in frames]
        extra = {"duration": [_SCREEN_MS * round(each / _SCREEN_MS) for each in times.durations_ms]}
        extra |= {"disposal": 2, "optimize": False} | ({"transparency": 255} if frames[0].info else {})
        if times.loop != 1:
            extra["loop"] = max(0, times.loop - 1)
    frames[0].save(file, kind.pillow, save_all=True, append_images=frames[1:], **extra)
    return file.getvalue()


def _paletted(frame: Image.Image) -> Image.Image:
    """255 colours of the frame's own and one for nothing."""
    if frame.mode != "RGBA":
        return frame.convert("RGB").quantize(256)
    pixels = np.asarray(frame)
    flat = Image.fromarray(np.ascontiguousarray(pixels[..., :3])).quantize(255, Image.Quantize.MEDIANCUT)
    indices = np.where(pixels[..., 3] >= OPAQUE, np.asarray(flat), 255).astype(np.uint8)
    result = Image.frombytes("P", frame.size, indices.tobytes())
    palette = flat.getpalette() or []
    result.putpalette(palette + [0] * (768 - len(palette)))
    result.info["transparency"] = 255
    return result
