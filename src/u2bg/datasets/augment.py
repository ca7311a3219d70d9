"""A plan carried out: a batch of frames with their targets, on whatever device Keras runs on.

Everything is arithmetic on whole batches. Resizing, cropping, flipping and blurring are one product of matrices per
axis, as they are linear and separable; JPEG is its own quantisation, without the coding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from u2bg.datasets.compose import paste
from u2bg.datasets.plan import NOISES, Plan

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
GREY = np.array([0.299, 0.587, 0.114], np.float32)

# ITU-T T.81, annex K: the tables that JPEG encoders scale by their quality.
LUMINANCE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMINANCE = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"""
TO_YCC = np.array(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32
)


class Batch(NamedTuple):
    """What a step learns from.

    Attributes:
        images: (N, H, W, 3) float32, ImageNet-normalised. pictures: the same in [0, 1], for people.
        truth: (N, H, W, 1) the mask in [0, 1]. known: 1 where it counts in the loss, else 0.
        teacher: (N, H, W, 1) the teacher's map in [0, 1]. taught: (N, 1, 1, 1) 1 where it counts.
    """

    images: Any
    pictures: Any
    truth: Any
    known: Any
    teacher: Any
    taught: Any


def noise_fields(side: int) -> npt.NDArray[np.float32]:
    """(NOISES, side, side, 3) of Gaussian noise, always the same."""
    return np.random.default_rng(2020).standard_normal((NOISES, side, side, 3), np.float32)


def augment(pixels: Any, noise: Any, plan: Plan, shape: tuple[int, int]) -> Batch:
    """Carry out a plan.

    Args:
        pixels: the deck, (M, S, S, 5) uint8 (or the rows of it that the plan names). noise: `noise_fields`, no
            smaller than the frame. shape: (height, width) of the frame, multiples of 8.
    """
    base = _floats(pixels, plan.base)
    unknown = ops.cast(ops.equal(ops.take(pixels, plan.base, axis=0)[..., 3:4], 128), "float32")
    rows, columns = _axes(plan.base_box, shape, pixels.shape[1])
    sharp = _resample(ops.concatenate([base[..., 3:], unknown], -1), rows, columns)
    blurred = _axes(plan.base_box, shape, pixels.shape[1], plan.blur)
    picture = _resample(base[..., :3], *blurred)
    plain = _each(plan.plain)
    picture = paste(plan.plain_colour[:, None, None, :], plain, picture)
    truth, teacher, doubt = sharp[..., :1] * (1 - _each(plan.pasted)), sharp[..., 1:2], sharp[..., 2:]
    picture, truth = _paste_subject(pixels, plan, shape, picture, truth)
    picture = _degrade(_recolour(picture, plan), noise, plan)
    brightest = ops.maximum(ops.max(picture, axis=(1, 2, 3), keepdims=True), 1 / 255)
    known = 1 - ops.cast(doubt > 0.01, "float32") * _each(plan.unknown)
    return Batch(
        images=(picture / brightest - MEAN) / STD,
        pictures=picture,
        truth=truth,
        known=known * _each(plan.truth),
        teacher=teacher,
        taught=_each(plan.taught),
    )


def _each(numbers: Any) -> Any:
    """(N,) to (N, 1, 1, 1)."""
    return ops.reshape(numbers, (-1, 1, 1, 1))


def _floats(pixels: Any, places: Any) -> Any:
    return ops.cast(ops.take(pixels, places, axis=0), "float32") / 255


def _axes(box: Any, shape: tuple[int, int], side: int, blur: Any = None) -> tuple[Any, Any]:
    """The two matrices, (N, height, side) and (N, width, side), that show a box of a picture in a frame."""
    return (
        _triangles(*_centres(box[:, 0], box[:, 1], shape[0], side), side, blur),
        _triangles(*_centres(box[:, 2], box[:, 3], shape[1], side), side, blur),
    )


def _centres(start: Any, end: Any, count: int, side: int) -> tuple[Any, Any]:
    """Where each of the frame's pixels lies in the picture, (N, count), and how wide it is there, (N, 1)."""
    shares = ops.convert_to_tensor((np.arange(count, dtype=np.float32) + 0.5) / count)
    centres = (start[:, None] + shares[None] * (end - start)[:, None]) * side
    return centres, ops.maximum(1.0, ops.abs(end - start)[:, None] * (side / count))


def _triangles(centres: Any, foot: Any, side: int, blur: Any = None) -> Any:
    """Triangle filters with a foot of the pixel's width: (N, count, side), each row of sum 1 (0 far outside).

    It is the filter of `saliency.predictor`: linear where a picture grows, an antialiased mean where it shrinks.
    """
    if blur is not None:
        foot = foot * blur[:, None]
    places = ops.convert_to_tensor(np.arange(side, dtype=np.float32) + 0.5)
    weights = ops.relu(1 - ops.abs(centres[..., None] - places) / foot[..., None])
    return weights / ops.maximum(ops.sum(weights, -1, keepdims=True), 1e-6)


