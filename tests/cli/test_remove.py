"""`u2bg remove`, run as a person runs it: exit codes, words, and files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.command import Command
from tests.onnx_files import brightness

from u2bg import errors
from u2bg.saliency import folders, models, store

EXAMPLES = Path(__file__).parents[2] / "examples"
U2BG = [sys.executable, "-m", "u2bg"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo of a cat in a folder of its own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return Path(shutil.copy(EXAMPLES / "cat.jpg", folder / "cat.jpg"))


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A picture of nothing."""
    path = tmp_path / "blank.png"
    Image.new("RGB", (60, 40), "grey").save(path)
    return path


def _opened(content: bytes | Path) -> Image.Image:
    with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content) as picture:
        picture.load()
        return picture


def test_a_photo_gets_its_cut_out_beside_it(command: Command, photo: Path) -> None:
    before = photo.read_bytes()

    ran = command("remove", photo)

    cutout = photo.with_name("cat.cutout.png")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, f"{cutout}\n", "")
    assert _opened(cutout).mode == "RGBA"
    assert _opened(cutout).size == _opened(photo).size
    assert photo.read_bytes() == before


def test_nothing_is_overwritten_unless_asked_for(command: Command, photo: Path) -> None:
    cutout = photo.with_name("cat.cutout.png")
    cutout.write_text("precious")

    refused = command("remove", photo)
    assert refused.exit_code == 1
    assert (
        refused.stderr == f"u2bg: '{cutout}' is already there; fix: --overwrite, or choose another output\n"
    )
    assert cutout.read_text() == "precious"

    assert command("remove", photo, "--overwrite").exit_code == 0
    assert _opened(cutout).mode == "RGBA"


def test_the_photo_itself_is_never_overwritten(command: Command, photo: Path) -> None:
    before = photo.read_bytes()

    ran = command("remove", photo, "-o", photo.parent / "." / "cat.jpg", "--overwrite")

    assert ran.exit_code == 1
    assert "is the photo itself; fix: choose another output" in ran.stderr
    assert photo.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "name", "kind"),
    [
        (["-o", "OUT.webp"], "OUT.webp", "WEBP"),
        (["--format", "webp"], "cat.cutout.webp", "WEBP"),
        (["-o", "OUT.dat", "--format", "png"], "OUT.dat", "PNG"),
        (["-o", "OUT"], "OUT", "PNG"),
        (["-o", "./"], "cat.cutout.png", "PNG"),
        (["--mask"], "cat.mask.png", "PNG"),
        (["--background", "white", "--format", "jpg"], "cat.cutout.jpg", "JPEG"),
    ],
)
def test_the_output_is_named_and_formatted_as_asked(
    command: Command, photo: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, kind: str
) -> None:
    monkeypatch.chdir(photo.parent)

    ran = command("remove", "cat.jpg", *arguments)

    assert (ran.exit_code, ran.stderr) == (0, "")
    assert _opened(photo.with_name(name)).format == kind


def test_stdin_and_stdout_carry_the_picture_and_nothing_else(command: Command, photo: Path) -> None:
    ran = command("remove", "-", "-o", "-", stdin=photo.read_bytes())
    command("remove", photo)

    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.output == photo.with_name("cat.cutout.png").read_bytes()


def test_pipes_of_the_shell_work(photo: Path) -> None:
    with photo.open("rb") as file:
        output = subprocess.run([*U2BG, "remove", "-"], stdin=file, capture_output=True, check=True)

    assert _opened(output.stdout).size == _opened(photo).size
    assert output.stderr == b""


def test_the_mask_alone_is_the_alpha_of_the_cut_out(command: Command, photo: Path) -> None:
    command("remove", photo)
    command("remove", photo, "--mask")

    mask = _opened(photo.with_name("cat.mask.png"))
    assert mask.mode == "L"
    assert np.array_equal(np.asarray(mask), np.asarray(_opened(photo.with_name("cat.cutout.png")))[..., 3])


def test_jpeg_gets_white_and_says_so(command: Command, photo: Path) -> None:
    ran = command("remove", photo, "--format", "jpg")

    assert ran.exit_code == 0
    assert (
        ran.stderr == "u2bg: jpg has no transparency: the background becomes white (--background chooses)\n"
    )
    assert np.asarray(_opened(photo.with_name("cat.cutout.jpg")))[0, 0].tolist() == [255, 255, 255]


