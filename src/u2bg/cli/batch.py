"""`u2bg batch`: millions of pictures on a cluster, from anywhere to anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from u2bg.batch.job import Outcome
from u2bg.batch.order import fingerprint
from u2bg.cli.options import Asked, cutting
from u2bg.cli.outcomes import Tally, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from u2bg.batch.ledger import Ledger


class Workers(click.ParamType[tuple[int, "int | None"]]):
    """A number of workers, or the least and the most: `8`, `8-200`."""

    name = "workers"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int | None]:
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", str(value))
        least, most = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= least <= most:
            self.fail(f"{value!r} is no number of workers; expected one such as 8, or 8-200", param, ctx)
        return least, most


@click.command(name="batch")
@click.argument("source")
@click.argument("destination", metavar="DEST")
@click.option(
    "--ray",
    "address",
    is_flag=False,
    flag_value="local",
    default="local",
    metavar="[ADDRESS]",
    help="The Ray to work on: auto, host:port or ray://…  [default: one of this machine's own]",
)
@click.option(
    "--workers", type=Workers(), metavar="N|MIN-MAX", help="Workers at once.  [default: 1 to all CPUs]"
)
@click.option(
    "--gpus",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="GPUs of each worker that runs the network, or a part of one: 1, 0.25.",
)
@click.option("--column", metavar="NAME", help="The column of bytes or URIs in Parquet files.")
@cutting
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds other files.")
def command(
    source: str,
    destination: str,
    address: str,
    workers: tuple[int, int | None] | None,
    gpus: float | None,
    column: str | None,
    overwrite: bool,
    **asked: Any,
) -> int:
    """Cut out millions of pictures on a Ray cluster. Needs u2bg[batch] on every machine of it.

    SOURCE and DEST are folders, or URIs that PyArrow or fsspec know (s3://, gs://, …). SOURCE holds picture files, or
    Parquet files with a column of bytes (bytes, image) or of URIs (uri, url, path); a column name, key or id names the
    cut-outs. A later run does what is missing, changed or failed. The account is in DEST/_u2bg, with errors.parquet.

    \b
    Examples:
      u2bg batch photos/ cutouts/ --ray                           every core of this machine
      u2bg batch s3://shop/photos s3://shop/cutouts --ray auto    the cluster that this machine is part of
      u2bg batch photos.parquet cutouts/ --ray ray://head:10001 --workers 8-200
      u2bg batch s3://shop/photos s3://shop/cutouts --ray auto --gpus 0.5 --model u2net

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 some pictures failed; they are in errors.parquet.
    """
    from u2bg.batch import ray
    from u2bg.batch.ledger import ERRORS, Ledger
    from u2bg.batch.places import Place
    from u2bg.batch.rows import check_outputs, rows
    from u2bg.batch.workers import Task

    how = Asked(**asked)
    order, options = how.order(), how.options()
    stamp = fingerprint(order, options, how.model)
    places = Place.of(source), Place.of(destination)
    found = list(rows(places[0], order.kind.suffixes[0], column, leave_out=places[1]))
    check_outputs(found)
    ledger = Ledger(places[1], stamp)
    ledger.begin(overwrite=overwrite)
    root = places[0].split()[0] if places[0].is_file() else places[0]
    task = Task(root, places[1], order, options, how.model, how.device, stamp, ledger.run)
    pool = ray.Pool(*(workers or (1, None)), gpus or 0.0)
    missing = [row for row in found if not ledger.is_done(row)]
    tally = Tally(skipped=len(found) - len(missing), account=ERRORS)
    try:
        if missing:
            with ray.connected(None if address == "local" else address) as cpus:
                results = ray.cut_all(task, missing, pool, cpus)
                for outcome in shown(_outcomes(results, ledger), len(missing)):
                    tally.add(outcome)
    finally:
        ledger.close()
        tally.tell()
    if tally.failed:
        click.echo(f"errors: {places[1].uri}/{ERRORS}", err=True)
    return tally.exit_code


def _outcomes(results: Iterator[list[dict[str, Any]]], ledger: Ledger) -> Iterator[Outcome]:
    """Written down, and told."""
    for block in results:
        ledger.add(block)
        for line in block:
            outcome = Outcome(
                line["input"], line["output"], confidence=line["confidence"], subject=line["subject"]
            )
            outcome.error, outcome.seconds = line["error"], line["seconds"]
            yield outcome
