"""`Cutout`: what comes out, and everything that can be made of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from u2bg.errors import BadArray, UnknownName, UsageError
from u2bg.files import replacing
from u2bg.imaging import depth, encode
from u2bg.imaging.formats import PNG, Format, written_format
from u2bg.imaging.kept import Kept
from u2bg.imaging.layered import Layer, Pixels
from u2bg.matting import trimap as trimaps
from u2bg.matting.backdrop import SHADOW_OPACITY, shadowed
from u2bg.matting.blend import blend
from u2bg.matting.matte import Matte

Background = str | tuple[int, int, int] | Image.Image | NDArray[np.uint8]

WHITE = (255, 255, 255)
BLUR = "blur"

LAYERS = ("cutout", "mask", "trimap")
"""What of a cut-out can be written: itself, its alpha as a grey picture, or its trimap."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """A subject without its background.

    Attributes:
        rgba: (H, W, 4) uint8, straight alpha, in the photo's profile: the subject's own colours; (0, 0, 0, 0) where
            alpha is 0, so that nothing hides there.
        matte: how much of each pixel belongs to the subject.
        confidence: the overlap (IoU) that the cut can be expected to have with the true subject, in [0, 1].
        has_subject: whether a subject was found at all.
        icc: the ICC profile of the colours, or None for sRGB.
        dpi: horizontal and vertical resolution in dots per inch, or None.
        kept: what else the photo carried: EXIF, XMP, colours of 16 bits.
        backdrop: (h, w, 3) uint8, small: the old background, blurred, if the options asked for it; else None.
    """

    rgba: NDArray[np.uint8]
    matte: Matte
    confidence: float
    has_subject: bool
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    kept: Kept = field(default_factory=Kept)
    backdrop: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def alpha(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1]: how much of each pixel belongs to the subject."""
        return self.matte.alpha

    @property
    def mask(self) -> NDArray[np.uint8]:
        """(H, W) uint8: the alpha as an 8-bit picture."""
        return self.matte.mask

    @property
    def foreground(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: the subject's colours, in the photo's own profile; read-only."""
        colours = self.rgba[..., :3]
        colours.flags.writeable = False
        return colours

    @property
    def deep(self) -> NDArray[np.uint16] | None:
        """(H, W, 4) uint16, straight alpha: the cut-out of a photo of 16 bits; None where the photo had 8."""
        return None if self.kept.deep is None else depth.deepened(self.rgba, self.alpha, self.kept.deep)

    @property
    def image(self) -> Image.Image:
        """The cut-out as a Pillow picture, mode RGBA."""
        return Image.fromarray(self.rgba)

    def on(self, background: Background) -> NDArray[np.uint8]:
        """The subject on a background, (H, W, 3) uint8.

        Args:
            background: a colour (`"#fff"`, `"white"`, `(255, 255, 255)`), a picture (Pillow or (h, w, 3) uint8),
                which is scaled to cover and centred, or `"blur"`, the old background blurred
                (`Options(backdrop=True)`).

        Raises:
            UsageError: no such colour, or no backdrop. BadArray: an array that is no such picture.
        """
        return blend(self.foreground, self.mask, self._behind(background))

    def _behind(self, background: Background) -> NDArray[np.uint8]:
        if isinstance(background, str) and background == BLUR:
            if self.backdrop is None:
                raise UsageError(
                    "no blurred background was kept; fix: Remover(options=Options(backdrop=True))"
                )
            background = self.backdrop
        return _backdrop(background, self.size)

    def shadowed(self, opacity: float = SHADOW_OPACITY) -> Cutout:
        """The subject over its own soft shadow, a little below it; at 8 bits."""
        rgba = shadowed(self.rgba, opacity)
        alpha = np.asarray(rgba[..., 3] / np.float32(255), np.float32)
        return replace(self, rgba=rgba, matte=Matte.of(alpha), kept=replace(self.kept, deep=None))

    def trimap(self, margin_px: int = 10) -> NDArray[np.uint8]:
        """(H, W) uint8: 255 surely subject, 0 surely background, 128 within `margin_px` of the edge."""
        return trimaps.trimap(self.alpha, margin_px)

    def crop(self, margin: int | str = 0) -> Cutout:
        """The subject's box and a margin around it; the whole where there is no subject.

        Args:
            margin: in pixels, or of the box's longer side (`"5%"`).

        Raises:
            UsageError: no such margin.
        """
        rows, columns = (np.flatnonzero(self.mask.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return self
        around = margin_px(margin, max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)
        top, left = max(0, rows[0] - around), max(0, columns[0] - around)
        height, width = self.size
        box = (
            slice(top, min(height, rows[-1] + 1 + around)),
            slice(left, min(width, columns[-1] + 1 + around)),
        )
        rgba, matte = np.ascontiguousarray(self.rgba[box]), self.matte.cropped(*box)
        # The backdrop covers the whole photo: enlarged first, so that it stays where it was.
        behind = None if self.backdrop is None else _backdrop(self.backdrop, self.size)[box]
        return replace(self, rgba=rgba, matte=matte, kept=self.kept.cropped(box), backdrop=behind)

    def encode(
        self,
        kind: str | Format = PNG,
        *,
        background: Background | None = None,
        layer: str = "cutout",
        compress: int | None = None,
        spend: bool = False,
    ) -> bytes:
        """The bytes of a picture file, with the photo's profile, resolution, EXIF and XMP.

        A photo of 16 bits a channel gives a file of 16 bits where the kind can hold them.

        Args:
            kind: `"png"`, `"webp"`, `"avif"`, `"tiff"`, `"psd"`, `"tiff-layers"` or `"jpg"`. JPEG has no transparency:
                without a background it gets white.
            background: what the subject is laid on; None keeps it transparent. In a PSD, and in a TIFF with layers, it
                is a layer of its own below the cut-out.
            layer: `"cutout"`; `"mask"`, the alpha alone as a grey picture; or `"trimap"`, a grey picture of
                0, 128 and 255.
            compress: of a PNG: 0 is written fastest, 9 is smallest; None is 1.
            spend: the cut-out is not needed any more; its memory may be worked in.

        Raises:
            UnknownName, UsageError: no such format, layer or colour. CannotWrite: too large for the format.
        """
        kind = written_format(kind) if isinstance(kind, str) else kind
        if layer not in LAYERS:
            raise UnknownName("layer", layer, LAYERS)
        if layer == "trimap":
            return encode(self.trimap(), kind, dpi=self.dpi, compress=compress)
        deep = self.deep if kind.deep else None
        if layer == "mask":
            return encode(self.mask if deep is None else deep[..., 3], kind, dpi=self.dpi, compress=compress)
        if background is None and not kind.transparent:
            background = WHITE
        subject = self.rgba if deep is None else deep
        behind = None if background is None else self._behind(background)
        if behind is None:
            pixels = subject
        else:
            pixels = blend(self.foreground, self.mask, behind) if deep is None else depth.laid(deep, behind)
        layers = _layers(subject, behind) if kind.layered else ()
        return encode(pixels, kind, self.icc, self.dpi, self.kept, layers, compress, spend=spend)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        background: Background | None = None,
        layer: str = "cutout",
        compress: int | None = None,
    ) -> None:
        """Write a picture file, its kind by the suffix of `path`; whole, or not at all. Arguments as `encode`.

        Raises:
            UnknownName: a suffix of no format. CannotWrite: with the reason and its fix.
        """
        path = Path(path)
        content = self.encode(
            written_format(path.suffix), background=background, layer=layer, compress=compress
        )
        with replacing(path) as part:
            part.write_bytes(content)

    def _repr_png_(self) -> bytes:
        """How notebooks show it."""
        return self.encode(PNG)


def margin_px(margin: int | str, side_px: int) -> int:
    """A margin in pixels: a number of them, or a share of a side (`"5%"`).

    Raises:
        UsageError: no such margin.
    """
    text = str(margin)
    number = text.removesuffix("%")
    if not re.fullmatch(r"\d+(\.\d+)?", number) or (number == text and "." in number):
        raise UsageError(f"no margin {text!r}; expected pixels or a share of the subject, such as 8 or 5%")
    return round(float(number) / 100 * side_px) if number != text else int(number)


def colour(text: str, *, otherwise: str = "") -> tuple[int, int, int]:
    """An opaque colour by name or digits: `white`, `#fff`, `#ffffff`, `rgb(255, 255, 255)`.

    Args:
        otherwise: what else might stand in its place, for the message.

    Raises:
        UsageError: no such colour, or one that is partly transparent.
    """
    try:
        red, green, blue, *opacity = ImageColor.getrgb(text)
    except ValueError:
        opacity = [0]
    if opacity not in ([], [255]):
        expected = "one such as white, #fff or #ffffff" + (f", or {otherwise}" if otherwise else "")
        raise UsageError(f"no opaque colour {text!r}; expected {expected}") from None
    return red, green, blue


def _layers(subject: Pixels, behind: NDArray[np.uint8] | None) -> list[Layer]:
    """The cut-out, and below it the background, if there is one: a colour (3,) or a picture (H, W, 3)."""
    cutout = Layer("cut-out", subject)
    if behind is None:
        return [cutout]
    below = np.broadcast_to(behind, (*subject.shape[:2], 3))
    return [Layer("background", below if subject.dtype == np.uint8 else below * np.uint16(257)), cutout]


def _backdrop(background: Background, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A colour as (3,), a picture as (height, width, 3): scaled to cover, centred."""
    if isinstance(background, str):
        background = colour(background)
    if isinstance(background, tuple):
        return np.array(background, np.uint8)
    if isinstance(background, np.ndarray):
        background = _picture(background)
    height, width = size
    scale = max(width / background.width, height / background.height)
    across, down = width / scale, height / scale
    left, top = (background.width - across) / 2, (background.height - down) / 2
    box = (left, top, left + across, top + down)
    return np.asarray(background.convert("RGB").resize((width, height), Image.Resampling.LANCZOS, box=box))


def _picture(array: NDArray[Any]) -> Image.Image:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        raise BadArray(f"a background of shape {array.shape} {array.dtype}; expected (H, W, 3) uint8")
    return Image.fromarray(array)
