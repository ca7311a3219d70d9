"""rembg's matting option on one picture, run by rembg's own Python: `edge_rembg.py IN.npz OUT.npz`.

IN holds `pixels` (H, W, 3) uint8 and `mask` (H, W) uint8; OUT gets `cutout` (H, W, 4) uint8 and `seconds`, without
the import and without the compiling of pymatting (a small picture goes first). The process may use 8 GB.
"""

from __future__ import annotations

import importlib
import resource
import sys
import time

import numpy as np
from PIL import Image

LIMIT_BYTES = 8 * 2**30


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    matting = importlib.import_module("rembg.bg").alpha_matting_cutout
    thresholds = (240, 10, 10)  # the defaults of rembg's command
    ramp = np.tile(np.clip(np.arange(96) * 8 - 256, 0, 255).astype(np.uint8), (96, 1))
    matting(Image.fromarray(np.dstack([ramp] * 3)), Image.fromarray(ramp), *thresholds)
    with np.load(sys.argv[1]) as source:
        picture, mask = Image.fromarray(source["pixels"]), Image.fromarray(source["mask"])
    start = time.perf_counter()
    cutout = matting(picture, mask, *thresholds)
    np.savez(sys.argv[2], cutout=np.asarray(cutout), seconds=time.perf_counter() - start)


if __name__ == "__main__":
    main()
