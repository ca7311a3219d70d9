"""What a recipe may say of pictures: each key once, with its default, its bounds and its meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("auto", "binary", "alpha", "cutout", "background", "unlabelled", "taught")


def key(
    default: Any,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    length: int | None = None,
) -> Any:
    """A dataclass field that carries what the recipe's reader checks and the docs print.

    Args:
        low, high: bounds, both allowed; of every number in a list. length: of a list.
    """
    about_it = {"about": about, "low": low, "high": high, "choices": tuple(choices), "length": length}
    if isinstance(default, list):
        return field(default_factory=lambda: tuple(default), metadata=about_it)
    return field(default=default, metadata=about_it)


@dataclass(frozen=True, slots=True)
class Rule:
    """`[[folders]]`: what the pictures of some folders are for. The first row that matches a folder counts."""

    match: str = key("*", "the folder's name relative to DATA; `*` stands for anything")
    kind: str = key(
        "auto",
        "`binary` (mask cut at 128), `alpha` (soft mask), `cutout` (to be pasted), `background` (no subject in "
        "it), `unlabelled` (its teacher's map for `loss.distill` alone), `taught` (the teacher's map stands in for a "
        "mask, where the teacher is sure); `auto`: alpha for pairs, cutout, or unlabelled",
        choices=KINDS,
    )
    weight: float = key(1.0, "how often a picture of it is shown, beside 1 for others", low=0.0, high=1000.0)
    unknown: bool = key(False, "whether 128 in a mask means unknown, and is left out of the loss")


@dataclass(frozen=True, slots=True)
class Augment:
    """`[augment]`: what happens to a picture before the network sees it; drawn anew each time."""

    flip: float = key(0.5, "chance of left and right changed", low=0, high=1)
    upside_down: float = key(0.0, "chance of a flip top to bottom", low=0, high=1)
    whole: float = key(0.25, "chance that the whole picture is shown, as it is when used", low=0, high=1)
    crop: float = key(0.5, "least share of the picture's area that a crop keeps", low=0.05, high=1)
    stretch: float = key(0.15, "how far the shape may be off, as the logarithm of its aspect", low=0, high=1)
    colour: float = key(0.2, "strength of brightness, contrast, saturation and tint", low=0, high=1)
    grey: float = key(0.03, "chance of a picture without colours", low=0, high=1)
    blur: float = key(0.2, "chance of a blur", low=0, high=1)
    blur_px: float = key(3.0, "widest blur, half its foot in pixels", low=1, high=16)
    noise: float = key(0.03, "strongest noise, as a deviation of values in 0..1", low=0, high=0.5)
    jpeg: float = key(0.3, "chance of JPEG's quantisation", low=0, high=1)
    jpeg_quality: int = key(30, "lowest JPEG quality", low=1, high=100)
    plain: float = key(0.2, "chance that a cut-out lies on one plain colour, as in a studio", low=0, high=1)
    least_subject: float = key(0.35, "smallest side of a pasted cut-out, of the frame's", low=0.05, high=1)
    most_subject: float = key(1.1, "largest side of a pasted cut-out, of the frame's", low=0.05, high=3)


STILL = Augment(
    flip=0,
    whole=1,
    stretch=0,
    colour=0,
    grey=0,
    blur=0,
    noise=0,
    jpeg=0,
    plain=0,
    least_subject=0.8,
    most_subject=0.8,
)
"""Nothing but the resize: how pictures are seen when a network is judged."""
