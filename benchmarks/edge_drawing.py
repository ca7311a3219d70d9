"""Drawing for the composed cases: area coverage of shapes, and textures with detail at every scale.

All coordinates are in units of the picture's width, so that one scene has the same content at every size. The
textures are what statistics of natural pictures ask for: dead leaves, discs that hide each other with radii by
a power law (Lee, Mumford and Huang, 2001), and noise whose amplitude falls as 1/f (Field, 1987).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

SAMPLES = 8
"""Samples across a pixel in each direction; 64 levels of coverage."""

_STRIP_ROWS = 128
_SHIFT = 8
_LEAVES = 2500


class Shape(NamedTuple):
    """A polygon: (n, 2) points as (x, y) in widths, filled (1) or cut out of what is below (0)."""

    points: Points
    value: int = 1


def coverage(shapes: list[Shape], size: tuple[int, int]) -> Floats:
    """The share of each pixel that the shapes cover, drawn in their order.

    Args: size: (height, width). Returns: (height, width) float32 in [0, 1], multiples of 1/64.
    """
    height, width = size
    alpha = np.empty(size, np.float32)
    scaled = [(shape.points * width * SAMPLES - 0.5, shape.value) for shape in shapes]
    for top in range(0, height, _STRIP_ROWS):
        rows = min(_STRIP_ROWS, height - top)
        fine = np.zeros((rows * SAMPLES, width * SAMPLES), np.uint8)
        for points, value in scaled:
            moved = points - (0, top * SAMPLES)
            if moved[:, 1].max() >= 0 and moved[:, 1].min() <= len(fine):
                cv2.fillPoly(fine, [np.round(moved * 2**_SHIFT).astype(np.int32)], value, shift=_SHIFT)
        alpha[top : top + rows] = fine.reshape(rows, SAMPLES, width, SAMPLES).mean((1, 3), dtype=np.float32)
    return alpha


def ellipse(centre: Points, radii: tuple[float, float], angle: float) -> Points:
    """(200, 2) points of a turned ellipse."""
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y], axis=1)


def stroke(line: Points, widths: Points) -> Points:
    """The outline of a line (n, 2) that is `widths` (n,) wide at each of its points."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    aside = along[:, ::-1] * (-1, 1) * widths[:, None] / 2
    return np.concatenate([line + aside, (line - aside)[::-1]])


def strand(start: Points, direction: float, length: float, bend: float, width: float) -> Points:
    """A hair: a curve that turns by `bend` radians over its length and tapers to a point."""
    share = np.linspace(0, 1, 16)
    heading = direction + bend * share**1.5
    steps = length / 16 * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return stroke(start + np.cumsum(steps, axis=0), width * (1 - share) ** 0.7)


def noise(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """(height, width) 1/f noise of mean 0 and standard deviation near 1: octaves of equal strength."""
    height, width = size
    octaves = int(np.log2(width / 3)) + 1
    total = np.zeros(size, np.float32)
    for octave in range(octaves + 1):
        cells = min(3 * 2**octave, width)
        grid = rng.standard_normal((max(2, round(cells * 0.75)), cells), np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return total / np.float32(np.sqrt(octaves + 1))


def leaves(
    size: tuple[int, int], rng: np.random.Generator, colour: npt.ArrayLike, spread: float = 45
) -> Floats:
    """(height, width, 3) float32 in 0..255: dead leaves about a colour, with 1/f shading and some grain."""
    height, width = size
    canvas = np.empty((*size, 3), np.float32)
    canvas[:] = colour
    radii = 0.006 / np.sqrt(rng.uniform(0.0016, 1, _LEAVES))
    places = rng.uniform(0, 1, (_LEAVES, 2)) * (1, height / width)
    tones = np.asarray(colour) + spread * (
        0.8 * rng.standard_normal((_LEAVES, 1)) + 0.6 * rng.standard_normal((_LEAVES, 3))
    )
    for radius, place, tone in zip(radii, places, tones, strict=True):
        at = np.round(place * width * 16).astype(int)
        cv2.circle(canvas, (int(at[0]), int(at[1])), int(radius * width * 16), tone.tolist(), -1, shift=4)
    canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), 0.6), np.float32)
    canvas += 9 * noise(size, rng)[..., None]
    canvas += rng.standard_normal(size, np.float32)[..., None] * np.float32(1.5)
    return np.clip(canvas, 0, 255)


def pattern(size: tuple[int, int], colours: tuple[npt.ArrayLike, npt.ArrayLike], checker: bool) -> Floats:
    """(height, width, 3) float32: slanted stripes of two colours, or a checkerboard."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32) / width
    period = np.float32(np.pi / 0.02)
    wave = np.sin(period * x) * np.sin(period * y) if checker else np.sin(period * (x + y / 3))
    share = np.clip(wave * width / 40 + 0.5, 0, 1)[..., None]
    first, second = (np.asarray(colour, np.float32) for colour in colours)
    return np.asarray(first * share + second * (1 - share), np.float32)
