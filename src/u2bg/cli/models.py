"""`u2bg models`: list, pull, check, pack and locate the models."""

from __future__ import annotations

import json
from pathlib import Path

import click

from u2bg.cli.progress import pulling
from u2bg.errors import ModelError, OutputExists, UsageError
from u2bg.saliency import folders, parcels, store
from u2bg.saliency.checks import flaw_of
from u2bg.saliency.models import MODELS, ModelSpec, find, forms

HELP = {"help_option_names": ["-h", "--help"]}


@click.group(name="models", context_settings=HELP)
def command() -> None:
    """List, pull, check, pack and locate the models.

    Pulled models lie in the user's cache folder, or in the folder that U2BG_HOME names; those that rembg has pulled
    are used where they lie. U2BG_MIRROR names addresses to ask first; with U2BG_OFFLINE=1 nothing is pulled.

    \b
    Examples:
      u2bg models list                    what there is, and what is here
      u2bg models pull u2net              have a model's file here, verified
      u2bg models path u2net              where that file is
      u2bg models pack u2net -o m.zip     models in one file, for a machine without a network
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
def list_models(as_json: bool) -> None:
    """Show every model: its size, where it is, what it sees, its licence.

    \b
    Examples:
      u2bg models list
      u2bg models list --json
    """
    if as_json:
        click.echo(json.dumps([_row(spec) for spec in MODELS.values()], ensure_ascii=False, indent=2))
        return
    table = [("NAME", "SIZE", "STATE", "INPUT", "LICENCE", "ABOUT"), *map(_cells, MODELS.values())]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for cells in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


@command.command("pull")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "everything", is_flag=True, help="Pull every model.")
def pull_models(names: tuple[str, ...], everything: bool) -> None:
    """Have the files of models here, verified; a damaged one is replaced.

    \b
    Examples:
      u2bg models pull u2net
      u2bg models pull --all
      U2BG_HOME=/srv/models u2bg models pull u2netp
    """
    if bool(names) == everything:
        raise UsageError("expected the names of models, or --all; fix: u2bg models pull u2net")
    specs = list(MODELS.values()) if everything else [find(name) for name in dict.fromkeys(names)]
    for spec in specs:
        _pull(spec)


@command.command("path")
@click.argument("name")
def print_path(name: str) -> None:
    """Print the path of a model's file, and nothing else.

    \b
    Examples:
      u2bg models path lite
      cp "$(u2bg models path u2net)" /srv/models/
    """
    spec = find(name)
    path = store.locate(spec)
    if path is None:
        raise ModelError(f"model '{name}' is not here; fix: {store.remedy(spec)}")
    click.echo(path)


@command.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_models(names: tuple[str, ...]) -> int:
    """Check the files of models that are here: their size and their hash.

    \b
    Examples:
      u2bg models verify                  all that are here
      u2bg models verify u2net

    Exit code 1 if one is damaged, or if one that is named is not here.
    """
    damaged = 0
    rows = [find(name) for name in dict.fromkeys(names)] or MODELS.values()
    for spec in (form for row in rows for form in forms(row)):
        path = store.locate(spec)
        if path is None and not (names or spec.embedded):
            continue
        flaw = flaw_of(path, store.seal(spec)) if path else "not here"
        said = f"{flaw}; fix: {store.remedy(spec)}" if flaw else f"whole: {path}"
        click.echo(f"{spec.name}: {said}")
        damaged += flaw is not None
    return 1 if damaged else 0


@command.command("pack")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-o", "--output", required=True, metavar="FILE.zip", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace FILE.zip if it is there.")
def pack_models(names: tuple[str, ...], output: Path, overwrite: bool) -> None:
    """Put models into one file, for machines without a network; those that are not here are pulled first.

    \b
    Examples:
      u2bg models pack u2net silueta -o models.zip
      u2bg models unpack models.zip       there
    """
    if output.exists() and not overwrite:
        raise OutputExists(f"'{output}' is there already; fix: --overwrite, or another name")
    specs = [find(name) for name in dict.fromkeys(names)]
    embedded = [spec.name for spec in specs if spec.embedded]
    if embedded:
        raise UsageError(
            f"model '{embedded[0]}' comes with u2bg itself; fix: name only models that are pulled"
        )
    for spec in specs:
        with pulling(spec.name) as progress:
            store.ensure(spec, progress)
    parcels.pack(specs, output)
    click.echo(f"{output}: {', '.join(spec.name for spec in specs)}")


@command.command("unpack")
@click.argument("source", metavar="FILE.zip", type=click.Path(path_type=Path))
def unpack_models(source: Path) -> None:
    """Put the models of a packed file into the models' folder, each verified.

    \b
    Examples:
      u2bg models unpack models.zip
      U2BG_HOME=/srv/models u2bg models unpack models.zip
    """
    for spec, path in parcels.unpack(source):
        click.echo(f"{spec.name}: here and verified: {path}")


def _row(spec: ModelSpec) -> dict[str, object]:
    path = store.locate(spec)
    return {
        "name": spec.name,
        "size_bytes": spec.size_bytes,
        "size_is_about": spec.size_is_about,
        "state": _state(spec, path),
        "path": str(path) if path else None,
        "input_size": spec.input.size,
        "licence": spec.licence,
        "warning": spec.warning or None,
        "about": spec.about,
        "sha256": store.seal(spec).sha256 or None,
        "md5": spec.md5 or None,
    }


def _state(spec: ModelSpec, path: Path | None) -> str:
    if spec.embedded:
        return "embedded" if path else "missing"
    if path is None:
        return "not pulled"
    return "here" if path.parent == folders.home() else "rembg's"


def _cells(spec: ModelSpec) -> tuple[str, ...]:
    size = f"{spec.size_bytes / 1e6:,.0f} MB" if spec.size_is_about else f"{spec.size_bytes / 1e6:.1f} MB"
    side = f"{spec.input.size}×{spec.input.size}"
    return spec.name, size, str(_row(spec)["state"]), side, spec.licence, spec.about


def _pull(spec: ModelSpec) -> None:
    with pulling(spec.name) as progress:
        path = store.pull(spec, progress)
    click.echo(f"{spec.name}: here and verified: {path}")