def test_the_old_background_a_picture_and_a_shadow_can_lie_below(command: Command, photo: Path) -> None:
    ran = [
        command("remove", photo, "-o", photo.with_name("blur.png"), "--background", "blur"),
        command("remove", photo, "-o", photo.with_name("wall.png"), "--background", EXAMPLES / "coffee.jpg"),
        command("remove", photo, "-o", photo.with_name("close.png"), "--shadow", "--crop=5%"),
        command("remove", photo, "-o", photo.with_name("closest.png"), "--crop"),
    ]
    assert [one.exit_code for one in ran] == [0] * 4
    blur, wall = (np.asarray(_opened(photo.with_name(name))).astype(int) for name in ("blur.png", "wall.png"))
    assert blur.shape == wall.shape == np.asarray(_opened(photo)).shape
    command("remove", photo, "--mask", "-o", photo.with_name("m.png"))
    mask = np.asarray(_opened(photo.with_name("m.png")))
    assert (blur[mask == 255] == wall[mask == 255]).all()
    assert np.abs(blur[mask == 0] - wall[mask == 0]).mean() > 10
    box = Image.fromarray(mask).getbbox()
    assert box is not None
    assert _opened(photo.with_name("closest.png")).size == (box[2] - box[0], box[3] - box[1])


def test_a_colour_becomes_the_background(command: Command, photo: Path) -> None:
    command("remove", photo, "--background", "#ff0000")

    picture = _opened(photo.with_name("cat.cutout.png"))
    assert picture.mode == "RGB"
    assert np.asarray(picture)[0, 0].tolist() == [255, 0, 0]


def test_a_picture_without_a_subject_is_written_and_exits_4(command: Command, blank: Path) -> None:
    ran = command("remove", blank)

    assert ran.exit_code == 4
    assert ran.stderr.startswith(f"u2bg: no subject in '{blank}' (confidence 0.")
    assert _opened(blank.with_name("blank.cutout.png")).size == (60, 40)


def test_json_is_one_line_a_picture(command: Command, photo: Path, blank: Path) -> None:
    ran = command("remove", photo, "--json")
    line = json.loads(ran.stdout)
    assert list(line) == ["path", "output", "size", "confidence", "subject", "seconds", "error"]
    assert (line["path"], line["size"], line["subject"]) == (str(photo), [451, 300], True)
    assert line["error"] is None
    assert line["seconds"] > 0

    ran = command("remove", blank, "--json")
    assert (ran.exit_code, json.loads(ran.stdout)["subject"]) == (4, False)

    ran = command("remove", photo.with_name("none.jpg"), "--json")
    line = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert line["error"].startswith("no file")
    assert line["size"] is line["confidence"] is line["subject"] is None


def test_a_folder_keeps_its_tree_and_tells_the_sum(command: Command, photo: Path, blank: Path) -> None:
    folder = photo.parent
    (folder / "sub").mkdir()
    shutil.copy(blank, folder / "sub" / "blank.png")
    (folder / "notes.txt").write_text("no picture")
    out = folder.parent / "out"

    ran = command("remove", folder, "-o", out)

    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.png")) == ["cat.png", "sub/blank.png"]
    assert ran.exit_code == 0
    assert ran.stdout == ""
    assert "2 cut in" in ran.stderr
    assert "1 without a subject, 0 failed" in ran.stderr
    assert f"no subject: {folder / 'sub' / 'blank.png'}" in ran.stderr


def test_one_broken_picture_of_several_exits_3_and_the_others_are_done(command: Command, photo: Path) -> None:
    (photo.parent / "broken.jpg").write_bytes(photo.read_bytes()[:500])
    out = photo.parent.parent / "out"

    ran = command("remove", photo.parent, "-o", out, "--json")

    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.exit_code == 3
    assert {Path(line["path"]).name: line["error"] is None for line in lines} == {
        "broken.jpg": False,
        "cat.jpg": True,
    }
    assert sorted(path.name for path in out.iterdir()) == ["cat.png", "u2bg-manifest.jsonl"]
    assert "is a damaged jpg picture" in ran.stderr


def test_a_folder_in_which_nothing_worked_exits_1(command: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"no")

    assert command("remove", tmp_path / "in", "-o", tmp_path / "out").exit_code == 1


