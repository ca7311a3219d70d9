"""What the network is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.onnx_files import brightness

from u2bg.errors import BadModel, SourceMissing, UnknownName
from u2bg.saliency.models import InputSpec
from u2bg.saliency.predictor import Predictor, load, network_size, normalise, shrink


def _noise(height: int, width: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)


def test_normalising_is_the_formula() -> None:
    pixels = _noise(5, 7)[..., :3] // 2
    spec = InputSpec(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))

    expected = (pixels.astype(np.float64) / pixels.max() - spec.mean) / spec.std
    result = normalise(pixels, spec)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected.transpose(2, 0, 1), atol=1e-6)


def test_a_black_picture_is_normalised_without_a_division_by_zero() -> None:
    assert np.isfinite(normalise(np.zeros((4, 4, 3), np.uint8), InputSpec())).all()


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((300, 300), (320, 320)),
        ((3000, 4000), (288, 384)),
        ((4000, 3000), (384, 288)),
        ((1080, 1920), (256, 448)),
        ((1, 10_000), (192, 576)),
        ((10_000, 1), (576, 192)),
    ],
)
def test_the_network_sees_the_shape_of_the_photo(photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert network_size(photo, InputSpec(keep_aspect=True)) == expected
    assert network_size(photo, InputSpec()) == (320, 320)


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([256, 320, 512]))
def test_sides_are_whole_steps_and_the_work_stays_about_the_same(height: int, width: int, side: int) -> None:
    down, across = network_size((height, width), InputSpec(size=side, keep_aspect=True))

    assert down % 32 == across % 32 == 0
    assert 0.8 < down * across / side**2 < 1.2


def test_shrinking_averages_over_the_whole_area() -> None:
    """Noise has no pattern that may survive: each pixel of the small picture is near the mean of all."""
    small = shrink(_noise(2000, 3000), (32, 32))

    assert small.shape == (32, 32, 3)
    assert np.abs(small.astype(float) - 127.5).max() < 10


def test_shrinking_ignores_an_alpha_that_means_nothing() -> None:
    pixels = _noise(40, 60)
    other = pixels.copy()
    other[..., 3] = 0

    assert np.array_equal(shrink(pixels, (32, 32)), shrink(other, (32, 32)))


def test_the_photo_is_left_as_it_was() -> None:
    pixels = _noise(64, 64)
    before = pixels.copy()
    shrink(pixels, (32, 32))

    assert np.array_equal(pixels, before)


def test_a_predictor_shows_the_engine_one_normalised_square_of_srgb() -> None:
    shown = []

    def engine(batch: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        shown.append(batch)
        return batch[:, 0]

    spec = InputSpec(size=32, mean=(0, 0, 0), std=(1, 1, 1))
    Predictor(engine, spec)(np.full((10, 20, 4), 200, np.uint8), lambda pixels: 255 - pixels)

    assert shown[0].shape == (1, 3, 32, 32)
    np.testing.assert_allclose(shown[0], 1, atol=1e-6)


def test_a_users_own_onnx_runs_at_the_size_that_it_demands(tmp_path: Path) -> None:
    predict = load(str(brightness(tmp_path / "own.onnx", size=64)))

    assert predict(_noise(10, 10), lambda pixels: pixels).shape == (64, 64)


def test_a_graph_that_wants_no_square_is_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(brightness(tmp_path / "own.onnx", size=64))
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 32
    onnx.save(model, tmp_path / "oblong.onnx")

    with pytest.raises(BadModel, match="wants 32×64 pictures"):
        load(str(tmp_path / "oblong.onnx"))


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"cannot read the model '.*none\.onnx': No such file"):
        load(str(tmp_path / "none.onnx"))
    with pytest.raises(
        UnknownName, match=r"no model named 'u2nett'; expected one of .*; did you mean 'u2net"
    ):
        load("u2nett")
