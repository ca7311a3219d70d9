"""The fields of `POST /v1.0/removebg`: each read in one place, each with its own error code."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import NamedTuple

from PIL import ImageColor

from u2bg.errors import RequestError
from u2bg.server.forms import Form

PREVIEW_PX = 250_000
SIZES = {
    "preview": PREVIEW_PX,
    "small": PREVIEW_PX,
    "regular": PREVIEW_PX,
    "medium": 1_500_000,
    "hd": 4_000_000,
    "full": 25_000_000,
    "4k": 25_000_000,
    "50mp": 50_000_000,
    "auto": 50_000_000,
}
"""Name to the most pixels of the result."""

TYPES = ("auto", "person", "product", "car", "animal", "graphic", "transportation", "other")
TYPE_LEVELS = ("none", "1", "2", "latest")
FORMATS = ("auto", "png", "jpg", "zip", "webp")
SHADOWS = ("none", "auto", "drop")
BOOLEANS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}
SIDES = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 4: (0, 1, 2, 3)}
"""How one, two or four margins fall to top, right, bottom and left."""

SOURCES = ("image_file", "image_file_b64", "image_url")
BACKGROUNDS = ("bg_color", "bg_image_url", "bg_image_file")
FIELDS = (
    *(
        "image_file_b64",
        "image_url",
        "size",
        "type",
        "type_level",
        "format",
        "roi",
        "crop",
        "crop_margin",
        "scale",
    ),
    *("position", "channels", "add_shadow", "shadow_type", "shadow_opacity", "semitransparency", "bg_color"),
    "bg_image_url",
)
FILES = ("image_file", "bg_image_file")


class BadParameter(RequestError):
    """A field that cannot be.

    Attributes:
        code: remove.bg's name for it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Length(NamedTuple):
    """Pixels, or percent of something."""

    value: float
    percent: bool

    def of(self, whole: float) -> float:
        """In pixels."""
        return whole * self.value / 100 if self.percent else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a request wants.

    Attributes:
        file: the picture's bytes, or None where `url` tells where it is.
        most_px: pixels of the result.
        format: one of `FORMATS`.
        roi: x1, y1, x2, y2 of what may be subject.
        margins: top, right, bottom, left around the subject; None without a crop.
        scale: share of the canvas that the subject fills, or None to leave it.
        position: horizontal and vertical place, each in 0..1, or None to leave it.
        only_alpha: the alpha as a grey picture instead of the cut-out.
        typed: whether X-Type is told.
        shadow: its opacity in 0..1; 0 for none.
        colour: (r, g, b, a) behind the subject, or None.
        background, background_url: a picture behind it.
    """

    file: bytes | None
    url: str | None
    most_px: int
    format: str
    roi: tuple[Length, Length, Length, Length]
    margins: tuple[Length, Length, Length, Length] | None
    scale: float | None
    position: tuple[float, float] | None
    only_alpha: bool
    typed: bool
    shadow: float
    colour: tuple[int, int, int, int] | None
    background: bytes | None
    background_url: str | None


def read(form: Form) -> Wish:
    """The fields of a form; empty ones count as not given.

    Raises:
        BadParameter: the first that cannot be. Unknown fields are passed over, as the service does.
    """
    texts = {name: text.strip() for name, text in form.texts.items() if text.strip()}
    file = _source(texts, form.files)
    backgrounds = [name for name in BACKGROUNDS if name in texts or name in form.files]
    if len(backgrounds) > 1:
        raise BadParameter(
            "multiple_bg_sources", f"{' and '.join(backgrounds)} were given; expected one of them"
        )
    scale = _scale(texts.get("scale", "original"))
    margins = _margins(texts.get("crop_margin", "0"))
    _choice(texts, "type", TYPES, "invalid_parameter")
    _boolean(texts, "add_shadow", False)
    _boolean(texts, "semitransparency", True, "invalid_semitransparency")
    return Wish(
        file=file,
        url=texts.get("image_url"),
        most_px=SIZES[_choice(texts, "size", tuple(SIZES), "invalid_size", "preview")],
        format=_choice(texts, "format", FORMATS, "invalid_format"),
        roi=_roi(texts.get("roi", "0% 0% 100% 100%")),
        margins=margins if _boolean(texts, "crop", False) else None,
        scale=scale,
        position=_position(texts.get("position", "original" if scale is None else "center")),
        only_alpha=_choice(texts, "channels", ("rgba", "alpha"), "invalid_channels") == "alpha",
        typed=_choice(texts, "type_level", TYPE_LEVELS, "invalid_parameter", "1") != "none",
        shadow=_shadow(texts),
        colour=_colour(texts["bg_color"]) if "bg_color" in texts else None,
        background=form.files.get("bg_image_file"),
        background_url=texts.get("bg_image_url"),
    )


def _source(texts: dict[str, str], files: dict[str, bytes]) -> bytes | None:
    given = [name for name in SOURCES if name in texts or name in files]
    if not given:
        raise BadParameter("missing_source", f"no picture; expected one of {', '.join(SOURCES)}")
    if len(given) > 1:
        raise BadParameter("multiple_sources", f"{' and '.join(given)} were given; expected one of them")
    if given[0] == "image_file_b64":
        text = texts.get("image_file_b64", "")
        try:
            return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text)
        except (binascii.Error, ValueError):
            raise BadParameter("failed_to_read_image", "image_file_b64 is no base64") from None
    if given[0] == "image_file" and "image_file" in texts:
        raise BadParameter(
            "invalid_file_type", "image_file is text; expected a file part of multipart/form-data"
        )
    return files.get("image_file")


def _choice(
    texts: dict[str, str], name: str, known: tuple[str, ...], code: str, default: str | None = None
) -> str:
    got = texts.get(name, default or known[0]).lower()
    if got not in known:
        raise BadParameter(code, f"{name} is {got[:40]!r}; expected one of {', '.join(known)}")
    return got


def _boolean(texts: dict[str, str], name: str, default: bool, code: str = "invalid_parameter") -> bool:
    got = texts.get(name, str(default)).lower()
    if got not in BOOLEANS:
        raise BadParameter(code, f"{name} is {got[:40]!r}; expected true or false")
    return BOOLEANS[got]


def _lengths(text: str, code: str, what: str) -> tuple[Length, ...]:
    """`10px 5%`; a bare number is pixels."""
    found = [re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(px|%)?", word.lower()) for word in text.split()]
    lengths = tuple(Length(float(one[1]), one[2] == "%") for one in found if one)
    if not lengths or len(lengths) < len(found):
        raise BadParameter(code, f"{what} is {text[:60]!r}; expected lengths such as 10px or 5%")
    return lengths


def _roi(text: str) -> tuple[Length, Length, Length, Length]:
    lengths = _lengths(text, "invalid_roi", "roi")
    if len(lengths) != 4:
        raise BadParameter("invalid_roi", f"roi is {text[:60]!r}; expected four lengths: x1 y1 x2 y2")
    if any(length.percent and length.value > 100 for length in lengths):
        raise BadParameter("roi_exceeds_bounds", f"roi is {text[:60]!r}; expected at most 100%")
    return lengths[0], lengths[1], lengths[2], lengths[3]


def _margins(text: str) -> tuple[Length, Length, Length, Length]:
    lengths = _lengths(text, "invalid_crop_margin", "crop_margin")
    if len(lengths) not in SIDES or any(one.value > (50 if one.percent else 500) for one in lengths):
        raise BadParameter(
            "invalid_crop_margin", f"crop_margin is {text[:60]!r}; expected 1, 2 or 4, at most 50% or 500px"
        )
    top, right, bottom, left = (lengths[side] for side in SIDES[len(lengths)])
    return top, right, bottom, left


def _scale(text: str) -> float | None:
    if text.lower() == "original":
        return None
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", text)
    if not found or not 10 <= float(found[1]) <= 100:
        raise BadParameter("invalid_scale", f"scale is {text[:40]!r}; expected original, or 10% to 100%")
    return float(found[1]) / 100


def _position(text: str) -> tuple[float, float] | None:
    words = {"original": None, "center": (0.5, 0.5)}
    if text.lower() in words:
        return words[text.lower()]
    found = [re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", word) for word in text.split()]
    shares = [float(one[1]) / 100 for one in found if one]
    if len(found) not in {1, 2} or len(shares) < len(found) or max(shares) > 1:
        raise BadParameter(
            "invalid_position",
            f"position is {text[:40]!r}; expected original, center, or 0% to 100% once or twice",
        )
    return shares[0], shares[-1]


def _shadow(texts: dict[str, str]) -> float:
    """`auto` gives none, as for everything that is no car; what we cannot draw is refused."""
    kind = _choice(texts, "shadow_type", SHADOWS, "invalid_parameter")
    text = texts.get("shadow_opacity", "auto").lower()
    if text != "auto" and not (re.fullmatch(r"\d{1,3}(\.\d{1,6})?", text) and float(text) <= 100):
        raise BadParameter(
            "invalid_parameter", f"shadow_opacity is {text[:40]!r}; expected auto, or 0 to 100"
        )
    return (0.5 if text == "auto" else float(text) / 100) if kind == "drop" else 0.0


def _colour(text: str) -> tuple[int, int, int, int]:
    digits = re.fullmatch(r"#?((?:[0-9a-fA-F]{3,4}){1,2})", text)
    name = f"#{digits[1]}" if digits else text.lower()
    if not digits and name not in ImageColor.colormap:
        raise BadParameter(
            "invalid_bg_color",
            f"bg_color is {text[:40]!r}; expected 3, 4, 6 or 8 hex digits, or the name of a colour",
        )
    red, green, blue, *opacity = ImageColor.getrgb(name)
    return red, green, blue, opacity[0] if opacity else 255
