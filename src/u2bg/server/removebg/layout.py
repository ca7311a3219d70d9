"""Where the subject goes: the picture made smaller, its region, crop, scale, position, shadow and background."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from u2bg.cutout import Cutout
from u2bg.errors import TooManyPixels
from u2bg.imaging.photo import Photo
from u2bg.server.removebg.parameters import BadParameter, Length, Wish

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""

SHADOW_BLUR, SHADOW_DROP = 0.02, 0.03
"""Of the subject's larger side: how soft a shadow is, and how far below it falls."""


@dataclass(frozen=True, slots=True)
class Framed:
    """What the network is to see of a picture.

    Attributes:
        photo: the region, at the size that was asked for.
        size: (width, height) of the whole picture at that size.
        at: (left, top) of the region in it.
        shrunk: how many of its pixels one pixel of the picture that came in has become, along a side.
    """

    photo: Photo
    size: tuple[int, int]
    at: tuple[int, int]
    shrunk: float


def frame(photo: Photo, wish: Wish) -> Framed:
    """The region of interest, at the size of the answer.

    Raises:
        BadParameter: a region that is empty, or reaches out of the picture.
    """
    height, width = photo.size
    left, right = _span(wish.roi[0], wish.roi[2], width)
    top, bottom = _span(wish.roi[1], wish.roi[3], height)
    shrunk = min(1.0, (wish.most_px / (width * height)) ** 0.5)
    size = max(1, int(width * shrunk)), max(1, int(height * shrunk))
    box = (left, top, right, bottom)
    at = round(left * size[0] / width), round(top * size[1] / height)
    end = round(right * size[0] / width), round(bottom * size[1] / height)
    region = max(1, end[0] - at[0]), max(1, end[1] - at[1])
    if region == (width, height):
        return Framed(photo, size, at, shrunk)
    picture = Image.fromarray(photo.rgba) if photo.has_alpha else _opaque(photo)
    small = picture.resize(region, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0).convert("RGBA")
    return Framed(replace(photo, rgba=np.array(small)), size, at, shrunk)


def foreground_box(cutout: Cutout) -> Box | None:
    """The subject's box in its cut-out; None where there is nothing."""
    rows, columns = (np.flatnonzero(cutout.mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def lay_out(cutout: Cutout, framed: Framed, wish: Wish, most_pixels: int) -> Image.Image:
    """The subject on a transparent canvas, RGBA.

    First the crop makes the canvas (margins hold exactly, even beyond the picture), then the subject is scaled to a
    share of it, then put in its place. A subject that neither is scaled nor placed stays where it was.

    Raises:
        TooManyPixels: margins would make the canvas larger than a picture may be.
    """
    whole = cutout.image
    box = foreground_box(cutout) or (0, 0, whole.width, whole.height)
    subject = whole.crop(box)
    at = framed.at[0] + box[0], framed.at[1] + box[1]
    size = framed.size
    if wish.margins is not None:
        top, right, bottom, left = (
            round(margin.of(subject.height if side % 2 == 0 else subject.width))
            for side, margin in enumerate(wish.margins)
        )
        at, size = (left, top), (left + subject.width + right, top + subject.height + bottom)
        if size[0] * size[1] > most_pixels:
            raise TooManyPixels(
                f"the margins make {size[0]}×{size[1]} pixels, more than the limit of {most_pixels:,}; fix: lower them"
            )
    if wish.scale is not None:
        factor = wish.scale * min(size[0] / subject.width, size[1] / subject.height)
        scaled = max(1, round(subject.width * factor)), max(1, round(subject.height * factor))
        subject = subject.resize(scaled, Image.Resampling.LANCZOS)
    place = wish.position or ((0.5, 0.5) if wish.scale is not None else None)
    if place:
        at = round(place[0] * (size[0] - subject.width)), round(place[1] * (size[1] - subject.height))
    if (at, size) == ((0, 0), whole.size) and subject.size == whole.size:
        return whole
    if not place and wish.margins is None and size == whole.size:
        return whole
    canvas = Image.new("RGBA", size)
    canvas.paste(subject, at)
    return canvas


def put_behind(canvas: Image.Image, wish: Wish, background: Image.Image | None) -> Image.Image:
    """The canvas with its shadow, on its background.

    Args:
        background: RGB or RGBA, scaled to cover and centred unless it has the canvas's size already.
    """
    if wish.shadow:
        canvas = Image.alpha_composite(_shadow(canvas, wish.shadow), canvas)
    if background is not None:
        if background.size != canvas.size:
            background = ImageOps.fit(background, canvas.size, Image.Resampling.LANCZOS)
        return Image.alpha_composite(background.convert("RGBA"), canvas)
    if wish.colour is not None:
        return Image.alpha_composite(Image.new("RGBA", canvas.size, wish.colour), canvas)
    return canvas


def _span(first: Length, last: Length, whole: int) -> tuple[int, int]:
    """The pixels between two lengths, rounded outwards to whole ones.

    Raises:
        BadParameter: none, or some that the picture does not have.
    """
    start, stop = first.of(whole), last.of(whole)
    if max(start, stop) > whole:
        raise BadParameter(
            "roi_exceeds_bounds", f"roi reaches {max(start, stop):g}; the picture has {whole} pixels"
        )
    if stop - start < 1:
        raise BadParameter(
            "roi_region_empty", f"roi goes from {start:g} to {stop:g}; expected at least one pixel"
        )
    return int(start), min(whole, int(np.ceil(stop)))


def _opaque(photo: Photo) -> Image.Image:
    # "RGBX" keeps Pillow from weighting by a fourth channel that says nothing
    return Image.frombuffer("RGBX", photo.size[::-1], photo.rgba, "raw", "RGBX", 0, 1)


def _shadow(canvas: Image.Image, opacity: float) -> Image.Image:
    """A soft shadow of the subject, a little below it."""
    alpha = canvas.getchannel("A")
    box = alpha.getbbox()
    side = max(box[2] - box[0], box[3] - box[1]) if box else 1
    fallen = Image.new("L", canvas.size)
    fallen.paste(alpha.point(lambda value: value * opacity), (0, round(side * SHADOW_DROP)))
    shadow = Image.new("RGBA", canvas.size)
    shadow.putalpha(fallen.filter(ImageFilter.GaussianBlur(side * SHADOW_BLUR)))
    return shadow
