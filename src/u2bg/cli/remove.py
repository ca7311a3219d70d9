"""`u2bg remove`: photos in, cut-outs out."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from u2bg.batch.folder import Job, check_collisions, plan_folder
from u2bg.cli.progress import pulling
from u2bg.cutout import Cutout, colour
from u2bg.errors import OutputExists, SourceMissing, U2bgError, UsageError
from u2bg.files import replacing
from u2bg.imaging.formats import FORMATS, JPEG, PNG, Format, written_format
from u2bg.matting.alpha import METHODS
from u2bg.pipeline import SECOND_PASSES, Options, Remover
from u2bg.saliency.models import DEFAULT_MODEL

SOME_FAILED = 3
NO_SUBJECT = 4
STREAM = Path("-")
_LISTED = 20


class Pixels(click.ParamType[int]):
    """A number of pixels as people write it: `50000000`, `50M`, `1.5M`, `800k`."""

    name = "pixels"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", str(value))
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no number of pixels; expected one such as 50M", param, ctx)
        return int(float(found[1]) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[found[2]])


@dataclass(frozen=True, slots=True)
class Order:
    """What to write of each cut-out, and how."""

    kind: Format
    background: tuple[int, int, int] | None
    layer: str
    overwrite: bool

    @property
    def suffix(self) -> str:
        """How the outputs end that are named by us."""
        return f".{self.layer}{self.kind.suffixes[0]}"


@dataclass(slots=True)
class Outcome:
    """What became of one picture: a line of `--json`."""

    path: str
    output: str
    size: tuple[int, int] | None = None
    confidence: float | None = None
    subject: bool | None = None
    seconds: float = 0.0
    error: str | None = None
    exit_code: int = 0

    def line(self) -> str:
        """One line of JSON; `size` is [width, height]."""
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "exit_code"}
        return json.dumps(shown, ensure_ascii=False)


@click.command(name="remove")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", metavar="PATH", help="File or folder to write; - for stdout.")
@click.option(
    "--format", "kind", type=click.Choice([row.name for row in FORMATS if row.written]), help="Kind of file."
)
@click.option("--mask", is_flag=True, help="Write the alpha alone, as a grey picture.")
@click.option(
    "--trimap", is_flag=True, help="Write what is surely subject, open and background: 255, 128, 0."
)
@click.option("--background", metavar="COLOUR", help="Lay the subject on a colour: white, #ff8800, …")
@click.option(
    "--refine", type=click.Choice(METHODS), default="auto", show_default=True, help="How the edge is found."
)
@click.option(
    "--second-pass",
    type=click.Choice(SECOND_PASSES),
    default="off",
    show_default=True,
    help="Look again, closer, at a subject that is small in a large photo.",
)
@click.option(
    "--foreground",
    type=click.Choice(["auto", "off"]),
    default="auto",
    show_default=True,
    help="The subject's own colours along the edge; off keeps the photo's.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|FILE.onnx", help="The network."
)
@click.option(
    "--max-pixels", type=Pixels(), default="100M", show_default=True, help="Refuse larger pictures."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are already there.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON a picture on stdout.")
def command(
    sources: tuple[str, ...],
    output: str | None,
    kind: str | None,
    mask: bool,
    trimap: bool,
    background: str | None,
    refine: str,
    second_pass: str,
    foreground: str,
    model: str,
    max_pixels: int,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Cut the subject out of photos. Inputs are never changed, outputs are whole or not there.

    \b
    Examples:
      u2bg remove photo.jpg                    writes photo.cutout.png beside it
      u2bg remove photo.jpg -o out.webp        the kind of file by its name
      u2bg remove a.jpg b.jpg -o cutouts/      writes cutouts/a.cutout.png and cutouts/b.cutout.png
      u2bg remove photos/ -o cutouts/          every picture under photos/, subfolders kept
      u2bg remove - -o - < in.jpg > out.png    from stdin to stdout
      u2bg remove photo.jpg --background white --format jpg

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 some of several failed, 4 the picture has no subject
    (its file is written all the same).
    """
    layer = _layer(mask, trimap)
    order = Order(_kind(kind, output), colour(background) if background else None, layer, overwrite)
    jobs, several = _plan([Path(source) for source in sources], output, order)
    if as_json and any(job.output == STREAM for job in jobs):
        raise UsageError("stdout cannot carry both the picture and --json; fix: name an output file")
    if order.kind is JPEG and order.background is None and layer == "cutout":
        click.echo(
            "u2bg: jpg has no transparency: the background becomes white (--background chooses)", err=True
        )
    with pulling(model) as progress:
        options = Options(
            refine=refine, second_pass=second_pass, foreground=foreground == "auto", max_pixels=max_pixels
        )
        remover = Remover(model, options=options, progress=progress)
    outcomes = _report((_cut(job, remover, order, several) for job in jobs), len(jobs), several, as_json)
    return _exit_code(outcomes, several)


