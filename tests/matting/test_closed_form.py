"""Closed-form matting: the field's own solution, tile by tile, and never the end of a run."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from u2bg.errors import MissingExtra, UnknownName
from u2bg.matting import alpha as alphas
from u2bg.matting import closed_form
from u2bg.matting.trimap import trimap

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pymatting") is None,
    reason="pymatting is not installed: pip install 'u2bg[matting]'",
)


class Scene:
    """A fuzzy disc on a textured ground: the true alpha, what it looks like, and a blurred guess of it."""

    def __init__(self, size: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        down, across = np.mgrid[:size, :size] / size - 0.5
        angle, radius = np.arctan2(down, across), np.hypot(down, across)
        rim = 0.3 + 0.03 * np.sin(17 * angle)
        self.truth = np.clip((rim - radius) * size / 4 + 0.5, 0, 1).astype(np.float32)
        self.guess = np.clip((0.3 - radius) * 8 + 0.5, 0, 1).astype(np.float32)
        subject = np.array([0.8, 0.3, 0.2]) + 0.02 * rng.standard_normal((size, size, 1))
        ground = np.array([0.2, 0.4, 0.6]) + 0.1 * across[..., None]
        colours = self.truth[..., None] * subject + (1 - self.truth[..., None]) * ground
        self.pixels = np.full((size, size, 4), 255, np.uint8)
        self.pixels[..., :3] = np.round(colours.clip(0, 1) * 255)
        self.trimap = trimap(self.guess, 3)

    def error(self, alpha: NDArray[Any]) -> float:
        return float(np.abs(alpha - self.truth).sum())


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(160)


@pytest.fixture(scope="module")
def whole(scene: Scene) -> NDArray[np.float32]:
    """Solved in one tile."""
    return closed_form.improve(scene.guess, scene.pixels, scene.trimap, tile_px=1000)


def test_one_tile_is_what_pymatting_finds(scene: Scene) -> None:
    from pymatting import estimate_alpha_cf

    codes = np.array([0.0, 0.5, 1.0])[np.searchsorted([0, 128, 255], scene.trimap)]
    expected = estimate_alpha_cf(
        scene.pixels[..., :3] / 255.0, codes, laplacian_kwargs={"epsilon": closed_form.EPSILON}
    )

    alpha = closed_form.improve(scene.guess, scene.pixels, scene.trimap, prior=1e-7, tile_px=1000)

    assert np.abs(alpha - expected).max() < 0.02
    assert np.abs(alpha - expected).mean() < 0.001


def test_tiles_join_without_a_seam(scene: Scene, whole: NDArray[np.float32]) -> None:
    tiled = closed_form.improve(scene.guess, scene.pixels, scene.trimap, tile_px=96, overlap_px=40)

    inside = scene.trimap == 128
    assert np.abs(tiled - whole)[inside].mean() < 0.01
    steps = [np.abs(np.diff(alpha - scene.truth, axis=1)).max() for alpha in (tiled, whole)]
    assert steps[0] < 1.2 * steps[1]


@pytest.mark.parametrize(
    ("length", "tile", "overlap"), [(1, 8, 2), (8, 8, 2), (9, 8, 2), (100, 32, 8), (101, 33, 9)]
)
def test_the_weights_of_tiles_sum_to_one_and_neighbours_overlap(length: int, tile: int, overlap: int) -> None:
    spans = closed_form._spans(length, tile, overlap)

    total = np.zeros(length)
    for span in spans:
        assert span.place.stop - span.place.start == min(tile, length)
        assert (span.weights > 0).all()
        total[span.place] += span.weights
    assert np.allclose(total, 1)
    assert all(left.place.stop - right.place.start >= overlap for left, right in pairwise(spans))


def test_it_is_nearer_to_the_truth_and_leaves_what_is_closed(
    scene: Scene, whole: NDArray[np.float32]
) -> None:
    closed = scene.trimap != 128

    assert scene.error(whole) < 0.3 * scene.error(scene.guess)
    assert np.array_equal(whole[closed], scene.guess[closed])
    assert whole.dtype == np.float32
    assert 0 <= whole.min() <= whole.max() <= 1


def test_when_the_time_is_over_alpha_stays_and_it_is_said_once(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    alpha = closed_form.improve(
        scene.guess, scene.pixels, scene.trimap, tile_px=64, overlap_px=16, budget_s=0
    )

    assert np.array_equal(alpha, scene.guess)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == "closed-form: 9 of 9 tiles keep the alpha of 'auto': the time is over"


def test_a_tile_that_fails_keeps_its_alpha_and_the_others_do_not(
    scene: Scene,
    whole: NDArray[np.float32],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solve, calls = closed_form._solve, []

    def failing(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("no\nluck")
        return solve(*arguments)

    monkeypatch.setattr(closed_form, "_solve", failing)
    alpha = closed_form.improve(scene.guess, scene.pixels, scene.trimap, tile_px=96, overlap_px=32)

    assert np.array_equal(alpha[:64, :64], scene.guess[:64, :64])
    assert np.abs(alpha - whole)[96:, 96:].mean() < 0.01
    assert caplog.messages == ["closed-form: 1 of 4 tiles keep the alpha of 'auto': ValueError: no"]


def test_a_solver_that_cannot_be_loaded_is_no_end(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("cannot cache function")

    monkeypatch.setattr(closed_form, "_solver", broken)

    assert np.array_equal(closed_form.improve(scene.guess, scene.pixels, scene.trimap), scene.guess)
    assert caplog.messages == [
        "closed-form: 1 of 1 tiles keep the alpha of 'auto': RuntimeError: cannot cache function"
    ]


def test_without_pymatting_it_is_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(
        MissingExtra, match=r"refine 'closed-form' needs packages.*fix: pip install 'u2bg\[matting\]'"
    ):
        alphas.check("closed-form")
    with pytest.raises(
        UnknownName, match="no refinement named 'closed'; expected one of auto, closed-form, off"
    ):
        alphas.check("closed")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 2), (3, 3), (5, 40)])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_tiny_and_thin_pictures_are_answered(size: tuple[int, int], level: float) -> None:
    alpha = np.full(size, level, np.float32)
    pixels = np.zeros((*size, 4), np.uint8)

    solved = closed_form.improve(alpha, pixels, trimap(alpha, 1))

    assert solved.shape == size
    assert np.allclose(solved, level, atol=1e-3)


def test_where_there_is_nothing_there_is_nothing_to_solve(caplog: pytest.LogCaptureFixture) -> None:
    empty, pixels = np.zeros((20, 20), np.float32), np.full((20, 20, 4), 90, np.uint8)

    assert not closed_form.improve(empty, pixels, np.full((20, 20), 128, np.uint8)).any()
    assert not closed_form.improve(empty, pixels, np.pad(np.full((4, 4), 128, np.uint8), 8)).any()
    assert not caplog.messages


def test_refine_solves_after_auto() -> None:
    scene = Scene(256)
    small = scene.guess.reshape(64, 4, 64, 4).mean((1, 3))

    auto = alphas.refine(small, scene.pixels).alpha
    alpha = alphas.refine(small, scene.pixels, method="closed-form").alpha

    assert scene.error(alpha) < scene.error(auto)
    far = trimap(auto, 4, sure=alphas.SURE) != 128
    assert np.array_equal(alpha[far], auto[far])


def test_the_same_photo_twice_is_the_same_alpha(scene: Scene) -> None:
    first, second = (
        closed_form.improve(scene.guess, scene.pixels, scene.trimap, tile_px=96, overlap_px=32)
        for _ in range(2)
    )

    assert np.array_equal(first, second)


def test_nothing_of_the_solver_reaches_the_streams() -> None:
    script = (
        "import numpy as np\n"
        "from u2bg.matting import closed_form\n"
        "alpha = np.full((40, 40), .5, np.float32)\n"
        "marks = np.full((40, 40), 128, np.uint8)\n"
        "closed_form._solver()\n"
        "from pymatting import ichol\n"
        "from scipy.sparse import csc_matrix\n"
        "ichol(csc_matrix([[1., 2.], [2., 1.]]))\n"  # not positive definite: it would print
        "closed_form.improve(alpha, np.zeros((40, 40, 4), np.uint8), marks)\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", script], capture_output=True, text=True, check=True
    )

    assert (done.stdout, done.stderr) == ("", "")
