"""Scores of an alpha and of a cut-out's colours against the truth, and their ratios to bilinear's.

SAD, MSE and gradient error: Rhemann et al., 2009, "A perceptually motivated online benchmark for image matting";
here over the whole picture, since nobody gives a trimap. Boundary IoU: Cheng et al., 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from edge_cases import Pixels
from edge_drawing import Floats

SIGMA = 1.4
BOUNDARY = 0.005
"""Width of the boundary as a share of the diagonal: about two cells of a 320×320 map, whatever the photo's size.
(Cheng's .02 is nine cells: most of what it compares is the inside.)"""

BACKGROUNDS = ((255, 255, 255), (0, 0, 0), (255, 0, 255))
"""New backgrounds for the colour error: white, black, magenta."""

IOU_FLOOR = 0.05
"""Boundary IoU below this counts as this much in a ratio, so that a wire that bilinear loses does not decide a mean."""


class Scores(NamedTuple):
    """One method on one case. The lower the better, but for `biou`; `colour` is NaN where F is not known."""

    sad: float
    mse: float
    grad: float
    biou: float
    colour: float


def score(
    alpha: Floats,
    foreground: Pixels,
    truth: Floats,
    true_foreground: Pixels | None,
    band: npt.NDArray[np.bool_],
) -> Scores:
    """All scores of a cut-out: (H, W) float32 alpha in [0, 1] and (H, W, 3) uint8 straight colours."""
    error = np.abs(alpha - truth)
    return Scores(
        sad=float(error.sum(dtype=np.float64)) / 1000,
        mse=float(np.mean(error * error, dtype=np.float64)),
        grad=gradient_error(alpha, truth),
        biou=boundary_iou(alpha, truth),
        colour=math.nan
        if true_foreground is None
        else colour_error((alpha, foreground), (truth, true_foreground), band),
    )


def gradient_error(alpha: Floats, truth: Floats) -> float:
    """Sum of squared differences of gradient magnitudes, by derivatives of a Gaussian (σ = 1.4), over 1000."""
    difference = _gradient(alpha) - _gradient(truth)
    return float(np.sum(difference * difference, dtype=np.float64)) / 1000


def _gradient(alpha: Floats) -> Floats:
    x = np.arange(-5, 6, dtype=np.float64)
    bell = np.exp(-(x**2) / (2 * SIGMA**2))
    bell /= bell.sum()
    slope = x * bell / SIGMA**2
    border = cv2.BORDER_REPLICATE
    dx = cv2.sepFilter2D(alpha, cv2.CV_32F, slope, bell, borderType=border)
    dy = cv2.sepFilter2D(alpha, cv2.CV_32F, bell, slope, borderType=border)
    return np.asarray(cv2.magnitude(dx, dy), np.float32)


def boundary_iou(alpha: Floats, truth: Floats, share: float = BOUNDARY) -> float:
    """IoU of the inner rims of both masks (alpha > .5), each as wide as `share` of the diagonal, at least 1 px.

    The rim is what a square of side 2·width + 1 takes away; the picture's border is no rim, since subjects that it
    cuts go on beyond it. Two empty rims agree: 1.
    """
    width_px = max(1, round(share * math.hypot(*truth.shape)))
    one, other = (_rim(values > 0.5, width_px) for values in (alpha, truth))
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def _rim(mask: npt.NDArray[np.bool_], width_px: int) -> npt.NDArray[np.bool_]:
    kernel = np.ones((2 * width_px + 1, 2 * width_px + 1), np.uint8)
    # OpenCV takes what lies outside as covered
    inner = np.asarray(cv2.erode(mask.astype(np.uint8), kernel))
    rim: npt.NDArray[np.bool_] = mask & (inner == 0)
    return rim


def rim_of_truth(truth: Floats) -> npt.NDArray[np.bool_]:
    """Where the truth, to 8 bits, is neither 0 nor 1."""
    return (truth > 0.5 / 255) & (truth < 254.5 / 255)


def colour_band(truth: Floats, large_map: Floats) -> npt.NDArray[np.bool_]:
    """Where a cut-out can show a halo: where the truth is partial, or the map at full size is."""
    return rim_of_truth(truth) | ((large_map > 0.02) & (large_map < 0.98))


def colour_error(
    cutout: tuple[Floats, Pixels], true: tuple[Floats, Pixels], band: npt.NDArray[np.bool_]
) -> float:
    """Mean absolute error, 0..255, in the band, of the cut-out laid over white, black and magenta."""
    if not band.any():
        return 0.0
    (alpha, foreground), (truth, true_foreground) = cutout, true
    a, t = alpha[band][:, None], truth[band][:, None]
    difference = a * foreground[band] - t * true_foreground[band]
    errors = [np.abs(difference + (t - a) * np.array(colour, np.float32)).mean() for colour in BACKGROUNDS]
    return float(np.mean(errors))


def true_alpha_error(foreground: Pixels, truth: Floats, true_foreground: Pixels) -> float:
    """Mean |αF̂ − αF| where the truth is partial, 0..255: the error of the colours alone, over any background."""
    band = rim_of_truth(truth)
    return colour_error((truth, foreground), (truth, true_foreground), band)


def ratio(scores: Scores, base: Scores, name: str) -> float:
    """A score as a multiple of another method's on the same case."""
    value, reference = float(getattr(scores, name)), float(getattr(base, name))
    if name == "biou":
        return max(value, IOU_FLOOR) / max(reference, IOU_FLOOR)
    if reference == 0:
        return 1.0 if value == 0 else math.inf
    return value / reference


class Summary(NamedTuple):
    """A method on a group: ratios to bilinear, mean over the cases, and the worst single ones.

    Attributes:
        cases: how many.
        sad, mse, grad, biou: mean ratios to bilinear; of boundary IoU, the higher the better.
        worst: the greatest SAD as a multiple of bilinear's.
        worst_bicubic, worst_grad_bicubic: the greatest SAD and gradient error as multiples of bicubic's.
        biou_gain: mean of boundary IoU minus bilinear's.
        colour: mean colour error, 0..255.
        where: the case with the greatest SAD against bicubic's.
    """

    cases: int
    sad: float
    mse: float
    grad: float
    biou: float
    worst: float
    worst_bicubic: float
    worst_grad_bicubic: float
    biou_gain: float
    colour: float
    where: str


CaseRow = Mapping[str, Scores]


def summarise(rows: Mapping[str, CaseRow], method: str) -> Summary | None:
    """The summary of a method over cases {case: {method: scores}}; None where it ran on none of them."""
    ran = {case: row for case, row in rows.items() if method in row}
    if not ran:
        return None
    mean = {
        name: _mean([ratio(row[method], row["bilinear"], name) for row in ran.values()]) for name in _RATIOS
    }
    beside = {case: ratio(row[method], row["bicubic"], "sad") for case, row in ran.items()}
    where = max(beside, key=beside.__getitem__)
    return Summary(
        cases=len(ran),
        **mean,
        worst=max(ratio(row[method], row["bilinear"], "sad") for row in ran.values()),
        worst_bicubic=beside[where],
        worst_grad_bicubic=max(ratio(row[method], row["bicubic"], "grad") for row in ran.values()),
        biou_gain=_mean([row[method].biou - row["bilinear"].biou for row in ran.values()]),
        colour=_mean([row[method].colour for row in ran.values() if not math.isnan(row[method].colour)]),
        where=where,
    )


_RATIOS = ("sad", "mse", "grad", "biou")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
