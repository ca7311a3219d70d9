"""The account of a folder survives crashes, and tells what need not be done again."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from u2bg.batch.job import Job, Outcome
from u2bg.batch.manifest import NAME, Manifest, lines
from u2bg.errors import CannotWrite, UsageError

OPTIONS = "0123456789abcdef"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A picture whose output stands."""
    job = Job(tmp_path / "in" / "sub" / "a.jpg", tmp_path / "out" / "sub" / "a.png")
    for path, content in ((job.source, b"photo"), (job.output, b"cut-out")):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    return job


def _begun(job: Job, options: str = OPTIONS) -> Manifest:
    manifest = _read(job)
    manifest.begin(options)
    return manifest


def _read(job: Job) -> Manifest:
    """As the next process finds it."""
    return Manifest(job.output.parents[1], job.source.parents[1])


def _write(manifest: Manifest, job: Job) -> None:
    outcome = Outcome(str(job.source), str(job.output), (4, 3), 0.9, True, 0.1)
    manifest.write(outcome, manifest.facts(job.source.stat(), job.output.stat().st_size))


def _write_for_ever(manifest: Manifest, job: Job) -> None:
    while True:
        _write(manifest, job)


@pytest.fixture
def done(job: Job) -> Job:
    """The same, written down by a run that ended."""
    manifest = _begun(job)
    _write(manifest, job)
    manifest.close()
    return job


@pytest.fixture
def next_run(done: Job) -> Iterator[Manifest]:
    """The manifest in the next run, with the same options."""
    manifest = _begun(done)
    yield manifest
    manifest.close()


def test_a_picture_has_one_line_with_all_that_is_known_of_it(done: Job) -> None:
    head, line, end = lines(done.output.parents[1] / NAME)

    assert head["source"] == str(done.source.parents[1])
    assert head["run"] == end["end"]
    assert end["done"] == 1
    assert line == {
        "input": os.path.join("sub", "a.jpg"),
        "output": os.path.join("sub", "a.png"),
        "status": "done",
        "error": None,
        "confidence": 0.9,
        "subject": True,
        "size": [4, 3],
        "seconds": 0.1,
        "input_bytes": 5,
        "input_mtime_ns": done.source.stat().st_mtime_ns,
        "options": OPTIONS,
        "output_bytes": 7,
    }


def test_what_is_done_and_unchanged_is_known(done: Job, next_run: Manifest) -> None:
    assert next_run.is_done(done)
    assert next_run.owns(done.output)
    assert not next_run.owns(done.output.with_name("b.png"))


def test_a_moved_folder_goes_on_where_it_is(done: Job, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("in", "out"):
        (tmp_path / name).rename(moved / name)
    job = Job(moved / "in" / "sub" / "a.jpg", moved / "out" / "sub" / "a.png")
    manifest = _begun(job)

    assert manifest.is_done(job)
    manifest.close()


def _touch(job: Job) -> None:
    os.utime(job.source, ns=(1, 1))


def _grow(job: Job) -> None:
    status = job.source.stat()
    job.source.write_bytes(b"longer photo")
    os.utime(job.source, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [_touch, _grow])
def test_a_changed_photo_is_cut_again_and_its_output_replaced(
    done: Job, next_run: Manifest, change: object
) -> None:
    assert callable(change)
    change(done)

    assert not next_run.is_done(done)
    assert next_run.may_replace(done)


def test_other_options_ask_for_another_cut_out(done: Job) -> None:
    manifest = _begun(done, options="f" * 16)

    assert not manifest.is_done(done)
    assert manifest.may_replace(done)
    manifest.close()


def test_a_missing_output_is_made_again(done: Job, next_run: Manifest) -> None:
    done.output.unlink()

    assert not next_run.is_done(done)


def test_an_output_that_somebody_changed_is_his(done: Job, next_run: Manifest) -> None:
    done.output.write_bytes(b"retouched by hand")

    assert not next_run.is_done(done)
    assert not next_run.may_replace(done)


def test_the_same_name_from_another_folder_is_another_picture(done: Job, tmp_path: Path) -> None:
    other = Job(tmp_path / "other" / "sub" / "a.jpg", done.output)
    other.source.parent.mkdir(parents=True)
    other.source.write_bytes(b"another photo")
    manifest = _begun(other)

    assert not manifest.is_done(other)
    assert not manifest.may_replace(other)
    manifest.close()


@pytest.mark.parametrize("torn", [b'{"input": "b.jpg", "outp', b"\xff\xfe", b"{" * 200_000])
def test_a_torn_last_line_is_taken_off(done: Job, torn: bytes) -> None:
    path = done.output.parents[1] / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + torn)

    manifest = _begun(done)

    assert manifest.is_done(done)
    assert path.read_bytes().startswith(whole)
    for text in path.read_text().splitlines():
        json.loads(text)
    manifest.close()


