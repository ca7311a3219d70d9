"""`u2bg evaluate`, run as a person runs it: exit codes, words, and the report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command import Command
from tests.evaluation.drawn_sets import disc, make_set, save
from tests.network.conftest import NOT_OURS, random_network
from tests.onnx_files import brightness

from u2bg.evaluation.metrics import BACKGROUND_METRICS, METRICS
from u2bg.network import saving
from u2bg.network.export import export


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network that calls bright what is bright: right on discs, if not sure."""
    return brightness(tmp_path / "brightness.onnx")


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    return make_set(tmp_path / "discs", 3)


def test_a_set_gets_its_scores_and_their_intervals(command: Command, discs: Path, model: Path) -> None:
    ran = command("evaluate", discs, "--model", model)

    assert ran.exit_code == 0
    assert ran.stderr.endswith("3 scored, 0 left out\n")
    table, scores = ran.stdout.split("\n\n")[:2]
    assert table.splitlines()[0].split()[:4] == ["SET", "PICTURES", "MAE", "RAW"]
    assert table.splitlines()[1].split()[:2] == ["discs", "3"]
    assert [line.split("  ")[0] for line in scores.splitlines()[1:]] == [metric.name for metric in METRICS]


def test_json_is_one_object_with_every_score(command: Command, discs: Path, model: Path) -> None:
    ran = command("evaluate", discs, "--model", model, "--json")

    assert ran.exit_code == 0
    made = json.loads(ran.stdout)
    assert made["model"] == str(model)
    assert len(made["sha256"]) == 64
    assert set(made["overall"]["scores"]) == {metric.key for metric in METRICS}
    assert set(made["overall"]["scores"]["mae"]) == {"value", "low", "high"}
    assert made["overall"]["scores"]["iou"]["value"] > 0.9
    assert [len(curve) for curve in made["overall"]["curves"].values()] == [256] * 4
    assert [one["name"] for one in made["pictures"]] == ["discs/0.png", "discs/1.png", "discs/2.png"]
    assert made["unscored"] == []
    assert made["overall_backgrounds"] is None


def test_what_is_scored_is_the_mask_that_remove_writes(
    command: Command, discs: Path, model: Path, tmp_path: Path
) -> None:
    made = json.loads(command("evaluate", discs, "--model", model, "--json").stdout)
    assert (
        command("remove", discs / "images", "-o", tmp_path / "out", "--mask", "--model", model).exit_code == 0
    )
    for one in made["pictures"]:
        name = one["name"].rpartition("/")[2]
        with Image.open(tmp_path / "out" / name) as mask, Image.open(discs / "masks" / name) as truth:
            raw = np.abs(np.asarray(mask) / 255 - (np.asarray(truth) > 127)).mean()
        assert one["mae"] == round(float(raw), 6)


def test_backgrounds_report_the_share_without_a_subject(
    command: Command, tmp_path: Path, model: Path
) -> None:
    save(tmp_path / "rooms" / "images" / "0.png", np.zeros((40, 60, 3), np.uint8))
    save(tmp_path / "rooms" / "images" / "1.png", np.full((40, 60, 3), 255, np.uint8))

    ran = command("evaluate", tmp_path / "rooms", "--model", model)

    assert ran.exit_code == 0
    assert ran.stdout.splitlines()[0].split() == ["SET", "PICTURES", "NO", "SUBJECT", "MEAN", "ALPHA"]
    assert ran.stdout.splitlines()[1].split()[:3] == ["rooms", "2", "0.5000"]
    made = json.loads(command("evaluate", tmp_path / "rooms", "--model", model, "--json").stdout)
    assert made["overall"] is None
    assert set(made["overall_backgrounds"]["scores"]) == {metric.key for metric in BACKGROUND_METRICS}


