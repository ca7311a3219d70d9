"""Whatever goes wrong with one picture is told in its outcome; only what ends all of them is raised."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from u2bg.batch.cutting import attempt, refuse_overwriting
from u2bg.batch.job import Job, Outcome
from u2bg.errors import CannotWrite, NoSubject, OutputExists
from u2bg.files import refusal

JOB = Job(Path("a.jpg"), Path("a.png"))


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (NoSubject("no subject was found"), 4, "no subject was found"),
        (MemoryError(), 1, "'a.jpg' needs more memory than there is; fix: lower --max-pixels"),
        (KeyError("x"), 1, "'a.jpg' cannot be cut: KeyError: 'x'; this is a fault of u2bg: please report it"),
        (refusal(Path("a.png"), PermissionError(errno.EACCES, "no")), 1, "the folder may not be written to"),
    ],
)
def test_an_error_is_the_outcome(error: Exception, code: int, words: str) -> None:
    def cut(outcome: Outcome) -> None:
        outcome.size, outcome.confidence, outcome.subject = (1, 1), 0.5, True
        raise error

    outcome = attempt(JOB, cut)

    assert outcome.exit_code == code
    assert words in (outcome.error or "")
    assert (outcome.size, outcome.confidence, outcome.subject) == (None, None, None)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_no_more_ends_the_run(number: int) -> None:
    def cut(_: Outcome) -> None:
        problem = OSError(number, "full")
        raise refusal(Path("a.png"), problem) from problem

    with pytest.raises(CannotWrite):
        attempt(JOB, cut)


def test_the_photo_itself_is_never_an_output(tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(b"photo")
    (tmp_path / "link.png").symlink_to(photo)

    for output in (photo, tmp_path / "link.png"):
        with pytest.raises(OutputExists, match="is the photo itself"):
            refuse_overwriting(Job(photo, output), overwrite=True)
