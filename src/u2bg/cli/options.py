"""The options of how photos are cut: one table, shared by the verbs that cut."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from u2bg.batch.order import Order, behind
from u2bg.cli.progress import pulling
from u2bg.cutout import BLUR, colour, margin_px
from u2bg.errors import UsageError
from u2bg.imaging.formats import FORMATS, JPEG, PNG, Format, written_format
from u2bg.imaging.writing import check_compress
from u2bg.matting.alpha import METHODS
from u2bg.pipeline import SECOND_PASSES, Options, Remover
from u2bg.saliency.engines import DEVICES
from u2bg.saliency.models import DEFAULT_MODEL


class Pixels(click.ParamType[int]):
    """A number of pixels as people write it: `50000000`, `50M`, `1.5M`, `800k`."""

    name = "pixels"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", str(value))
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no number of pixels; expected one such as 50M", param, ctx)
        return int(float(found[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[found[2]])


CUTTING = (
    click.option(
        "--format",
        "kind",
        type=click.Choice([row.name for row in FORMATS if row.written]),
        help="Kind of file.",
    ),
    click.option(
        "--compress",
        type=click.IntRange(0, 9),
        help="Of a PNG: 0 is written fastest, 9 is smallest, 1 is the default.",
    ),
    click.option("--mask", is_flag=True, help="Write the alpha alone, as a grey picture."),
    click.option(
        "--trimap", is_flag=True, help="Write what is surely subject, open and background: 255, 128, 0."
    ),
    click.option(
        "--background",
        metavar="COLOUR|PICTURE|blur",
        help="Lay the subject on a colour (white, #ff8800, …), a picture, or the old background, blurred.",
    ),
    click.option(
        "--crop",
        is_flag=False,
        flag_value="0",
        metavar="[MARGIN]",
        help="Only the subject's box, and a margin: pixels, or of its longer side (5%).",
    ),
    click.option("--shadow", is_flag=True, help="A soft shadow below the subject."),
    click.option(
        "--refine",
        type=click.Choice(METHODS),
        default="auto",
        show_default=True,
        help="How the edge is found.",
    ),
    click.option(
        "--second-pass",
        type=click.Choice(SECOND_PASSES),
        default="off",
        show_default=True,
        help="Look again, closer, at a subject that is small in a large photo.",
    ),
    click.option(
        "--foreground",
        type=click.Choice(["auto", "off"]),
        default="auto",
        show_default=True,
        help="The subject's own colours along the edge; off keeps the photo's.",
    ),
    click.option(
        "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|FILE.onnx", help="The network."
    ),
    click.option(
        "--device",
        type=click.Choice(DEVICES),
        default="auto",
        show_default=True,
        help="What runs the network.",
    ),
    click.option(
        "--max-pixels", type=Pixels(), default="100M", show_default=True, help="Refuse larger pictures."
    ),
)


def cutting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `CUTTING`; it takes them together, as `Asked(**asked)`."""
    for option in reversed(CUTTING):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, option by option."""

    kind: str | None
    compress: int | None
    mask: bool
    trimap: bool
    background: str | None
    crop: str | None
    shadow: bool
    refine: str
    second_pass: str
    foreground: str
    model: str
    device: str
    max_pixels: int

    def order(self, suffix: str = "") -> Order:
        """What to write: the kind by `--format`, else by the output's suffix, else PNG.

        Raises:
            UsageError, UnknownName: options that exclude each other, no such colour, no such format.
        """
        if self.mask and self.trimap:
            raise UsageError("--mask and --trimap are one file each; fix: give one of them")
        layer = "mask" if self.mask else "trimap" if self.trimap else "cutout"
        if self.crop is not None:
            margin_px(self.crop, 0)
        order = Order(self._kind(suffix), self._behind(), layer, self.crop, self.shadow, self.compress)
        check_compress(order.compress, order.kind)
        if order.kind is JPEG and order.background is None and layer == "cutout":
            click.echo(
                "u2bg: jpg has no transparency: the background becomes white (--background chooses)", err=True
            )
        return order

    def options(self) -> Options:
        """How to cut."""
        return Options(
            refine=self.refine,
            second_pass=self.second_pass,
            foreground=self.foreground == "auto",
            backdrop=self.background == BLUR,
            max_pixels=self.max_pixels,
        )

    def remover(self) -> Remover:
        """What cuts; a model that is not here yet is pulled under a bar."""
        with pulling(self.model) as progress:
            return Remover(self.model, self.device, self.options(), progress)

    def _behind(self) -> tuple[int, int, int] | str | None:
        """The background: `blur`, the path of a picture that is there, else a colour."""
        if self.background is None or self.background == BLUR:
            return self.background
        if os.path.isfile(self.background):
            behind(self.background)  # read now, so that a broken one is told before anything is cut
            return self.background
        return colour(self.background, otherwise="a picture that is there")

    def _kind(self, suffix: str) -> Format:
        if self.kind:
            return written_format(self.kind)
        return written_format(suffix) if suffix else PNG
