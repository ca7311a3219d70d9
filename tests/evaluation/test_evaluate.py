"""Pictures one by one: cut, scored, or named and left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.evaluation.drawn_sets import cut_by_brightness, disc, make_set, save

from u2bg.cutout import Cutout
from u2bg.evaluation.evaluate import Answer, Seen, evaluate
from u2bg.evaluation.sets import find_sets


def test_a_perfect_cut_has_perfect_scores(tmp_path: Path) -> None:
    (found,) = find_sets([make_set(tmp_path)])

    answers = evaluate(found.pictures, cut_by_brightness)

    assert [answer.mae for answer in answers.scored] == [0, 0, 0]
    assert [answer.scores.iou for answer in answers.scored if answer.scores] == [1, 1, 1]
    assert answers.unscored == []


def test_a_background_is_scored_by_the_mean_of_its_mask(tmp_path: Path) -> None:
    (found,) = find_sets([make_set(tmp_path, 1, masks=False)])

    (answer,) = evaluate(found.pictures, cut_by_brightness).scored

    assert answer.scores is None
    assert answer.truth_is_empty
    assert answer.mae == np.mean(disc(radius=10) / 255)


def test_a_truth_of_another_size_gets_the_mask_in_its_own(tmp_path: Path) -> None:
    make_set(tmp_path, 1)
    save(tmp_path / "masks" / "0.png", disc(80, 120, 20, (40, 60)))
    (found,) = find_sets([tmp_path])
    seen: list[Seen] = []

    answers = evaluate(found.pictures, cut_by_brightness, lambda _, arrays: seen.append(arrays))

    assert seen[0].mask.shape == seen[0].truth.shape == (80, 120)
    assert answers.scored[0].mae < 0.02


def test_what_cannot_be_scored_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    make_set(tmp_path, 4)
    (tmp_path / "images" / "0.png").write_bytes((tmp_path / "images" / "0.png").read_bytes()[:60])
    (tmp_path / "masks" / "1.png").write_bytes(b"no picture")
    save(tmp_path / "masks" / "2.png", disc(60, 40))
    (found,) = find_sets([tmp_path])
    asked = []

    def cut(path: Path) -> Cutout:
        from u2bg import imaging

        asked.append(path.name)
        imaging.read(path)
        return cut_by_brightness(path)

    answers = evaluate(found.pictures, cut)

    assert [answer.picture.name for answer in answers.scored] == [f"{tmp_path.name}/3.png"]
    assert [one.name.rsplit("/")[-1] for one in answers.unscored] == ["0.png", "1.png", "2.png"]
    damaged, no_mask, turned = (one.error for one in answers.unscored)
    assert "0.png' is a damaged png picture" in damaged
    assert "masks/1.png'" in no_mask.replace("\\", "/")
    assert turned.endswith("not the same shape; fix: turn or cut the mask as its picture was")
    assert "1.png" not in asked  # its truth was looked at first


def test_a_picture_too_large_for_the_memory_is_left_out(tmp_path: Path) -> None:
    (found,) = find_sets([make_set(tmp_path, 1)])

    def cut(path: Path) -> Cutout:
        raise MemoryError

    (lost,) = evaluate(found.pictures, cut).unscored

    assert lost.error == (
        f"'{tmp_path / 'images' / '0.png'}' needs more memory than there is; fix: scale it and its mask down"
    )


def test_the_watcher_sees_every_answer(tmp_path: Path) -> None:
    (found,) = find_sets([make_set(tmp_path, 2)])
    watched: list[Answer] = []
    answers = evaluate(found.pictures, cut_by_brightness, lambda answer, _: watched.append(answer))
    assert watched == answers.scored