def test_lines_that_are_none_are_passed_over(done: Job) -> None:
    path = done.output.parents[1] / NAME
    path.write_bytes(b'what?\n[1]\n{"output": "x"}\n' + path.read_bytes())

    assert _read(done).owns(done.output)


def test_a_cut_out_that_never_took_its_place_is_made_again(done: Job) -> None:
    """Killed between the line and the renaming, with an older output of the same length in place."""
    manifest = _begun(done, options="f" * 16)
    _write(manifest, done)
    part = done.output.with_name(f".{done.output.name}.{manifest.run}01234567.part")
    part.write_bytes(b"new one")
    os.close(manifest._file)

    after = _begun(done, options="f" * 16)

    assert not part.exists()
    assert not after.is_done(done)
    assert after.may_replace(done)
    _write(after, done)
    assert after.is_done(done)
    after.close()
    assert _read(done).owns(done.output)


def test_temporary_files_of_others_are_left_alone(done: Job) -> None:
    manifest = _begun(done)
    dead = manifest.run
    os.close(manifest._file)
    names = [".a.png.0123456789abcdef.part", ".a.png.01234567.part", f"a.{dead}.png", f"{dead}00000000.part"]
    for name in names:
        done.output.with_name(name).write_bytes(b"")

    _begun(done).close()

    assert all(done.output.with_name(name).exists() for name in names)


def test_two_runs_at_once_are_refused(done: Job, next_run: Manifest) -> None:
    with pytest.raises(UsageError, match=r"another run is writing into '.*out'; fix: wait for its end"):
        _begun(done)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    assert not Manifest(tmp_path / "out", tmp_path).owns(tmp_path / "out" / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_threads_write_whole_lines(job: Job) -> None:
    manifest = _begun(job)

    def write() -> None:
        for _ in range(50):
            _write(manifest, job)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    manifest.close()

    assert sum("status" in line for line in lines(manifest.path)) == 400
    assert len(manifest.path.read_text().splitlines()) == 402


def test_a_name_that_is_no_text_comes_back_as_it_was(tmp_path: Path) -> None:
    job = Job(tmp_path / "in" / os.fsdecode(b"\xff.jpg"), tmp_path / "out" / os.fsdecode(b"\xff.png"))
    for path in (job.source, job.output):
        path.parent.mkdir()
        path.write_bytes(b"x")
    manifest = Manifest(job.output.parent, job.source.parent)
    manifest.begin(OPTIONS)
    _write(manifest, job)
    manifest.close()

    again = Manifest(job.output.parent, job.source.parent)
    again.begin(OPTIONS)
    assert again.is_done(job)
    again.close()


def test_a_full_disk_leaves_the_manifest_whole(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        job = Job(tmp_path / "a.jpg", disk / "a.png")
        for path in (job.source, job.output):
            path.write_bytes(b"x")
        manifest = Manifest(disk, tmp_path)
        manifest.begin(OPTIONS)
        with pytest.raises(CannotWrite, match="the disk is full; fix: free some space"):
            _write_for_ever(manifest, job)
        manifest.close()
        content = manifest.path.read_bytes()
    finally:
        subprocess.run(["umount", disk], check=True)

    assert content.endswith(b"\n")
    assert len(content.splitlines()) > 10
    for text in content.splitlines():
        json.loads(text)
