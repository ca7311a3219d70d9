"""The log as TensorBoard reads it: `tensorboard --logdir runs` shows loss and scores of every run beside each other.

A file of events is a row of records, each `length, checksum, content, checksum`, the content an `Event` in protocol
buffers (TensorFlow's event.proto and summary.proto). That is little enough to write without TensorBoard, which would
bring a web server and a second copy of what log.csv has.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from u2bg.files import refusal

NAME = "events.out.tfevents.{second}.u2bg"

CASTAGNOLI = 0x82F63B78
"""The polynomial of CRC-32C, bits reversed."""


class Events:
    """Appends to one file per sitting; TensorBoard puts those of a folder together.

    Args:
        folder: the run's. clock: seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._path = folder / NAME.format(second=int(clock()))
        self._append(_text(3, b"brain.Event:2"))

    def add(self, row: Mapping[str, float | int | None]) -> None:
        """A row of the log: every number of it but the step, at its step. Raises: CannotWrite."""
        values = [
            _text(1, _text(1, name.replace("val_", "validation/").encode()) + _float(2, value))
            for name, value in row.items()
            if value is not None and name != "step"
        ]
        self._append(_whole(2, int(row["step"] or 0)) + _text(5, b"".join(values)))

    def _append(self, content: bytes) -> None:
        event = struct.pack("<Bd", 1 << 3 | 1, self._clock()) + content
        length = struct.pack("<Q", len(event))
        try:
            with self._path.open("ab") as file:
                file.write(length + _checksum(length) + event + _checksum(event))
        except OSError as error:
            raise refusal(self._path, error) from error


def _text(field: int, content: bytes) -> bytes:
    """A field of bytes: its number, their count, they."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _whole(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _float(field: int, number: float) -> bytes:
    return struct.pack("<Bf", field << 3 | 5, number)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the least first, the highest bit set on all but the last."""
    low = []
    while number > 127:
        low.append(number & 127 | 128)
        number >>= 7
    return bytes([*low, number])


def _checksum(content: bytes) -> bytes:
    """CRC-32C, turned and shifted as TensorFlow's records have it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _row(crc: int) -> int:
    for _ in range(8):
        crc = crc >> 1 ^ (CASTAGNOLI if crc & 1 else 0)
    return crc


_TABLE = tuple(map(_row, range(256)))
