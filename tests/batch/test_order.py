"""A later run knows by the fingerprint whether it asks for the same files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.onnx_files import brightness

from u2bg.batch.order import Order, fingerprint
from u2bg.errors import UnknownName
from u2bg.imaging.formats import JPEG, PNG
from u2bg.pipeline import Options

ORDER, OPTIONS = Order(PNG), Options()


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (replace(ORDER, kind=JPEG), OPTIONS),
        (replace(ORDER, background=(0, 0, 0)), OPTIONS),
        (replace(ORDER, layer="mask"), OPTIONS),
        (ORDER, Options(refine="off")),
        (ORDER, Options(foreground=False)),
        (ORDER, Options(second_pass="auto")),
    ],
)
def test_what_changes_the_file_changes_the_fingerprint(order: Order, options: Options) -> None:
    assert fingerprint(order, options, "lite") != fingerprint(ORDER, OPTIONS, "lite")


def test_what_only_decides_whether_a_photo_is_cut_does_not() -> None:
    assert fingerprint(ORDER, Options(max_pixels=1), "lite") == fingerprint(ORDER, OPTIONS, "lite")


def test_ones_own_model_counts_by_its_content(tmp_path: Path) -> None:
    def of(path: Path) -> str:
        return fingerprint(ORDER, OPTIONS, str(path))

    first = of(brightness(tmp_path / "a.onnx"))
    assert of(brightness(tmp_path / "b.onnx")) == first
    assert of(brightness(tmp_path / "a.onnx", scale=0.5)) != first


def test_an_unknown_model_has_none() -> None:
    with pytest.raises(UnknownName, match="no model named"):
        fingerprint(ORDER, OPTIONS, "nothing")