def _layer(mask: bool, trimap: bool) -> str:
    if mask and trimap:
        raise UsageError("--mask and --trimap are one file each; fix: give one of them")
    return "mask" if mask else "trimap" if trimap else "cutout"


def _kind(kind: str | None, output: str | None) -> Format:
    """`--format`, else by the output's suffix, else PNG."""
    if kind:
        return written_format(kind)
    suffix = Path(output).suffix if output and not _is_folder(output) else ""
    return written_format(suffix) if suffix else PNG


def _plan(sources: list[Path], output: str | None, order: Order) -> tuple[list[Job], bool]:
    """Which input goes to which output, and whether several pictures were meant."""
    if len(sources) == 1 and os.path.isdir(sources[0]):
        if output is None or output == "-":
            raise UsageError(f"'{sources[0]}' is a folder; fix: say where its cut-outs go with -o FOLDER")
        folder = Path(output)
        if os.path.exists(folder) and not os.path.isdir(folder):
            raise UsageError(
                f"'{folder}' is a file; expected a folder for the cut-outs; fix: choose another -o"
            )
        suffix = order.kind.suffixes[0]
        return plan_folder(sources[0], folder, suffix), True
    if len(sources) == 1:
        return [Job(sources[0], _single_output(sources[0], output, order))], False
    if output is not None and not _is_folder(output):
        raise UsageError(
            f"several pictures cannot go to one file '{output}'; fix: name a folder, '{output}/'"
        )
    folders = [source for source in sources if os.path.isdir(source) or source == STREAM]
    if folders:
        raise UsageError(f"'{folders[0]}' among several sources; expected files; fix: give it alone")
    jobs = [Job(source, _beside(source, output, order)) for source in sources]
    check_collisions(jobs)
    return jobs, True


def _single_output(source: Path, output: str | None, order: Order) -> Path:
    """The output of one picture: what was asked for, else beside it, or stdout for stdin."""
    if output == "-" or (output is None and source == STREAM):
        if sys.stdout.isatty():
            raise UsageError("stdout is a terminal; fix: redirect it (> out.png), or name a file with -o")
        return STREAM
    if output is None or (_is_folder(output) and source != STREAM):
        return _beside(source, output, order)
    if _is_folder(output):
        raise UsageError(f"stdin has no name to use in '{output}'; fix: name a file with -o")
    return Path(output)


def _beside(source: Path, folder: str | None, order: Order) -> Path:
    """NAME.cutout.png in the folder, or beside the photo."""
    return (Path(folder) if folder else source.parent) / (source.stem + order.suffix)


def _is_folder(output: str) -> bool:
    return output.endswith(("/", "\\")) or os.path.isdir(output)


