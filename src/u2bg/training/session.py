"""From what a person asks for to a run: the data decoded, the beginning found, the folder looked after."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from u2bg.datasets import deck, pack, shards
from u2bg.datasets.deck import Deck
from u2bg.datasets.plan import Planner
from u2bg.errors import OutputExists, UsageError
from u2bg.files import replacing
from u2bg.training import checkpoints, engine, start
from u2bg.training.checkpoints import Checkpoint, Progress
from u2bg.training.recipe import Recipe
from u2bg.training.recipe import read as read_recipe
from u2bg.training.schedule import Schedule
from u2bg.training.trainer import End, News, Run
from u2bg.training.trainer import train as run_training
from u2bg.training.validation import Validation, split

log = logging.getLogger(__name__)

RECIPE = "recipe.toml"
PACKED = "data"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; see `u2bg train --help`."""

    data: Path
    out: Path
    recipe: Path | None = None
    origin: str | None = None
    budget_s: float | None = None
    pause_s: float | None = None
    resume: bool = False


def train(
    wish: Wish,
    *,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[News], None] = lambda news: None,
    pull: Callable[[str], Callable[[int, int], None]] | None = None,
    say: Callable[[str], None] = log.info,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[End, Progress]:
    """Do what was asked for; give how it ended and where the run stands.

    Args:
        pull: gives the progress of a model's pull by its name. say: takes a line for people.

    Raises:
        U2bgError: whatever is wrong with the data, the recipe, the weights or the disk, in one line.
    """
    checkpoint = checkpoints.read(wish.out / checkpoints.LAST) if wish.resume else None
    recipe = read_recipe(_recipe_path(wish))
    schedule = _schedule(wish, recipe, checkpoint)
    pictures = _deck(wish, recipe, say)
    learnt, judged = split(pictures.cards, recipe.data.validation)
    planner = Planner(
        pictures.cards, learnt, recipe.augment, recipe.data.shapes, recipe.data.batch, recipe.data.seed
    )
    say(f"{len(learnt):,} pictures to learn from, {len(judged):,} to judge by")
    begun = _begin(wish, recipe, checkpoint, planner, pictures, pull)
    if not wish.resume:
        with replacing(wish.out / RECIPE, make_folder=True) as part:
            part.write_bytes(_recipe_path(wish).read_bytes())
    run = Run(
        folder=wish.out,
        recipe=recipe,
        network=begun.network,
        engine=engine.start(begun.network, pictures, recipe),
        cards=pictures.cards,
        planner=planner,
        validation=Validation(pictures.cards, judged, recipe),
        schedule=schedule,
        pause_s=wish.pause_s,
        clock=clock,
        stop=stop,
        tell=tell,
    )
    return run_training(run, begun.checkpoint, goes_on=wish.resume)


def _recipe_path(wish: Wish) -> Path:
    if wish.resume or wish.recipe is None:
        return wish.out / RECIPE
    if (wish.out / checkpoints.LAST).exists():
        raise OutputExists(
            f"'{wish.out}' holds a run already; fix: --resume goes on with it, or another --out"
        )
    return wish.recipe


def _schedule(wish: Wish, recipe: Recipe, checkpoint: Checkpoint | None) -> Schedule:
    """By the clock when this sitting or the run's first one says so."""
    if checkpoint is None:
        return Schedule(recipe.optimizer, wish.budget_s)
    progress = checkpoint.progress
    schedule = Schedule(recipe.optimizer, wish.budget_s or progress.budget_s)
    if schedule.over(progress.step, progress.elapsed_s):
        raise UsageError(
            f"the run in '{wish.out}' is at its end (step {progress.step:,}); "
            f"fix: a new run with --from {wish.out}, or a longer --time-budget"
        )
    return schedule


def _deck(wish: Wish, recipe: Recipe, say: Callable[[str], None]) -> Deck:
    """The pictures, packed into the run's folder first where they are not packed yet."""
    folder = wish.data
    if not shards.is_packed(folder):
        folder = wish.out / PACKED
        if not shards.is_packed(folder):
            say(f"packing '{wish.data}' into '{folder}'")
            index = pack.pack(wish.data, folder, pack.Packing(side=recipe.data.side))
            for name, why in index.left_out.items():
                say(f"left out {name}: {why}")
    loss = recipe.loss
    return deck.load(
        folder, recipe.folders, recipe.data.side, trust=loss.trust, with_teacher=bool(loss.distill)
    )


def _begin(
    wish: Wish,
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    planner: Planner,
    pictures: Deck,
    pull: Callable[[str], Callable[[int, int], None]] | None,
) -> start.Start:
    if checkpoint:
        return start.Start(start.network_of(checkpoint), checkpoint)
    progress = pull(wish.origin) if pull and wish.origin else None
    return start.begin(
        wish.origin, recipe, lambda: start.seen_in_training(planner, pictures, recipe), progress
    )
