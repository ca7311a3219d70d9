"""The format table: told by content, named by suffix."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from u2bg.errors import UnknownName
from u2bg.imaging import encode
from u2bg.imaging.formats import FORMATS, PSD, recognise, written_format


@pytest.mark.parametrize("row", [row for row in FORMATS if row.signatures], ids=lambda row: row.name)
def test_what_is_written_is_recognised_as_what_it_is(row: object) -> None:
    assert isinstance(row, type(FORMATS[0]))
    if row.name == "raw":
        pytest.skip("cameras write these: see test_raw")
    if row.name == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if row is PSD:
        content = encode(np.zeros((64, 64, 3), np.uint8), row)
    else:
        file = io.BytesIO()
        Image.new("RGB", (64, 64)).save(file, row.pillow)
        content = file.getvalue()

    assert recognise(content[:16]) is row


@pytest.mark.parametrize("head", [b"", b"RIFF\0\0\0\0WAVEfmt ", b"PK\3\4", b"<svg", b"%PDF-1.4", b"\x89PN"])
def test_other_files_are_not(head: bytes) -> None:
    assert recognise(head) is None


def test_outputs_are_named_by_format_or_by_suffix() -> None:
    assert written_format("jpg") is written_format(".JPEG") is written_format(".jpg")


@pytest.mark.parametrize("name", ["gif", ".heic", "pgn", ""])
def test_what_cannot_be_written_is_refused_with_what_can(name: str) -> None:
    with pytest.raises(
        UnknownName,
        match=r"no output format named .*; expected one of avif, jpg, png, psd, tiff, tiff-layers, webp",
    ):
        written_format(name)


def test_a_slip_of_the_fingers_gets_a_hint() -> None:
    with pytest.raises(UnknownName, match="did you mean 'png'"):
        written_format("pgn")
