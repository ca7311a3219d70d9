"""`u2bg export`: a trained network becomes an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from u2bg.errors import OutputExists
from u2bg.files import replacing


@click.command(short_help="Write a trained network as ONNX.")
@click.argument("source", metavar="WEIGHTS.keras", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT.onnx", type=click.Path(path_type=Path))
@click.option("--all-maps", is_flag=True, help="The six side outputs too, after the fused map.")
@click.option(
    "--size", metavar="N", type=int, help="Fix height and width to N; else any multiple of 32 runs."
)
@click.option("--overwrite", is_flag=True, help="Replace OUT.onnx if it is there.")
def command(source: Path, target: Path, all_maps: bool, size: int | None, overwrite: bool) -> None:
    """Write a trained network as ONNX, for `u2bg remove --model OUT.onnx` and whatever runs u2net.onnx.

    Input: (N, 3, H, W) float32, ImageNet-normalised. First output: the fused map, (N, 1, H, W) in [0, 1].
    The same weights give the same bytes.

    \b
    Examples:
      u2bg export u2netp.keras lite.onnx
      u2bg export run/best.keras mine.onnx --size 320
      u2bg export u2net.keras maps.onnx --all-maps
    """
    if target.exists() and not overwrite:
        raise OutputExists(f"'{target}' is there already; fix: --overwrite, or another name")

    from u2bg.network import saving
    from u2bg.network.export import export

    content = export(saving.read(source), all_maps=all_maps, size=size)
    with replacing(target) as part:
        part.write_bytes(content)
    click.echo(f"{target}: {len(content):,} bytes", err=True)
