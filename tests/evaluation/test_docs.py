"""The page about evaluation names every score and every key of the JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.drawn_sets import answer, disc
from tests.test_house import _loaded_by

from u2bg.evaluation.document import conclude, document
from u2bg.evaluation.evaluate import Answers
from u2bg.evaluation.metrics import BACKGROUND_METRICS, METRICS, Metric

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("metric", [*METRICS, *BACKGROUND_METRICS], ids=lambda metric: metric.key)
def test_every_score_is_in_the_docs_with_the_better_direction(metric: Metric) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {metric.name} | `{metric.key}` |")]
    assert f"| {metric.better} |" in line


def test_every_key_of_the_json_is_in_the_docs() -> None:
    answers = Answers([answer(disc(), disc() > 0)], [])
    made = document(conclude("lite", answers, np.random.default_rng(0)))
    keys = {*made, *made["sets"][0], *made["sets"][0]["curves"], *made["pictures"][0], *made["calibration"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []


def test_the_room_is_light_until_something_is_scored() -> None:
    loaded = _loaded_by("import u2bg.cli.evaluate, u2bg.evaluation.metrics, u2bg.evaluation.document")
    assert "py_sod_metrics" not in loaded
    assert not {"keras", "cv2", "skimage", "scipy"} & loaded
    assert "py_sod_metrics" not in _loaded_by("from u2bg.cli import u2bg_command"), sys.version
