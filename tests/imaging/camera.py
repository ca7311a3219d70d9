"""A camera's file, made here: a DNG of a mosaic RGGB."""

from __future__ import annotations

import io
from typing import Any

import numpy.typing as npt
import tifffile


def dng(mosaic: npt.NDArray[Any], orientation: int = 1) -> bytes:
    """(H, W) uint16 with the tags that LibRaw asks for, among them the camera's white balance: twice the red."""
    matrix = [10000, 10000, 0, 1, 0, 1, 0, 1, 10000, 10000, 0, 1, 0, 1, 0, 1, 10000, 10000]
    tags = [
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50708, 2, 0, "Made by a test", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50721, 10, 9, matrix, True),
        (50728, 5, 3, (2, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
        (50717, 4, 1, 65535, True),
        (274, 3, 1, orientation, True),
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, mosaic, photometric=32803, extratags=tags, metadata=None, planarconfig=1)
    return file.getvalue()
