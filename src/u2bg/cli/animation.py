"""`u2bg remove` for a file with several frames or pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from u2bg.batch.cutting import attempt, refuse_overwriting
from u2bg.batch.job import Job, Outcome
from u2bg.batch.order import Order, behind
from u2bg.cli.options import Asked
from u2bg.cutout import Cutout
from u2bg.errors import UsageError
from u2bg.files import replacing
from u2bg.video import animation
from u2bg.video.stabilise import DEFAULT_SMOOTH


def order_for(how: Asked, suffix: str) -> Order | None:
    """What to write of an animation; None where the kind holds one picture only, which is told."""
    order = replace(how.order(""), kind=animation.GIF) if suffix.lower() == ".gif" else how.order(suffix)
    if order.kind not in animation.MOVING:
        click.echo(
            f"u2bg: {order.kind.name} holds one picture: of the animation its first is cut; "
            "fix: write .png, .webp, .gif or .tiff",
            err=True,
        )
        return None
    if order.crop is not None or order.shadow:
        raise UsageError("--crop and --shadow are for single pictures; fix: leave them away for an animation")
    return order


def cut_animation(job: Job, order: Order, how: Asked, *, overwrite: bool) -> Outcome:
    """Cut every frame of one file and write one file."""

    def cut(outcome: Outcome) -> None:
        refuse_overwriting(job, overwrite=overwrite)
        seen: list[Cutout] = []

        def hear(cutout: Cutout) -> None:
            seen[:] = [max([*seen, cutout], key=lambda each: each.confidence)]

        content = animation.cut(
            job.source,
            how.remover(),
            lambda cutout: _pixels(cutout, order),
            order.kind,
            smooth=DEFAULT_SMOOTH,
            max_pixels=how.max_pixels,
            hear=hear,
        )
        outcome.tell(seen[0])
        with replacing(job.output) as part:
            part.write_bytes(content)

    return attempt(job, cut)


def _pixels(cutout: Cutout, order: Order) -> NDArray[np.uint8]:
    if order.layer != "cutout":
        return cutout.mask if order.layer == "mask" else cutout.trimap()
    background = behind(order.background)
    return cutout.rgba if background is None else np.asarray(cutout.on(background), np.uint8)


def is_animation(path: Path) -> bool:
    """Whether a file has more than one frame or page."""
    return animation.count(path) > 1
