"""The account of a batch: a later run knows what is done, and errors stand in a table of their own."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from u2bg.batch.ledger import ERRORS, FIELDS, Ledger
from u2bg.batch.places import Place
from u2bg.batch.rows import Row
from u2bg.errors import OutputExists

ROW = Row("a.jpg", "a.png", 100, 7)


def _result(row: Row = ROW, error: str | None = None) -> dict[str, Any]:
    known = {
        "input": row.input,
        "output": row.output,
        "input_bytes": row.size,
        "input_mtime_ns": row.mtime_ns,
    }
    known |= {"status": "failed" if error else "done", "error": error, "options": "o", "output_bytes": 3}
    return dict.fromkeys(FIELDS) | known


def _run(place: Place, *results: dict[str, Any], options: str = "o") -> Ledger:
    ledger = Ledger(place, options)
    ledger.begin(overwrite=False)
    ledger.add(results)
    ledger.close()
    return ledger


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A destination in which `a.png` was made."""
    place = Place.of(str(tmp_path))
    _run(place, _result())
    place.write("a.png", b"cut")
    return place


def _errors(place: Place) -> list[tuple[str, str]]:
    table = parquet.read_table(io.BytesIO(place.read(ERRORS))).to_pylist()
    return [(row["input"], row["error"]) for row in table]


def test_what_is_done_and_unchanged_is_known(place: Place) -> None:
    ledger = Ledger(place, "o")

    assert ledger.is_done(ROW)
    assert not ledger.is_done(Row("a.jpg", "a.png", 101, 7))
    assert not ledger.is_done(Row("a.jpg", "a.png", 100, 8))
    assert not ledger.is_done(Row("a.webp", "a.png", 100, 7))
    assert not Ledger(place, "other").is_done(ROW)


def test_an_account_is_read_without_threads_that_outlive_the_program(place: Place) -> None:
    read = (
        "import sys; from u2bg.batch.ledger import Ledger; from u2bg.batch.places import Place; "
        "ledger = Ledger(Place.of(sys.argv[1]), 'o'); ledger.begin(overwrite=False); ledger.close(); "
        "assert 'pyarrow.parquet' in sys.modules; assert 'pyarrow._dataset' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", read, place.below("")], check=True)


def test_a_missing_or_changed_output_is_made_again(place: Place) -> None:
    place.write("a.png", b"touched")
    assert not Ledger(place, "o").is_done(ROW)
    Path(place.below("a.png")).unlink()
    assert not Ledger(place, "o").is_done(ROW)


def test_errors_stand_until_the_picture_is_done(place: Place) -> None:
    bad = Row("b.jpg", "b.png", 5, 5)
    _run(place, _result(bad, error="broken"))
    assert _errors(place) == [("b.jpg", "broken")]
    _run(place)
    assert _errors(place) == [("b.jpg", "broken")]
    _run(place, _result(bad))
    assert _errors(place) == []


def test_a_folder_with_other_peoples_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(b"precious")
    ledger = Ledger(Place.of(str(tmp_path)), "o")

    with pytest.raises(OutputExists, match="holds 1 files and no batch of ours; fix: choose an empty folder"):
        ledger.begin(overwrite=False)
    ledger.begin(overwrite=True)
    Ledger(Place.of(str(tmp_path)), "o").begin(overwrite=False)


def test_temporary_files_of_dead_workers_are_cleared_away(place: Place, tmp_path: Path) -> None:
    run = Ledger(place, "o")
    run.begin(overwrite=False)
    dead, foreign = tmp_path / f".a.png.{run.run}00000000.part", tmp_path / ".a.png.0000000000000000.part"
    for path in (dead, foreign):
        path.write_bytes(b"half")

    _run(place)

    assert (dead.exists(), foreign.exists()) == (False, True)
