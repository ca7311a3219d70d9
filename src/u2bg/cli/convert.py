"""`u2bg convert`: published ONNX weights become Keras weights."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from u2bg.errors import OutputExists


@click.command(short_help="Turn published ONNX weights into Keras weights.")
@click.argument("source", metavar="FILE.onnx", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.keras", type=click.Path(path_type=Path))
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
@click.option("--overwrite", is_flag=True, help="Replace OUT.keras if it is there.")
def command(source: Path, target: Path, pictures: Path | None, size: int, overwrite: bool) -> None:
    """Turn the authors' published ONNX weights into a Keras network that can be trained on.

    The function stays the same. BatchNorm, which a published graph no longer has, is put back with the statistics of
    the pictures in DIR (those that you will train on, 16 or more), else of drawn ones. Drawn ones are enough to
    convert and export; to train on, give DIR: the first batches then see nearly the same network.

    \b
    Examples:
      u2bg models pull u2netp
      u2bg convert "$(u2bg models path u2netp)" u2netp.keras
      u2bg convert u2net.onnx u2net.keras --pictures my-photos/ --size 288
    """
    if target.exists() and not overwrite:
        raise OutputExists(f"'{target}' is there already; fix: --overwrite, or another name")

    from u2bg.network import calibration, saving
    from u2bg.network.convert import convert, prove
    from u2bg.saliency.models import MODELS

    saving.check_suffix(target)
    if pictures is None:
        count, seen = calibration.DRAWN, calibration.drawn_pictures(size)
    else:
        paths = calibration.folder_pictures(pictures)
        count, seen = len(paths), calibration.read_pictures(paths, size)
    with click.progressbar(seen, length=count, label="BatchNorm statistics", file=sys.stderr) as watched:
        network = convert(source, watched)
    licences = {row.sha256: row.licence for row in MODELS.values()}
    network.notes["licence"] = licences.get(network.notes["source_sha256"], "that of its source")
    worst = prove(network, source)
    saving.write(network, target)
    click.echo(f"{target}: the seven maps differ by at most {worst:.1e} from {source}", err=True)
