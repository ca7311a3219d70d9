"""A background remover in a process of its own, its network loaded: `speed_worker.py u2bg MODEL DEVICE | rembg`.

For every line `PHOTO png|webp` on stdin, one with the seconds from the bytes of the photo to those of the cut-out.
Runs in the environment of the contestant, so nothing of ours is imported for rembg.
"""

from __future__ import annotations

import importlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WEBP_QUALITY = 90


def u2bg(model: str, device: str) -> Callable[[bytes, str], bytes]:
    remover: Any = importlib.import_module("u2bg").Remover(model, device)
    return lambda photo, kind: remover(photo).encode(kind)


def rembg() -> Callable[[bytes, str], bytes]:
    bg: Any = importlib.import_module("rembg")
    image: Any = importlib.import_module("PIL.Image")
    session = bg.new_session("u2netp")

    def remove(photo: bytes, kind: str) -> bytes:
        if kind == "png":
            return bg.remove(photo, session=session)  # type: ignore[no-any-return]
        file = io.BytesIO()
        bg.remove(image.open(io.BytesIO(photo)), session=session).save(file, "WEBP", quality=WEBP_QUALITY)
        return file.getvalue()

    return remove


def main() -> None:
    remove = u2bg(*sys.argv[2:]) if sys.argv[1] == "u2bg" else rembg()
    for line in sys.stdin:
        path, kind = line.split()
        photo = Path(path).read_bytes()
        start = time.perf_counter()
        remove(photo, kind)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
