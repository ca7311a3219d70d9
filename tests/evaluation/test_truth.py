"""Masks of every kind to a truth, and those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.drawn_sets import disc, save

from u2bg.errors import InputError
from u2bg.evaluation.truth import check_shape, fit, read_truth


def test_truth_is_what_is_brighter_than_127(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", np.array([[0, 127, 128, 255]], np.uint8))
    assert read_truth(path).tolist() == [[False, False, True, True]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "JPEG"])
def test_the_same_mask_is_read_from_every_kind_of_file(mode: str, tmp_path: Path) -> None:
    grey = disc()
    picture = Image.fromarray(grey)
    path = tmp_path / ("mask.jpg" if mode == "JPEG" else "mask.png")
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * np.uint16(257))
    elif mode != "JPEG":
        picture = picture.convert(mode)
    picture.save(path)

    assert np.array_equal(read_truth(path), grey > 127)


def test_a_cut_out_is_a_mask_by_its_transparency(tmp_path: Path) -> None:
    rgba = np.zeros((40, 60, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = (200, 40, 40), disc()
    assert np.array_equal(read_truth(save(tmp_path / "mask.png", rgba)), disc() > 127)


def test_a_picture_in_colour_is_no_mask(tmp_path: Path) -> None:
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = disc()
    path = save(tmp_path / "mask.png", red)
    with pytest.raises(InputError) as raised:
        read_truth(path)
    assert str(raised.value) == (
        f"'{path}' is in colour; expected a grey mask; fix: convert it to black and white"
    )


def test_a_mask_of_0_and_1_is_told_how_to_become_one(tmp_path: Path) -> None:
    path = save(tmp_path / "mask.png", disc() // 255)
    with pytest.raises(InputError) as raised:
        read_truth(path)
    assert str(raised.value) == (
        f"'{path}' holds nothing brighter than 1; expected a mask of 0..255; fix: multiply it by 255"
    )


def test_a_mask_of_another_size_is_brought_to_that_of_the_truth() -> None:
    mask = disc(40, 60)
    assert fit(mask, (40, 60)) is mask
    assert fit(mask, (80, 120)).shape == (80, 120)
    assert np.abs((fit(mask, (80, 120)) > 127).mean() - (mask > 127).mean()) < 0.01


@pytest.mark.parametrize("size", [(40, 60), (20, 30), (399, 600), (2, 3)])
def test_pairs_of_one_shape_may_differ_in_size(size: tuple[int, int]) -> None:
    check_shape(size, np.zeros((40, 60), np.bool_), Path("a.jpg"))


@pytest.mark.parametrize("size", [(60, 40), (40, 50)])
def test_pairs_of_different_shapes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError) as raised:
        check_shape(size, np.zeros((40, 60), np.bool_), Path("a.jpg"))
    assert str(raised.value) == (
        f"'a.jpg' is {size[1]}×{size[0]}, its mask 60×40: not the same shape; "
        "fix: turn or cut the mask as its picture was"
    )
