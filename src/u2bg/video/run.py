"""One run: a clip's frames through the photo's path to an output."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from u2bg.cutout import Cutout
from u2bg.errors import BrokenPicture, OutputExists
from u2bg.pipeline import Remover
from u2bg.video import layers
from u2bg.video.frames import Finish, cut
from u2bg.video.kinds import Codec, Kind
from u2bg.video.pieces import Pieces, folder_of
from u2bg.video.reading import Clip, Frame
from u2bg.video.sinks import AtOnce, Joined, Numbered, Piped, Sink
from u2bg.video.stabilise import DEFAULT_SMOOTH, Stabiliser
from u2bg.video.writing import Form, Pixels


@dataclass(frozen=True, slots=True)
class Order:
    """What to make of a clip.

    Attributes:
        background: None for transparent, else what `layers.scene` takes.
        matte: the alpha alone, as grey.
        start_s, end_s: what of the clip is wanted.
        smooth: how far maps are steadied, in [0, 1]; 0 is frame by frame.
        max_pixels: of a background.
    """

    background: str | None = None
    matte: bool = False
    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    smooth: float = DEFAULT_SMOOTH
    max_pixels: int = 100_000_000


@dataclass(slots=True)
class Account:
    """What came of a run.

    Attributes:
        frames: how many are in the output.
        subjects: in how many of them a subject was found.
        reached_s: how far into the clip.
        whole: whether all that was wanted is done.
        seconds: how long this run took.
        troubles: what people should know.
    """

    frames: int = 0
    subjects: int = 0
    reached_s: float = 0.0
    whole: bool = True
    seconds: float = 0.0
    troubles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes.

    Attributes:
        output: a file, a pattern of files, or an open pipe for raw frames.
        kind, codec: rows of the tables; None for a pipe.
        overwrite: replace a file that is there.
        resume: go on after the last whole piece of a stopped run.
        plan: what was asked, for a later run to compare; anything that JSON can hold.
    """

    output: Path | BinaryIO
    kind: Kind | None = None
    codec: Codec | None = None
    overwrite: bool = False
    resume: bool = False
    plan: dict[str, Any] = field(default_factory=dict)


def run(
    clip: Clip,
    order: Order,
    target: Target,
    remover: Remover,
    *,
    workers: int,
    frames: Generator[Frame, None, None] | None = None,
    progress: Callable[[int], object] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Account:
    """Cut every frame of a clip and write it.

    Args:
        remover: made with `shared_by(workers)`.
        workers: how many frames are under way at once in each step.
        frames: where they come from, if not from the clip's file.
        progress: told how many frames are done, after each.
        stop: asked after each frame; once true, what is done becomes a whole file.

    Raises:
        InputError, CannotWrite: one line that says what and why.
    """
    began = time.perf_counter()
    refuse_overwriting(clip, target)
    make = _finish(clip, order, target)
    sink, ticks, pieces = _sink(clip, order, target)
    account = Account()
    if pieces is not None and pieces.done:
        account.frames = sum(piece.frames for piece in pieces.done)
        account.subjects = sum(piece.subjects for piece in pieces.done)
    after = pieces.last if pieces else None
    stabiliser = Stabiliser(order.smooth, pieces.memory() if pieces else None)
    frames = frames or clip.frames(order.start_s, order.end_s, after)
    try:
        with contextlib.closing(cut(frames, remover, stabiliser, make, workers)) as done:
            for one in done:
                pts, end = _times(one.frame, clip, order.start_s, ticks)
                sink.write(one, pts, end)
                account.frames += 1
                account.subjects += one.has_subject
                account.reached_s = float(end * ticks + order.start_s)
                progress(account.frames)
                if stop():
                    account.whole = False
                    break
        if not account.frames:
            raise BrokenPicture(
                f"'{clip.path}' has no frame in the time that was asked for; fix: --start, --end"
            )
        account.troubles = [*sink.finish(whole=account.whole), *clip.troubles]
    except BaseException:
        sink.abandon()
        raise
    account.seconds = time.perf_counter() - began
    return account


def refuse_overwriting(clip: Clip, target: Target) -> None:
    """Raises: OutputExists, where the output is the clip, or is there and may not be replaced."""
    output = target.output
    if not isinstance(output, Path) or not output.exists():
        return
    if clip.path.exists() and output.samefile(clip.path):
        raise OutputExists(f"'{output}' is the video itself; fix: choose another output")
    if not target.overwrite and not (target.resume and folder_of(output).is_dir()):
        raise OutputExists(f"'{output}' is already there; fix: --overwrite, or choose another output")


def _finish(clip: Clip, order: Order, target: Target) -> Callable[[Frame], Finish[Pixels]]:
    """What is made of a frame's cut-out."""
    if order.matte:
        return lambda frame: _matte
    if order.background is not None:
        scene = layers.scene(order.background, clip.size, order.max_pixels)
        return lambda frame: scene(frame, float(frame.pts * clip.time_base - order.start_s))
    if target.codec is None or target.codec.exact:
        return lambda frame: _as_it_is
    return lambda frame: layers.beyond_the_edge


def _matte(cutout: Cutout) -> Pixels:
    return cutout.mask


def _as_it_is(cutout: Cutout) -> Pixels:
    return cutout.rgba


def _sink(clip: Clip, order: Order, target: Target) -> tuple[Sink, Fraction, Pieces | None]:
    """What takes the frames, in which it counts time, and the pieces, where it writes any."""
    if not isinstance(target.output, Path):
        return Piped(target.output), clip.time_base, None
    assert target.kind is not None
    assert target.codec is not None
    if not target.kind.container:
        return Numbered(target.output), clip.time_base, None
    alpha = order.background is None and not order.matte
    form = Form(
        target.kind, target.codec, clip.size, alpha, clip.time_base, clip.rate, clip.colours, clip.aspect
    )
    if not target.kind.pieces:
        return AtOnce(target.output, form), form.ticks, None
    pieces = Pieces(target.output, form, target.plan, resume=target.resume)
    sound = clip.path if clip.path.exists() else None
    return Joined(target.output, pieces, sound, order.start_s, order.end_s), form.ticks, pieces


def _times(frame: Frame, clip: Clip, start_s: Fraction, ticks: Fraction) -> tuple[int, int]:
    """From when to when a frame is shown in the output, in its ticks."""
    shown = frame.pts * clip.time_base - start_s
    lasts = frame.duration * clip.time_base or 1 / clip.rate
    return round(shown / ticks), round((shown + lasts) / ticks)
