"""`u2bg train` as a person runs it: exit code, lines, and the run's folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.command import Command
from tests.conftest import REPOSITORY
from tests.datasets.conftest import disc, photo, saver
from tests.training.conftest import QUICK, Toy

from u2bg.network import saving
from u2bg.training import checkpoints

ROOMS = '[[folders]]\nmatch = "rooms"\nkind = "background"\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    save = saver(tmp_path / "data")
    for number in range(8):
        save(f"pairs/images/{number}.png", photo(32, 32, number))
        save(f"pairs/masks/{number}.png", disc(32, 32))
    save("rooms/hall.png", photo(32, 32, 99))
    return tmp_path / "data"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "quick.toml"
    path.write_text(QUICK + ROOMS)
    return path


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that are drawn are toys: the whole way, in seconds."""
    monkeypatch.setattr("u2bg.training.start.U2Net", Toy)


@pytest.mark.usefixtures("toys")
def test_a_run_from_a_folder_leaves_all_that_the_help_names(
    command: Command, data: Path, recipe: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (data / "pairs/images/7.png").write_bytes(b"broken")
    ran = command("train", data, "--recipe", recipe, "--out", run)

    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout == ""
    for text in ("left out pairs/7", "6 pictures to learn from, 2 to judge by", "images/s", " left", "IoU"):
        assert text in ran.stderr
    assert ran.stderr.rstrip().endswith(f"{run}: done at step 6, 24 pictures seen")
    assert {path.name.partition(".tfevents.")[0] for path in run.iterdir()} == {
        "before-decay.npz",
        "best.keras",
        "curves.png",
        "data",
        "events.out",
        "last.npz",
        "log.csv",
        "recipe.toml",
        "validation.webp",
    }
    again = command("train", data, "--recipe", recipe, "--out", run)
    assert again.exit_code == 1
    assert "holds a run already; fix: --resume goes on with it, or another --out" in again.stderr
    over = command("train", data, "--out", run, "--resume")
    assert over.exit_code == 2
    assert f"is at its end (step 6); fix: a new run with --from {run}" in over.stderr


@pytest.mark.usefixtures("toys")
def test_ctrl_c_keeps_a_checkpoint_and_resume_goes_on(
    command: Command, data: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("u2bg.cli.train._show", lambda news: os.kill(os.getpid(), signal.SIGINT))
        stopped = command("train", data, "--recipe", recipe, "--out", run)

    assert stopped.exit_code == 130
    assert "stopping after this step; a checkpoint will be kept" in stopped.stderr
    assert f"to go on: u2bg train {data} --out {run} --resume" in stopped.stderr
    assert checkpoints.read(run / "last.npz").progress.step < 6
    assert command("train", data, "--out", run, "--resume").exit_code == 0
    assert checkpoints.read(run / "last.npz").progress.step == 6
    more = command("train", data, "--recipe", recipe, "--from", run, "--out", tmp_path / "more")
    assert more.exit_code == 0
    assert checkpoints.read(tmp_path / "more/last.npz").progress.step == 6


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["DATA", "--out", "RUN"], 2, "no recipe; expected --recipe FILE; fix: --recipe configs/lite.toml"),
        (["DATA", "--out", "RUN", "--resume"], 1, "no checkpoint 'RUN/last.npz'"),
        (["DATA", "--out", "RUN", "--resume", "--from", "lite"], 2, "fix: leave --recipe and --from out"),
        (["DATA", "--out", "RUN", "--recipe", "NONE"], 1, "no recipe at 'NONE'"),
        (["NONE", "--out", "RUN", "--recipe", "RECIPE"], 1, "no folder 'NONE'"),
        (["DATA", "--out", "RUN", "--recipe", "RECIPE", "--time-budget", "20"], 2, "'20' is no time"),
        (["DATA", "--out", "RUN", "--recipe", "RECIPE", "--from", "light"], 2, "did you mean 'lite'?"),
        (["DATA", "--out", "RUN", "--recipe", "RECIPE", "--from", "x.keras"], 1, "no weights at 'x.keras'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: Command, data: Path, recipe: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    places = {"DATA": data, "RUN": tmp_path / "run", "RECIPE": recipe}
    ran = command("train", *(places.get(argument, argument) for argument in arguments))

    assert ran.exit_code == code
    assert message.replace("RUN", str(tmp_path / "run")) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "run" / "last.npz").exists()


@pytest.mark.usefixtures("toys")
def test_a_damaged_checkpoint_is_one_line_and_left_as_it_is(
    command: Command, data: Path, recipe: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.toml").write_bytes(recipe.read_bytes())
    (run / "last.npz").write_bytes(b"PK damaged")
    ran = command("train", data, "--out", run, "--resume")

    assert ran.exit_code == 1
    assert (
        "is damaged; expected what u2bg train writes; fix: start from another one with --from" in ran.stderr
    )
    assert (run / "last.npz").read_bytes() == b"PK damaged"


@pytest.mark.slow
def test_the_tiny_recipe_trains_the_real_network_whose_export_cuts_out(
    command: Command, data: Path, tmp_path: Path
) -> None:
    run, shards = tmp_path / "run", tmp_path / "shards"
    assert command("pack", data, shards).exit_code == 0
    trained = command("train", shards, "--recipe", REPOSITORY / "configs/tiny.toml", "--out", run)
    assert trained.exit_code == 0, trained.stderr
    assert len(saving.read(run / "best.keras").stages) == 11
    tuned = command(
        "train", shards, "--recipe", REPOSITORY / "configs/tiny.toml", "--out", tmp_path / "tuned", "--from",
        run / "best.keras",
    )  # fmt: skip
    assert tuned.exit_code == 0, tuned.stderr
    assert command("export", run / "best.keras", tmp_path / "mine.onnx").exit_code == 0
    photo_path = data / "pairs/images/1.png"
    cut = command("remove", photo_path, "--model", tmp_path / "mine.onnx", "-o", tmp_path / "cut.png")
    assert cut.exit_code in {0, 4}, cut.stderr


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_the_other_backend_does_the_same(devices: int) -> None:
    """The trainer's tests on JAX, on one device and on two that split each batch."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "tests/training/test_trainer.py",
        ],
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:]
