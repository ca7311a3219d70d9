"""rembg's parameters: their names, bounds and defaults, in one place."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

EXTRAS = {
    "alpha_matting": "a",
    "alpha_matting_foreground_threshold": "af",
    "alpha_matting_background_threshold": "ab",
    "alpha_matting_erode_size": "ae",
    "only_mask": "om",
    "post_process_mask": "ppm",
    "decontaminate": "dc",
    "vitmatte": "vm",
    "bgcolor": "bgc",
}
"""What `extras` may hold, and the parameter that it stands for; nothing else reaches the pipeline."""


def _colour(value: object) -> object:
    """`255,255,255` or `255,255,255,128`, as text or as a list."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or len(parts) not in {3, 4}:
        raise ValueError("expected r,g,b or r,g,b,a")
    return tuple([*parts, 255][:4])


Byte = Annotated[int, Field(ge=0, le=255)]
Colour = Annotated[tuple[Byte, Byte, Byte, Byte], BeforeValidator(_colour)]


class Parameters(BaseModel):
    """rembg's parameters, by its names, with its bounds and defaults."""

    model: str | None = Field(
        None, max_length=64, description="A model of this server's; its first is the default."
    )
    a: bool = Field(False, description="Alpha matting: closed-form where it is installed.")
    af: int = Field(
        240, ge=0, le=255, description="Alpha matting, foreground threshold: accepted, not needed."
    )
    ab: int = Field(
        10, ge=0, le=255, description="Alpha matting, background threshold: accepted, not needed."
    )
    ae: int = Field(10, ge=0, le=1000, description="Alpha matting, erosion: accepted, not needed.")
    om: bool = Field(False, description="Only the mask.")
    ppm: bool = Field(False, description="A hard mask: every pixel in or out.")
    dc: bool = Field(False, description="Clean colours: always so here.")
    vm: bool = Field(False, description="ViTMatte: not in u2bg.")
    bgc: Annotated[
        Colour | None, Field(description="Background colour: r,g,b,a.", examples=["255,255,255,255"])
    ] = None
    url: str | None = Field(None, max_length=4096, description="Address of the picture (GET).")
