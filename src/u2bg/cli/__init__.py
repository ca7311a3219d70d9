"""`u2bg`: one small file per verb. This file only finds them, and turns errors into lines and exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import cast

import click

import u2bg
from u2bg.errors import U2bgError

VERBS = {
    "remove": "Cut the subject out of photos.",
    "batch": "Cut out millions of pictures on a cluster.",
    "video": "Cut the subject out of videos.",
    "models": "List, pull, check, pack and locate the models.",
    "convert": "Turn weights of one kind into another: PyTorch, ONNX, Keras.",
    "serve": "The same over HTTP, with a page.",
    "doctor": "Look at what is installed, what works and how fast; say what to mend.",
    "rembg": "rembg's own commands, for scripts that were written for it.",
    "export": "Write a trained network as ONNX.",
    "pack": "Pack pictures and masks into shards to train from.",
    "train": "Train a network on your own pictures.",
    "evaluate": "Score a model on pictures whose truth is known.",
}

INTERRUPTED = 130  # 128 + SIGINT, as shells expect


class Verbs(click.Group):
    """Loads a verb's module only when that verb is called, so that `--help` and `--version` are instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        return cast(click.Command, importlib.import_module(f"u2bg.cli.{name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(u2bg.__version__, "-V", "--version", message="u2bg %(version)s")
@click.option("--offline", is_flag=True, help="Pull nothing; the same as U2BG_OFFLINE=1.")
def u2bg_command(offline: bool) -> None:
    """A photo goes in, a clean cut-out comes out, cut by U²-Net.

    \b
    Examples:
      u2bg remove photo.jpg                 writes photo.cutout.png beside it
      u2bg remove photos/ -o cutouts/       a whole folder, subfolders kept
      u2bg models list                      which networks there are
    """
    if offline:
        os.environ["U2BG_OFFLINE"] = "1"


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; the codes stand in `errors` and in the help of each verb."""
    try:
        code = u2bg_command.main(arguments, prog_name="u2bg", standalone_mode=False)
    except U2bgError as error:
        click.echo(f"u2bg: {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("u2bg: interrupted; nothing half-written was left", err=True)
        code = INTERRUPTED
    except BrokenPipeError:  # who read our output has left; there is nobody to tell
        code = 1
    except OSError as error:
        click.echo(f"u2bg: {error}", err=True)
        code = 1
    gc.freeze()  # or the interpreter goes through all that the process itself will free, which takes longer
    sys.exit(code or 0)
