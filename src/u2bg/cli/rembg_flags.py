"""The flags that rembg's i, p and b share, and what they make of a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

from u2bg.cli.progress import pulling
from u2bg.errors import BrokenPicture, NotAPicture, U2bgError, UsageError

if TYPE_CHECKING:
    from PIL.Image import Image

_SHARED = (
    click.option("-m", "--model", default="u2net", show_default=True, metavar="NAME", help="The network."),
    click.option("-a", "--alpha-matting", is_flag=True, help="Closed-form matting (extra matting)."),
    click.option(
        *("-af", "--alpha-matting-foreground-threshold"),
        default=240,
        show_default=True,
        help="Masks above are surely subject.",
    ),
    click.option(
        *("-ab", "--alpha-matting-background-threshold"),
        default=10,
        show_default=True,
        help="Masks below are surely background.",
    ),
    click.option(
        *("-ae", "--alpha-matting-erode-size"),
        default=10,
        show_default=True,
        help="Less a square of this side.",
    ),
    click.option("-om", "--only-mask", is_flag=True, help="The mask alone."),
    click.option("-ppm", "--post-process-mask", is_flag=True, help="A hard mask without specks."),
    click.option("-dc", "--decontaminate", is_flag=True, help="The subject's own colours (extra matting)."),
    click.option(
        *("-bgc", "--bgcolor"),
        default=(0, 0, 0, 0),
        type=(int, int, int, int),
        metavar="R G B A",
        help="A colour to lay under it.",
    ),
    click.option("-x", "--extras", metavar="JSON", help="More options, by name."),
)


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that i, p and b have in common."""
    return reduce(lambda made, option: option(made), reversed(_SHARED), function)


def cutter(
    options: dict[str, Any], opened: Callable[[bytes], Image] | None = None
) -> Callable[[bytes], bytes]:
    """What makes the bytes of one picture the bytes of its cut-out, by these flags.

    Args:
        opened: makes a Pillow picture of the bytes, where they are no file.
    """
    from PIL import UnidentifiedImageError

    from u2bg.compat import rembg

    model, extras = options.pop("model"), options.pop("extras")
    options |= _extras(extras) if extras else {}
    if tuple(options["bgcolor"]) == (0, 0, 0, 0):
        options["bgcolor"] = None  # there is nothing to lay under it
    _pull(model)
    session = rembg.new_session(model, **options)

    def cut(content: bytes) -> bytes:
        try:
            if opened is None:
                return rembg.remove(content, session=session, **options)
            return rembg.encoded(rembg.remove(opened(content), session=session, **options))
        except U2bgError:
            raise
        except UnidentifiedImageError as error:
            raise NotAPicture("the input is no picture; expected one that Pillow reads") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise BrokenPicture(f"the input is a damaged picture: {error}; fix: get a whole copy") from error

    return cut


def _extras(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise UsageError(f"--extras {text!r} is no JSON object; expected {_EXAMPLE}") from error


_EXAMPLE = '{"cc": "upper"}, or the like'


def _pull(model: str) -> None:
    """Have the model here, with a bar."""
    from u2bg.saliency import models, store

    if model in models.MODELS:
        with pulling(model) as progress:
            store.ensure(models.MODELS[model], progress)
