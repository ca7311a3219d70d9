"""The events that a run leaves, read by TensorFlow's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from tests.training.conftest import MakeRun

from u2bg.errors import CannotWrite
from u2bg.training.events import Events
from u2bg.training.trainer import train


def read(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Every event's step and numbers; the reader checks the checksums."""
    (path,) = folder.glob("events.out.tfevents.*")
    events: list[Any] = [
        tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))
    ]
    assert events[0].file_version == "brain.Event:2"
    assert all(event.wall_time == 1000.5 or event.wall_time > 1e9 for event in events)
    return [(event.step, {row.tag: row.simple_value for row in event.summary.value}) for event in events[1:]]


def test_numbers_are_read_back_at_their_steps(tmp_path: Path) -> None:
    events = Events(tmp_path, clock=lambda: 1000.5)
    events.add({"step": 0, "loss": None, "val_iou": 0.5})
    events.add({"step": 300_000, "loss": -1.25, "images": 16, "val_iou": None})

    assert read(tmp_path) == [(0, {"validation/iou": 0.5}), (300_000, {"loss": -1.25, "images": 16.0})]


def test_a_run_writes_what_its_log_has(make_run: MakeRun) -> None:
    run = make_run("seen")
    train(run)

    steps = read(run.folder)
    assert [step for step, _ in steps][-1] == 6
    assert {"loss", "rate", "bce", "validation/error", "validation/iou"} <= {
        name for _, row in steps for name in row
    }


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way")
    with pytest.raises(CannotWrite, match="its folder is a file"):
        Events(folder)
