"""The compiled loops: to the bit what numpy's are, on photos and grids of every shape; and safe from wrong arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from u2bg import compiled
from u2bg.matting import foreground, layers, loops
from u2bg.matting.alpha import refine
from u2bg.matting.blend import insert
from u2bg.matting.mesh import Mesh, framed

c = pytest.importorskip("u2bg._loops", reason="u2bg was built without a compiler")

SIDES = st.tuples(st.integers(1, 9), st.integers(1, 9))
SEEDS = st.integers(0, 2**32 - 1)


def both(work: Callable[[], Any]) -> tuple[Any, Any]:
    """What the compiled loops make, and what numpy's make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "loops", None)
        plain = work()
    return work(), plain


@settings(deadline=None, max_examples=60)
@given(cells=SIDES, more=st.tuples(st.integers(0, 60), st.integers(0, 60)), seed=SEEDS)
def test_rendering_is_numpys_to_the_bit(cells: tuple[int, int], more: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    photo = cells[0] + more[0], cells[1] + more[1]
    pixels = random.integers(0, 256, (*photo, 4), np.uint8)
    models = framed(random.normal(0, [[[0.003]]] * 3 + [[[0.5]]] * 2, (5, *cells)).astype(np.float32))
    saliency_map = framed(random.random((1, *cells), np.float32), 2)[0]
    is_open = random.random((cells[0] + 1, cells[1] + 1)) < 0.7

    def work() -> tuple[NDArray[np.uint8], list[NDArray[np.uint16]]]:
        mask = np.full(photo, 7, np.uint8)
        tiles = Mesh(cells, photo).tiles(is_open)
        return mask, [loops.render(some, models, saliency_map, pixels, mask, 0.1) for some in tiles]

    (mask, fine), (plain_mask, plain_fine) = both(work)
    assert np.array_equal(mask, plain_mask)
    assert all(np.array_equal(one, other) for one, other in zip(fine, plain_fine, strict=True))


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    cell_px=st.integers(1, 20),
    seed=SEEDS,
    plain_share=st.sampled_from([0.0, 0.5, 0.98]),
)
def test_purifying_is_numpys_to_the_bit(
    size: tuple[int, int], cell_px: int, seed: int, plain_share: float
) -> None:
    random = np.random.default_rng(seed)
    cells = -(-size[0] // cell_px), -(-size[1] // cell_px)
    pixels = random.integers(0, 256, (*size, 4), np.uint8)
    levels = random.integers(0, 256, size, np.uint8)
    levels[random.random(size) < plain_share] = random.choice([0, 255])
    smooth = random.uniform(0, 255, (6, cells[0] * cells[1])).astype(np.float32)
    numbers = np.pad(np.arange(smooth.shape[1]).reshape(cells), 1, mode="edge")
    is_open = random.random((cells[0] + 1, cells[1] + 1)) < 0.7

    def work() -> NDArray[np.uint8]:
        shown = pixels.copy()
        for tiles in Mesh(cells, size, cell_px).tiles(is_open):
            loops.purify(tiles, numbers, smooth, levels, shown)
        return shown

    assert np.array_equal(*both(work))


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 600)),
    seed=SEEDS,
    spend=st.booleans(),
    plain=st.booleans(),
)
def test_inserting_is_numpys_to_the_bit(size: tuple[int, int], seed: int, spend: bool, plain: bool) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (*size, 4), np.uint8)
    mask = random.choice([0, 255] if plain else [0, 3, 255], size, p=[0.9, 0.1] if plain else None).astype(
        np.uint8
    )
    mask[:, random.integers(0, size[1]) :] = 0
    assert np.array_equal(*both(lambda: insert(pixels.copy(), mask, spend=spend)))


@settings(deadline=None, max_examples=30)
@given(size=st.tuples(st.integers(1, 120), st.integers(1, 120)), seed=SEEDS)
def test_colours_and_edges_as_a_whole_are_numpys_to_the_bit(size: tuple[int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (*size, 4), np.uint8)
    coarse = random.random((min(size[0], 12), min(size[1], 12)), np.float32)

    def work() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        matte = refine(coarse, pixels)
        return matte.mask, matte.alpha, foreground.estimate(pixels, matte.mask)

    for one, other in zip(*both(work), strict=True):
        assert np.array_equal(one, other)


def test_smooth_colours_are_numpys_to_the_bit() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (200, 150, 4), np.uint8)
    for one, other in zip(*both(lambda: layers.solve(picture)), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("pixels", "mask", "result"),
    [
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 5), np.uint8), np.zeros((4, 4, 4), np.uint8)),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4), np.uint16), np.zeros((4, 4, 4), np.uint8)),
        (np.zeros((4, 8, 4), np.uint8)[:, ::2], np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)),
    ],
    ids=["mask too large", "three channels", "mask of 16 bits", "not contiguous"],
)
def test_arrays_that_do_not_fit_are_refused(
    pixels: NDArray[np.uint8], mask: NDArray[np.uint8], result: NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match=r"array|contiguous"):
        c.insert(pixels, mask, result)
    with pytest.raises(TypeError):
        c.insert(pixels, mask)


def test_what_may_not_be_written_is_not() -> None:
    pixels, mask = np.ones((4, 4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    pixels.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        c.insert(pixels, mask, pixels)
    assert (pixels == 1).all()
