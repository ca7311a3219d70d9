"""`u2bg serve`: the same over HTTP, with a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from u2bg.errors import MissingExtra
from u2bg.saliency.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from u2bg.server.settings import Settings


@click.command(name="serve")
@click.option(
    "--host", metavar="ADDRESS", help="Where to listen: 127.0.0.1, this machine only; 0.0.0.0, all."
)
@click.option("--port", type=int, help="The port: 7000; 0 takes a free one.")
@click.option("--workers", type=int, help="Pictures worked on at once: as many as there are cores.")
@click.option(
    "--models", metavar="NAMES", help=f"Models to serve, by commas, the first as default: {DEFAULT_MODEL}."
)
@click.option("--device", metavar="NAME", help="What runs the network: auto.")
@click.option("--api-key-file", type=Path, metavar="FILE", help="Ask for one of these keys, one a line.")
@click.option("--max-upload", metavar="BYTES", help="Refuse larger bodies: 25MB.")
@click.option("--max-pixels", metavar="PIXELS", help="Refuse larger pictures: 50M.")
@click.option("--queue", type=int, help="Requests that may wait: 32. More get 503 and when to come again.")
@click.option("--timeout", metavar="SECONDS", help="For one request: 60s.")
@click.option(
    "--allow-url-fetch", is_flag=True, default=None, help="Fetch pictures from addresses that requests name."
)
@click.option("--config", type=Path, metavar="FILE.toml", help="Read settings from a file: port = 7000.")
def command(config: Path | None, **given: object) -> int:
    """Serve cut-outs over HTTP, with a page at / and the contracts of rembg and of remove.bg.

    What is not given is read from the environment (U2BG_PORT, U2BG_API_KEY_FILE, …), then from --config.

    \b
    Examples:
      u2bg serve                                http://127.0.0.1:7000/
      u2bg serve --host 0.0.0.0 --api-key-file keys.txt
      u2bg serve --models lite,u2net --port 8080
      curl -F image=@photo.jpg http://127.0.0.1:7000/v1/remove -o cutout.png
    """
    try:
        from u2bg.server import run, settings
    except ModuleNotFoundError as error:
        raise MissingExtra("the server", "server") from error
    chosen = settings.load(config, **{name: value for name, value in given.items() if value is not None})
    _pull(chosen)
    run.serve(chosen, lambda url: click.echo(f"u2bg: {url} (stop with Ctrl-C)", err=True))
    return 0


def _pull(settings: Settings) -> None:
    """Have the models here before anybody waits for them."""
    from u2bg.cli.progress import pulling
    from u2bg.saliency import models, store

    for name in settings.models:
        with pulling(name) as progress:
            store.ensure(models.find(name), progress)
