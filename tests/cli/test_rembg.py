"""`u2bg rembg`, as scripts that were written for rembg call it. The network is a small one under the name u2net."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command import Command
from tests.onnx_files import brightness

from u2bg.cli import rembg as verb


@pytest.fixture(autouse=True)
def u2net(models_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models_home.mkdir()
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    brightness(models_home / "u2net.onnx", size=320)


def photo(path: Path, level: int = 200) -> Path:
    pixels = np.zeros((12, 18, 3), np.uint8)
    pixels[:, 9:] = level
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_file_becomes_a_png_whatever_its_name(command: Command, tmp_path: Path) -> None:
    ran = command("rembg", "i", photo(tmp_path / "a.png"), tmp_path / "out.jpg")
    assert (ran.exit_code, ran.output, ran.stderr) == (0, b"", "")
    cutout = opened((tmp_path / "out.jpg").read_bytes())
    assert (cutout.format, cutout.mode, cutout.size) == ("PNG", "RGBA", (18, 12))


@pytest.mark.parametrize("names", [(), ("-",), ("-", "-")], ids=len)
def test_streams_are_the_default_of_a_pipe(names: tuple[str, ...], command: Command, tmp_path: Path) -> None:
    ran = command("rembg", "i", "-om", *names, stdin=photo(tmp_path / "a.png").read_bytes())
    assert ran.exit_code == 0
    assert opened(ran.output).mode == "L"


def test_the_flags_are_rembgs(command: Command, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    green = command("rembg", "i", "-bgc", "0", "255", "0", "255", source, "-")
    assert np.asarray(opened(green.output))[0, 0].tolist() == [0, 255, 0, 255]
    hard = command("rembg", "i", "-om", "-ppm", source, "-")
    assert set(np.unique(np.asarray(opened(hard.output)))) == {0, 255}
    kept = command("rembg", "i", "-x", '{"putalpha": true}', source, "-")
    assert np.asarray(opened(kept.output))[0, -1, :3].tolist() == [200, 200, 200]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("i", "none.png", "o.png"),
            1,
            "cannot read 'none.png': No such file or directory; fix: check the name",
        ),
        (("i", "text.png", "o.png"), 1, "the input is no picture; expected one that Pillow reads"),
        (("i", "half.png", "o.png"), 1, "the input is a damaged picture: "),
        (("i", "a.png", "a.png"), 1, "'a.png' is the photo itself; fix: choose another output"),
        (("i", "a.png", "none/o.png"), 1, "cannot write 'none/o.png': its folder does not exist"),
        (("i", "-m", "u2nett", "a.png", "o.png"), 2, "no model named 'u2nett'; expected one of "),
        (("i", "-x", "[", "a.png", "o.png"), 2, "--extras '[' is no JSON object; expected"),
        (("p", "none", "out"), 1, "no folder 'none'; fix: check the name"),
        (("b", "-o", "out-%q.png", "2", "2"), 2, "no pattern of a name: 'out-%q.png'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_goes_wrong_is_one_line_and_nothing_is_harmed(
    arguments: tuple[str, ...],
    code: int,
    said: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    content = photo(Path("a.png")).read_bytes()
    Path("text.png").write_text("no picture")
    Path("half.png").write_bytes(content[: len(content) // 2])
    before = {path: path.read_bytes() for path in Path().glob("*.png")}
    ran = command("rembg", *arguments, stdin=bytes(12))
    assert (ran.exit_code, ran.output, ran.stderr.count("\n")) == (code, b"", 1)
    assert ran.stderr.startswith(f"u2bg: {said}")
    assert {path: path.read_bytes() for path in Path().glob("*.png")} == before


def test_a_folder_goes_flat_into_another_and_what_is_there_is_left_out(
    command: Command, tmp_path: Path
) -> None:
    photo(tmp_path / "in/a.png"), photo(tmp_path / "in/sub/b.jpg")
    (tmp_path / "in/notes.txt").write_text("no picture")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    ran = command("rembg", "p", tmp_path / "in", tmp_path / "out")
    assert (ran.exit_code, ran.output, ran.stderr) == (0, b"", "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    assert (tmp_path / "out/a.png").read_bytes() == b"mine"


def test_photos_that_want_one_name_are_told_and_none_is_deleted_undone(
    command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    photo(folder / "a.jpg"), photo(folder / "a.png"), photo(folder / "b.png")
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n, and then nothing")
    ran = command("rembg", "p", "-d", folder, tmp_path / "out")
    assert ran.exit_code == 1
    assert f"'{folder}/a.png' and '{folder}/a.jpg' both want '{tmp_path}/out/a.png'" in ran.stderr
    assert ran.stderr.count("\n") == 2
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "c.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]


def test_watching_takes_what_comes_until_stop_txt_does(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "POLL_S", 0.02)
    inbox, out = tmp_path / "in", tmp_path / "out"
    photo(inbox / "first.png")

    def bring() -> None:
        late = photo(tmp_path / "late.png").read_bytes()
        (inbox / "late.png").write_bytes(late[:40])  # as a slow copy looks in the middle
        time.sleep(0.01)
        (inbox / "late.png").write_bytes(late)
        while not (out / "late.png").exists():
            time.sleep(0.01)
        (inbox / "stop.txt").touch()

    bringing = threading.Thread(target=bring, daemon=True)
    bringing.start()
    command("rembg", "p", "-w", inbox, out)
    bringing.join(timeout=10)
    assert sorted(path.name for path in out.iterdir()) == ["first.png", "late.png"]
    assert not (inbox / "stop.txt").exists()


def test_frames_come_out_one_after_the_other_or_as_files(command: Command, tmp_path: Path) -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    frame[:, 3:] = 255
    stream = frame.tobytes() * 2
    ran = command("rembg", "b", "-om", "6", "4", stdin=stream)
    assert (ran.exit_code, ran.output.count(b"\x89PNG\r\n\x1a\n"), ran.stderr) == (0, 2, "")
    assert command("rembg", "b", "-o", tmp_path / "new/%03d.png", "6", "4", stdin=stream).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["000.png", "001.png"]


def test_a_frame_that_is_not_whole_is_told(command: Command) -> None:
    ran = command("rembg", "b", "6", "4", stdin=bytes(72 + 5))
    assert (ran.exit_code, ran.stderr) == (1, "u2bg: the last frame is not whole and is left out: frame 1\n")


@pytest.mark.parametrize("name", ["i", "p", "b", "d", "s"])
def test_help_has_examples_and_h_is_the_servers_host(name: str, command: Command) -> None:
    assert f"u2bg rembg {name} " in command("rembg", name, "--help").stdout.partition("Examples:")[2]
    assert command("rembg", name, "-h").exit_code == 2