def test_two_inputs_for_one_output_are_refused_before_anything_runs(command: Command, photo: Path) -> None:
    shutil.copy(photo, photo.with_suffix(".jpeg"))
    out = photo.parent.parent / "out"

    ran = command("remove", photo.parent, "-o", out)

    assert ran.exit_code == 2
    assert "2 pictures would write" in ran.stderr
    assert not out.exists()


def test_several_files_go_into_a_folder(command: Command, photo: Path, blank: Path) -> None:
    out = photo.parent / "new"

    ran = command("remove", photo, blank, "-o", f"{out}/")

    assert ran.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["blank.cutout.png", "cat.cutout.png"]


def test_outputs_that_are_already_there_are_left_in_a_folder_too(command: Command, photo: Path) -> None:
    out = photo.parent.parent / "out"
    command("remove", photo.parent, "-o", out)
    (out / "cat.png").write_text("precious")

    ran = command("remove", photo.parent, "-o", out)

    assert ran.exit_code == 1
    assert "is already there" in ran.stderr
    assert (out / "cat.png").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["FOLDER"], "is a folder; fix: say where its cut-outs go with -o FOLDER"),
        (["FOLDER", "-o", "PHOTO"], "is a file; expected a folder for the cut-outs"),
        (["PHOTO", "PHOTO", "-o", "one.png"], "several pictures cannot go to one file"),
        (["PHOTO", "FOLDER"], "among several sources; expected files"),
        (["PHOTO", "-", "-o", "FOLDER"], "'-' among several sources"),
        (["-", "-o", "FOLDER"], "stdin has no name to use in"),
        (["PHOTO", "-o", "-", "--json"], "stdout cannot carry both the picture and --json"),
        (
            ["PHOTO", "--background", "wal.jpg"],
            "no opaque colour 'wal.jpg'; expected one such as white, #fff or #ffffff, or a picture that is there",
        ),
        (["PHOTO", "--crop", "5q"], "no margin '5q'; expected pixels or a share of the subject"),
        (["PHOTO", "--format", "gif"], "'gif' is not one of"),
        (["PHOTO", "-o", "out.gif"], "no output format named '.gif'"),
        (["PHOTO", "--model", "u2nett"], "no model named 'u2nett'"),
        (["PHOTO", "--max-pixels", "many"], "'many' is no number of pixels; expected one such as 50M"),
        (["PHOTO", "--max-pixels", "0"], "'0' is no number of pixels"),
        (["PHOTO", "--nothing"], "No such option"),
        ([], "Missing argument"),
    ],
)
def test_what_makes_no_sense_exits_2_and_writes_nothing(
    command: Command, photo: Path, arguments: list[str], message: str
) -> None:
    names = {"FOLDER": str(photo.parent), "PHOTO": str(photo)}

    ran = command("remove", *(names.get(argument, argument) for argument in arguments))

    assert ran.exit_code == 2
    assert message in ran.stderr
    assert ran.stdout == ""
    assert os.listdir(photo.parent) == ["cat.jpg"]


def test_missing_input_and_output_folder_are_told(command: Command, photo: Path) -> None:
    ran = command("remove", photo.with_name("none.jpg"))
    assert (ran.exit_code, ran.stderr) == (
        1,
        f"u2bg: no file '{photo.with_name('none.jpg')}'; fix: check the name\n",
    )

    target = photo.parent / "none" / "out.png"
    ran = command("remove", photo, "-o", target)
    assert ran.exit_code == 1
    assert ran.stderr == f"u2bg: cannot write '{target}': its folder does not exist; fix: create it first\n"


@pytest.fixture
def open_to_all(command: Command, blank: Path) -> Iterator[Path]:
    """A folder that every user may enter; the command has run once, so that its modules are loaded."""
    command("remove", blank)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(EXAMPLES / "cat.jpg", folder / "cat.jpg")
        yield folder


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


def test_a_photo_that_may_not_be_read_is_told(command: Command, open_to_all: Path) -> None:
    photo = open_to_all / "cat.jpg"
    photo.chmod(0)
    with _without_powers():
        ran = command("remove", photo)

    assert ran.exit_code == 1
    assert ran.stderr == f"u2bg: '{photo}' may not be read; fix: change its permissions\n"


