"""Closed-form matting (Levin, Lischinski & Weiss 2008), tile by tile, in a bounded time. Needs the extra `matting`.

Where alpha is open, it is what bends least against colour lines in 3×3 windows, held by the known pixels around it and,
a little, by the alpha that was there before: (L + λ)α = λα₀ + what the known pixels say.
"""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import usable_cores
from u2bg.errors import MissingExtra
from u2bg.matting.grid import Field
from u2bg.matting.trimap import FOREGROUND, UNKNOWN

TILE_PX, OVERLAP_PX = 320, 48
BUDGET_S = 30.0

PRIOR = 1e-3
"""λ: the weight of the alpha that was there before; the Laplacian's diagonal is about 8."""

EPSILON = 1e-6
"""How much a slope of alpha over colour costs."""

TOLERANCE, ALL_ZERO, MOST_STEPS = 1e-4, 1e-9, 1000

REACH_PX = 2
"""How far an open pixel's equation looks: two pixels of one 3×3 window are at most this far apart."""

_MOST_FACTORS = (
    30_000_000  # entries of a tile's incomplete Cholesky factor: 480 MB that a sound one never comes near
)

_log = logging.getLogger(__name__)


class Gone(Exception):
    """The time is over."""


class Span(NamedTuple):
    """A tile along one side of the picture, and the weight of each of its pixels; at each pixel they sum to 1."""

    place: slice
    weights: Field


@dataclass(frozen=True, slots=True)
class Solver:
    """What is taken from pymatting."""

    laplacian: Callable[..., Any]
    preconditioner: Callable[..., Any]
    conjugate_gradient: Callable[..., Any]


def require() -> None:
    """Raises: MissingExtra, without importing anything."""
    if importlib.util.find_spec("pymatting") is None:
        raise MissingExtra("refine 'closed-form'", "matting")


def improve(
    alpha: Field,
    pixels: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    *,
    prior: float = PRIOR,
    tile_px: int = TILE_PX,
    overlap_px: int = OVERLAP_PX,
    budget_s: float = BUDGET_S,
) -> Field:
    """Solve alpha anew where the trimap is open. A tile that fails, or comes too late, keeps what was there.

    What could not be solved is told by one warning of this module's logger.

    Args:
        alpha: (H, W) float32 in [0, 1].
        pixels: (H, W, 4) uint8; the fourth channel is not looked at.
        trimap: (H, W) uint8, as `trimap.trimap` makes it.
        prior: λ, the weight of `alpha` against what colour says.
        tile_px, overlap_px: side of a tile, and what two neighbours share at least.
        budget_s: no tile is begun or continued after this; compiling pymatting, once on a machine, is not counted.

    Returns:
        (H, W) float32 in [0, 1], unchanged where the trimap is closed.

    Raises:
        MissingExtra: pymatting is not installed.
    """
    require()
    is_open = trimap == UNKNOWN
    down, across = (_spans(length, tile_px, overlap_px) for length in alpha.shape)
    tiles = [(y, x) for y in down for x in across if is_open[y.place, x.place].any()]
    if not tiles:
        return alpha
    try:
        solver = _solver()
    except Exception as error:  # whatever numba finds wrong with this machine, a photo can be cut without it
        _tell(len(tiles), len(tiles), error)
        return alpha
    result = alpha.copy()
    deadline = time.monotonic() + budget_s
    failures = []

    def solve(tile: tuple[Span, Span]) -> Field | Exception:
        place = tile[0].place, tile[1].place
        try:
            return _solve(solver, alpha[place], pixels[place], trimap[place], prior, deadline)
        except Exception as error:  # a tile that cannot be solved is no reason to lose the picture
            return error.with_traceback(None)  # which would hold the tile's arrays

    with ThreadPoolExecutor(min(usable_cores(), len(tiles))) as pool:
        for (y, x), found in zip(tiles, pool.map(solve, tiles), strict=True):
            if isinstance(found, Exception):
                failures.append(found)
            else:
                change = found - alpha[y.place, x.place]
                result[y.place, x.place] += y.weights[:, None] * x.weights * change
    if failures:
        _tell(len(failures), len(tiles), failures[0])
    return np.clip(result, 0, 1, out=result)


def _tell(failed: int, tiles: int, error: Exception) -> None:
    reason = (
        "the time is over" if isinstance(error, Gone) else f"{type(error).__name__}: {error}".splitlines()[0]
    )
    _log.warning("closed-form: %d of %d tiles keep the alpha of 'auto': %s", failed, tiles, reason)


def _spans(length: int, tile_px: int, overlap_px: int) -> list[Span]:
    """Tiles of one size, evenly laid; where they overlap, their weights pass smoothly from one to the other."""
    tile_px = min(tile_px, length)
    count = 1 if tile_px == length else -(-(length - overlap_px) // (tile_px - overlap_px))
    starts = np.linspace(0, length - tile_px, count).round().astype(int).tolist()
    weights = np.zeros((count, length))
    for weight, start in zip(weights, starts, strict=True):
        inside = np.arange(tile_px) + 0.5
        ramp = np.ones(tile_px)
        if start > 0:
            ramp = np.minimum(ramp, inside / overlap_px)
        if start + tile_px < length:
            ramp = np.minimum(ramp, inside[::-1] / overlap_px)
        weight[start : start + tile_px] = ramp * ramp * (3 - 2 * ramp)
    weights /= weights.sum(axis=0)
    places = [slice(start, start + tile_px) for start in starts]
    return [
        Span(place, weight[place].astype(np.float32)) for place, weight in zip(places, weights, strict=True)
    ]


def _solve(
    solver: Solver,
    alpha: Field,
    pixels: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    prior: float,
    deadline: float,
) -> Field:
    """The alpha of one tile."""
    _check_time(deadline)
    box = _box(trimap == UNKNOWN)
    is_open = trimap[box] == UNKNOWN
    colours = pixels[box][..., :3] / 255.0
    opened = is_open.ravel()
    matrix = solver.laplacian(colours, EPSILON, is_known=~is_open)[opened]
    subject = (trimap[box] == FOREGROUND).ravel()
    before = alpha[box][is_open].astype(np.float64)
    pull = prior * before - matrix[:, ~opened] @ subject[~opened].astype(np.float64)
    system = matrix[:, opened]
    system.setdiag(system.diagonal() + prior)
    factors = solver.preconditioner(system, max_nnz=min(_MOST_FACTORS, 25 * 8 * len(before)))
    _check_time(deadline)
    found = solver.conjugate_gradient(
        system,
        pull,
        x0=before,
        rtol=TOLERANCE,
        atol=ALL_ZERO,
        maxiter=MOST_STEPS,
        callback=lambda *_: _check_time(deadline),
        M=factors,
    )
    if not np.isfinite(found).all():
        raise ValueError("a solution that is not finite")
    result = alpha.copy()
    result[box][is_open] = found.clip(0, 1)
    return result


def _box(is_open: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that the equations of open pixels look at."""
    rows, columns = (np.flatnonzero(is_open.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, rows[0] - REACH_PX), rows[-1] + 1 + REACH_PX),
        slice(max(0, columns[0] - REACH_PX), columns[-1] + 1 + REACH_PX),
    )


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Gone


@cache
def _solver() -> Solver:
    """pymatting's parts, which are compiled as they are imported, once on a machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymatting import cf_laplacian, cg, ichol
    ichol.__globals__["print"] = lambda *_: None  # stdout may be carrying a picture
    return Solver(cf_laplacian, ichol, cg)
