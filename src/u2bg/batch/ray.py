"""A batch on a cluster, by Ray Data: the model loaded once a worker, lost work done again, every row accounted for.

Without GPUs a worker takes a picture the whole way, from its bytes to its file, because carrying 48 MB of pixels from
process to process costs more than it brings. With GPUs there are three steps that scale apart: CPUs decode and shrink,
GPUs look at the small pictures, CPUs put the edges at full size, from the bytes again.

Ray does again what died with a node, so a picture may be cut twice; both times it is the same file under the same name,
and its result counts once, when it reaches the driver.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from u2bg.batch.budget import free_bytes
from u2bg.batch.rows import Row
from u2bg.batch.workers import Contents, Cutter, Finisher, Looker, Shrinker, Task
from u2bg.errors import MissingExtra, U2bgError, UsageError
from u2bg.saliency.models import MODELS

_BATCH_ROWS = 4
_BLOCKS_A_WORKER = 16
_MOST_ROWS_A_BLOCK = 1024
_STORE_BYTES = 512 << 20
_KNOCK_S = 10.0


@dataclass(frozen=True, slots=True)
class Pool:
    """How many workers at least and at most, and the GPU that each has: 0, a part of one, or more."""

    least: int = 1
    most: int | None = None
    gpus: float = 0.0


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[int]:
    """A Ray to work with, that of `address`, or one of this machine's own; gives its CPUs.

    Raises:
        MissingExtra: Ray is not installed. U2bgError: there is no Ray at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what Ray can mend by itself is no news
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra("a batch", "batch") from error
    local: dict[str, Any] = {}
    if not address:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # its own nodes alone can reach it
        local = {"include_dashboard": False, "object_store_memory": min(_STORE_BYTES, free_bytes() // 4)}
    try:
        _knock(address or "")
        ray.init(address or "local", logging_level=logging.ERROR, log_to_driver=False, **local)
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise U2bgError(f"no Ray at '{address}': {first}; fix: check the address, or start one") from error
    try:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        yield int(resources.get("CPU", 1))
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself would wait minutes for somebody to open."""
    found = re.fullmatch(r"(?:ray://)?([^/:]+):(\d+)", address)
    if found:
        socket.create_connection((found[1], int(found[2])), timeout=_KNOCK_S).close()


def cut_all(task: Task, rows: Sequence[Row], pool: Pool, cpus: int) -> Iterator[list[dict[str, Any]]]:
    """Cut every row; the results as they come, each once, in no order.

    Args:
        task: what every worker has to know.
        rows: what to cut.
        pool: the workers.
        cpus: of the cluster.

    Raises:
        U2bgError: the cluster failed for good.
    """
    import ray

    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong reaches the user as ours, once
    workers = min(pool.most or cpus, len(rows))
    dataset: ray.data.Dataset = ray.data.from_arrow(_blocks(rows, workers))
    if any(row.file for row in rows):
        dataset = dataset.map_batches(Contents(task.source), batch_size=None, batch_format="pyarrow")
    actors = ray.data.ActorPoolStrategy(min_size=min(pool.least, workers), max_size=workers)
    how: dict[str, Any] = {
        "batch_format": "pyarrow",
        "batch_size": _BATCH_ROWS,
        "fn_constructor_args": (task,),
    }
    if pool.gpus:
        _check_apart(task, cpus)
        dataset = dataset.map_batches(Shrinker(task), batch_size=_BATCH_ROWS, batch_format="pyarrow")
        dataset = dataset.map_batches(Looker, compute=actors, num_cpus=0, num_gpus=pool.gpus, **how)
        finishers = ray.data.ActorPoolStrategy(min_size=1, max_size=cpus - 1)  # one CPU is left to shrink
        dataset = dataset.map_batches(Finisher, compute=finishers, num_cpus=1, **how)
    else:
        dataset = dataset.map_batches(Cutter, compute=actors, num_cpus=1, **how)
    try:
        for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield table.to_pylist()  # type: ignore[union-attr]
    except ray.exceptions.RayError as error:
        last = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise U2bgError(f"the cluster failed: {last}; fix: run it again, it goes on from here") from error


def _blocks(rows: Sequence[Row], workers: int) -> list[Any]:
    """The rows in pieces that workers take: some for each, or a row group of a Parquet file, that is read once."""
    import pyarrow as pa

    most = max(1, min(_MOST_ROWS_A_BLOCK, len(rows) // (workers * _BLOCKS_A_WORKER)))
    blocks = []
    for (file, _), group in groupby(rows, key=lambda row: (row.file, row.group)):
        lines = [asdict(row) for row in group]
        step = len(lines) if file else most
        blocks += [pa.Table.from_pylist(lines[start : start + step]) for start in range(0, len(lines), step)]
    return blocks


def _check_apart(task: Task, cpus: int) -> None:
    """With GPUs, the network sees a small picture that another process made for it."""
    if cpus < 2:
        raise UsageError(f"--gpus needs at least 2 CPUs, the cluster has {cpus}; fix: add a node")
    if task.model not in MODELS:
        raise UsageError(f"--gpus needs a model of the table, got '{task.model}'; fix: see u2bg models list")
    if task.options.second_pass != "off":
        raise UsageError("--gpus and --second-pass exclude each other: the second look needs the whole photo")
