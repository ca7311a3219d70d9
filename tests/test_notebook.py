"""The notebook of examples/, every cell run in order, as a notebook program runs them."""

from __future__ import annotations

import ast
import json
import os
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.network.conftest import NOT_OURS

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

NOTEBOOK = REPOSITORY / "examples" / "u2net_tour.ipynb"


def run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line, where that is an expression, is what a notebook shows."""
    cell = ast.parse(source)
    last = cell.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(cell, str(NOTEBOOK), "exec"), names)
        return None
    exec(compile(ast.Module(cell.body[:-1], []), str(NOTEBOOK), "exec"), names)
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)


@pytest.mark.slow
@pytest.mark.filterwarnings(*NOT_OURS)
def test_every_cell_runs_and_shows_what_it_promises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(NOTEBOOK.parent)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}

    shown = [run("".join(cell["source"]), names) for cell in cells if cell["cell_type"] == "code"]

    strip, losses, curve, cut = (picture for picture in shown if isinstance(picture, Image.Image))
    assert strip.size == (8 * 160, 160)
    assert losses.size == curve.size
    assert names["losses"][-1] < 0.5 * names["losses"][0]
    assert max(names["precision"]) > 0.9
    assert cut.mode == "RGBA"
    assert {0, 255} <= set(np.unique(np.asarray(cut)[..., 3]))
    told = capsys.readouterr().out
    assert "En_6:  10 ×  10, 64 channels" in told
    assert "De_1: 320 × 320, 64 channels" in told
