"""A checkpoint comes back as it was; a damaged one is known for what it is, and a full disk harms none."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from u2bg.errors import BadModel, CannotWrite, SourceMissing
from u2bg.training import checkpoints
from u2bg.training.checkpoints import Checkpoint, Progress


def some(step: int = 3) -> Checkpoint:
    rng = np.random.default_rng(step)
    arrays: checkpoints.Arrays = {
        "a/kernel": rng.standard_normal((3, 3, 2, 4), np.float32),
        "a/bias": np.zeros(4, np.float32),
    }
    progress = Progress(step, 1.5, 12, 0.25, None, [["En_1", "RSU-7", 4, 8]], {"licence": "any"})
    return Checkpoint(progress, arrays, dict(arrays), {"0000:rate": np.full((), 0.1, np.float32)})


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoints.write(tmp_path / "run" / "last.npz", some())
    back = checkpoints.read(tmp_path / "run" / "last.npz")

    assert back.progress == some().progress
    for part in ("weights", "mean", "optimizer"):
        for name, array in getattr(some(), part).items():
            assert np.array_equal(getattr(back, part)[name], array)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["last.npz"]


@pytest.mark.parametrize("kept", [0, 100, 700])
def test_a_damaged_checkpoint_is_an_error_in_one_line(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "last.npz"
    checkpoints.write(path, some())
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(
        BadModel, match=r"the checkpoint '.*last.npz' is damaged; .*; fix: start from another"
    ):
        checkpoints.read(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "last.npz"
    checkpoints.write(path, some())
    content = bytearray(path.read_bytes())
    content[content.index(some().weights["a/kernel"].tobytes())] ^= 1
    path.write_bytes(content)

    with pytest.raises(BadModel, match="is damaged"):
        checkpoints.read(path)


def test_there_has_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no checkpoint"):
        checkpoints.read(tmp_path / "last.npz")


def test_a_full_disk_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.npz"
    checkpoints.write(path, some(3))

    def full(*arguments: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CannotWrite, match="the disk is full"):
        checkpoints.write(path, some(4))

    assert checkpoints.read(path).progress.step == 3
    assert [path.name for path in tmp_path.iterdir()] == ["last.npz"]
