"""Lay the cut-outs of the examples on a checkerboard for the README: `python tools/pictures.py`.

The pixels are the program's own; only the checkerboard is added, so that transparency can be seen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import u2bg

ROOT = Path(__file__).resolve().parents[1]
SQUARE_PX = 12
LIGHT, DARK = 255, 204

CROP_PX = 64
CORNERS = (
    ("astronaut.jpg", (60, 240)),
    ("cat.jpg", (0, 20)),
    ("coffee.jpg", (60, 400)),
    ("camera.jpg", (90, 130)),
)
BACKDROPS = ("white", "black", "magenta")


def main() -> None:
    """Write docs/pictures/NAME.webp for every example."""
    remover = u2bg.Remover()
    folder = ROOT / "docs" / "pictures"
    folder.mkdir(exist_ok=True)
    for photo in sorted((ROOT / "examples").glob("*.jpg")):
        cutout = remover(photo)
        path = folder / f"{photo.stem}.webp"
        Image.fromarray(cutout.on(checkerboard(cutout.size))).save(path, quality=90)
        print(path.relative_to(ROOT))
    sheet = np.vstack(
        [
            np.hstack(
                [enlarged(remover(ROOT / "examples" / photo), corner, colour) for photo, corner in CORNERS]
            )
            for colour in BACKDROPS
        ]
    )
    Image.fromarray(sheet).save(folder / "edges.webp", quality=90)
    print("docs/pictures/edges.webp")


def enlarged(cutout: u2bg.Cutout, corner: tuple[int, int], colour: str) -> NDArray[np.uint8]:
    """A square of the cut-out on a colour, every pixel as 4×4."""
    top, left = corner
    square = cutout.on(colour)[top : top + CROP_PX, left : left + CROP_PX]
    return square.repeat(4, axis=0).repeat(4, axis=1)


def checkerboard(size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 of light and dark squares."""
    down, across = (np.arange(length) // SQUARE_PX for length in size)
    squares = (down[:, None] + across) % 2
    return np.repeat(np.where(squares, DARK, LIGHT).astype(np.uint8)[..., None], 3, axis=2)


if __name__ == "__main__":
    main()