def test_a_folder_that_may_not_be_written_to_is_told(command: Command, open_to_all: Path) -> None:
    open_to_all.chmod(0o555)
    with _without_powers():
        ran = command("remove", open_to_all / "cat.jpg")

    assert ran.exit_code == 1
    assert "the folder may not be written to; fix: choose another folder or its permissions" in ran.stderr


def test_a_folder_that_may_not_be_entered_is_told(command: Command, open_to_all: Path) -> None:
    (open_to_all / "closed").mkdir(mode=0)
    with _without_powers():
        written = command("remove", open_to_all / "cat.jpg", "-o", open_to_all / "closed" / "x.png")
        listed = command("remove", open_to_all / "closed", "-o", open_to_all / "out")

    assert written.exit_code == listed.exit_code == 1
    assert "the folder may not be written to" in written.stderr
    assert f"cannot list the folder '{open_to_all / 'closed'}': Permission denied" in listed.stderr
    assert not (open_to_all / "out").exists()


def test_a_full_disk_is_told_and_leaves_no_piece(photo: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        ran = subprocess.run(
            [*U2BG, "remove", photo, "-o", disk / "out.png"], capture_output=True, text=True, check=False
        )
        left = os.listdir(disk)
    finally:
        subprocess.run(["umount", disk], check=True)

    assert ran.returncode == 1
    assert ran.stderr == f"u2bg: cannot write '{disk / 'out.png'}': the disk is full; fix: free some space\n"
    assert left == []


def test_an_interrupt_leaves_whole_files_only(photo: Path, tmp_path: Path) -> None:
    for number in range(200):
        shutil.copy(photo, photo.with_name(f"{number:03}.jpg"))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*U2BG, "remove", photo.parent, "-o", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while process.poll() is None and len(list(out.glob("*.png"))) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)

    assert process.returncode == 130
    assert stderr.decode().splitlines()[-1] == "u2bg: interrupted; nothing half-written was left"
    assert "Traceback" not in stderr.decode()
    assert 3 <= len(list(out.glob("*.png"))) < 200
    assert all(_opened(path).size == (451, 300) for path in out.glob("*.png"))
    assert list(out.glob(".*")) == []


def test_a_reader_that_leaves_early_is_no_traceback(photo: Path) -> None:
    process = subprocess.Popen(
        [*U2BG, "remove", photo, "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    stderr = process.stderr.read()
    process.stderr.close()

    assert process.wait() == 1
    assert b"Traceback" not in stderr


def test_ones_own_model_file_cuts(command: Command, photo: Path, tmp_path: Path) -> None:
    ran = command(
        "remove", photo, "--model", brightness(tmp_path / "own.onnx"), "-o", photo.with_name("out.png")
    )

    assert ran.exit_code in {0, 4}
    assert _opened(photo.with_name("out.png")).mode == "RGBA"


def test_model_files_that_are_none_are_one_line(command: Command, photo: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"nothing")
    for model, message in {
        bad: "cannot be loaded",
        brightness(tmp_path / "grey.onnx", channels=1): "is no saliency network",
        tmp_path / "none.onnx": "No such file or directory; fix: check the name",
    }.items():
        ran = command("remove", photo, "--model", model)

        assert ran.exit_code == 1
        assert message in ran.stderr
        assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda content: content[:-1] + b"\0"])
def test_an_altered_embedded_model_is_never_run(
    command: Command, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: object
) -> None:
    assert callable(damage)
    spec = models.PREPARED["lite"]
    whole = store.locate(spec)
    assert whole is not None
    (tmp_path / spec.file).write_bytes(damage(whole.read_bytes()))
    monkeypatch.setattr(folders, "EMBEDDED", tmp_path)

    ran = command("remove", photo)

    assert ran.exit_code == errors.BadModel.exit_code == 1
    assert "model 'lite'" in ran.stderr
    assert "is damaged" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_progress_bar_moves_on_a_terminal(photo: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    shutil.copy(photo, photo.with_name("second.jpg"))
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*U2BG, "remove", photo.parent, "-o", tmp_path / "out"], stdout=subprocess.DEVNULL, stderr=terminal
    )
    process.wait(timeout=60)
    shown = os.read(screen, 65536).decode()
    for end in (screen, terminal):
        os.close(end)

    assert "2/2" in shown
    assert "2 cut in" in shown


def test_help_shows_examples_and_exit_codes(command: Command) -> None:
    ran = command("remove", "--help")

    assert ran.exit_code == 0
    for words in ("u2bg remove photo.jpg", "Exit codes: 0 done", "--max-pixels", "100M"):
        assert words in ran.stdout