def _resample(x: Any, rows: Any, columns: Any) -> Any:
    """(N, S, S, C) by (N, H, S) and (N, W, S) to (N, H, W, C)."""
    return ops.einsum("nwt,nhtc->nhwc", columns, ops.einsum("nhs,nstc->nhtc", rows, x))


def _paste_subject(pixels: Any, plan: Plan, shape: tuple[int, int], picture: Any, truth: Any) -> Any:
    """Lay the cut-out on the picture where one is planned; its alpha is the truth then."""
    subject = _floats(pixels, plan.paste)
    side = pixels.shape[1]
    colours = _resample(subject[..., :3], *_axes(plan.paste_box, shape, side, plan.blur))
    alpha = _resample(subject[..., 3:4], *_axes(plan.paste_box, shape, side))
    covers = [_inside(plan.paste_box[:, i], plan.paste_box[:, i + 1], shape[i // 2], side) for i in (0, 2)]
    alpha = (
        alpha * ops.reshape(covers[0], (-1, shape[0], 1, 1)) * ops.reshape(covers[1], (-1, 1, shape[1], 1))
    )
    alpha = alpha * _each(plan.pasted)
    return paste(colours, alpha, picture), paste(ops.ones_like(truth), alpha, truth)


def _inside(start: Any, end: Any, count: int, side: int) -> Any:
    """How much of each of the frame's pixels lies in the picture along one axis, (N, count) in [0, 1]."""
    centres, foot = _centres(start, end, count, side)
    return ops.clip(centres / foot + 0.5, 0, 1) * ops.clip((side - centres) / foot + 0.5, 0, 1)


def _recolour(picture: Any, plan: Plan) -> Any:
    picture = picture * plan.gain[:, None, None, :]
    middle = ops.mean(picture, axis=(1, 2, 3), keepdims=True)
    picture = middle + (picture - middle) * _each(plan.contrast)
    grey = ops.sum(picture * GREY, -1, keepdims=True)
    picture = grey + (picture - grey) * _each(plan.saturation)
    # A power's gradient is of no use here, but 0 to a power below 1 would make one of infinity.
    return ops.power(ops.clip(picture, 1e-4, 1), _each(plan.gamma))


def _degrade(picture: Any, noise: Any, plan: Plan) -> Any:
    height, width = picture.shape[1:3]
    field = ops.take(noise, plan.noise_field, axis=0)[:, :height, :width]
    picture = ops.clip(picture + field * _each(plan.noise), 0, 1)
    return ops.where(_each(plan.jpeg) > 0, _quantise(picture, plan.jpeg), picture)


def _quantise(picture: Any, quality: Any) -> Any:
    """What JPEG keeps of a picture: (N, H, W, 3) in [0, 1], quality (N,) 1..100; no chroma subsampling."""
    height, width = picture.shape[1:3]
    transform = _cosines()
    colours = ops.matmul(picture * 255 - 128, TO_YCC.T)
    blocks = ops.reshape(colours, (-1, height // 8, 8, width // 8, 8, 3))
    waves = ops.einsum("ux,nixjyc,vy->niujvc", transform, blocks, transform)
    steps = _steps(quality)[:, None, :, None, :, :]
    waves = ops.round(waves / steps) * steps
    blocks = ops.einsum("ux,niujvc,vy->nixjyc", transform, waves, transform)
    colours = ops.reshape(blocks, (-1, height, width, 3))
    back = np.linalg.inv(TO_YCC.astype(np.float64)).astype(np.float32)
    return ops.clip((ops.matmul(colours, back.T) + 128) / 255, 0, 1)


def _steps(quality: Any) -> Any:
    """(N, 8, 8, 3): how coarsely each wave of each channel is kept, by the rule that encoders share."""
    quality = ops.maximum(quality, 1.0)
    scale = ops.where(quality < 50, 5000 / quality, 200 - 2 * quality)
    tables = [np.array(table.split(), np.float32).reshape(8, 8) for table in (LUMINANCE, *[CHROMINANCE] * 2)]
    return ops.maximum(1.0, ops.floor((50 + _each(scale) * np.stack(tables, -1)[None]) / 100))


def _cosines() -> npt.NDArray[np.float32]:
    """The orthonormal 8×8 matrix of the discrete cosine transform."""
    n = np.arange(8)
    matrix = np.cos((2 * n + 1) * n[:, None] * np.pi / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
