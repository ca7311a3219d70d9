"""`u2bg batch` on Ray: one machine, two nodes of which one dies, GPUs apart, an S3 server. Minutes in all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from tests.command import Command
from tests.onnx_files import brightness

from u2bg.batch.ledger import ERRORS
from u2bg.batch.places import Place

STORE_BYTES = 200 << 20

pytestmark = pytest.mark.slow


def _photos(folder: Path, count: int) -> Path:
    """Small pictures, each another one, the last of them broken."""
    rng = np.random.default_rng(2)
    folder.mkdir()
    for number in range(count):
        pixels = rng.integers(0, 90, (48, 64, 3), np.uint8)
        pixels[10:30, 10 + number % 20 : 40] = 250
        Image.fromarray(pixels).save(folder / f"{number:04}.png")
    broken = folder / f"{count - 1:04}.png"
    broken.write_bytes(broken.read_bytes()[:99])
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that costs nothing."""
    return brightness(tmp_path_factory.mktemp("model") / "quick.onnx")


@pytest.fixture
def whole(command: Command, model: Path, tmp_path: Path) -> Path:
    """Forty pictures and one that is broken, cut by the folder mode."""
    _photos(tmp_path / "photos", 41)
    command("remove", tmp_path / "photos", "-o", tmp_path / "whole", "--model", model)
    return tmp_path / "whole"


def _digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*.png")
    }


def _batch(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "u2bg", "batch", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, **environment},
    )


def _results(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for part in (out / "_u2bg" / "results").glob("*.parquet"):
        rows += parquet.read_table(part).to_pylist()
    return rows


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core; the head has what Ray takes for a GPU."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1,
                "num_gpus": 1,
                "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            },
        )
        made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        yield made
        made.shutdown()  # type: ignore[no-untyped-call]


def test_a_batch_writes_what_the_folder_mode_writes_and_a_rerun_does_what_is_missing(
    whole: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = _batch(tmp_path / "photos", out, "--ray", "--model", model)

    assert ran.returncode == 3, ran.stderr
    assert "40 cut in" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert _digests(out) == _digests(whole)
    assert sorted(row["input"] for row in _results(out)) == [f"{number:04}.png" for number in range(41)]
    (error,) = parquet.read_table(out / ERRORS).to_pylist()
    assert error["input"] == "0040.png"
    assert "is a damaged png picture" in error["error"]

    (out / "0007.png").unlink()
    (tmp_path / "photos" / "0040.png").write_bytes((tmp_path / "photos" / "0000.png").read_bytes())
    again = _batch(tmp_path / "photos", out, "--ray", "--model", model)

    assert again.returncode == 0, again.stderr
    assert "2 cut in" in again.stderr
    assert ", 39 done before" in again.stderr
    assert len(_digests(out)) == 41
    assert parquet.read_table(out / ERRORS).num_rows == 0


def test_bytes_and_uris_in_parquet_are_sources(
    whole: Path, model: Path, tmp_path: Path, cluster: Any
) -> None:
    photos = sorted((tmp_path / "photos").iterdir())
    names = [path.stem for path in photos]
    content = pa.table({"bytes": [path.read_bytes() for path in photos], "name": names})
    parquet.write_table(content, tmp_path / "bytes.parquet", row_group_size=10)
    uris = pa.table({"uri": [path.as_uri() for path in photos], "name": names})
    parquet.write_table(uris, tmp_path / "uris.parquet")

    for kind in ("bytes", "uris"):
        ran = _batch(
            tmp_path / f"{kind}.parquet", tmp_path / kind, "--ray", cluster.address, "--model", model
        )
        assert ran.returncode == 3, ran.stderr
        assert _digests(tmp_path / kind) == _digests(whole)


def test_gpus_apart_from_cpus_give_the_same_files(command: Command, tmp_path: Path, cluster: Any) -> None:
    photos = _photos(tmp_path / "photos", 9)
    command("remove", photos, "-o", tmp_path / "whole")

    ran = _batch(photos, tmp_path / "out", "--ray", cluster.address, "--gpus", 1, "--workers", 1)

    assert ran.returncode == 3, ran.stderr
    assert _digests(tmp_path / "out") == _digests(tmp_path / "whole")
    assert len(_results(tmp_path / "out")) == 9


def test_gpus_need_a_model_whose_pictures_are_known(model: Path, tmp_path: Path, cluster: Any) -> None:
    photos = _photos(tmp_path / "photos", 2)

    ran = _batch(photos, tmp_path / "out", "--ray", cluster.address, "--gpus", 1, "--model", model)

    assert ran.returncode == 2
    assert "--gpus needs a model of the table" in ran.stderr


def test_an_address_without_a_ray_is_one_line(model: Path, tmp_path: Path) -> None:
    photos = _photos(tmp_path / "photos", 2)

    ran = _batch(photos, tmp_path / "out", "--ray", "127.0.0.1:1", "--model", model)

    assert ran.returncode == 1
    assert "no Ray at '127.0.0.1:1'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_from_s3_to_s3(whole: Path, model: Path, tmp_path: Path, cluster: Any) -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server._server.server_port  # type: ignore[union-attr]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    ask = f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1&allow_bucket_creation=true"
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in keys.items():
                patch.setenv(name, value)
            source, out = (Place.of(f"s3://shop/{name}{ask}") for name in ("photos", "cutouts"))
            for path in (tmp_path / "photos").iterdir():
                source.write(path.name, path.read_bytes())
            ran = _batch(source.uri, out.uri, "--ray", "--model", model)
            again = _batch(source.uri, out.uri, "--ray", "--model", model)
            made = {
                entry.name: hashlib.sha256(out.read(entry.name)).hexdigest()
                for entry in out.entries()
                if entry.name.endswith(".png")
            }
    finally:
        server.stop()

    assert ran.returncode == 3, ran.stderr
    assert made == _digests(whole)
    assert "0 cut in" in again.stderr
    assert ", 40 done before" in again.stderr


def test_a_node_that_dies_costs_no_row_and_gives_none_twice(
    model: Path, tmp_path: Path, cluster: Any
) -> None:
    photos, out = _photos(tmp_path / "photos", 1001), tmp_path / "out"
    command = [sys.executable, "-m", "u2bg", "batch", photos, out, "--ray", cluster.address, "--model", model]
    process = subprocess.Popen(
        [*map(str, command), "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        end = time.monotonic() + 200
        while len(list(out.glob("*.png"))) < 100:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        _, stderr = process.communicate(timeout=400)

    assert process.returncode == 3, stderr.decode()
    assert len(list(out.glob("*.png"))) == 1000
    assert sorted(row["input"] for row in _results(out)) == [f"{number:04}.png" for number in range(1001)]
    assert not list(out.glob(".*.part")) or _batch(photos, out, "--model", model).returncode == 3
    assert not list(out.glob(".*.part"))
