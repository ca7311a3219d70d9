"""Memory over long videos."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.video import clips

from u2bg import Remover
from u2bg.cores import shared_by, usable_cores
from u2bg.video import kinds
from u2bg.video.run import Order, Target, run

SETTLED = 200


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")
def test_ten_thousand_frames_take_the_memory_of_two_hundred(
    clip_file: Callable[..., Path], tmp_path: Path, network: Path
) -> None:
    source = clip_file("in.mp4", frames=10_000, options={"preset": "ultrafast"})
    clip = clips.look(source)
    output = tmp_path / "out.webm"
    kind, codec = kinds.of_output(output)
    workers = usable_cores()
    with shared_by(workers):
        remover = Remover(str(network))
    held: list[int] = []

    def hear(done: int) -> None:
        if done >= SETTLED:
            held.append(int(Path("/proc/self/statm").read_text().split()[1]))

    account = run(clip, Order(), Target(output, kind, codec), remover, workers=workers, progress=hear)
    assert account.frames == 10_000
    assert max(held[-SETTLED:]) <= 1.05 * max(held[:SETTLED])
