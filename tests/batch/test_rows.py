"""What a batch is to cut, from folders and from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from u2bg.batch.places import Place
from u2bg.batch.rows import Row, check_outputs, read_group, rows
from u2bg.errors import UsageError


def _table(path: Path, **columns: list[object]) -> Place:
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(pa.table(columns), path, row_group_size=2)
    return Place.of(str(path.parent))


def _found(place: Place, column: str | None = None) -> list[tuple[str, str]]:
    return [(row.input, row.output) for row in rows(place, ".png", column)]


def test_pictures_of_a_folder_keep_their_tree(tmp_path: Path) -> None:
    for name in ("b.JPG", "sub/a.webp", "notes.txt", ".hidden.jpg", "sub/.cache/c.jpg", "out/b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")

    found = list(rows(Place.of(str(tmp_path)), ".png", leave_out=Place.of(str(tmp_path / "out"))))

    assert [(row.input, row.output, row.size) for row in found] == [
        ("b.JPG", "b.png", 5),
        ("sub/a.webp", "sub/a.png", 5),
    ]
    assert found[0].mtime_ns == (tmp_path / "b.JPG").stat().st_mtime_ns


def test_rows_of_bytes_are_numbered_or_named(tmp_path: Path) -> None:
    plain = _table(tmp_path / "plain" / "p.parquet", bytes=[b"0", b"1", b"2"])
    named = _table(tmp_path / "named" / "n.parquet", image=[b"0", b"1"], name=["x/a", "b"])

    assert _found(plain) == [(f"p.parquet#{number}", f"p-{number:08d}.png") for number in range(3)]
    assert _found(named) == [("n.parquet#0", "x/a.png"), ("n.parquet#1", "b.png")]
    assert [(row.group, row.row) for row in rows(plain, ".png")] == [(0, 0), (0, 1), (1, 0)]
    assert read_group(plain, "p.parquet", 1, "bytes") == [b"2"]


def test_a_single_parquet_file_is_a_source_too(tmp_path: Path) -> None:
    _table(tmp_path / "plain" / "p.parquet", bytes=[b"0"])

    (row,) = rows(Place.of(str(tmp_path / "plain" / "p.parquet")), ".png")

    assert (row.input, row.file) == ("p.parquet#0", "p.parquet")


def test_pictures_in_structs_as_data_sets_have_them(tmp_path: Path) -> None:
    place = _table(tmp_path / "in" / "p.parquet", image=[{"bytes": b"0", "path": "a.jpg"}])

    assert read_group(place, "p.parquet", 0, "image") == [b"0"]


def test_uris_give_the_names(tmp_path: Path) -> None:
    place = _table(tmp_path / "in" / "p.parquet", url=["s3://shop/a/b.jpg?x=1", "https://host/c.png"])

    assert _found(place) == [
        ("s3://shop/a/b.jpg?x=1", "shop/a/b.png"),
        ("https://host/c.png", "host/c.png"),
    ]


@pytest.mark.parametrize("name", ["../../etc/a", "/etc/a", "a/../../b", "..", "", "x\\..\\..\\y"])
def test_no_name_in_a_table_leads_out_of_the_destination(tmp_path: Path, name: str) -> None:
    place = _table(tmp_path / "in" / "p.parquet", bytes=[b"0"], name=[name])
    ((_, output),) = _found(place)

    inside = (tmp_path / "out" / output).resolve()
    assert (tmp_path / "out").resolve() in inside.parents


@pytest.mark.parametrize(
    ("columns", "asked", "message"),
    [
        (
            {"picture": [b""]},
            None,
            "has the columns picture; expected one of bytes, image, content, uri, url",
        ),
        ({"bytes": [b""]}, "photo", "expected one of photo; fix: say which with --column"),
    ],
)
def test_a_column_that_is_not_there_is_told(
    tmp_path: Path, columns: dict[str, list[object]], asked: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        _found(_table(tmp_path / "in" / "p.parquet", **columns), asked)


def test_what_is_no_parquet_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"nothing")

    with pytest.raises(UsageError, match=r"'p\.parquet' is no whole Parquet file: .*; fix: write it again"):
        _found(Place.of(str(tmp_path)))


def test_nothing_to_cut_and_one_place_for_both_are_usage_errors(tmp_path: Path) -> None:
    place = Place.of(str(tmp_path))
    with pytest.raises(UsageError, match="no pictures and no Parquet files under"):
        _found(place)
    with pytest.raises(UsageError, match="is source and destination"):
        list(rows(place, ".png", leave_out=place))


def test_two_pictures_for_one_output_are_refused() -> None:
    with pytest.raises(UsageError, match=r"2 pictures would write 'a\.png': 'a\.jpg', 'a\.webp'; nothing"):
        check_outputs([Row("a.jpg", "a.png"), Row("b.jpg", "b.png"), Row("a.webp", "a.png")])
