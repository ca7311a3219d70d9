"""`u2bg export`: a trained network becomes an ONNX file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from u2bg.errors import OutputExists
from u2bg.files import replacing

if TYPE_CHECKING:
    from u2bg.network.u2net import U2Net

SIZE = 320
"""At which ranges are taken, where the graph is for any."""


@click.command(short_help="Write a trained network as ONNX.")
@click.argument("source", metavar="WEIGHTS.keras", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.onnx", type=click.Path(path_type=Path))
@click.option("--all-maps", is_flag=True, help="The six side outputs too, after the fused map.")
@click.option(
    "--size", metavar="N", type=int, help="Fix height and width to N; else any multiple of 32 runs."
)
@click.option(
    "--int8",
    "pictures",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Multiply bytes, within the ranges that the pictures in DIR bring.",
)
@click.option("--overwrite", is_flag=True, help="Replace OUT.onnx if it is there.")
def command(
    source: Path, target: Path, all_maps: bool, size: int | None, pictures: Path | None, overwrite: bool
) -> None:
    """Write a trained network as ONNX, for `u2bg remove --model OUT.onnx` and whatever runs u2net.onnx.

    Input: (N, 3, H, W) float32, ImageNet-normalised. First output: the fused map, (N, 1, H, W) in [0, 1].
    The same weights give the same bytes.

    With --int8 the network answers in less than half the time on a CPU, from a third of the bytes. Its large constants
    are taken out before (they are what 8 bits cannot carry), and ranges are taken over 96 pictures of DIR: photos like
    those that it will see, the more different the better. Compare its scores, `u2bg evaluate`, before you use it.

    \b
    Examples:
      u2bg export u2netp.keras lite.onnx
      u2bg export run/best.keras mine.onnx --size 320
      u2bg export u2net.keras maps.onnx --all-maps
      u2bg export run/best.keras quick.onnx --int8 photos/
    """
    if target.exists() and not overwrite:
        raise OutputExists(f"'{target}' is there already; fix: --overwrite, or another name")

    from u2bg.network import saving
    from u2bg.network.export import export

    network = saving.read(source)
    if pictures is None:
        content = export(network, all_maps=all_maps, size=size)
    else:
        content = _in_bytes(network, pictures, all_maps, size)
    with replacing(target) as part:
        part.write_bytes(content)
    click.echo(f"{target}: {len(content):,} bytes", err=True)


def _in_bytes(network: U2Net, folder: Path, all_maps: bool, size: int | None) -> bytes:
    """Settled, exported and quantised, with a bar over the pictures."""
    from u2bg.network import calibration, steady
    from u2bg.network.export import export
    from u2bg.network.quantise import PICTURES, quantise

    paths = calibration.folder_pictures(folder, PICTURES)
    seen = list(calibration.read_pictures(paths, size or SIZE))
    with click.progressbar(seen, label="8 bits", file=sys.stderr) as watched:
        settled = steady.settle(network, watched)
    return quantise(export(settled, all_maps=all_maps, size=size, spread=False), seen)
