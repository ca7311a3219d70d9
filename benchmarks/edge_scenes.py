"""What the composed cases show: for each kind, the subject's outline and how the picture is made of it.

Kinds after the failures that `../shared/design/EDGES.md` names: hair, fur, thin things, rigid ones, holes and
glass; and, on one mixed subject, what takes the ground from under colour statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from edge_drawing import Points, Shape, ellipse, strand, stroke

Rng = np.random.Generator
Fill = Literal["leaves", "flat", "stripes", "checker"]

TALL = 0.75
"""The height of every scene, in widths."""

GLASS = 0.55
"""Down to here, in widths from the top, a scene of glass lets the background through."""


class Scene(NamedTuple):
    """A kind of picture.

    Attributes:
        outline: draws the subject.
        front, back: what fills the subject and the background.
        contrast: distance between the mean colours of the two, 0..255.
        glass: whether what lies above `GLASS` lets the background through.
        blur: of the subject, as standard deviation in widths.
        grain: standard deviation of the camera's noise, 0..255.
        gain: exposure; what goes above 255 is cut off.
        rigid: whether the goal for rigid subjects is measured on it.
    """

    outline: Callable[[Rng], list[Shape]]
    front: Fill = "leaves"
    back: Fill = "leaves"
    contrast: float = 120
    glass: bool = False
    blur: float = 0
    grain: float = 0
    gain: float = 1
    rigid: bool = False


def polygons(rng: Rng) -> list[Shape]:
    """Five stars and polygons of straight edges."""
    shapes = []
    for place in range(5):
        corners = int(rng.integers(3, 9))
        turn = np.sort(
            rng.uniform(0, 2 * np.pi / corners * 0.5, corners) + np.arange(corners) / corners * 2 * np.pi
        )
        radius = rng.uniform(0.06, 0.12, (corners, 1))
        centre = np.array([0.15 + 0.175 * place, rng.uniform(0.2, 0.55)])
        shapes.append(Shape(centre + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)))
    return shapes


def ellipses(rng: Rng) -> list[Shape]:
    """Four ellipses, turned."""
    return [
        Shape(
            ellipse(
                np.array([0.17 + 0.22 * place, rng.uniform(0.25, 0.5)]),
                (rng.uniform(0.08, 0.11), rng.uniform(0.03, 0.1)),
                rng.uniform(0, np.pi),
            )
        )
        for place in range(4)
    ]


def bottles(rng: Rng) -> list[Shape]:
    """Four ellipses of glass, and the solid thing that they stand on."""
    foot = np.array([(0.1, GLASS), (0.9, GLASS), (0.85, 0.7), (0.15, 0.7)])
    return [*(Shape(shape.points - (0, 0.08)) for shape in ellipses(rng)), Shape(foot)]


def blob(rng: Rng) -> list[Shape]:
    """One compact subject, whose band is small."""
    return [Shape(ellipse(np.array([0.5, 0.38]), (0.2, 0.17), rng.uniform(0, np.pi)))]


def hair(rng: Rng) -> list[Shape]:
    """A head on shoulders with 400 long strands, one or two pixels wide at 1 MP, that wave and taper."""
    head = ellipse(np.array([0.5, 0.4]), (0.13, 0.17), 0)
    shoulders = ellipse(np.array([0.5, TALL]), (0.3, 0.16), 0)
    return [Shape(shoulders), Shape(head), *_coat(rng, head, 400, (0.04, 0.22), 1.4, 0.0016)]


def fur(rng: Rng) -> list[Shape]:
    """Two round animals with thousands of short hairs."""
    shapes = []
    for centre, radii in (((0.33, 0.4), (0.17, 0.22)), ((0.7, 0.45), (0.14, 0.16))):
        body = ellipse(np.array(centre), radii, 0.3)
        shapes += [Shape(body), *_coat(rng, body, 1500, (0.008, 0.03), 0.7, 0.0018)]
    return shapes


def _coat(
    rng: Rng, body: Points, count: int, lengths: tuple[float, float], bend: float, width: float
) -> list[Shape]:
    """Hairs that grow outward from the rim of a body."""
    inner = body.mean(axis=0)
    shapes = []
    for start in body[rng.integers(0, len(body), count)]:
        out = start - inner
        root = start - 0.02 * out / np.linalg.norm(out)
        heading = np.arctan2(out[1], out[0]) + rng.normal(0, 0.35)
        points = strand(
            root, heading, rng.uniform(*lengths), rng.normal(0, bend), width * rng.uniform(0.6, 1.4)
        )
        shapes.append(Shape(points))
    return shapes


def rods(rng: Rng) -> list[Shape]:
    """Straight rods, from hardly a pixel wide at 1 MP to seven, on a stand."""
    shapes = [Shape(np.array([(0.2, 0.62), (0.8, 0.62), (0.85, 0.7), (0.15, 0.7)]))]
    for width in np.geomspace(0.0008, 0.006, 14):
        ends = np.stack([[rng.uniform(0.22, 0.78), 0.65], rng.uniform((0.05, 0.03), (0.95, 0.4))])
        shapes.append(Shape(stroke(ends, np.full(2, width))))
    return shapes


def wires(rng: Rng) -> list[Shape]:
    """Eight waving wires from side to side."""
    x = np.linspace(-0.02, 1.02, 120)
    shapes = []
    for row, width in enumerate(rng.permutation(np.geomspace(0.001, 0.007, 8))):
        y = 0.1 + 0.08 * row + rng.uniform(0.01, 0.04) * np.sin(rng.uniform(4, 20) * x + rng.uniform(0, 6))
        shapes.append(Shape(stroke(np.stack([x, y], axis=1), np.full(120, width))))
    return shapes


def leaves(rng: Rng) -> list[Shape]:
    """A plant: stems with pointed leaves."""
    shapes = []
    for _ in range(7):
        stem = np.stack(
            [np.linspace(0.5, rng.uniform(0.1, 0.9), 30), np.linspace(0.74, rng.uniform(0.08, 0.3), 30)]
        )
        stem[0] += 0.04 * np.sin(np.linspace(0, 3, 30) * rng.uniform(-1, 1))
        shapes.append(Shape(stroke(stem.T, np.linspace(0.005, 0.0015, 30))))
        for place in stem.T[8::2]:
            heading, share = rng.uniform(0, 2 * np.pi), np.linspace(0, 1, 20)
            line = place + rng.uniform(0.02, 0.06) * np.outer(share, [np.cos(heading), np.sin(heading)])
            shapes.append(Shape(stroke(line, rng.uniform(0.004, 0.02) * np.sin(np.pi * share))))
    return shapes


def holes(rng: Rng) -> list[Shape]:
    """A ring, a frame and a plate with holes of all sizes."""
    ring, inside = (ellipse(np.array([0.2, 0.3]), (r, r * 0.9), 0.2) for r in (0.13, 0.11))
    frame = np.array([(0.4, 0.1), (0.62, 0.13), (0.6, 0.5), (0.38, 0.47)])
    plate = np.array([(0.68, 0.15), (0.95, 0.12), (0.93, 0.6), (0.66, 0.58)])
    shapes = [
        Shape(ring),
        Shape(inside, 0),
        Shape(frame),
        Shape(frame.mean(0) + 0.85 * (frame - frame.mean(0)), 0),
    ]
    shapes.append(Shape(plate))
    for radius in np.geomspace(0.002, 0.025, 24):
        centre = rng.uniform((0.7, 0.18), (0.91, 0.54))
        shapes.append(Shape(ellipse(centre, (radius, radius), 0), 0))
    return shapes


def mixed(rng: Rng) -> list[Shape]:
    """Something of everything, for the kinds that differ in colours only."""
    body = ellipse(np.array([0.3, 0.4]), (0.16, 0.2), 0.4)
    coat = _coat(rng, body, 150, (0.02, 0.08), 0.8, 0.002)
    return [
        Shape(body),
        *coat,
        *(Shape(s.points * 0.9 + (0.1, 0.0)) for s in polygons(rng)[3:]),
        *rods(rng)[:8],
    ]


SCENES = {
    "polygons": Scene(polygons, rigid=True),
    "ellipses": Scene(ellipses, rigid=True),
    "blob": Scene(blob, rigid=True),
    "hair": Scene(hair),
    "fur": Scene(fur),
    "rods": Scene(rods),
    "wires": Scene(wires),
    "leaves": Scene(leaves),
    "holes": Scene(holes),
    "glass": Scene(bottles, glass=True),
    "camouflage": Scene(mixed, contrast=0),
    "flat": Scene(mixed, front="flat", back="flat"),
    "noisy": Scene(mixed, grain=14),
    "overexposed": Scene(mixed, gain=1.9),
    "stripes": Scene(mixed, front="stripes", back="stripes"),
    "checker": Scene(mixed, back="checker"),
    "defocus": Scene(mixed, blur=0.004),
}
