"""The cases of `edges.py`: pictures whose true alpha is known, each with the map that a method starts from.

    am, am4            eval/alpha: true mattes; the map is the truth, area-averaged to 320×320, or to 80×80 as if
                       the photo were four times as large
    amc                the same mattes laid with composed colours, so that the subject's own are known too
    syn1, syn4, syn12  composed scenes at that many megapixels, every colour known; map of 320×320
    net                eval/alpha with the map of the real network
    davis, pascals     sets with hard masks, with the map of the real network

A composed picture is C = αF + (1 − α)B (Porter and Duff, 1984), rounded to 8 bits; then the camera's faults.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

import edge_drawing
from edge_drawing import Floats
from edge_scenes import GLASS, SCENES, TALL, Fill, Rng, Scene

Pixels = npt.NDArray[np.uint8]

GRID, SMALL_GRID = 320, 80
SEED = 14
REAL = ("am", "am4", "amc", "net", "davis", "pascals")
NETWORK = ("net", "davis", "pascals")
_PER_SET = 24
_MEGAPIXEL_WIDTHS = {1: 1152, 4: 2304, 12: 4000}


@dataclass(frozen=True, eq=False)
class Case:
    """A picture with its truth.

    Attributes:
        name: of the picture.
        rgba: (H, W, 4) uint8, opaque, C-contiguous.
        alpha: (H, W) float32 in [0, 1], the truth.
        saliency_map: (h, w) float32 in [0, 1], what methods start from.
        foreground: (H, W, 3) uint8, the subject's true colours, where they are known.
        rigid: whether the goal for rigid subjects counts it.
    """

    name: str
    rgba: Pixels
    alpha: Floats
    saliency_map: Floats
    foreground: Pixels | None = None
    rigid: bool = False

    @property
    def pixels(self) -> Pixels:
        """The photo's colours, (H, W, 3) uint8."""
        return self.rgba[..., :3]


@dataclass(frozen=True)
class Recipe:
    """A case that is not made yet."""

    group: str
    name: str
    make: Callable[[], Case]


def recipes(groups: Sequence[str], data: Path, limit: int | None) -> Iterator[Recipe]:
    """The cases of these groups, at most `limit` of each; a group whose files are not here has none."""
    for group in groups:
        rows = list(_real(group, data) if group in REAL else _composed(group))
        yield from _spread(rows, limit or len(rows))


def _spread(rows: list[Recipe], count: int) -> list[Recipe]:
    """`count` of the rows, evenly over all of them."""
    if count >= len(rows):
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]


def _real(group: str, data: Path) -> Iterator[Recipe]:
    folder = data / {"davis": "davis", "pascals": "pascals"}.get(group, "alpha")
    images = sorted([*folder.glob("images/*"), *folder.glob("*/images/*")])
    names = {f"{path.parent.parent.name}/{path.stem}": path for path in images}
    rows = [Recipe(group, name, partial(_read, group, name, path)) for name, path in names.items()]
    return iter(rows if folder.name == "alpha" else _spread(rows, _PER_SET))


def _read(group: str, name: str, path: Path) -> Case:
    (mask,) = (path.parent.parent / "masks").glob(f"{path.stem}.*")
    with Image.open(path) as image, Image.open(mask) as truth:
        rgba, grey = np.array(image.convert("RGBA")), np.array(truth.convert("L"))
    if group in ("davis", "pascals"):
        grey = np.where(grey > 127, np.uint8(255), np.uint8(0))
    rgba[..., 3] = 255
    alpha = grey.astype(np.float32) / np.float32(255)
    if group == "amc":
        return compose(name, Scene(lambda _: []), alpha)
    if group in NETWORK:
        return Case(name, rgba, alpha, network_map(rgba))
    return Case(name, rgba, alpha, area_average(alpha, SMALL_GRID if group == "am4" else GRID))


