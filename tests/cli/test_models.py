"""`u2bg models`, run as a person runs it: exit code, both streams, and the files."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import pty
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.command import Command

from u2bg.cli import main
from u2bg.saliency import folders, models
from u2bg.saliency.models import ModelSpec, ReleaseFile

CONTENT = b"weights" * 50_000
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("list")` is the exit code, the output and the errors of `u2bg models list`."""

    def models_verb(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["models", *arguments])
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return models_verb


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: object) -> None:
        """Not in the tests' output."""


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A table of two models, `inside` and `outside`, and the file that is served for the latter."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(folders, "EMBEDDED", tmp_path / "package")
    served = tmp_path / "served" / "outside.onnx"
    for path in (served, tmp_path / "package" / "inside.onnx"):
        path.parent.mkdir()
        path.write_bytes(CONTENT)
    handler = functools.partial(QuietHandler, directory=str(served.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        fill_table(f"http://127.0.0.1:{server.server_port}/outside.onnx", monkeypatch)
        yield served
        server.shutdown()


def fill_table(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    for name in list(models.MODELS):
        monkeypatch.delitem(models.MODELS, name)
    for name, origins in {"inside": (), "outside": (ReleaseFile(url),)}.items():
        row = ModelSpec(name, f"{name}.onnx", sha256, len(CONTENT), "CC0-1.0", f"the one {name}", origins)
        monkeypatch.setitem(models.MODELS, name, row)


@pytest.mark.usefixtures("release")
def test_list_shows_what_there_is_and_what_is_here(run: Run) -> None:
    before = run("list")
    assert before == (
        0,
        "NAME     SIZE    STATE       INPUT    LICENCE  ABOUT\n"
        "inside   0.3 MB  embedded    320×320  CC0-1.0  the one inside\n"
        "outside  0.3 MB  not pulled  320×320  CC0-1.0  the one outside\n",
        "",
    )
    run("pull", "outside")
    assert "outside  0.3 MB  here " in run("list")[1]
    (folders.EMBEDDED / "inside.onnx").unlink()
    assert "inside   0.3 MB  missing " in run("list")[1]


@pytest.mark.usefixtures("release")
def test_list_as_json_says_the_same_to_programs(run: Run) -> None:
    code, out, err = run("list", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)[1] == {
        "name": "outside",
        "size_bytes": len(CONTENT),
        "size_is_about": False,
        "state": "not pulled",
        "path": None,
        "input_size": 320,
        "licence": "CC0-1.0",
        "warning": None,
        "about": "the one outside",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "md5": None,
    }
    assert json.loads(out)[0]["path"] == str(folders.EMBEDDED / "inside.onnx")


def test_list_knows_our_own_model_and_every_single_picture_network_of_rembgs_list(run: Run) -> None:
    rows = json.loads(run("list", "--json")[1])
    assert {row["name"] for row in rows} == {
        *("lite", "lite-float", "u2netp", "u2net", "u2net_human_seg", "u2net_cloth_seg", "silueta"),
        *("isnet-general-use", "isnet-anime", "bria-rmbg", "birefnet-general", "birefnet-general-lite"),
        *("birefnet-portrait", "birefnet-dis", "birefnet-hrsod", "birefnet-cod", "birefnet-massive"),
    }


@pytest.mark.usefixtures("release")
def test_pull_says_where_it_put_the_file_then_that_it_is_there(run: Run, models_home: Path) -> None:
    path = models_home / "outside.onnx"
    assert run("pull", "outside") == (0, f"outside: here and verified: {path}\n", "pulling outside\n")
    assert path.read_bytes() == CONTENT
    assert run("pull", "outside") == (0, f"outside: here and verified: {path}\n", "")


def test_pull_replaces_a_damaged_file(run: Run, release: Path, models_home: Path) -> None:
    models_home.mkdir()
    (models_home / "outside.onnx").write_bytes(release.read_bytes()[:-1])
    assert run("pull", "outside")[:2] == (0, f"outside: here and verified: {models_home / 'outside.onnx'}\n")
    assert (models_home / "outside.onnx").read_bytes() == CONTENT


@pytest.mark.usefixtures("release")
def test_pull_all_pulls_each_and_checks_the_embedded(run: Run, models_home: Path) -> None:
    code, out, _ = run("pull", "--all")
    assert code == 0
    assert out.splitlines() == [
        f"inside: here and verified: {folders.EMBEDDED / 'inside.onnx'}",
        f"outside: here and verified: {models_home / 'outside.onnx'}",
    ]


def test_a_failed_pull_is_one_line_and_exit_1(run: Run, release: Path, models_home: Path) -> None:
    release.unlink()
    code, out, err = run("pull", "outside")
    assert (code, out) == (1, "")
    assert err.startswith("u2bg: cannot pull 'outside': 127.0.0.1:")
    assert err.endswith(
        ": HTTP 404; fix: check the network and proxy settings, or copy outside.onnx "
        f"(sha256 {hashlib.sha256(CONTENT).hexdigest()}) into '{models_home}'\n"
    )
    assert err.count("\n") == 1
    assert os.listdir(models_home) == [".pulling"]


@pytest.mark.parametrize("arguments", [(), ("outside", "--all")])
def test_pull_wants_names_or_all(arguments: tuple[str, ...], run: Run) -> None:
    expected = "u2bg: expected the names of models, or --all; fix: u2bg models pull u2net\n"
    assert run("pull", *arguments) == (2, "", expected)


@pytest.mark.parametrize("verb", ["pull", "path"])
def test_an_unknown_name_is_told_the_nearest(verb: str, run: Run, models_home: Path) -> None:
    known = ", ".join(sorted(models.MODELS))
    expected = f"u2bg: no model named 'u2nett'; expected one of {known}; did you mean 'u2net'?\n"
    assert run(verb, "u2nett") == (2, "", expected)
    assert not models_home.exists()


@pytest.mark.usefixtures("release")
def test_a_name_that_is_unknown_stops_before_any_is_pulled(run: Run, models_home: Path) -> None:
    assert run("pull", "outside", "nowhere")[0] == 2
    assert not models_home.exists()


@pytest.mark.usefixtures("release")
def test_path_prints_the_path_and_nothing_else(run: Run, models_home: Path) -> None:
    assert run("path", "inside") == (0, f"{folders.EMBEDDED / 'inside.onnx'}\n", "")
    expected = "u2bg: model 'outside' is not here; fix: u2bg models pull outside\n"
    assert run("path", "outside") == (1, "", expected)
    run("pull", "outside")
    assert run("path", "outside") == (0, f"{models_home / 'outside.onnx'}\n", "")


@pytest.mark.usefixtures("release")
def test_a_package_without_its_model_is_told_what_helps(run: Run) -> None:
    path = folders.EMBEDDED / "inside.onnx"
    path.unlink()
    fix = "fix: pip install --force-reinstall u2bg\n"
    assert run("path", "inside") == (1, "", f"u2bg: model 'inside' is not here; {fix}")
    flaw = f"u2bg: model 'inside' in '{path}' is damaged: got no file; {fix}"
    assert run("pull", "inside") == (1, "", flaw)


@pytest.mark.usefixtures("release")
def test_a_model_of_rembgs_is_listed_as_such(run: Run, tmp_path: Path) -> None:
    (tmp_path / "rembg-home").mkdir()
    (tmp_path / "rembg-home" / "outside.onnx").write_bytes(CONTENT)
    assert "outside  0.3 MB  rembg's " in run("list")[1]
    assert run("path", "outside")[1] == f"{tmp_path / 'rembg-home' / 'outside.onnx'}\n"


@pytest.mark.usefixtures("release")
def test_offline_is_told_before_the_verb(command: Command, models_home: Path) -> None:
    ran = command("--offline", "models", "pull", "outside")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith(
        "u2bg: model 'outside' is not here, and nothing is pulled while U2BG_OFFLINE"
    )
    assert not models_home.exists()


@pytest.mark.usefixtures("release")
def test_verify_checks_what_is_here(run: Run, models_home: Path) -> None:
    inside = f"inside: whole: {folders.EMBEDDED / 'inside.onnx'}\n"
    assert run("verify") == (0, inside, "")
    run("pull", "outside")
    assert run("verify") == (0, f"{inside}outside: whole: {models_home / 'outside.onnx'}\n", "")
    assert run("verify", "outside")[:2] == (0, f"outside: whole: {models_home / 'outside.onnx'}\n")


@pytest.mark.usefixtures("release")
def test_verify_names_each_flaw_and_its_fix(run: Run, models_home: Path) -> None:
    (folders.EMBEDDED / "inside.onnx").write_bytes(CONTENT[:-1] + b"S")
    models_home.mkdir()
    (models_home / "outside.onnx").write_bytes(CONTENT[:-1])
    code, out, _ = run("verify")
    assert code == 1
    assert out.splitlines()[0].startswith("inside: got sha256 ")
    assert out.splitlines()[1] == (
        "outside: got 349,999 bytes, expected 350,000; fix: u2bg models pull outside"
    )
    (models_home / "outside.onnx").unlink()
    assert run("verify", "outside")[:2] == (1, "outside: not here; fix: u2bg models pull outside\n")


def packed(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "models.zip"
    assert run("pack", "outside", "-o", str(path))[:2] == (0, f"{path}: outside\n")
    return path


def test_what_is_packed_here_is_unpacked_there(
    run: Run, release: Path, tmp_path: Path, models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(run, tmp_path)
    there = tmp_path / "there"
    monkeypatch.setenv("U2BG_HOME", str(there))
    monkeypatch.setenv("U2BG_OFFLINE", "1")
    release.unlink()
    assert run("unpack", str(path))[:2] == (0, f"outside: here and verified: {there / 'outside.onnx'}\n")
    assert os.listdir(there) == ["outside.onnx"]
    assert (there / "outside.onnx").read_bytes() == CONTENT


@pytest.mark.usefixtures("release")
def test_a_packed_file_is_replaced_only_when_told(run: Run, tmp_path: Path) -> None:
    path = packed(run, tmp_path)
    expected = f"u2bg: '{path}' is there already; fix: --overwrite, or another name\n"
    assert run("pack", "outside", "-o", str(path)) == (1, "", expected)
    assert run("pack", "outside", "-o", str(path), "--overwrite")[0] == 0


@pytest.mark.usefixtures("release")
def test_what_comes_with_the_package_is_not_packed(run: Run, tmp_path: Path) -> None:
    expected = "u2bg: model 'inside' comes with u2bg itself; fix: name only models that are pulled\n"
    assert run("pack", "inside", "-o", str(tmp_path / "models.zip")) == (2, "", expected)


@pytest.mark.usefixtures("release")
def test_a_damaged_model_is_not_packed(run: Run, tmp_path: Path, models_home: Path) -> None:
    models_home.mkdir()
    (models_home / "outside.onnx").write_bytes(CONTENT[:-1] + b"S")
    code, _, err = run("pack", "outside", "-o", str(tmp_path / "models.zip"))
    assert code == 1
    assert re.fullmatch(
        r"u2bg: model 'outside' cannot be packed: got sha256 .*; fix: u2bg models pull outside\n", err
    )
    assert not (tmp_path / "models.zip").exists()


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"outside.onnx": CONTENT[:-1]},
            "is damaged: got 349,999 bytes, expected 350,000; fix: pack it again",
        ),
        ({"../outside.onnx": CONTENT, "inside.onnx": CONTENT}, "holds no model that this version knows"),
        ({}, "holds no model that this version knows; fix: u2bg models pack makes one"),
    ],
    ids=["damaged", "elsewhere", "empty"],
)
def test_only_whole_models_of_the_table_are_unpacked(
    members: dict[str, bytes], said: str, run: Run, tmp_path: Path, models_home: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    code, out, err = run("unpack", str(tmp_path / "models.zip"))
    assert (code, out) == (1, "")
    assert said in err
    assert not models_home.exists() or os.listdir(models_home) == []


@pytest.mark.usefixtures("release")
def test_what_is_no_packed_file_is_told(run: Run, tmp_path: Path) -> None:
    path = packed(run, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    no_file = "is no packed file of models; fix: u2bg models pack makes one\n"
    assert run("unpack", str(path)) == (1, "", f"u2bg: '{path}' {no_file}")
    path.write_bytes(whole[:1000] + b"\0" + whole[1001:])
    assert run("unpack", str(path)) == (
        1,
        "",
        f"u2bg: '{path}' is damaged at outside.onnx; fix: get a whole copy\n",
    )
    none = f"u2bg: cannot read '{tmp_path}/none.zip': No such file or directory; fix: check the name\n"
    assert run("unpack", str(tmp_path / "none.zip")) == (1, "", none)


@pytest.mark.parametrize(
    "verb",
    [(), ("list",), ("pull",), ("path",), ("verify",), ("pack",), ("unpack",)],
    ids=lambda verb: " ".join(verb) or "models",
)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_examples(verb: tuple[str, ...], flag: str, run: Run) -> None:
    code, out, err = run(*verb, flag)
    assert (code, err) == (0, "")
    assert f"  u2bg models {verb[0] if verb else 'list'}" in out.partition("Examples:")[2]


@pytest.mark.usefixtures("release")
def test_a_bar_moves_on_a_terminal_and_stdout_stays_clean(models_home: Path) -> None:
    """The bar is on stderr, so that stdout can be piped."""
    code = (
        "from u2bg.saliency import models\nfrom u2bg.saliency.models import *\nfrom u2bg.cli import main\n"
        f"models.MODELS['outside'] = {models.MODELS['outside']!r}\n"
        "main(['models', 'pull', 'outside'])"
    )
    terminal, stderr = pty.openpty()
    try:
        command = [sys.executable, "-c", code]
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True).stdout
        bar = os.read(terminal, 100_000).decode()
    finally:
        os.close(terminal)
        os.close(stderr)
    assert out == f"outside: here and verified: {models_home / 'outside.onnx'}\n"
    assert "pulling outside  [" in bar
    assert "100%" in bar