def test_edges_and_colours_can_be_left_as_they_come(command: Command, photo: Path) -> None:
    written = {}
    for name, options in {
        "auto": [],
        "plain": ["--refine", "off", "--foreground", "off"],
        "photo": ["--foreground", "off"],
    }.items():
        command("remove", photo, "-o", photo.with_name(f"{name}.png"), *options)
        written[name] = np.asarray(_opened(photo.with_name(f"{name}.png")))

    seen = written["photo"][..., 3] > 0
    assert np.array_equal(written["auto"][..., 3], written["photo"][..., 3])
    assert not np.array_equal(written["plain"][..., 3], written["photo"][..., 3])
    assert np.array_equal(written["photo"][seen][:, :3], np.asarray(_opened(photo))[seen])
    assert not np.array_equal(written["auto"][seen], written["photo"][seen])


def test_the_trimap_is_a_grey_picture_of_three_values(command: Command, photo: Path) -> None:
    ran = command("remove", photo, "--trimap")

    written = photo.with_name("cat.trimap.png")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, f"{written}\n", "")
    picture = _opened(written)
    assert (picture.mode, picture.size) == ("L", _opened(photo).size)
    assert set(np.unique(np.asarray(picture))) == {0, 128, 255}


def test_mask_and_trimap_are_not_one_file(command: Command, photo: Path) -> None:
    ran = command("remove", photo, "--trimap", "--mask")

    assert ran.exit_code == 2
    assert ran.stderr == "u2bg: --mask and --trimap are one file each; fix: give one of them\n"
    assert os.listdir(photo.parent) == ["cat.jpg"]


def test_a_png_may_be_small_or_written_fast(command: Command, photo: Path) -> None:
    files = [photo.with_name(f"{level}.png") for level in (0, 9)]
    for level, file in zip((0, 9), files, strict=True):
        assert command("remove", photo, "-o", file, "--compress", level).exit_code == 0

    fast, small = (file.stat().st_size for file in files)
    assert small < 0.85 * fast
    one, other = (np.asarray(Image.open(file)) for file in files)
    assert np.array_equal(one, other)


def test_compress_is_for_png(command: Command, photo: Path) -> None:
    ran = command("remove", photo, "-o", photo.with_name("cat.webp"), "--compress", 9)

    assert ran.exit_code == 2
    assert ran.stderr == "u2bg: compress 9 is for png, not for webp; fix: leave it out\n"
    assert os.listdir(photo.parent) == ["cat.jpg"]
    assert command("remove", photo, "--compress", 10).exit_code == 2


def test_closed_form_cuts_a_photo_without_a_word(command: Command, photo: Path) -> None:
    pytest.importorskip("pymatting", reason="pymatting is not installed: pip install 'u2bg[matting]'")

    ran = command("remove", photo, "--refine", "closed-form")

    assert (ran.exit_code, ran.stderr) == (0, "")
    auto = command("remove", photo, "-o", "-")
    assert not np.array_equal(
        np.asarray(_opened(photo.with_name("cat.cutout.png"))), np.asarray(_opened(auto.output))
    )


def test_closed_form_that_falls_back_says_so_and_cuts(photo: Path) -> None:
    pytest.importorskip("pymatting", reason="pymatting is not installed: pip install 'u2bg[matting]'")
    script = (
        "from u2bg.cli import main\n"
        "from u2bg.matting import closed_form\n"
        "def gone(*_): raise closed_form.Gone\n"
        "closed_form._solve = gone\n"
        f"main(['remove', {str(photo)!r}, '--refine', 'closed-form'])\n"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert ran.stderr == "closed-form: 2 of 2 tiles keep the alpha of 'auto': the time is over\n"
    assert photo.with_name("cat.cutout.png").exists()


def test_closed_form_without_its_packages_says_what_to_install(
    command: Command, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise errors.MissingExtra("refine 'closed-form'", "matting")

    monkeypatch.setattr("u2bg.matting.closed_form.require", missing)
    ran = command("remove", photo, "--refine", "closed-form")

    assert ran.exit_code == 1
    assert ran.stderr == (
        "u2bg: refine 'closed-form' needs packages that are not installed; fix: pip install 'u2bg[matting]'\n"
    )
