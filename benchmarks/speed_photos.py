"""The photos that are timed: sharp and grainy at every size, as a camera's are, because noise is what encoders work on.

Portraits, composed of a camera's files where there are some: the sharp detail of one inside the outline of head and
shoulders, a third of the picture, before another that is out of focus, with noise over both. A larger photo is
scaled down by its area, a smaller one laid side by side with its mirror images, never enlarged. Without such files, a
drawn scene with noise in every pixel.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from measure import ROOT

CAMERA = ROOT.parent / "shared" / "data" / "eval" / "camera"
GRAIN = 4.0
"""Standard deviation of the noise that is added, of 255: a camera's at a middling sensitivity."""


def sources() -> list[Path | None]:
    """A camera's photos of at least 10 megapixels; None stands for the drawn one."""
    found: list[Path | None] = []
    for path in sorted(CAMERA.glob("*.jpg")):
        with Image.open(path) as picture:
            if picture.width * picture.height >= 10e6:
                found.append(path)
    return found or [None]


def jpeg(source: Path | None, megapixels: float) -> bytes:
    """A photo of so many megapixels, upright, as JPEG of quality 92, 4:2:0 as cameras write it."""
    picture = _drawn(megapixels) if source is None else _portrait(source, megapixels)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def _portrait(source: Path, megapixels: float) -> Image.Image:
    """The detail of the source before in the outline of a person, before this one out of focus."""
    every = sources()
    wall = _scaled(source, megapixels)
    detail = _scaled(every[every.index(source) - 1] or source, megapixels)
    if detail.width < wall.width or detail.height < wall.height:
        detail = _mirrored(detail)
    detail = detail.crop((0, 0, *wall.size))
    wall = wall.filter(ImageFilter.GaussianBlur(min(wall.size) / 60))
    portrait = Image.composite(detail, wall, _outline(wall.size))
    return _grainy(np.asarray(portrait, np.float32))


def _outline(size: tuple[int, int]) -> Image.Image:
    """Head and shoulders at the picture's lower edge: white, a third of the picture."""
    width, height = size[0] // 4, size[1] // 4
    unit = 0.95 * (width * height) ** 0.5
    across, top = width / 2, height - 0.95 * unit
    outline = Image.new("L", (width, height))
    pen = ImageDraw.Draw(outline)
    for half, upper, lower in ((0.18, 0, 0.46), (0.09, 0.3, 0.7), (0.42, 0.48, 1.6)):
        pen.ellipse(
            (across - half * unit, top + upper * unit, across + half * unit, top + lower * unit), fill=255
        )
    return outline.resize(size, Image.Resampling.BICUBIC)


def _scaled(source: Path, megapixels: float) -> Image.Image:
    with Image.open(source) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    while picture.width * picture.height < 0.9 * megapixels * 1e6:
        picture = _mirrored(picture)
    factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    if factor >= 1:
        return picture
    size = round(picture.width * factor), round(picture.height * factor)
    return picture.resize(size, Image.Resampling.BOX, reducing_gap=3.0)


def _mirrored(picture: Image.Image) -> Image.Image:
    """The picture with its mirror images on the right, below and across: four times as large, without a seam."""
    whole = Image.new("RGB", (2 * picture.width, 2 * picture.height))
    whole.paste(picture, (0, 0))
    whole.paste(ImageOps.mirror(picture), (picture.width, 0))
    whole.paste(ImageOps.flip(whole.crop((0, 0, whole.width, picture.height))), (0, picture.height))
    return whole


def _drawn(megapixels: float) -> Image.Image:
    """A textured ball before a textured wall, with noise in every pixel."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = height * 4 // 3
    down, across = np.ogrid[-0.75 : 0.75 : height * 1j, -1 : 1 : width * 1j]
    inside = np.hypot(down, across) < 0.45
    stripes = np.sin(across * 300) * np.sin(down * 220) * 25
    shade = np.where(inside, 170 + 60 * (down - across) + stripes, 90 + 40 * down - stripes)
    return _grainy(shade[..., None] * np.where(inside[..., None], [1.1, 0.7, 0.4], [0.8, 0.9, 1.0]))


def _grainy(colours: np.ndarray) -> Image.Image:
    """With noise in every pixel."""
    noise = np.random.default_rng(0).standard_normal(colours.shape, np.float32)
    return Image.fromarray(np.clip(colours + GRAIN * noise, 0, 255).astype(np.uint8))
