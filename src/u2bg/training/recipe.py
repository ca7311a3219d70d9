"""What a run is made of: a TOML file read into frozen dataclasses. Every key, its bounds and its meaning stand here.

An unknown key, a value of another type or out of bounds is an error that names the nearest right one.
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from u2bg.datasets.settings import Augment, Rule, key
from u2bg.errors import SourceMissing, UsageError
from u2bg.network.stages import BASE

STEP = 32
"""Sides of a frame are multiples of what five halvings need."""

TABLES = ("u2net", "u2netp", "base")

PARTS = (*(stage.name for stage in BASE), "fuse")
"""What can be kept from learning; a stage's side output is part of it."""


TERMS = ("bce", "error", "iou", "boundary", "distill")
"""Of the loss, each with its weight in `[loss]`, in the order of the log."""


@dataclass(frozen=True, slots=True)
class Network:
    """`[network]`: which network, and in what precision it computes."""

    stages: str = key("u2netp", "the table of stages, where weights do not bring their own", choices=TABLES)
    mid: tuple[int, ...] = key(
        [], "channels inside the blocks in place of the table's: one, or eleven", low=1, high=1024
    )
    out: tuple[int, ...] = key(
        [], "channels the blocks hand on in place of the table's: one, or eleven", low=1, high=1024
    )
    precision: str = key(
        "bfloat16", "of the products; weights and sums stay float32", choices=("bfloat16", "float32")
    )
    batchnorm: str = key(
        "batch",
        "`batch`: normalise by the batch's statistics; `folded`: leave it out, its effect kept in the biases",
        choices=("batch", "folded"),
    )
    statistics: int = key(
        64,
        "pictures over which BatchNorm's statistics are taken at the start; 0 keeps them",
        low=0,
        high=1024,
    )
    frozen: tuple[str, ...] = key(
        [], "stages that do not learn: a step costs less where the first ones, or De_1, stay", choices=PARTS
    )


@dataclass(frozen=True, slots=True)
class Data:
    """`[data]`: how pictures reach the network."""

    side: int = key(352, "of the squares that decoded pictures are kept as", low=32, high=1024)
    shapes: tuple[tuple[int, int], ...] = key(
        [(320, 320), (288, 352), (352, 288)],
        "frames (height, width); each batch has one of them",
        low=32,
        high=1024,
        length=2,
    )
    batch: int = key(16, "pictures in a step", low=1, high=1024)
    validation: float = key(0.05, "share of the pictures kept out of training, to judge by", low=0, high=0.5)
    seed: int = key(2020, "all that is drawn depends on it and on the step", low=0, high=2**31 - 1)


