"""What `POST /v1/remove` may be told: the options of the command line, by the same names and tables."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from u2bg.errors import UsageError
from u2bg.pipeline import Options

Point = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


def _points(value: object) -> object:
    """`[[120, 80]]` as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


Points = Annotated[list[Point] | None, BeforeValidator(_points)]


class Parameters(BaseModel):
    """The options of a cut. The names are those of the command line."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(
        None, description="A network of this server's; its first is the default.", examples=["lite"]
    )
    format: Literal["png", "webp", "jpg"] = Field("png", description="Kind of file.")
    layer: Literal["cutout", "mask", "trimap"] = Field(
        "cutout",
        description="The cut-out, its alpha as a grey picture, or 255, 128 and 0 for sure, open and background.",
    )
    background: str | None = Field(
        None, max_length=64, description="Lay the subject on a colour.", examples=["white", "#ff8800"]
    )
    refine: Literal["auto", "off", "closed-form"] = Field("auto", description="How the edge is found.")
    second_pass: Literal["auto", "off"] = Field(
        "off", description="Look again, closer, at a subject that is small in a large photo."
    )
    foreground: Literal["auto", "off"] = Field(
        "auto", description="The subject's own colours along the edge; off keeps the photo's."
    )
    crop: bool = Field(False, description="Only the subject's box.")
    margin: int = Field(0, ge=0, le=10_000, description="Pixels around the subject, with crop.")
    require_subject: bool = Field(False, description="422 where there is no subject.")
    keep: Points = Field(
        None, max_length=1000, description="Points (x, y) that are surely subject.", examples=["[[120, 80]]"]
    )
    erase: Points = Field(None, max_length=1000, description="Points (x, y) that are surely background.")

    def options(self, max_pixels: int) -> Options:
        """As the pipeline takes them."""
        return Options(
            refine=self.refine,
            second_pass=self.second_pass,
            foreground=self.foreground == "auto",
            require_subject=self.require_subject,
            max_pixels=max_pixels,
        )


FILES = {
    "image": "The picture.",
    "background_image": "A picture behind the subject, scaled to cover and centred.",
    "keep_mask": "A grey picture of the upright photo's size: what is white is surely subject.",
    "erase_mask": "The same for what is surely background.",
}


def combine(*said: dict[str, str]) -> Parameters:
    """Parameters from the query and the form; empty ones count as not given.

    Raises:
        pydantic.ValidationError: the first that cannot be. UsageError: one that is said twice.
    """
    together: dict[str, str] = {}
    for part in said:
        twice = together.keys() & part.keys()
        if twice:
            raise UsageError(
                f"{sorted(twice)[0][:40]!r} is both in the query and in the form; fix: say it once"
            )
        together |= {name: value for name, value in part.items() if value}
    return Parameters.model_validate(together)
