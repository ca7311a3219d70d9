"""`u2bg video`: a video in, its subject out."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

import u2bg
from u2bg.cli.options import Pixels
from u2bg.cli.progress import pulling
from u2bg.cores import shared_by, usable_cores
from u2bg.errors import SourceMissing, UsageError
from u2bg.matting.alpha import METHODS
from u2bg.pipeline import Options, Remover
from u2bg.saliency import models
from u2bg.saliency.models import DEFAULT_MODEL
from u2bg.video import kinds, raw, reading
from u2bg.video.run import Account, Order, Target, run
from u2bg.video.stabilise import DEFAULT_SMOOTH

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

INTERRUPTED, NO_SUBJECT = 130, 4
STREAM = "-"


class Moment(click.ParamType[Fraction]):
    """A time as people write it: `90`, `1:30`, `0:01:30.5`."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        found = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", str(value))
        if not found:
            self.fail(f"{value!r} is no time; expected one such as 90, 1:30 or 0:01:30.5", param, ctx)
        hours, minutes, seconds = (Fraction(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds


class Size(click.ParamType[tuple[int, int]]):
    """`640x480`: width and height; (height, width) for us."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d{0,5})[x×]([1-9]\d{0,5})", str(value))
        if not found:
            self.fail(f"{value!r} is no size; expected width and height, such as 640x480", param, ctx)
        return int(found[2]), int(found[1])


class Rate(click.ParamType[Fraction]):
    """Frames per second: `25`, `29.97`, `30000/1001`."""

    name = "rate"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        try:
            rate = Fraction(str(value)).limit_denominator(1001)
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        if rate <= 0:
            self.fail(f"{value!r} is no rate; expected one such as 25, 29.97 or 30000/1001", param, ctx)
        return rate


@click.command(name="video")
@click.argument("source", metavar="IN")
@click.argument("output", metavar="OUT")
@click.option(
    "--background",
    metavar="WHAT",
    help="transparent, blur, a colour, or the path of a picture or a video.  [default: transparent, where OUT can]",
)
@click.option("--mask", is_flag=True, help="Write the alpha alone, as a grey video.")
@click.option("--codec", type=click.Choice(kinds.CODECS), help="How frames are coded.  [default: by OUT]")
@click.option("--start", type=Moment(), default="0", metavar="TIME", help="Begin here: 90, 1:30, 0:01:30.5.")
@click.option("--end", type=Moment(), metavar="TIME", help="End here.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 1),
    default=DEFAULT_SMOOTH,
    show_default=True,
    help="Against flicker; 0 cuts every frame as if it were alone.",
)
@click.option(
    "--refine", type=click.Choice(METHODS), default="auto", show_default=True, help="How the edge is found."
)
@click.option(
    "--foreground",
    type=click.Choice(["auto", "off"]),
    default="auto",
    show_default=True,
    help="The subject's own colours along the edge; off keeps the video's.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|FILE.onnx", help="The network."
)
@click.option("--max-pixels", type=Pixels(), default="50M", show_default=True, help="Refuse larger frames.")
@click.option("--resume", is_flag=True, help="Go on where the same command was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is already there.")
@click.option(
    "--raw", "layout", type=click.Choice(list(raw.LAYOUTS)), help="Frames on stdin, without a file."
)
@click.option("--size", type=Size(), metavar="WxH", help="Of raw frames.")
@click.option("--fps", type=Rate(), default="25", show_default=True, metavar="N", help="Of raw frames.")
def command(
    source: str,
    output: str,
    background: str | None,
    mask: bool,
    codec: str | None,
    start: Fraction,
    end: Fraction | None,
    smooth: float,
    refine: str,
    foreground: str,
    model: str,
    max_pixels: int,
    resume: bool,
    overwrite: bool,
    layout: str | None,
    size: tuple[int, int] | None,
    fps: Fraction,
) -> int:
    """Cut the subject out of a video. Sound and subtitles are copied, the times of the frames are kept.

    OUT says by its ending what is written. With transparency: .webm (VP9), .mov (ProRes 4444, or --codec qtrle), .mkv,
    animated .webp and .apng, and pictures, frames/%05d.png. Without: .mp4 (H.264).

    \b
    Examples:
      u2bg video talk.mp4 talk.webm                         transparent, for web pages
      u2bg video talk.mp4 talk.mov                          transparent, for editing
      u2bg video talk.mp4 out.mp4 --background blur         or a colour, a picture, a video
      u2bg video talk.mp4 matte.mp4 --mask                  the alpha alone
      u2bg video talk.mp4 clip.webp --start 1:30 --end 1:35
      u2bg video long.mp4 long.webm --resume                go on after Ctrl-C or a crash
      ffmpeg … -f rawvideo -pix_fmt rgb24 - | u2bg video - - --raw rgb24 --size 640x480 > frames.rgba

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 4 no frame has a subject, 130 stopped by Ctrl-C
    (OUT then holds what was done).
    """
    reading.library()
    if background == "transparent":
        background = None
        wants_alpha = True
    else:
        wants_alpha = False
    if mask and (background is not None or wants_alpha):
        raise UsageError("--mask writes the alpha alone; fix: leave --background away")
    if end is not None and end <= start:
        raise UsageError(f"--end {float(end):g} is not after --start {float(start):g}; fix: a later --end")
    target = _target(output, codec, overwrite, resume)
    if target.codec is not None and target.codec.pixels_alpha is None and background is None and not mask:
        if wants_alpha:
            raise UsageError(
                f"{target.codec.name} has no transparency; fix: write .webm or .mov, or choose a --background"
            )
        click.echo(
            f"u2bg: {target.codec.name} has no transparency: the background becomes white (--background chooses)",
            err=True,
        )
        background = "white"
    order = Order(background, mask, start, end, smooth, max_pixels)
    if source == STREAM:
        if layout is None or size is None:
            raise UsageError("frames on stdin need --raw and --size; fix: --raw rgb24 --size 640x480")
        if sys.stdin.isatty():
            raise SourceMissing("stdin is a terminal; fix: pipe frames into it")
        clip = raw.clip(size, fps, max_pixels)
        frames = raw.frames(sys.stdin.buffer, layout, clip)
        if resume:
            raise UsageError("a pipe cannot be read again; fix: --resume with files only")
    else:
        if layout is not None or size is not None:
            raise UsageError(f"'{source}' says itself what its frames are; fix: leave --raw and --size away")
        clip = reading.look_into(Path(source), max_pixels)
        frames = None
        target.plan.update(_plan(clip, order, codec, model, refine, foreground))
    workers = usable_cores()
    with pulling(model) as pulled, shared_by(workers):
        options = Options(refine=refine, foreground=foreground == "auto", max_pixels=max_pixels)
        remover = Remover(model, options=options, progress=pulled)
    with _progress(clip, order) as progress, _stopping() as stop:
        account = run(
            clip, order, target, remover, workers=workers, frames=frames, progress=progress, stop=stop
        )
    return _tell(account, target)


def _target(output: str, codec: str | None, overwrite: bool, resume: bool) -> Target:
    """Where it goes, by its name."""
    if output == STREAM:
        if sys.stdout.isatty():
            raise UsageError("stdout is a terminal; fix: pipe it, or name a file")
        if codec or resume:
            raise UsageError(
                "stdout carries raw frames; fix: leave --codec and --resume away, or name a file"
            )
        return Target(sys.stdout.buffer)
    path = Path(output)
    kind, row = kinds.of_output(path, codec)
    if resume and not kind.pieces:
        raise UsageError(f"{kind.name} is written in one go; fix: --resume with .webm, .mov, .mp4 or .mkv")
    return Target(path, kind, row, overwrite, resume)


def _plan(
    clip: reading.Clip, order: Order, codec: str | None, model: str, refine: str, foreground: str
) -> dict[str, Any]:
    """What a later run must ask, too, to go on with the pieces of this one."""
    about = os.stat(clip.path)
    return {
        "version": u2bg.__version__,
        "source": [str(clip.path.resolve()), about.st_size, about.st_mtime_ns],
        "order": [order.background, order.matte, str(order.start_s), str(order.end_s), order.smooth],
        "codec": codec,
        "cut": [refine, foreground],
        "model": os.stat(model).st_mtime_ns if model.lower().endswith(".onnx") else models.find(model).sha256,
    }


@contextlib.contextmanager
def _progress(clip: reading.Clip, order: Order) -> Iterator[Callable[[int], object]]:
    """A bar with frames per second and the time left, where somebody looks and the end is known."""
    if clip.expected_frames is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    length_s = min(float(order.end_s or "inf"), clip.duration_s or 0) - float(order.start_s)
    began, first, speed = time.perf_counter(), None, ""
    bar: ProgressBar[int]
    with click.progressbar(
        length=max(1, round(length_s * float(clip.rate))),
        label="cutting",
        file=sys.stderr,
        show_pos=True,
        item_show_func=lambda _: speed,
    ) as bar:

        def show(done: int) -> None:
            nonlocal first, speed
            first = done - 1 if first is None else first  # those before are an earlier run's
            speed = f"{(done - first) / (time.perf_counter() - began):.1f} frames/s"
            bar.update(done - bar.pos)

        yield show


@contextlib.contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop after the frame under way, so that the output can be ended; the second stops."""
    asked = False
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    try:
        signal.signal(signal.SIGINT, ask)
    except ValueError:  # not the main thread: nobody's Ctrl-C comes here
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(account: Account, target: Target) -> int:
    """What came of it; the exit code."""
    for trouble in account.troubles:
        click.echo(f"u2bg: {trouble}", err=True)
    click.echo(
        f"{account.frames} frames in {account.seconds:.1f} s, {account.frames - account.subjects} without a subject",
        err=True,
    )
    if isinstance(target.output, Path):
        click.echo(target.output)
    if not account.whole:
        kept = target.kind is not None and target.kind.pieces
        rest = "; fix: the same command with --resume goes on" if kept else ""
        click.echo(f"u2bg: stopped at {account.reached_s:.1f} s; what was done is whole{rest}", err=True)
        return INTERRUPTED
    return 0 if account.subjects else NO_SUBJECT