@dataclass(frozen=True, slots=True)
class Loss:
    """`[loss]`: weights of the terms; each is a mean per map, summed over the seven maps."""

    bce: float = key(1.0, "binary cross-entropy, the paper's loss", low=0, high=100)
    error: float = key(
        0.0, "mean absolute error: unlike cross-entropy it pays for certainty", low=0, high=100
    )
    iou: float = key(0.0, "1 − intersection over union, per picture", low=0, high=100)
    boundary: float = key(0.0, "cross-entropy that counts up to six times near edges", low=0, high=100)
    distill: float = key(0.0, "cross-entropy against the teacher's map", low=0, high=100)
    temperature: float = key(
        1.0, "the teacher's logits are divided by it: below 1 its doubts shrink", low=0.1, high=10
    )
    trust: float = key(0.0, "teacher's maps less confident than this are not used", low=0, high=1)
    maps: tuple[float, ...] = key(
        [1.0] * 7, "weights of the fused map and of sides 1 to 6", low=0, high=100, length=7
    )

    @property
    def weights(self) -> dict[str, float]:
        """The terms that are switched on, with their weights."""
        return {name: weight for name in TERMS if (weight := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """`[optimizer]`: AdamW, its rate over time, and the mean of its weights that is kept."""

    rate: float = key(1e-4, "learning rate after the warm-up", low=0, high=1)
    scale: str = key(
        "weight",
        "`weight`: Adam's, each weight moves by the rate; `kernel`: kernels move by the rate times their size, and "
        "weights in them by their gradients: less noise where few pictures are seen",
        choices=("weight", "kernel"),
    )
    warmup: int = key(100, "steps over which the rate rises from 0", low=0, high=1_000_000)
    steps: int = key(10_000, "in all; --time-budget goes by the clock instead", low=1, high=100_000_000)
    decay: float = key(0.2, "last share of the run, in which the rate falls to 0", low=0, high=1)
    weight_decay: float = key(0.0, "AdamW's, on kernels alone", low=0, high=1)
    beta2: float = key(0.999, "AdamW's memory of squares", low=0.5, high=0.99999)
    clip: float = key(1.0, "longest gradient (global norm); 0 for any", low=0, high=1e6)
    ema: float = key(
        0.999, "memory of the mean of the weights that is judged and kept; 0 for none", low=0, high=0.99999
    )
    reach: float = key(
        1.0, "how far from where the run began to that mean the network that is kept lies", low=0.01, high=1
    )


@dataclass(frozen=True, slots=True)
class Log:
    """`[log]`: how often a run tells and keeps what it has."""

    every: int = key(20, "steps between lines of progress", low=1, high=100_000)
    validate: int = key(500, "steps between validations", low=1, high=1_000_000)
    checkpoint: int = key(500, "steps between checkpoints", low=1, high=1_000_000)
    pictures: int = key(12, "of the validation split on the contact sheet", low=0, high=64)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe. Each part is a table of the file; `[[folders]]` may stand many times."""

    network: Network = dataclasses.field(default_factory=Network)
    data: Data = dataclasses.field(default_factory=Data)
    folders: tuple[Rule, ...] = ()
    augment: Augment = dataclasses.field(default_factory=Augment)
    loss: Loss = dataclasses.field(default_factory=Loss)
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)
    log: Log = dataclasses.field(default_factory=Log)


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        SourceMissing: there is no such file. UsageError: what is wrong in it, and the nearest right thing.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(
            f"no recipe at '{path}'; expected a TOML file such as configs/lite.toml"
        ) from error


def parse(text: str, name: str = "recipe") -> Recipe:
    """A recipe from its text. Raises: UsageError, as `read`."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"'{name}' is no TOML: {error}") from error
    _refuse_unknown(tables, Recipe, name, "")
    parts: dict[str, Any] = {}
    for part in dataclasses.fields(Recipe):
        if part.name not in tables:
            continue
        rows = tables[part.name]
        if part.name == "folders":
            if not isinstance(rows, list):
                raise UsageError(
                    f"'{name}': folders is a list of tables; fix: write [[folders]], twice bracketed"
                )
            parts[part.name] = tuple(_table(Rule, row, name, "folders") for row in rows)
        else:
            parts[part.name] = _table(typing.get_type_hints(Recipe)[part.name], rows, name, part.name)
    recipe = Recipe(**parts)
    _check_together(recipe, name)
    return recipe


def rows() -> list[tuple[str, str, str, str]]:
    """Every key as (table, key, default, meaning), for the docs."""
    kinds = typing.get_type_hints(Recipe)
    tables = {
        part.name: Rule if part.name == "folders" else kinds[part.name] for part in dataclasses.fields(Recipe)
    }
    blank = {name: table() for name, table in tables.items()}
    return [
        (name, item.name, _written(getattr(blank[name], item.name)), item.metadata["about"])
        for name, table in tables.items()
        for item in dataclasses.fields(table)
    ]


def _table(table: Any, values: Any, name: str, where: str) -> Any:
    if not isinstance(values, dict):
        raise UsageError(f"'{name}': {where} is a table; fix: write [{where}] above its keys")
    _refuse_unknown(values, table, name, f"{where}.")
    kinds = typing.get_type_hints(table)
    items = {item.name: item for item in dataclasses.fields(table)}
    return table(
        **{
            given: _value(value, kinds[given], items[given].metadata, f"'{name}': {where}.{given}")
            for given, value in values.items()
        }
    )


def _refuse_unknown(values: dict[str, Any], table: Any, name: str, where: str) -> None:
    known = [item.name for item in dataclasses.fields(table)]
    for given in values:
        if given not in known:
            near = difflib.get_close_matches(given, known, n=1)
            hint = f"did you mean {where}{near[0]}?" if near else f"expected one of {', '.join(known)}"
            raise UsageError(f"'{name}': no key {where}{given}; {hint}")


def _value(value: Any, kind: Any, rules: types.MappingProxyType[Any, Any], where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        (inner, _) = typing.get_args(kind)
        value = value if isinstance(value, list) else [value]
        if rules["length"] and inner in {int, float} and len(value) != rules["length"]:
            raise UsageError(f"{where} has {len(value)} values; expected {rules['length']}")
        if typing.get_origin(inner) is tuple:
            return tuple(_pair(row, rules, where) for row in value)
        return tuple(_scalar(item, inner, rules, where) for item in value)
    return _scalar(value, kind, rules, where)


def _pair(row: Any, rules: types.MappingProxyType[Any, Any], where: str) -> tuple[int, int]:
    if not isinstance(row, list) or len(row) != rules["length"]:
        raise UsageError(f"{where}: got {row!r}, expected a pair such as [320, 320]")
    height, width = (_scalar(item, int, rules, where) for item in row)
    return height, width


def _scalar(value: Any, kind: type, rules: types.MappingProxyType[Any, Any], where: str) -> Any:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        names = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
        raise UsageError(f"{where} is {value!r}; expected {names[kind]}")
    if rules["choices"] and value not in rules["choices"]:
        near = difflib.get_close_matches(value, rules["choices"], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{where} is {value!r}; expected one of {', '.join(rules['choices'])}{hint}")
    low, high = rules["low"], rules["high"]
    if low is not None and not low <= value <= high:
        raise UsageError(f"{where} is {value}; expected {low:g} to {high:g}")
    return value


def _check_together(recipe: Recipe, name: str) -> None:
    """What no key can tell by itself."""
    for side in (side for shape in recipe.data.shapes for side in shape):
        if side % STEP:
            raise UsageError(f"'{name}': data.shapes has a side of {side}; expected a multiple of {STEP}")
    for widths in ("mid", "out"):
        count = len(getattr(recipe.network, widths))
        if count not in {0, 1, 11}:
            raise UsageError(f"'{name}': network.{widths} has {count} values; expected 1 or 11")
    loss = recipe.loss
    if not loss.weights or not any(loss.maps):
        raise UsageError(f"'{name}': every weight of loss is 0; expected one at least above it")
    if not recipe.data.shapes:
        raise UsageError(f"'{name}': data.shapes is empty; expected one shape at least, such as [[320, 320]]")


def _written(value: Any) -> str:
    """A default as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_written, value))}]"
    return f"{value:g}" if isinstance(value, float) and value < 1e4 else str(value)
