"""`u2bg models`: list, pull and locate the models."""

from __future__ import annotations

import json

import click

from u2bg.cli.progress import pulling
from u2bg.errors import ModelError, UsageError
from u2bg.saliency import store
from u2bg.saliency.models import MODELS, ModelSpec, find

HELP = {"help_option_names": ["-h", "--help"]}


@click.group(name="models", context_settings=HELP)
def command() -> None:
    """List, pull and locate the models.

    Pulled models lie in the user's cache folder, or in the folder that U2BG_HOME names.

    \b
    Examples:
      u2bg models list                    what there is, and what is here
      u2bg models pull u2net              have a model's file here, verified
      u2bg models path u2net              where that file is
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


def _row(spec: ModelSpec) -> dict[str, object]:
    path = store.locate(spec)
    state = ("embedded" if path else "missing") if spec.embedded else ("here" if path else "not pulled")
    return {
        "name": spec.name,
        "size_bytes": spec.size_bytes,
        "state": state,
        "path": str(path) if path else None,
        "input_size": spec.input.size,
        "licence": spec.licence,
        "about": spec.about,
        "sha256": spec.sha256,
    }


def _cells(spec: ModelSpec) -> tuple[str, ...]:
    size = f"{spec.size_bytes / 1e6:.1f} MB"
    side = f"{spec.input.size}×{spec.input.size}"
    return spec.name, size, str(_row(spec)["state"]), side, spec.licence, spec.about


def _pull(spec: ModelSpec) -> None:
    with pulling(spec.name) as progress:
        path = store.pull(spec, progress)
    click.echo(f"{spec.name}: here and verified: {path}")
