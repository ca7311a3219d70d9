"""Every format and mode, there and back; the table in docs/formats.md is made by this run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.imaging.round_trips import SOURCES, Trip, table
from tests.imaging.round_trips import trips as trips_of
from tests.onnx_files import brightness

from u2bg import Remover

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"
BEGIN, END = "<!-- made by tests/imaging/test_round_trips.py -->", "<!-- end of what the tests made -->"
LOSSLESS = DEEP = {"png", "tiff", "tiff-layers", "psd"}
Trips = dict[tuple[tuple[str, str], str], Trip]


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Trips:
    remover = Remover(model=str(brightness(tmp_path_factory.mktemp("model") / "brightness.onnx")))
    return {(source, kind): found for source in SOURCES for kind, found in trips_of(source, remover).items()}


def test_the_interior_is_exact_where_nothing_is_lost_by_design(trips: Trips) -> None:
    assert [way for way, found in trips.items() if found.exact < (way[1] in LOSSLESS)] == []


def test_lossy_formats_stay_close(trips: Trips) -> None:
    assert [way for way, found in trips.items() if not found.close] == []


def test_sixteen_bits_stay_sixteen_where_the_format_holds_them(trips: Trips) -> None:
    for (source, kind), found in trips.items():
        deep = SOURCES[source].bits == 16 and kind in DEEP
        assert found.bits == (16 if deep else 8), (source, kind)


def test_profile_description_and_resolution_go_on(trips: Trips) -> None:
    for (source, kind), found in trips.items():
        told = {name for name in ("icc", "dpi", "exif", "xmp") if getattr(found, name)}
        holds_dpi = kind not in {"webp", "avif"}
        assert told == {name for name in SOURCES[source].tells if name != "dpi" or holds_dpi}, (source, kind)


def test_no_output_says_that_it_lies_on_its_side(trips: Trips) -> None:
    assert all(found.upright for found in trips.values())


def test_the_table_in_the_docs_is_that_of_this_run(trips: Trips) -> None:
    made = f"{BEGIN}\n\n{table(trips)}\n\n{END}"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if os.environ.get("U2BG_WRITE_DOCS"):
        PAGE.write_text(f"{before}{made}{after}", encoding="utf-8")
    assert page == f"{before}{made}{after}", (
        "fix: U2BG_WRITE_DOCS=1 pytest tests/imaging/test_round_trips.py, twice"
    )
