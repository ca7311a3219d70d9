"""The state of a run in one file: weights, their mean, the optimizer, the step. NumPy arrays and JSON, no objects.

A file is written whole or not at all, and a damaged one is known for what it is when it is read.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from u2bg.errors import BadModel, SourceMissing
from u2bg.files import replacing

FORMAT = "u2bg checkpoint 1"

LAST = "last.npz"
BEFORE_DECAY = "before-decay.npz"

Arrays = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. All that is drawn at random follows from the recipe's seed and the step.

    Attributes:
        step: steps done. elapsed_s: seconds they took, over all sittings. images: pictures seen.
        best: the best validation score so far, or None. budget_s: of the whole run's time, or None to go by steps.
        stages, notes: of the network.
    """

    step: int
    elapsed_s: float
    images: int
    best: float | None
    budget_s: float | None
    stages: list[list[str | int]]
    notes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """weights, mean (the EMA), begun (the weights at the start, where they are needed): by the variable's path;
    optimizer: by its own."""

    progress: Progress
    weights: Arrays
    mean: Arrays
    optimizer: Arrays
    begun: Arrays = field(default_factory=dict)


PARTS = ("weights", "mean", "optimizer", "begun")


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all. Raises: CannotWrite."""
    told = json.dumps({"format": FORMAT, **asdict(checkpoint.progress)})
    arrays = {f"{part}/{name}": array for part in PARTS for name, array in getattr(checkpoint, part).items()}
    with replacing(path, make_folder=True) as part, part.open("wb") as file:
        np.savez(file, told=np.frombuffer(told.encode(), np.uint8), allow_pickle=False, **arrays)


def read(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises: SourceMissing: there is none. BadModel: it is damaged, or something else."""
    if not path.is_file():
        raise SourceMissing(
            f"no checkpoint '{path}'; expected one of u2bg train; fix: check the run's folder"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            told = json.loads(stored["told"].tobytes())
            if told.pop("format") != FORMAT:
                raise BadModel(f"'{path}' is a checkpoint of another version of u2bg; expected {FORMAT!r}")
            parts: dict[str, Arrays] = {part: {} for part in PARTS}
            for name in stored.files:
                part, _, variable = name.partition("/")
                if part in parts:
                    parts[part][variable] = stored[name]
            return Checkpoint(Progress(**told), **parts)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError, EOFError) as error:
        raise BadModel(
            f"the checkpoint '{path}' is damaged; expected what u2bg train writes; "
            f"fix: start from another one with --from, such as {BEFORE_DECAY} or best.keras"
        ) from error
