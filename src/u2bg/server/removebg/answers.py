"""What `POST /v1.0/removebg` answers: a picture, a ZIP of colours and alpha, or JSON; and the headers to it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from u2bg.cutout import Cutout
from u2bg.imaging import encode
from u2bg.imaging.formats import JPEG, PNG, WEBP, Format
from u2bg.imaging.photo import Photo
from u2bg.server.removebg.layout import Framed, foreground_box
from u2bg.server.removebg.parameters import SIZES, Wish

MEDIA = {PNG: "image/png", JPEG: "image/jpeg", WEBP: "image/webp"}
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes, their type, and the headers that go with them."""

    content: bytes
    media_type: str
    headers: dict[str, str]


def make(
    cutout: Cutout, framed: Framed, photo: Photo, canvas: Image.Image, wish: Wish, as_json: bool
) -> Answer:
    """The canvas as the answer that was asked for."""
    box = _box(cutout, framed)
    content, media_type = _file(canvas, cutout, wish)
    headers = _headers(canvas, photo, wish, box)
    if not as_json:
        return Answer(content, media_type, headers)
    said = {
        "result_b64": base64.b64encode(content).decode("ascii"),
        **{f"foreground_{k}": v for k, v in box.items()},
    }
    return Answer(json.dumps({"data": said}).encode(), "application/json", headers)


def _file(canvas: Image.Image, cutout: Cutout, wish: Wish) -> tuple[bytes, str]:
    alpha = np.asarray(canvas.getchannel("A"))
    if wish.format == "zip":
        return _zip(canvas, alpha, cutout), ZIP
    kind = _kind(alpha, wish)
    if wish.only_alpha:
        return encode(np.ascontiguousarray(alpha), kind, dpi=cutout.dpi), MEDIA[kind]
    if kind is JPEG:
        canvas = Image.alpha_composite(Image.new("RGBA", canvas.size, "white"), canvas)
    pixels = np.array(canvas)
    if (alpha == 255).all() or kind is JPEG:
        pixels = np.ascontiguousarray(pixels[..., :3])
    else:
        pixels.view(np.uint32)[alpha == 0] = 0  # nothing hides under transparency
    return encode(pixels, kind, cutout.icc, cutout.dpi), MEDIA[kind]


def _kind(alpha: NDArray[np.uint8], wish: Wish) -> Format:
    """`auto` is PNG where anything is transparent, or only the alpha is wanted; else JPEG."""
    named = {"png": PNG, "jpg": JPEG, "webp": WEBP}
    if wish.format in named:
        return named[wish.format]
    return PNG if wish.only_alpha or not (alpha == 255).all() else JPEG


def _zip(canvas: Image.Image, alpha: NDArray[np.uint8], cutout: Cutout) -> bytes:
    """`color.jpg`, opaque, and `alpha.png`, grey."""
    colours = np.array(canvas.convert("RGB"))
    if alpha.any():
        colours[alpha == 0] = colours[alpha > 0].mean(
            0
        )  # black there would darken the edge, in blocks of JPEG
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # stored: both are compressed already
        archive.writestr(zipfile.ZipInfo("color.jpg"), encode(colours, JPEG, cutout.icc, cutout.dpi))
        archive.writestr(zipfile.ZipInfo("alpha.png"), encode(np.ascontiguousarray(alpha), PNG))
    return file.getvalue()


def _box(cutout: Cutout, framed: Framed) -> dict[str, int]:
    """The subject's box in pixels of the upright picture that came in."""
    left, top, right, bottom = foreground_box(cutout) or (0, 0, 0, 0)
    return {
        "top": round((framed.at[1] + top) / framed.shrunk),
        "left": round((framed.at[0] + left) / framed.shrunk),
        "width": round((right - left) / framed.shrunk),
        "height": round((bottom - top) / framed.shrunk),
    }


def _headers(canvas: Image.Image, photo: Photo, wish: Wish, box: dict[str, int]) -> dict[str, str]:
    height, width = photo.size
    most = min(1.0, (SIZES["auto"] / (width * height)) ** 0.5)
    headers = {
        "X-Width": str(canvas.width),
        "X-Height": str(canvas.height),
        "X-Max-Width": str(int(width * most)),
        "X-Max-Height": str(int(height * most)),
        "X-Credits-Charged": "0",
        **{f"X-Foreground-{side.title()}": str(value) for side, value in box.items()},
    }
    return headers | ({"X-Type": "other"} if wish.typed else {})
