"""Frames to cut-outs, all steps side by side, in the order of the frames."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from u2bg.cores import shared_by
from u2bg.cutout import Cutout
from u2bg.pipeline import Remover
from u2bg.video.overlap import ahead
from u2bg.video.reading import Frame
from u2bg.video.stabilise import Field, Memory, Small, Stabiliser, on_grid

Finished = TypeVar("Finished")
Finish = Callable[[Cutout], Finished]


@dataclass(frozen=True, slots=True, eq=False)
class Cut(Generic[Finished]):
    """A frame that is done.

    Attributes:
        frame: what came in.
        pixels: what the finish made of its cut-out.
        has_subject: whether a subject was found.
        memory: what it leaves to the next.
    """

    frame: Frame
    pixels: Finished
    has_subject: bool
    memory: Memory | None


def cut(
    frames: Generator[Frame, None, None],
    remover: Remover,
    stabiliser: Stabiliser,
    finish: Callable[[Frame], Finish[Finished]],
    workers: int,
) -> Generator[Cut[Finished], None, None]:
    """Cut every frame. A frame comes out as soon as it is done, whether or not another has come in.

    Three steps are under way at once, each on frames of its own: decoding and looking (the network), steadying, and
    cutting (edges, colours, finish). Looking and cutting share a pool of workers, one frame a worker. No more than
    some four frames a worker are held.

    Args:
        frames: closed when the caller leaves.
        remover: made with `shared_by(workers)`, so that each frame has one share of the cores.
        stabiliser: called with the frames in their order.
        finish: called with the frames in their order; what it gives is called by a worker.
        workers: how many frames are looked at or cut at once.
    """

    def look(frame: Frame) -> tuple[Small, Field]:
        with shared_by(workers):
            saliency_map = remover.look(frame.photo)
            return on_grid(frame.photo.shown, (saliency_map.shape[0], saliency_map.shape[1])), saliency_map

    def finished(
        frame: Frame, saliency_map: Field, memory: Memory | None, make: Finish[Finished]
    ) -> Cut[Finished]:
        with shared_by(workers):
            cutout = remover.cut(frame.photo, saliency_map)
            return Cut(frame, make(cutout), cutout.has_subject, memory)

    def looked() -> Generator[tuple[Frame, Future[tuple[Small, Field]]], None, None]:
        for frame in frames:
            yield frame, pool.submit(look, frame)

    def steadied() -> Generator[Future[Cut[Finished]], None, None]:
        for frame, looking in ahead(looked(), workers):
            picture, saliency_map = looking.result()
            saliency_map = stabiliser(picture, saliency_map)
            yield pool.submit(finished, frame, saliency_map, stabiliser.memory, finish(frame))

    with ThreadPoolExecutor(workers, thread_name_prefix="u2bg-frame") as pool:
        for cutting in ahead(steadied(), workers):
            yield cutting.result()
