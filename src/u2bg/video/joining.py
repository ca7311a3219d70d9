"""Pieces and the source's sound and subtitles to one file: every packet is copied as it is."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from u2bg.errors import CannotWrite
from u2bg.video.pieces import Pieces
from u2bg.video.reading import address, library
from u2bg.video.sound import Recoder

_QUICK_START = {"mp4": {"movflags": "+faststart"}, "mov": {"movflags": "+faststart"}}
_KEPT_NOTES = ("language", "title")

Timed = tuple[Fraction, int, Any]
"""When a packet is decoded, in seconds; a number that keeps equals apart; the packet, its stream set."""

Copy = Callable[[Any | None], Iterator[Any]]
"""One packet of the source, or None at its end, to those of the output."""


def join(
    pieces: Pieces,
    path: Path,
    source: Path | None,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
) -> list[str]:
    """Write the whole file.

    Args:
        pieces: at least one.
        path: the file to make.
        source: where sound and subtitles come from; None for a silent one.
        start_s, end_s: what of the source's time is wanted; `start_s` is 0 in the output.

    Returns:
        What could not be copied as it is, for people.

    Raises:
        CannotWrite: the disk or the container refuses.
    """
    av = library()
    form = pieces.form
    told: list[str] = []
    lost: list[int] = []
    options = _QUICK_START.get(form.kind.container, {})
    try:
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(
                av.open(address(path), "w", format=form.kind.container, options=options)
            )
            with av.open(address(pieces.path(0))) as first:
                video = output.add_stream_from_template(first.streams.video[0])
            video.time_base = form.ticks
            video.codec_context.pix_fmt = form.layout  # Matroska says by it that there is alpha
            others: Iterator[Timed] = iter(())
            if source is not None:
                clip = stack.enter_context(av.open(address(source)))
                output.metadata.update(clip.metadata)
                copies = _copies(clip, output, told)
                others = _others(clip, copies, start_s, end_s, lost)
            for _, _, packet in heapq.merge(_pictures(pieces, video), others, key=lambda timed: timed[:2]):
                output.mux(packet)
    except av.error.FFmpegError as error:
        raise CannotWrite(
            f"cannot write '{path.name}': {error.strerror}; fix: free some space, or write .mkv"
        ) from error
    if lost:
        told.append(f"{len(lost)} packets of sound or subtitles came out of their order and were left out")
    return told


def _pictures(pieces: Pieces, stream: Any) -> Iterator[Timed]:
    """The packets of all pieces, moved to their places in time."""
    av = library()
    ticks = pieces.form.ticks
    for index, piece in enumerate(pieces.done):
        with av.open(address(pieces.path(index))) as container:
            source = container.streams.video[0]
            for packet in container.demux(source):
                if packet.pts is None:
                    continue
                at = piece.first + round(packet.pts * source.time_base / ticks)
                lasts = round((packet.duration or 0) * source.time_base / ticks)
                packet.pts = packet.dts = at
                packet.duration, packet.time_base, packet.stream = lasts, ticks, stream
                yield at * ticks, 0, packet


def _copies(clip: Any, output: Any, told: list[str]) -> dict[int, Copy]:
    """For every stream that goes along, by its index, what copies its packets; their streams are made here."""
    copies: dict[int, Copy] = {}
    held = output.format.name.partition(",")[0]
    for source in clip.streams:
        if source.type not in {"audio", "subtitle"} or source.codec_context is None:
            continue
        name = source.codec_context.codec.canonical_name
        if name in output.supported_codecs:
            stream = output.add_stream_from_template(source)
            _keep_notes(stream, source)
            copies[source.index] = _Copier(stream)
        elif source.type == "audio":
            copies[source.index] = recoder = Recoder(source, output)
            told.append(f"{held} cannot hold {name} sound: it was coded anew as {recoder.name}")
        else:
            told.append(f"{held} cannot hold {name} subtitles: they were left out; fix: write .mkv")
    return copies


class _Copier:
    """Puts a packet into a stream of the output."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __call__(self, packet: Any | None) -> Iterator[Any]:
        if packet is not None:
            packet.stream = self._stream
            yield packet


def _others(
    clip: Any, copies: dict[int, Copy], start_s: Fraction, end_s: Fraction | None, lost: list[int]
) -> Iterator[Timed]:
    """The packets of sound and subtitles between two times, moved so that the first of them is 0.

    Args:
        lost: gets the times of those that damage has put before others that they follow.
    """
    count = 0
    last: dict[int, int] = {}
    for packet in _packets(clip, copies):
        at = packet.pts * packet.time_base
        if (start_s and at < start_s) or (end_s is not None and at >= end_s):
            continue
        if packet.dts < last.get(packet.stream_index, packet.dts):
            lost.append(packet.dts)
            continue
        last[packet.stream_index] = packet.dts
        moved = round(start_s / packet.time_base)
        packet.pts, packet.dts = packet.pts - moved, packet.dts - moved
        for copied in copies[packet.stream_index](packet):
            count += 1
            yield copied.dts * copied.time_base, count, copied
    for copy in copies.values():
        for copied in copy(None):
            count += 1
            yield copied.dts * copied.time_base, count, copied


def _packets(clip: Any, copies: dict[int, Copy]) -> Iterator[Any]:
    """Those of the wanted streams that have a time, in the order of the file."""
    av = library()
    packets = clip.demux([clip.streams[index] for index in copies]) if copies else iter(())
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # a broken tail was told of when its pictures were read
            return
        if packet.dts is not None and packet.pts is not None:
            yield packet


def _keep_notes(stream: Any, source: Any) -> None:
    """Language and title."""
    stream.metadata.update({name: source.metadata[name] for name in _KEPT_NOTES if name in source.metadata})
