"""`u2bg convert`: weights from one kind of file to another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from u2bg.cli.progress import pulling
from u2bg.errors import OutputExists

if TYPE_CHECKING:
    from u2bg.network.exchange import Pictures


@click.command(short_help="Turn weights of one kind into another: PyTorch, ONNX, Keras.")
@click.argument("source", metavar="FILE|NAME")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--pictures", metavar="DIR", type=click.Path(path_type=Path), help="Pictures for BatchNorm's statistics."
)
@click.option(
    "--size",
    default=320,
    show_default=True,
    type=click.IntRange(32),
    help="Size at which statistics are taken.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT if it is there.")
def command(source: str, target: Path, pictures: Path | None, size: int, overwrite: bool) -> None:
    """Turn a network's weights into another kind of file; the function stays the same.

    FILE is .pth or .safetensors (a PyTorch state dict under the authors' names, however it was saved), .onnx (their
    published graphs) or .keras. NAME is a model of `u2bg models list`, or of a NAME.keras here. OUT is one of the
    same kinds; without a suffix, OUT.keras and OUT.onnx are written. PyTorch is not needed, and nothing that a file
    holds is run.

    Published graphs have no BatchNorm any more. It is put back with the statistics of the pictures in DIR (those that
    you will train on, 16 or more), else of drawn ones. Drawn ones are enough to convert and export; to train on, give
    DIR: the first batches then see nearly the same network.

    \b
    Examples:
      u2bg convert u2net.pth mine             writes mine.keras and mine.onnx
      u2bg convert mine back.pth              for the authors' own scripts
      u2bg convert u2netp u2netp.keras --pictures my-photos/ --size 288
      u2bg convert "$(u2bg models path u2net)" u2net.safetensors
    """
    targets = [target] if target.suffix else [target.with_suffix(suffix) for suffix in (".keras", ".onnx")]
    for path in targets:
        if path.exists() and not overwrite:
            raise OutputExists(f"'{path}' is there already; fix: --overwrite, or another name")

    from u2bg.network import calibration, exchange

    for path in targets:
        exchange.check_suffix(path)
    photos = calibration.folder_pictures(pictures) if pictures else []
    found = _find(source)
    network, difference = exchange.read(found, lambda: _seen(photos, size))
    for path in targets:
        exchange.write(network, path)
    proven = "" if difference is None else f"; the seven maps differ by at most {difference:.1e} from {found}"
    click.echo(f"{', '.join(map(str, targets))}{proven}", err=True)


def _find(source: str) -> Path:
    """The file that is meant: as it is named, NAME.keras, or that of a model of the table."""
    path = Path(source)
    if path.suffix or path.exists():
        return path
    if path.with_suffix(".keras").exists():
        return path.with_suffix(".keras")

    from u2bg.saliency import models, store

    spec = models.in_float(models.find(source))
    with pulling(spec.name) as progress:
        return store.ensure(spec, progress)


def _seen(photos: list[Path], size: int) -> Pictures:
    """Pictures for the statistics, drawn ones where there are no photos; with a bar."""
    from u2bg.network import calibration

    seen = calibration.read_pictures(photos, size) if photos else calibration.drawn_pictures(size)
    count = len(photos) or calibration.DRAWN
    with click.progressbar(seen, length=count, label="BatchNorm statistics", file=sys.stderr) as watched:
        yield from watched
