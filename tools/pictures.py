"""Lay the cut-outs of the examples on a checkerboard for the README, and corners of them beside rembg's.

    python tools/pictures.py

The pixels are the programs' own; only the checkerboard is added, so that transparency can be seen. rembg runs in the
environment of the benchmarks (`make .venv/rembg/.installed`), with our `lite` as its `u2netp`: the same weights.
Without it the corners stay as they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import u2bg
from u2bg.saliency import models, store

ROOT = Path(__file__).resolve().parents[1]
REMBG = ROOT / ".venv/rembg/bin/rembg"
SQUARE_PX = 12
LIGHT, DARK = 255, 204

CROP_PX, SCALE, HEAD_PX = 64, 4, 24
CORNERS = (("astronaut.jpg", (60, 240)), ("cat.jpg", (0, 20)), ("coffee.jpg", (60, 400)))
BACKDROPS = ((255, 255, 255), (0, 0, 0), (255, 0, 255))


def main() -> None:
    """Write docs/pictures/NAME.webp for every example, and edges.webp."""
    remover = u2bg.Remover()
    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    for photo in sorted((ROOT / "examples").glob("*.jpg")):
        cutout = remover(photo)
        path = folder / f"{photo.stem}.webp"
        Image.fromarray(cutout.on(checkerboard(cutout.size))).save(path, quality=90)
        print(path.relative_to(ROOT))
    if not REMBG.exists():
        sys.exit(f"no '{REMBG}': docs/pictures/edges.webp stays as it is; fix: make .venv/rembg/.installed")
    pairs = []
    for name, corner in CORNERS:
        photo = ROOT / "examples" / name
        for title, rgba in (("rembg", rembg(photo)), ("u2bg", remover(photo).rgba)):
            pairs.append(column(title, rgba, corner))
    Image.fromarray(np.hstack(pairs)).save(folder / "edges.webp", quality=90)
    print("docs/pictures/edges.webp")


def rembg(photo: Path) -> NDArray[np.uint8]:
    """(H, W, 4) uint8: what `rembg i` makes of a photo by itself, with our weights."""
    with tempfile.TemporaryDirectory() as place:
        home, cut = Path(place) / "models" / "u2netp" / "u2netp.onnx", Path(place) / "cut.png"
        home.parent.mkdir(parents=True)
        shutil.copy(store.ensure(models.find("lite-float")), home)
        environment = {**os.environ, "U2NET_HOME": place, "MODEL_CHECKSUM_DISABLED": "1"}
        subprocess.run([REMBG, "i", "-m", "u2netp", photo, cut], env=environment, check=True)
        return np.asarray(Image.open(cut).convert("RGBA"))


def column(title: str, rgba: NDArray[np.uint8], corner: tuple[int, int]) -> NDArray[np.uint8]:
    """A square of a cut-out over each backdrop, every pixel as 4×4, under its maker's name."""
    top, left = corner
    square = rgba[top : top + CROP_PX, left : left + CROP_PX]
    alpha = square[..., 3:] / 255
    squares = [np.rint(square[..., :3] * alpha + (1 - alpha) * np.array(colour)) for colour in BACKDROPS]
    head = Image.new("RGB", (CROP_PX * SCALE, HEAD_PX), (90, 90, 90))
    ImageDraw.Draw(head).text((6, 3), title, "white", ImageFont.load_default(16))
    body = np.vstack(squares).astype(np.uint8).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    return np.vstack([np.asarray(head), body])


def checkerboard(size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 of light and dark squares."""
    down, across = (np.arange(length) // SQUARE_PX for length in size)
    squares = (down[:, None] + across) % 2
    return np.repeat(np.where(squares, DARK, LIGHT).astype(np.uint8)[..., None], 3, axis=2)


if __name__ == "__main__":
    main()
