"""What each kind of network says, against the formula written out slowly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.onnx_files import brightness

from u2bg.errors import BadModel
from u2bg.saliency.answers import saliency, stretched
from u2bg.saliency.engines import start
from u2bg.saliency.models import OutputSpec

SPREAD = np.linspace(-6, 6, 24, dtype=np.float32)


def test_a_map_stays_as_it_is() -> None:
    maps = np.array([[[[0.0, 0.25], [0.5, 1.0]]]], np.float32)
    np.testing.assert_array_equal(saliency(maps, OutputSpec(), "it"), maps[:, 0])


def test_logits_become_their_sigmoid() -> None:
    got = saliency(SPREAD.reshape(2, 1, 3, 4), OutputSpec(values="logits"), "it")
    slowly = [1 / (1 + np.exp(-float(z))) for z in SPREAD]
    np.testing.assert_allclose(got.reshape(-1), slowly, atol=1e-6)


def test_of_classes_all_but_the_background_count() -> None:
    answer = SPREAD.reshape(1, 4, 2, 3)
    got = saliency(answer, OutputSpec(values="classes"), "it")
    for row in range(2):
        for column in range(3):
            odds = np.exp(answer[0, :, row, column].astype(np.float64))
            assert got[0, row, column] == pytest.approx(odds[1:].sum() / odds.sum(), abs=1e-6)


def test_logits_of_any_size_overflow_nothing() -> None:
    huge = np.array([-1e30, 1e30], np.float32).reshape(1, 1, 1, 2)
    assert saliency(huge, OutputSpec(values="logits"), "it").tolist() == [[[0, 1]]]
    several = np.array([1e30, -1e30, 0, 0], np.float32).reshape(1, 4, 1, 1)
    assert saliency(several, OutputSpec(values="classes"), "it").tolist() == [[[0]]]


def test_each_map_is_stretched_by_itself_and_a_flat_one_left_alone() -> None:
    maps = np.array([[[0.2, 0.4]], [[0.5, 0.5]], [[0.0, 0.9]]], np.float32)
    assert stretched(maps).tolist() == [[[0, 1]], [[0.5, 0.5]], [[0, 1]]]
    np.testing.assert_allclose(saliency(maps[:, None], OutputSpec(stretch=True), "it"), stretched(maps))


@pytest.mark.parametrize("values", ["saliency", "logits", "classes"])
def test_what_is_no_number_is_refused(values: str) -> None:
    with pytest.raises(BadModel, match="model 'm' gave values from nan to nan; expected a map"):
        saliency(np.full((1, 4, 2, 2), np.nan, np.float32), OutputSpec(values=values), "model 'm'")


def test_an_engine_answers_by_what_its_row_says(tmp_path: Path) -> None:
    content = brightness(tmp_path / "a.onnx", scale=9.0).read_bytes()
    engine = start(content, "it", output=OutputSpec(values="logits"))
    np.testing.assert_allclose(engine(np.ones((1, 3, 1, 2), np.float32)), 1 / (1 + np.exp(-9.0)), atol=1e-6)
