"""Where a run begins: random weights, published ones, a `.keras` file, or what another run had before its decay."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from u2bg.datasets.augment import augment
from u2bg.datasets.deck import Deck
from u2bg.datasets.plan import Planner
from u2bg.errors import UnknownName
from u2bg.network import batchnorm, saving, steady
from u2bg.network.convert import convert
from u2bg.network.stages import BASE, STEM, U2NET, U2NETP, Stage
from u2bg.network.u2net import U2Net
from u2bg.saliency import models, store
from u2bg.saliency.origins import Progress
from u2bg.training import checkpoints, engine
from u2bg.training.checkpoints import Checkpoint
from u2bg.training.recipe import Network, Recipe

STAGES = {"u2net": U2NET, "u2netp": U2NETP, "base": BASE}

AT_ONCE = 8
DRAWN = 16

Pictures = Iterator[npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Start:
    """The network to begin with, and the state to go on from where another run gave one."""

    network: U2Net
    checkpoint: Checkpoint | None = None


def begin(
    origin: str | None,
    recipe: Recipe,
    pictures: Callable[[], Pictures],
    progress: Progress | None = None,
) -> Start:
    """Have the network that a run begins with.

    Args:
        origin: None for random weights, a model's name, a `.keras` file, or a run's folder.
        pictures: gives (1, H, W, 3) float32 ImageNet-normalised pictures for BatchNorm's statistics.
        progress: of a model's pull.

    Raises:
        UnknownName: it is none of these. SourceMissing, BadModel, PullFailed: it cannot be had.
    """
    if origin is None:
        keras.utils.set_random_seed(recipe.data.seed)
        return Start(U2Net(stages(recipe.network)))
    path = Path(origin)
    if path.is_dir():
        return _from_run(path)
    if path.suffix == saving.SUFFIX:
        return Start(_prepared(saving.read(path), recipe.network, pictures))
    if origin not in models.MODELS:
        raise UnknownName("model, .keras file or run", origin, models.MODELS)
    spec = models.in_float(models.find(origin))
    network = convert(store.ensure(spec, progress), [])
    network.notes["licence"] = spec.licence
    return Start(_prepared(network, recipe.network, pictures))


def stages(network: Network) -> tuple[Stage, ...]:
    """The recipe's table of stages; a stem stays as it is."""
    whole = STAGES[network.stages]
    table = [stage for stage in whole if stage.rsu != STEM]
    stem = [stage for stage in whole if stage.rsu == STEM]
    mids, outs = (
        widths * (len(table) // len(widths)) if widths else tuple(getattr(stage, name) for stage in table)
        for name, widths in (("mid", network.mid), ("out", network.out))
    )
    rows = (stage._replace(mid=mid, out=out) for stage, mid, out in zip(table, mids, outs, strict=True))
    return (*stem, *rows)


def _prepared(network: U2Net, wanted: Network, pictures: Callable[[], Pictures]) -> U2Net:
    """The weights as the recipe trains them: no large constants, and BatchNorm by these pictures or folded."""
    if wanted.batchnorm == "folded":
        return steady.settle(network, pictures())
    return measured_anew(steady.settle(network, pictures()), pictures()) if wanted.statistics else network


def measured_anew(network: U2Net, pictures: Pictures) -> U2Net:
    """The same function, its BatchNorm with the statistics of these pictures."""
    fresh = U2Net(network.stages, notes=network.notes, kernels="zeros")
    folded = batchnorm.fold(network)
    batchnorm.unfold(fresh, folded, {})
    batchnorm.unfold(fresh, folded, batchnorm.measure(fresh, pictures))
    return fresh


def seen_in_training(planner: Planner, deck: Deck, recipe: Recipe) -> Pictures:
    """Pictures as training shows them, crops and colours and all: (1, H, W, 3) each, all of the first shape."""
    noise, shape = engine.noise(recipe), recipe.data.shapes[0]
    planner = dataclasses.replace(planner, shapes=[shape], batch=min(AT_ONCE, planner.batch))
    for first in range(0, recipe.network.statistics or DRAWN, planner.batch):
        plan, _ = planner.draw(first)
        rows, plan = engine.few_rows(deck, plan)
        images = keras.ops.convert_to_numpy(
            augment(keras.ops.convert_to_tensor(rows), noise, plan, shape).images
        )
        yield from (image[None] for image in images)


def _from_run(folder: Path) -> Start:
    path = folder / checkpoints.BEFORE_DECAY
    checkpoint = checkpoints.read(path if path.is_file() else folder / checkpoints.LAST)
    return Start(network_of(checkpoint), checkpoint)


def network_of(checkpoint: Checkpoint) -> U2Net:
    """A network of the checkpoint's table, its weights not yet taken up."""
    table = [Stage(*row) for row in checkpoint.progress.stages]  # type: ignore[arg-type]
    folded = not any(name.endswith("_bn/gamma") for name in checkpoint.weights)
    return U2Net(table, notes=checkpoint.progress.notes, folded=folded, kernels="zeros")
