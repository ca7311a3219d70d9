"""Where a pull goes on, whom it asks first, what it makes do with, and what it remembers."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.saliency.pull_server import ALTERED, CONTENT, HASH, Reports, Server, listed, parts, spec_of

from u2bg.errors import BadModel, PullFailed
from u2bg.saliency import store
from u2bg.saliency.models import ModelSpec, ReleaseFile

pytestmark = pytest.mark.usefixtures("only_this_machine")
MD5 = hashlib.md5(CONTENT).hexdigest()


def by_md5(url: str) -> ModelSpec:
    """A model of which only an MD5 was ever published, and about how large it is."""
    return replace(spec_of(ReleaseFile(url)), sha256="", md5=MD5, size_bytes=150_000, size_is_about=True)


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Going on


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(
    release: Callable[[str], ModelSpec], server: Server, models_home: Path
) -> None:
    reports = Reports()
    assert store.pull(release("ranges"), reports).read_bytes() == CONTENT
    assert server.asked_from == [0, 32_768, 65_536, 98_304, 131_072]  # 40,000 bytes a call, in whole pieces
    assert reports.rows == sorted(reports.rows)
    assert reports.rows[-1] == (len(CONTENT), len(CONTENT))
    assert parts(models_home) == {}


def test_what_one_pull_brought_the_next_goes_on_with(
    release: Callable[[str], ModelSpec], server: Server, models_home: Path
) -> None:
    with pytest.raises(PullFailed):
        store.pull(release("truncated"))
    assert (listed(models_home), parts(models_home)) == ([], {"fake.onnx.part": 98_304})
    assert store.pull(release("ranges")).read_bytes() == CONTENT
    assert server.asked_from[0] == 98_304


@pytest.mark.parametrize("left", [CONTENT[5:60_000], b"x" * len(CONTENT), ALTERED * 2], ids=len)
def test_a_part_of_another_file_is_found_out_and_pulled_anew(
    left: bytes, release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    put(models_home / ".pulling" / "fake.onnx.part", left)
    assert store.pull(release("ranges")).read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["good", "elsewhere"])
def test_a_server_without_ranges_or_with_wrong_ones_serves_from_the_start(
    path: str, release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    put(models_home / ".pulling" / "fake.onnx.part", CONTENT[:50_000])
    assert store.pull(release(path)).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_but_not_for_as_long_as_it_says(
    release: Callable[[str], ModelSpec], server: Server
) -> None:
    assert store.pull(release("busy")).read_bytes() == CONTENT
    assert server.served == 3


# Mirrors, and no network at all


def test_mirrors_are_asked_first_and_verified_like_every_origin(
    release: Callable[[str], ModelSpec], server: Server, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = (
        f"http://{server.host}/missing http://user:secret@{server.host}/altered/ http://{server.host}/good"
    )
    monkeypatch.setenv("U2BG_MIRROR", mirrors)
    assert store.pull(release("missing")).read_bytes() == CONTENT
    (models_home / "fake.onnx").unlink()
    monkeypatch.setenv("U2BG_MIRROR", f"http://user:secret@{server.host}/altered")
    with pytest.raises(PullFailed) as caught:
        store.pull(release("missing"))
    assert f"{server.host}: got sha256 " in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("said", ["1", "yes", "true"])
def test_offline_nothing_is_pulled_and_what_helps_is_said(
    said: str, release: Callable[[str], ModelSpec], models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U2BG_OFFLINE", said)
    with pytest.raises(PullFailed) as caught:
        store.ensure(release("good"))
    assert str(caught.value) == (
        "model 'fake' is not here, and nothing is pulled while U2BG_OFFLINE is set; "
        "fix: unset it, or bring the model in a file (u2bg models pack, u2bg models unpack)"
    )
    assert not models_home.exists()
    put(models_home / "fake.onnx", CONTENT)
    assert store.ensure(release("good")) == store.pull(release("good")) == models_home / "fake.onnx"


@pytest.mark.parametrize("said", ["0", "", "no", "False"])
def test_offline_can_be_said_no_to(
    said: str, release: Callable[[str], ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U2BG_OFFLINE", said)
    assert store.ensure(release("good")).exists()


# A folder that cannot be written to


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to become somebody else")
def test_a_read_only_models_folder_serves_and_says_what_it_cannot(
    server: Server, request: pytest.FixtureRequest
) -> None:
    place = Path(tempfile.mkdtemp())  # pytest's own folders lie in one that is closed to others
    request.addfinalizer(lambda: shutil.rmtree(place))
    place.chmod(0o755)
    home = place / "models"
    put(home / "fake.onnx", CONTENT)
    home.chmod(0o755)
    code = (
        "import os, sys\nfrom u2bg.errors import *\nfrom u2bg.saliency.models import *\n"
        "from u2bg.saliency import store, origins\nfrom dataclasses import replace\n"
        "import filelock, requests, encodings.idna\nos.setgid(65534); os.setuid(65534)\n"
        f"spec = {by_md5(f'http://{server.host}/good')!r}\n"
        "print(len(store.read_verified(spec, store.ensure(spec))))\n"
        "try: store.pull(replace(spec, name='other', file='other.onnx'))\n"
        "except CannotWrite as error: print(error)"
    )
    environment = os.environ | {"U2BG_HOME": str(home)}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        str(len(CONTENT)),
        f"cannot write in the models' folder '{home}': Permission denied; "
        "fix: set U2BG_HOME to a folder that can be written to",
    ]
    assert os.listdir(home) == ["fake.onnx"]


# Files that are known by their MD5 alone


def test_the_first_file_with_the_published_md5_pins_its_sha256(server: Server, models_home: Path) -> None:
    spec = by_md5(f"http://{server.host}/good")
    path = store.pull(spec)
    pin = models_home / "fake.onnx.sha256"
    assert pin.read_text() == f"{HASH}  fake.onnx\n"
    checked = subprocess.run(["sha256sum", "--check", pin.name], cwd=models_home, check=False)
    assert checked.returncode == 0
    assert store.read_verified(spec, path) == CONTENT


def test_a_file_brought_by_hand_is_pinned_when_it_is_first_loaded(models_home: Path) -> None:
    spec = by_md5("http://nowhere.invalid/fake.onnx")
    path = put(models_home / "fake.onnx", CONTENT)
    assert store.read_verified(spec, path) == CONTENT
    assert (models_home / "fake.onnx.sha256").read_text() == f"{HASH}  fake.onnx\n"


def test_once_pinned_the_md5_no_longer_decides(models_home: Path) -> None:
    spec = by_md5("http://nowhere.invalid/fake.onnx")
    path = put(models_home / "fake.onnx", CONTENT)
    put(models_home / "fake.onnx.sha256", b"0" * 64 + b"  fake.onnx\n")
    with pytest.raises(BadModel, match=r"is damaged: got sha256 \w{12}…, expected 000000000000…; fix"):
        store.read_verified(spec, path)


@pytest.mark.parametrize("path", ["altered", "truncated", "page"])
def test_a_file_with_another_md5_is_refused_and_pins_nothing(
    path: str, server: Server, models_home: Path
) -> None:
    with pytest.raises(PullFailed, match=f"got md5|broke off after .* \\(md5 {MD5}\\) into"):
        store.pull(by_md5(f"http://{server.host}/{path}"))
    assert listed(models_home) == []


def test_a_file_of_unknown_size_may_not_be_endless(
    server: Server, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PullFailed, match="got more than 225,000 bytes"):
        store.pull(by_md5(f"http://{server.host}/endless"))
    assert listed(models_home) == []


def test_terms_that_a_user_must_know_are_told_when_a_model_is_pulled(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    spec = replace(by_md5(f"http://{server.host}/good"), warning="not for sale")
    with caplog.at_level(logging.WARNING):
        store.pull(spec)
    assert caplog.messages == ["model 'fake': not for sale"]


# rembg's folders


def environments(base: Path) -> dict[str, tuple[dict[str, str], str]]:
    """Variables, and where rembg then keeps a model."""
    home = {"HOME": str(base)}
    return {
        "2.0.77": (home, ".u2net/fake.onnx"),
        "2.0.86": (home, ".rembg/models/fake/fake.onnx"),
        "2.0.77, U2NET_HOME": (home | {"U2NET_HOME": str(base / "own")}, "own/fake.onnx"),
        "2.0.86, U2NET_HOME": (home | {"U2NET_HOME": str(base / "own")}, "own/models/fake/fake.onnx"),
        "2.0.86, REMBG_HOME": (home | {"REMBG_HOME": str(base / "own")}, "own/models/fake/fake.onnx"),
        "2.0.77, XDG_DATA_HOME": (home | {"XDG_DATA_HOME": str(base / "own")}, "own/.u2net/fake.onnx"),
        "2.0.86, XDG_DATA_HOME": (
            home | {"XDG_DATA_HOME": str(base / "own")},
            "own/rembg/models/fake/fake.onnx",
        ),
        "2.0.77, ~": (home | {"U2NET_HOME": "~/own"}, "own/fake.onnx"),
    }


@pytest.fixture(params=sorted(environments(Path())))
def rembgs_file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the model where some release of rembg would have put it."""
    variables, place = environments(tmp_path)[request.param]
    for name in ("U2NET_HOME", "REMBG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / place


def test_a_model_that_rembg_has_is_used_where_it_lies(rembgs_file: Path, models_home: Path) -> None:
    spec = spec_of(ReleaseFile("http://nowhere.invalid/fake.onnx"))
    assert store.locate(spec) is None
    put(rembgs_file, CONTENT)
    assert store.locate(spec) == store.ensure(spec) == store.pull(spec) == rembgs_file
    assert store.read_verified(spec, rembgs_file) == CONTENT
    assert not models_home.exists()


def test_a_damaged_model_of_rembgs_is_left_alone_and_a_good_one_pulled(
    rembgs_file: Path, release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    put(rembgs_file, ALTERED)
    with pytest.raises(BadModel, match=r"is damaged: got sha256 .*; fix: u2bg models pull fake$"):
        store.read_verified(release("good"), store.ensure(release("good")))
    assert store.pull(release("good")) == models_home / "fake.onnx"
    assert store.locate(release("good")) == models_home / "fake.onnx"
    assert rembgs_file.read_bytes() == ALTERED


def test_a_file_of_another_size_under_rembgs_name_is_passed_over(
    tmp_path: Path, release: Callable[[str], ModelSpec], models_home: Path
) -> None:
    put(tmp_path / "rembg-home" / "fake.onnx", CONTENT[:-1])
    assert store.locate(release("good")) is None
    assert store.ensure(release("good")) == models_home / "fake.onnx"
