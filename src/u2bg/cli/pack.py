"""`u2bg pack`: folders of pictures become shards to train from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from u2bg.cli.progress import pulling

if TYPE_CHECKING:
    import numpy.typing as npt

    from u2bg.datasets.pack import Teacher

SHOWN = 5
"""Broken pictures that are named on the screen; the index has them all."""


@click.command(short_help="Pack pictures and masks into shards to train from.")
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--teacher", metavar="MODEL", help="Keep this model's maps too, to learn from (u2net).")
@click.option(
    "--size",
    default=384,
    show_default=True,
    type=click.IntRange(32, 2048),
    help="Scale larger pictures down to the area of a square of this side.",
)
@click.option(
    "--quality", default=85, show_default=True, type=click.IntRange(1, 100), help="Of the WebP pictures."
)
def command(data: Path, out: Path, teacher: str | None, size: int, quality: int) -> None:
    """Pack pictures and masks into shards to train from, on this machine or another.

    DATA holds images/ with masks/ beside it (one mask per image, of the same name), cut-outs with transparency, or
    photos without masks, in folders of any depth. Broken pairs are named and left out. Shards have at most 48 MiB
    each; any part of them may travel, with index.json. Interrupted, a pack keeps the teacher's maps for the next try.

    \b
    Examples:
      u2bg pack photos/ shards/
      u2bg pack photos/ shards/ --teacher u2net
      u2bg pack photos/ shards/ --size 320 --quality 75      half the bytes
    """
    from u2bg.datasets import pack

    asked = (teacher, _teacher(teacher)) if teacher else None
    with click.progressbar(length=1, label="packing", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        packing = pack.Packing(side=size, quality=quality)
        index = pack.pack(data, out, packing, teacher=asked, progress=progress)
    for name, why in list(index.left_out.items())[:SHOWN]:
        click.echo(f"left out {name}: {why}", err=True)
    if len(index.left_out) > SHOWN:
        click.echo(f"and {len(index.left_out) - SHOWN} more; all are named in {out / 'index.json'}", err=True)
    size_bytes = sum((out / name).stat().st_size for name in {row.shard for row in index.rows})
    click.echo(f"{out}: {len(index.rows)} pictures, {size_bytes / 2**20:.1f} MiB", err=True)


def _teacher(model: str) -> Teacher:
    from u2bg.saliency import predictor

    with pulling(model) as progress:
        predict = predictor.load(model, progress=progress)

    def ask(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        rgba = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        return predict(np.ascontiguousarray(rgba), lambda pixels: pixels)

    return ask
