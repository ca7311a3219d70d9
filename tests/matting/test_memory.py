"""What a large photo takes of memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMIT_MB = 200
"""Above the photo's own pixels and the cut-out's."""

CUT = """
import numpy as np
from u2bg.matting import alpha, foreground
from u2bg.shrinking import overview

def mb(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) / 1024

side = 10_000
photo = np.tile(np.random.default_rng(0).integers(0, 256, (100, 100, 4), np.uint8), (side // 100, side // 100, 1))
place = np.linspace(-1, 1, 320)
saliency_map = np.clip((0.7 - np.hypot(place[:, None], place)) * 40 + 0.5, 0, 1).astype(np.float32)
small = np.ascontiguousarray(photo[:1000, :1000])
foreground.estimate(small, alpha.refine(saliency_map, small).mask)  # threads, and what is imported when it is needed
before = mb("VmRSS")
seen = overview(photo)
cut = foreground.estimate(seen, alpha.refine(saliency_map, seen).mask)
assert cut[side // 2, side // 2, 3] == 255 and cut[0, 0, 3] == 0
print(mb("VmHWM") - before - cut.nbytes / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_photo_of_100_megapixels_is_cut_within_the_bound() -> None:
    said = subprocess.run([sys.executable, "-c", CUT], capture_output=True, text=True, check=True).stdout

    assert float(said) < LIMIT_MB