def _composed(group: str) -> Iterator[Recipe]:
    megapixels = int(group.removeprefix("syn"))
    for name, scene in SCENES.items():
        yield Recipe(group, name, partial(draw, name, scene, scene_size(megapixels)))


def scene_size(megapixels: int) -> tuple[int, int]:
    """(height, width) of a composed scene, 4:3; for 1, 4 or 12 megapixels."""
    width = _MEGAPIXEL_WIDTHS[megapixels]
    return round(width * TALL), width


def draw(name: str, scene: Scene, size: tuple[int, int]) -> Case:
    """One composed case: the same scene, seeded by its name, at any (height, width)."""
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
    alpha = edge_drawing.coverage(scene.outline(rng), size)
    if scene.glass:
        alpha[: round(GLASS * size[1])] *= _thickness(size, rng)[: round(GLASS * size[1])]
    if scene.blur:
        alpha = _blurred(alpha, scene.blur * size[1])
    return compose(name, scene, alpha, rng)


def _thickness(size: tuple[int, int], rng: Rng) -> Floats:
    """The alpha of glass, (height, width) in .15 to .85, smooth."""
    thickness = _blurred(0.45 + 0.4 * edge_drawing.noise((96, 128), rng), 8)
    return np.clip(cv2.resize(thickness, size[::-1], interpolation=cv2.INTER_CUBIC), 0.15, 0.85)


def _blurred(values: Floats, sigma_px: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), np.float32)


def compose(name: str, scene: Scene, alpha: Floats, rng: Rng | None = None) -> Case:
    """Lay textures by the truth: the case of an alpha (H, W) in the colours of a scene."""
    rng = rng or np.random.default_rng([SEED, zlib.crc32(name.encode())])
    size = (alpha.shape[0], alpha.shape[1])
    front, back = _colours(rng, scene.contrast)
    foreground = _fill(scene.front, size, rng, front)
    background = _fill(scene.back, size, rng, back)
    if scene.blur:
        foreground = _blurred(foreground, scene.blur * size[1])
    foreground, background = np.round(foreground), np.round(background)
    picture = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    if scene.grain:
        picture += scene.grain * rng.standard_normal(picture.shape, np.float32)
    return Case(
        name,
        _opaque(_bytes(picture * np.float32(scene.gain))),
        alpha,
        area_average(alpha, GRID),
        _bytes(foreground * np.float32(scene.gain)),
        scene.rigid,
    )


def _bytes(values: Floats) -> Pixels:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _opaque(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]))


def _colours(rng: Rng, contrast: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean colours of subject and background, `contrast` apart in a random direction."""
    direction = rng.standard_normal(3)
    direction *= contrast / 2 / np.linalg.norm(direction)
    middle = rng.uniform(100, 150, 3)
    return middle + direction, middle - direction


def _fill(fill: Fill, size: tuple[int, int], rng: Rng, colour: npt.NDArray[np.float64]) -> Floats:
    if fill == "leaves":
        return edge_drawing.leaves(size, rng, colour)
    if fill == "flat":
        return np.full((*size, 3), colour, np.float32)
    second = np.clip(colour + rng.choice([-70, 70], 3), 0, 255)
    drawn = edge_drawing.pattern(size, (colour, second), checker=fill == "checker")
    return np.clip(drawn + 3 * edge_drawing.noise(size, rng)[..., None], 0, 255)


def area_average(alpha: Floats, grid: int) -> Floats:
    """(H, W) to (grid, grid), each cell the mean of its area: what a network that knew the truth would say."""
    small = Image.fromarray(alpha).resize((grid, grid), Image.Resampling.BOX)
    return np.clip(np.array(small), 0, 1)


def network_map(rgba: Pixels, model: str = "lite") -> Floats:
    """The map of the product's own network, (h, w) float32."""
    return _predictor(model)(rgba, lambda rgb: rgb)


@cache
def _predictor(model: str) -> Callable[[Pixels, Callable[[Pixels], Pixels]], Floats]:
    from u2bg.saliency import predictor

    return predictor.load(model)