def test_pictures_that_cannot_be_scored_are_named_and_exit_3(
    command: Command, discs: Path, model: Path, tmp_path: Path
) -> None:
    (discs / "masks" / "1.png").unlink()
    (discs / "masks" / "2.png").write_bytes(b"")

    ran = command("evaluate", discs, "--model", model, "--report", tmp_path / "report")

    assert ran.exit_code == 3
    assert "1 scored, 2 left out\n" in ran.stderr
    assert f"  left out: '{discs / 'images' / '1.png'}' has no mask; expected '1.*' in masks/" in ran.stderr
    assert f"  left out: '{discs / 'masks' / '2.png'}'" in ran.stderr
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert all(f"discs/{name}.png" in page for name in "012")


def test_nothing_that_can_be_scored_is_exit_1(command: Command, discs: Path, model: Path) -> None:
    for mask in (discs / "masks").iterdir():
        mask.write_bytes(b"")
    ran = command("evaluate", discs, "--model", model)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "0 scored, 3 left out\n" in ran.stderr


def test_black_and_white_masks_are_scored(command: Command, discs: Path, model: Path) -> None:
    save(discs / "masks" / "0.png", np.zeros((40, 60), np.uint8))
    save(discs / "masks" / "1.png", np.full((40, 60), 255, np.uint8))

    ran = command("evaluate", discs, "--model", model, "--json")

    made = json.loads(ran.stdout)
    assert ran.exit_code == 0
    assert made["overall"]["empty_truths"] == 1
    assert made["pictures"][0]["iou"] is None
    assert made["pictures"][1]["iou"] < 0.5


def test_a_report_says_where_it_is(command: Command, discs: Path, model: Path, tmp_path: Path) -> None:
    ran = command("evaluate", discs, "--model", model, "--report", tmp_path / "report")
    assert ran.exit_code == 0
    assert f"report: {tmp_path / 'report' / 'index.html'}\n" in ran.stderr
    assert (tmp_path / "report" / "worst.webp").exists()


@pytest.mark.parametrize("folder", ["empty", "file.png"])
def test_what_holds_no_set_is_a_usage_error(folder: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    save(tmp_path / "file.png", disc())
    ran = command("evaluate", tmp_path / folder)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
    assert "expected" in ran.stderr
    assert "fix: name " in ran.stderr


def test_a_report_that_is_a_file_is_refused_before_anything_is_scored(
    command: Command, discs: Path, tmp_path: Path
) -> None:
    file = save(tmp_path / "file.png", disc())
    ran = command("evaluate", discs, "--report", file)
    expected = f"u2bg: '{file}' is a file; expected a folder for the report; fix: choose another\n"
    assert (ran.exit_code, ran.stderr) == (2, expected)


def test_an_unknown_model_is_told_the_nearest(command: Command, discs: Path) -> None:
    ran = command("evaluate", discs, "--model", "u2nett")
    assert ran.exit_code == 2
    assert ran.stderr.endswith("did you mean 'u2net'?\n")


def test_without_the_extra_it_is_named(
    command: Command, discs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py_sod_metrics", None)
    ran = command("evaluate", discs)
    expected = (
        "u2bg: u2bg evaluate needs packages that are not installed; fix: pip install 'u2bg[evaluate]'\n"
    )
    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, "", expected)


def test_help_has_examples_and_exit_codes(command: Command) -> None:
    ran = command("evaluate", "--help")
    assert ran.exit_code == 0
    assert "  u2bg evaluate sets/pascals" in ran.stdout
    assert "Exit codes: 0 done, 1 failed, 2 usage, 3 some pictures could not be scored" in ran.stdout


@pytest.mark.filterwarnings(*NOT_OURS)
def test_a_run_is_scored_by_its_best_weights(command: Command, discs: Path, tmp_path: Path) -> None:
    run, network = tmp_path / "run", random_network()
    run.mkdir()
    saving.write(network, run / "best.keras")

    made = json.loads(command("evaluate", discs, "--model", run, "--json").stdout)

    assert made["model"] == str(run / "best.onnx")
    assert (run / "best.onnx").read_bytes() == export(network)
    assert made["overall"]["pictures"] == 3


def test_a_run_without_weights_is_named(command: Command, discs: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    ran = command("evaluate", discs, "--model", tmp_path / "run")

    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"u2bg: no weights at '{tmp_path / 'run' / 'best.keras'}'")
