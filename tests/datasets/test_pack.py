"""Shards: what goes in comes out, the same on every machine, and damage is known for what it is."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.command import Command
from tests.datasets.conftest import Save, disc

from u2bg.datasets import pack, pairs, shards
from u2bg.errors import InputError


def test_a_round_trip_keeps_masks_exactly_and_pictures_nearly(data: Path, tmp_path: Path) -> None:
    index = pack.pack(data, tmp_path / "out")

    found = {row.key: parts for row, parts in shards.read_parts(tmp_path / "out", index)}
    entries, _ = pairs.find(data)
    assert set(found) == {entry.key for entry in entries}
    for entry in entries:
        sample, parts = pairs.read(entry, 384), found[entry.key]
        image = np.asarray(Image.open(io.BytesIO(parts["image"])).convert("RGB"))
        # WebP halves the colour channels; these pictures are small and colourful.
        assert np.abs(image.astype(int) - sample.image).mean() < 6
        assert ("mask" in parts) == (sample.mask is not None)
        if sample.mask is not None:
            assert np.array_equal(pack.decode(parts["mask"]), sample.mask)


def test_the_same_folder_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        pack.pack(data, tmp_path / name)

    one, two = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == ["index.json", "shard-000.tar"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_shards_stay_below_their_limit_and_may_travel_apart(data: Path, tmp_path: Path) -> None:
    index = pack.pack(data, tmp_path / "out", pack.Packing(limit_bytes=12_000))

    files = sorted((tmp_path / "out").glob("*.tar"))
    assert len(files) > 1
    assert all(path.stat().st_size <= 12_000 + 2 * tarfile.RECORDSIZE for path in files)
    files[0].unlink()
    part = shards.read_index(tmp_path / "out")
    assert 0 < len(part.rows) < len(index.rows)
    assert all(parts["image"] for _, parts in shards.read_parts(tmp_path / "out", part))


def test_broken_pairs_are_named_and_left_out(
    command: Command, data: Path, save: Save, tmp_path: Path
) -> None:
    save("pairs/masks/1.png", np.zeros((40, 60), np.uint8))
    (data / "photos" / "street.webp").write_bytes(b"nothing of the sort")

    ran = command("pack", data, tmp_path / "out")

    assert ran.exit_code == 0
    assert "left out pairs/1: the mask is all black" in ran.stderr
    assert "left out photos/street: cannot be read: cannot identify image file" in ran.stderr
    assert f"{tmp_path / 'out'}: 4 pictures" in ran.stderr
    assert set(shards.read_index(tmp_path / "out").left_out) == {"pairs/1", "photos/street"}


def test_when_nothing_is_left_that_is_an_error(save: Save, tmp_path: Path) -> None:
    save("p/images/a.png", disc(40, 40))
    save("p/masks/a.png", np.zeros((40, 40), np.uint8))

    with pytest.raises(InputError, match="none of 1 pictures can be learnt from; p/a: the mask is all black"):
        pack.pack(tmp_path / "data", tmp_path / "out")


def test_packing_twice_into_one_folder_is_refused(command: Command, data: Path, tmp_path: Path) -> None:
    assert command("pack", data, tmp_path / "out").exit_code == 0
    ran = command("pack", data, tmp_path / "out")

    assert ran.exit_code == 1
    assert "holds shards already; fix: remove it, or pack into another folder" in ran.stderr


class Teacher:
    """Says that everything is half a subject, and fails after a number of pictures."""

    def __init__(self, patience: int) -> None:
        self.asked, self.patience = 0, patience

    def __call__(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        if self.asked == self.patience:
            raise KeyboardInterrupt
        self.asked += 1
        return np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)


def test_an_interrupted_pack_asks_the_teacher_for_the_rest_alone(data: Path, tmp_path: Path) -> None:
    first, second = Teacher(2), Teacher(9)
    with pytest.raises(KeyboardInterrupt):
        pack.pack(data, tmp_path / "out", teacher=("half", first))
    index = pack.pack(data, tmp_path / "out", teacher=("half", second))

    assert (first.asked, second.asked) == (2, 3)
    assert index.teacher == "half"
    assert {row.key for row in index.rows if row.confidence is None} == {"cutouts/vase"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["index.json", "shard-000.tar"]


def test_confidence_is_of_the_subject() -> None:
    assert pack.confidence(disc(20, 20)) == 1
    assert pack.confidence(np.zeros((4, 4), np.uint8)) == 0
    assert 0 < pack.confidence(np.full((4, 4), 140, np.uint8)) < 0.6


def test_damage_is_an_error_in_one_line(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    index = pack.pack(data, out)
    shard = out / "shard-000.tar"
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"is damaged or cut short|lacks"):
        list(shards.read_parts(out, index))
    shard.unlink()
    with pytest.raises(InputError, match="none of the shards"):
        shards.read_index(out)
    (out / "index.json").write_text('{"format": ')
    with pytest.raises(InputError, match=r"index\.json' is damaged"):
        shards.read_index(out)
