"""A folder of pictures becomes shards that any machine can read: small, checked, and with a teacher's maps."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from u2bg.datasets import pairs, shards
from u2bg.datasets.pairs import Entry, Flaw, Sample
from u2bg.errors import InputError, OutputExists
from u2bg.files import replacing

Teacher = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""(H, W, 3) uint8 sRGB to a saliency map (h, w) float32 in [0, 1], of whatever size it likes."""

Progress = Callable[[int, int], None]
"""Called with the pictures done and the pictures in all."""

TEACHER_QUALITY = 90
KEPT = ".taught"
"""Maps already made, so that a pack that was interrupted goes on; gone when it is done."""


@dataclass(frozen=True, slots=True)
class Packing:
    """How pictures are kept.

    Attributes:
        side: pictures are scaled down to the area of a square of this side.
        quality: of the WebP images, 1..100. limit_bytes: of a shard.
    """

    side: int = 384
    quality: int = 85
    limit_bytes: int = shards.LIMIT_BYTES


def pack(
    data: Path,
    out: Path,
    packing: Packing | None = None,
    *,
    teacher: tuple[str, Teacher] | None = None,
    progress: Progress | None = None,
) -> shards.Index:
    """Pack every picture under `data` that can be learnt from; broken ones are named in the index, not fatal.

    The pictures are shuffled (always the same way), so that any one shard is a fair sample. The same folder gives
    the same bytes.

    Args:
        teacher: its name, and the model itself; asked for the map of every photo and pair.

    Raises:
        SourceMissing, InputError: as `pairs.find`; or nothing is left. OutputExists: shards are there already.
    """
    if shards.is_packed(out):
        raise OutputExists(f"'{out}' holds shards already; fix: remove it, or pack into another folder")
    packing = packing or Packing()
    entries, left_out = pairs.find(data)
    entries.sort(key=lambda entry: hashlib.sha256(entry.key.encode()).digest())
    taught = _Taught(out, *teacher) if teacher else None
    writer, rows = shards.Writer(out, packing.limit_bytes), list[shards.Row]()
    for done, entry in enumerate(entries, 1):
        try:
            sample = pairs.read(entry, packing.side)
        except Flaw as flaw:
            left_out[entry.key] = str(flaw)
        else:
            rows.append(_add(writer, entry, sample, packing, taught))
        if progress:
            progress(done, len(entries))
    if not rows:
        first, why = next(iter(left_out.items()))
        raise InputError(f"none of {len(left_out)} pictures can be learnt from; {first}: {why}")
    writer.flush()
    index = shards.Index(tuple(rows), teacher[0] if teacher else None, dict(sorted(left_out.items())))
    shards.write_index(out, index)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(out / KEPT)
    return index


def _add(
    writer: shards.Writer, entry: Entry, sample: Sample, packing: Packing, taught: _Taught | None
) -> shards.Row:
    parts = {"image": encode(sample.image, quality=packing.quality)}
    confidence = None
    if sample.mask is not None:
        parts["mask"] = encode(sample.mask, lossless=True)
    if sample.form != "cutout" and taught:
        parts["teacher"], confidence = taught(sample.image)
    height, width = sample.image.shape[:2]
    return shards.Row(entry.key, sample.form, writer.add(entry.key, parts), width, height, confidence)


@dataclass(frozen=True, slots=True)
class _Taught:
    """A teacher's compressed maps, each made once however often the pack is interrupted."""

    out: Path
    name: str
    teacher: Teacher

    def __call__(self, image: npt.NDArray[np.uint8]) -> tuple[bytes, float]:
        digest = hashlib.sha256(f"{self.name}{image.shape}".encode() + image.tobytes()).hexdigest()
        path = self.out / KEPT / f"{digest}.webp"
        if path.is_file():
            content = path.read_bytes()
        else:
            content = encode(to_bytes(self.teacher(image)), quality=TEACHER_QUALITY)
            with replacing(path, make_folder=True) as part:
                part.write_bytes(content)
        return content, round(confidence(decode(content)), 4)


def confidence(teacher_map: npt.NDArray[np.uint8]) -> float:
    """How sure a map is of the subject it shows: Σ over m > ½ of m, by the same plus Σ elsewhere and the doubt.

    0 for a map that shows nothing, 1 for one of 0 and 255 alone.
    """
    share = teacher_map.astype(np.float64) / 255
    subject = share > 0.5
    return float(share[subject].sum() / max(1e-9, subject.sum() + share[~subject].sum()))


def to_bytes(share: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """[0, 1] to 0..255, rounded."""
    return np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)


def encode(pixels: npt.NDArray[np.uint8], *, quality: int = 85, lossless: bool = False) -> bytes:
    """(H, W, 3) or (H, W) uint8 to WebP."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(
        buffer, "WEBP", quality=100 if lossless else quality, lossless=lossless, method=4
    )
    return buffer.getvalue()


def decode(content: bytes) -> npt.NDArray[np.uint8]:
    """WebP of a grey picture to (H, W) uint8."""
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("RGB"))[..., 1]
