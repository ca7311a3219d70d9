"""`u2bg rembg`: rembg's own command line, for scripts that were written for it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from u2bg.cli.progress import pulling
from u2bg.cli.rembg_flags import cutter, shared
from u2bg.errors import OutputExists, SourceMissing, U2bgError, UsageError
from u2bg.files import replacing
from u2bg.imaging.formats import SIGNATURE_BYTES, recognise

POLL_S = 1.0
STOP = "stop.txt"
_NO_H = {"help_option_names": ["--help"]}  # -h is the server's host there


@click.group(name="rembg", context_settings=_NO_H)
def command() -> None:
    """rembg's own commands and flags, and its pixels; put `u2bg` before the line that you have.

    Cleaner edges and whole folders: u2bg remove.

    \b
    Examples:
      u2bg rembg i photo.jpg cutout.png
      u2bg rembg i -m u2netp -om < photo.jpg > mask.png
      u2bg rembg p photos/ cutouts/
      u2bg rembg s -p 7000
    """


@command.command("i", context_settings=_NO_H)
@shared
@click.argument("source", metavar="[INPUT]", required=False)
@click.argument("output", metavar="[OUTPUT]", required=False)
def one(source: str | None, output: str | None, **options: Any) -> None:
    """One picture. PNG, whatever the name; - is a stream, and a pipe makes it the default.

    \b
    Examples:
      u2bg rembg i photo.jpg cutout.png
      curl -s https://example.com/photo.jpg | u2bg rembg i > cutout.png
    """
    if source is None and sys.stdin.isatty():
        raise UsageError("expected a picture to read; fix: u2bg rembg i photo.jpg cutout.png")
    from_stdin = source in {None, "-"}
    place = output
    if place is None and not from_stdin and sys.stdout.isatty():
        place = str(Path(str(source)).with_suffix(".out.png"))
    if (
        place not in {None, "-"}
        and not from_stdin
        and os.path.realpath(str(source)) == os.path.realpath(str(place))
    ):
        raise OutputExists(f"'{place}' is the photo itself; fix: choose another output")
    content = sys.stdin.buffer.read() if from_stdin else _read(Path(str(source)))
    cutout = cutter(options)(content)
    if place in {None, "-"}:
        sys.stdout.buffer.write(cutout)
        sys.stdout.buffer.flush()
    else:
        _write(Path(str(place)), cutout)


@command.command("p", context_settings=_NO_H)
@shared
@click.option(
    "-w", "--watch", is_flag=True, help="Go on with what comes into INPUT_DIR, until stop.txt does."
)
@click.option("-d", "--delete_input", is_flag=True, help="Delete each photo that was cut in this run.")
@click.argument("source", metavar="INPUT_DIR", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUTPUT_DIR", type=click.Path(path_type=Path))
def folder(source: Path, output: Path, watch: bool, delete_input: bool, **options: Any) -> int:
    """A folder, subfolders too, into one flat folder: NAME.png each. What is there already is left out.

    Exit code 1 if a picture could not be cut, or if two of them want one name.

    \b
    Examples:
      u2bg rembg p photos/ cutouts/
      u2bg rembg p -w inbox/ cutouts/
    """
    if not source.is_dir():
        raise SourceMissing(f"no folder '{source}'; fix: check the name")
    cut = cutter(options)
    made: dict[Path, Path] = {}
    failed = 0
    for photo in _photos(source, watch):
        place = output / f"{photo.stem}.png"
        try:
            if place in made:
                raise OutputExists(
                    f"'{photo}' and '{made[place]}' both want '{place}'; fix: u2bg remove keeps folders"
                )
            if place.exists():
                continue
            _write(place, cut(_read(photo)), make_folder=True)
            made[place] = photo
            if delete_input:
                photo.unlink()
        except U2bgError as error:
            failed += 1
            click.echo(f"u2bg: {error}", err=True)
    return 1 if failed else 0


@command.command("b", context_settings=_NO_H)
@shared
@click.option("-o", "--output_specifier", metavar="PATTERN", help="Files by number, such as out-%03d.png.")
@click.argument("width", type=click.IntRange(1))
@click.argument("height", type=click.IntRange(1))
def frames(width: int, height: int, output_specifier: str | None, **options: Any) -> int:
    """Raw RGB24 frames from stdin; their PNGs one after the other on stdout, or as numbered files.

    \b
    Examples:
      ffmpeg -i in.mp4 -f rawvideo -pix_fmt rgb24 pipe:1 | u2bg rembg b 1280 720 -o out/%04d.png
    """
    from PIL import Image

    cut = cutter(options, lambda frame: Image.frombytes("RGB", (width, height), frame))
    number = 0
    while frame := sys.stdin.buffer.read(width * height * 3):
        if len(frame) < width * height * 3:
            click.echo(f"u2bg: the last frame is not whole and is left out: frame {number}", err=True)
            return 1
        content = cut(frame)
        if output_specifier:
            _write(Path(_numbered(output_specifier, number)), content, make_folder=True)
        else:
            sys.stdout.buffer.write(content)
        number += 1
    sys.stdout.buffer.flush()
    return 0


@command.command("d", context_settings=_NO_H)
@click.argument("names", nargs=-1, metavar="[MODEL...]")
def download(names: tuple[str, ...]) -> None:
    """Have models here; without a name, all that are pulled (many gigabytes).

    \b
    Examples:
      u2bg rembg d u2net u2netp
    """
    from u2bg.saliency import models, store

    for spec in [models.find(name) for name in names] or models.MODELS.values():
        with pulling(spec.name) as progress:
            click.echo(f"{spec.name}: {store.pull(spec, progress)}")


@command.command("s", context_settings=_NO_H)
@click.option("-p", "--port", default=7000, show_default=True, help="The port.")
@click.option(
    "-h", "--host", default="127.0.0.1", show_default=True, help="0.0.0.0, as rembg has it: every network."
)
@click.option("-l", "--log_level", metavar="LEVEL", help="Not looked at: the server logs what it does.")
@click.option("-t", "--threads", type=int, help="Pictures worked on at once.")
@click.option("--no-ui", is_flag=True, help="Not looked at: the page costs nothing.")
@click.pass_context
def server(
    ctx: click.Context, port: int, host: str, log_level: str | None, threads: int | None, no_ui: bool
) -> Any:
    """rembg's routes over HTTP: u2bg serve, with u2net.

    \b
    Examples:
      u2bg rembg s -p 7000 -h 0.0.0.0
    """
    from u2bg.cli import serve

    return ctx.invoke(serve.command, host=host, port=port, workers=threads, models="u2net")


def _photos(folder: Path, watch: bool) -> Iterator[Path]:
    """The pictures under a folder; then, watching, those that come into it, once they are whole."""
    done = {path: _state(path) for path in sorted(folder.rglob("*"))}
    yield from filter(_is_picture, done)
    before: dict[Path, tuple[int, int] | None] = {}
    while watch:
        time.sleep(POLL_S)
        if (folder / STOP).exists():
            (folder / STOP).unlink()
            return
        now = {path: _state(path) for path in sorted(folder.iterdir())}
        for path, state in now.items():
            if state != done.get(path) and state == before.get(path) and _is_picture(path):
                yield path
                done[path] = state
        before = now


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of a file; a file is whole when both are the same at two looks."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _is_picture(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return recognise(file.read(SIGNATURE_BYTES)) is not None
    except OSError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceMissing(f"cannot read '{path}': {error.strerror}; fix: check the name") from error


def _write(path: Path, content: bytes, *, make_folder: bool = False) -> None:
    with replacing(path, make_folder=make_folder) as part:
        part.write_bytes(content)


def _numbered(pattern: str, number: int) -> str:
    try:
        return pattern % number
    except (TypeError, ValueError) as error:
        raise UsageError(f"no pattern of a name: '{pattern}'; expected one such as out-%03d.png") from error
