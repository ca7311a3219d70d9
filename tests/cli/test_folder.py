"""`u2bg remove FOLDER`, stopped in every way: nothing lost, nothing done twice, every picture accounted for."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command import Command, Ran
from tests.onnx_files import brightness

from u2bg.batch.manifest import NAME, lines

U2BG = [sys.executable, "-m", "u2bg", "remove"]
Remove = Callable[..., Ran]


def _photos(folder: Path, count: int, side: int = 40) -> Path:
    """Small pictures, a bright disc on noise, each another one, in two levels of folders."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:side, :side]
    for number in range(count):
        pixels = rng.integers(0, 90, (side, side, 3), np.uint8)
        centre = rng.integers(side // 3, 2 * side // 3, 2)
        disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < (side // 4) ** 2
        pixels[disc] = (250, 240 - number % 100, 200)
        place = folder / f"{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six of them."""
    return _photos(tmp_path / "photos", 6)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that costs nothing: these tests are about the road around it."""
    return brightness(tmp_path_factory.mktemp("model") / "quick.onnx")


@pytest.fixture
def remove(command: Command, model: Path) -> Remove:
    """`remove(photos, "-o", out)` runs `u2bg remove` with that network."""
    return lambda *arguments: command("remove", *arguments, "--model", model)


def _digests(out: Path) -> dict[str, str]:
    """Every file below, but the manifest."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file() and path.name != NAME
    }


def _times_done(out: Path) -> Counter[str]:
    """How often each picture was cut, by the manifest."""
    return Counter(line["input"] for line in lines(out / NAME) if line.get("status") == "done")


def _states(out: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.rglob("*.png")}


def test_a_second_run_leaves_what_is_done(remove: Remove, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(photos, "-o", out)
    before = _states(out)
    (out / "1" / "001.png").unlink()

    ran = remove(photos, "-o", out)

    assert ran.exit_code == 0
    assert "1 cut in" in ran.stderr
    assert ", 5 done before" in ran.stderr
    after = _states(out)
    assert {path for path in before if before[path] != after[path]} == {out / "1" / "001.png"}


def test_everything_is_cut_again_when_asked_for(remove: Remove, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(photos, "-o", out)
    first = _digests(out)

    ran = remove(photos, "-o", out, "--no-resume")

    assert "6 cut in" in ran.stderr
    assert _digests(out) == first
    assert set(_times_done(out).values()) == {2}


def test_other_options_replace_what_this_program_made(remove: Remove, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    remove(photos, "-o", out)

    assert remove(photos, "-o", out, "--mask").exit_code == 0

    with Image.open(out / "0" / "000.png") as picture:
        assert picture.mode == "L"


def test_the_same_bytes_however_many_at_once(remove: Remove, photos: Path, tmp_path: Path) -> None:
    for jobs in (1, 2, 5):
        assert remove(photos, "-o", tmp_path / str(jobs), "--jobs", jobs).exit_code == 0

    assert _digests(tmp_path / "1") == _digests(tmp_path / "2") == _digests(tmp_path / "5")


def test_cut_outs_may_lie_among_the_photos(remove: Remove, photos: Path) -> None:
    for path in photos.rglob("*.png"):
        with Image.open(path) as picture:
            picture.convert("RGB").save(path.with_suffix(".jpg"))
        path.unlink()

    first = remove(photos, "-o", photos)
    second = remove(photos, "-o", photos)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "6 cut in" in first.stderr
    assert "0 cut in" in second.stderr
    assert ", 6 done before" in second.stderr


def test_what_failed_is_tried_again(remove: Remove, photos: Path, tmp_path: Path) -> None:
    broken, out = photos / "0" / "000.png", tmp_path / "out"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])

    assert remove(photos, "-o", out).exit_code == 3
    (failed,) = [line for line in lines(out / NAME) if line.get("status") == "failed"]
    assert failed["input"] == os.path.join("0", "000.png")
    assert "is a damaged png picture" in failed["error"]
    broken.write_bytes(whole)
    again = remove(photos, "-o", out)

    assert again.exit_code == 0
    assert "1 cut in" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FILE", "--watch"], "--watch is about a folder of photos; fix: name one folder, and nothing else"),
        (["FILE", "--no-resume"], "--resume is about a folder of photos"),
        (["FILE", "FILE", "--report", "r.html"], "--report is about a folder of photos"),
        (["FOLDER", "-o", "OUT", "--jobs", "0"], "0 is not in the range 1<=x<=1024"),
        (["FOLDER", "-o", "OUT", "--model", "nothing"], "no model named 'nothing'"),
        (["EMPTY", "-o", "OUT"], "no pictures under '"),
    ],
)
def test_what_makes_no_sense_exits_2_and_writes_nothing(
    command: Command, photos: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    names = {"FILE": photos / "0" / "000.png", "FOLDER": photos, "OUT": tmp_path / "out"}
    names["EMPTY"] = tmp_path / "empty"

    ran = command("remove", *(names.get(argument, argument) for argument in arguments))

    assert ran.exit_code == 2
    assert message in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_second_run_at_the_same_time_is_refused(
    remove: Remove, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with _running([photos, "-o", out, "--watch", "--model", model]) as process:
        _wait_for(lambda: len(_states(out)) == 6)
        ran = remove(photos, "-o", out)
        process.send_signal(signal.SIGINT)

    assert ran.exit_code == 2
    assert f"another run is writing into '{out}'" in ran.stderr


def test_a_folder_that_cannot_be_listed_costs_nothing_but_itself(command: Command) -> None:
    with tempfile.TemporaryDirectory() as name:  # which other users may enter
        place = Path(name)
        place.chmod(0o755)
        photos, out = _photos(place / "photos", 6), place / "out"
        out.mkdir()
        out.chmod(0o777)
        command("remove", photos, "-o", place / "warm")
        (photos / "1").chmod(0)
        with _without_powers():
            ran = command("remove", photos, "-o", out)
        some = _times_done(out)
        (photos / "1").chmod(0o755)
        again = command("remove", photos, "-o", out)
        times = _times_done(out)

    assert ran.exit_code == 3
    assert "4 cut in" in ran.stderr
    assert f"failed: cannot list the folder '{photos / '1'}': Permission denied; fix" in ran.stderr
    assert some.total() == 4
    assert again.exit_code == 0
    assert times.total() == len(times) == 6


@contextlib.contextmanager
def _without_powers() -> Iterator[None]:
    """Not root, whom no permission stops; nothing to do for other users."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_full_disk_stops_the_run_and_the_same_command_goes_on(
    remove: Remove, photos: Path, tmp_path: Path
) -> None:
    remove(photos, "-o", tmp_path / "whole")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        full = remove(photos, "-o", disk / "out")
        left = [path.name for path in disk.rglob(".*")]
        some = len(_states(disk))
        subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
        again = remove(photos, "-o", disk / "out")
        digests, times = _digests(disk / "out"), _times_done(disk / "out")
    finally:
        subprocess.run(["umount", disk], check=True)

    assert full.exit_code == 1
    assert full.stderr.splitlines()[-1].endswith(": the disk is full; fix: free some space")
    assert left == []
    assert 0 < some < 6
    assert again.exit_code == 0
    assert digests == _digests(tmp_path / "whole")
    assert set(times.values()) == {1}


@contextlib.contextmanager
def _running(arguments: list[object]) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group of its own; waited for in the end."""
    process = subprocess.Popen(
        [*U2BG, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _wait_for(happened: object) -> None:
    assert callable(happened)
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_told_to_stop_goes_on_where_it_was(
    remove: Remove, model: Path, tmp_path: Path, how: signal.Signals
) -> None:
    photos, out = _photos(tmp_path / "photos", 200), tmp_path / "out"
    with _running([photos, "-o", out, "--model", model]) as process:
        _wait_for(lambda: len(_states(out)) >= 2)
        process.send_signal(how)
    before = _states(out)

    assert process.returncode == 130
    assert 2 <= len(before) < 200
    assert "end" in list(lines(out / NAME))[-1]
    assert len(_times_done(out)) == len(before)

    again = remove(photos, "-o", out)

    assert f", {len(before)} done before" in again.stderr
    assert {path: state for path, state in _states(out).items() if path in before} == before
    assert _times_done(out) == dict.fromkeys(_times_done(out), 1)
    assert len(_digests(out)) == 200


def test_pictures_are_cut_as_they_arrive(model: Path, photos: Path, tmp_path: Path) -> None:
    out, arriving = tmp_path / "out", photos / "new" / "last.png"
    page = tmp_path / "report.html"
    with _running([photos, "-o", out, "--watch", "--report", page, "--model", model]) as process:
        _wait_for(lambda: len(_states(out)) == 6)
        arriving.parent.mkdir()
        shutil.copy(photos / "0" / "000.png", arriving)
        _wait_for((out / "new" / "last.png").exists)
        process.send_signal(signal.SIGINT)

    assert process.returncode == 0
    assert set(_times_done(out).values()) == {1}
    assert len(_times_done(out)) == 7
    assert list(lines(out / NAME))[-1]["done"] == 7
    assert "7 cut, " in page.read_text()


def test_a_dead_runs_temporary_files_are_cleared_away(
    remove: Remove, model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with _running([photos, "-o", out, "--watch", "--model", model]) as process:
        _wait_for(lambda: len(_states(out)) == 6)
        os.killpg(process.pid, signal.SIGKILL)
    dead = next(line["run"] for line in lines(out / NAME))
    ours, foreign = out / "1" / f".001.png.{dead}0a0a0a0a.part", out / "1" / ".002.png.0a0a0a0a.part"
    for path in (ours, foreign):
        path.write_bytes(b"half")

    ran = remove(photos, "-o", out)

    assert ran.exit_code == 0
    assert (ours.exists(), foreign.exists()) == (False, True)


@pytest.mark.slow
def test_killed_at_thirty_random_moments_everything_is_there_once_and_the_same(
    model: Path, tmp_path: Path
) -> None:
    photos, out, whole = _photos(tmp_path / "photos", 300, side=200), tmp_path / "out", tmp_path / "whole"
    command = [*U2BG, str(photos), "--model", str(model), "-o"]
    subprocess.run([*command, whole], check=True, capture_output=True)
    rng = random.Random(16)
    finished: dict[Path, tuple[int, int]] = {}
    for life in range(1, 31):
        with _running([photos, "--model", model, "-o", out]) as process:
            more = len(finished) + rng.randrange(12)
            _wait_for(lambda life=life, more=more: _runs(out) == life and len(_states(out)) >= more)
            time.sleep(rng.uniform(0, 0.1))
            os.killpg(process.pid, signal.SIGKILL)
        now = _states(out)
        assert {path: now.get(path) for path in finished} == finished  # none lost, none done again
        finished = now
    assert 30 < len(finished) < 300
    last = subprocess.run([*command, out], check=True, capture_output=True, text=True)

    assert f", {len(finished)} done before" in last.stderr
    assert {path: state for path, state in _states(out).items() if path in finished} == finished
    assert _digests(out) == _digests(whole)
    assert set(_times_done(out)) == set(_times_done(whole))


def _runs(out: Path) -> int:
    return sum("run" in line for line in lines(out / NAME))