def _cut(job: Job, remover: Remover, order: Order, several: bool) -> Outcome:
    """Cut one picture and write it; whatever goes wrong with it is told in the outcome."""
    outcome = Outcome(str(job.source), str(job.output))
    start = time.perf_counter()
    try:
        _refuse_overwriting(job, order)
        cutout = remover(_stdin() if job.source == STREAM else job.source)
        _write(cutout, job.output, order, make_folder=several)
        outcome.size = cutout.size[1], cutout.size[0]
        outcome.confidence, outcome.subject = round(cutout.confidence, 4), cutout.has_subject
    except U2bgError as error:
        outcome.error, outcome.exit_code = str(error), error.exit_code
    except MemoryError:
        outcome.error = (
            f"'{job.source}' needs more memory than there is; fix: lower --max-pixels or scale it down"
        )
        outcome.exit_code = 1
    outcome.seconds = round(time.perf_counter() - start, 3)
    return outcome


def _stdin() -> bytes:
    if sys.stdin.isatty():
        raise SourceMissing("stdin is a terminal; fix: pipe a picture into it (< in.jpg), or name a file")
    return sys.stdin.buffer.read()


def _refuse_overwriting(job: Job, order: Order) -> None:
    if job.output == STREAM or not os.path.exists(job.output):  # Path.exists raises where it may not look
        return
    if os.path.exists(job.source) and job.output.samefile(job.source):
        raise OutputExists(f"'{job.output}' is the photo itself; fix: choose another output")
    if not order.overwrite:
        raise OutputExists(f"'{job.output}' is already there; fix: --overwrite, or choose another output")


def _write(cutout: Cutout, output: Path, order: Order, *, make_folder: bool) -> None:
    """Encode first, write after: a picture that cannot be encoded touches no file."""
    content = cutout.encode(order.kind, background=order.background, layer=order.layer)
    if output == STREAM:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    with replacing(output, make_folder=make_folder) as part:
        part.write_bytes(content)


def _report(outcomes: Iterable[Outcome], count: int, several: bool, as_json: bool) -> list[Outcome]:
    """Tell what becomes of each picture as it happens, and the sum of it at the end."""
    if not several:
        (outcome,) = outcomes
        _tell(outcome, as_json)
        return [outcome]
    start = time.perf_counter()
    done = []
    for outcome in _with_bar(outcomes, count):
        if as_json:
            click.echo(outcome.line())
        done.append(outcome)
    _summarise(done, time.perf_counter() - start)
    return done


def _with_bar(outcomes: Iterable[Outcome], count: int) -> Iterator[Outcome]:
    with click.progressbar(outcomes, length=count, label="cutting", file=sys.stderr, show_pos=True) as bar:
        yield from bar


def _tell(outcome: Outcome, as_json: bool) -> None:
    """The end of a single picture: its file on stdout, or its trouble on stderr."""
    if as_json:
        click.echo(outcome.line())
    if outcome.error:
        click.echo(f"u2bg: {outcome.error}", err=True)
        return
    if outcome.subject is False:
        click.echo(f"u2bg: no subject in '{outcome.path}' (confidence {outcome.confidence:.2f})", err=True)
    if not as_json and outcome.output != str(STREAM):
        click.echo(outcome.output)


def _summarise(outcomes: list[Outcome], seconds: float) -> None:
    """Counts, then the pictures that somebody should look at."""
    failed = [outcome for outcome in outcomes if outcome.error]
    empty = [outcome for outcome in outcomes if outcome.subject is False]
    cut = len(outcomes) - len(failed)
    click.echo(
        f"{cut} cut in {seconds:.1f} s, {len(empty)} without a subject, {len(failed)} failed", err=True
    )
    for title, listed in (("no subject", empty), ("failed", failed)):
        for outcome in listed[:_LISTED]:
            click.echo(f"  {title}: {outcome.error or outcome.path}", err=True)
        if len(listed) > _LISTED:
            click.echo(f"  {title}: … and {len(listed) - _LISTED} more (--json lists all)", err=True)


def _exit_code(outcomes: list[Outcome], several: bool) -> int:
    failed = [outcome for outcome in outcomes if outcome.error]
    if not several:
        return failed[0].exit_code if failed else 0 if outcomes[0].subject else NO_SUBJECT
    if not failed:
        return 0
    return 1 if len(failed) == len(outcomes) else SOME_FAILED
