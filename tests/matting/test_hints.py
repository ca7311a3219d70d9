"""Hints: `keep` and `erase` hold exactly, and pull what is around them along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import u2bg
from u2bg.errors import BadArray, UsageError
from u2bg.matting import hints as hinting

CAT = Path(__file__).parents[2] / "examples" / "cat.jpg"


@pytest.fixture(scope="module")
def remover() -> u2bg.Remover:
    return u2bg.Remover()


@pytest.fixture(scope="module")
def size(remover: u2bg.Remover) -> tuple[int, int]:
    return remover(CAT).size


def _box(size: tuple[int, int], box: tuple[slice, slice]) -> np.ndarray[Any, Any]:
    mask = np.zeros(size, np.bool_)
    mask[box] = True
    return mask


def test_masks_hold_exactly(remover: u2bg.Remover, size: tuple[int, int]) -> None:
    keep, erase = _box(size, np.s_[:30, :40]), _box(size, np.s_[140:170, 180:220])

    cutout = remover(CAT, keep=keep, erase=erase)

    assert (cutout.alpha[keep] == 1).all()
    assert (cutout.alpha[erase] == 0).all()
    assert (cutout.rgba[erase] == 0).all()


def test_a_mask_may_be_bool_or_bytes_or_a_pillow_picture() -> None:
    mask = _box((80, 90), np.s_[10:50, 10:60])
    grey = np.where(mask, np.uint8(200), np.uint8(100))

    for same in (mask, grey, Image.fromarray(grey), Image.fromarray(mask)):
        found = hinting.read(None, same, (80, 90))
        assert found is not None
        assert np.array_equal(found.erase, mask)


def test_a_point_is_a_small_disc() -> None:
    small, large = hinting.read([(20, 10)], None, (50, 60)), hinting.read(None, [(400, 300.0)], (3000, 4000))

    assert small is not None
    assert large is not None
    assert small.keep[10, 22]
    assert not small.keep[10, 23]
    assert small.keep.sum() == 13  # a disc of radius 2
    assert large.erase.sum() == pytest.approx(np.pi * 25**2, rel=0.02)
    assert not large.keep.any()


@pytest.mark.parametrize("point", [(0, 0), (59, 49), (59.9, 0)])
def test_a_point_at_the_border_is_cut_by_it(point: tuple[float, float]) -> None:
    found = hinting.read([point], None, (50, 60))

    assert found is not None
    assert found.keep[int(point[1]), int(point[0])]


def test_a_point_pulls_what_is_around_it_along(remover: u2bg.Remover, size: tuple[int, int]) -> None:
    plain = remover(CAT)
    erased = remover(CAT, erase=[(200, 150)])

    disc = hinting.read(None, [(200, 150)], size)
    assert disc is not None
    beside = (plain.alpha - erased.alpha)[~disc.erase]
    assert beside.sum() > 3 * disc.erase.sum()
    assert beside.min() > -0.1
    far = np.hypot(*(np.ogrid[: size[0], : size[1]][axis] - (150, 200)[axis] for axis in (0, 1))) > 80
    assert np.abs(plain.alpha - erased.alpha)[far].max() < 0.1


def test_a_hint_stops_at_an_edge_of_colour() -> None:
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[:, 40:] = 200
    keep = _box((80, 80), np.s_[38:42, 30:34])

    guided = hinting.guide(
        np.full((80, 80), 0.3, np.float32), pixels, hinting.Hints(keep, np.zeros_like(keep))
    )

    assert guided[40, 32] == 1
    assert guided[40, 39] > 0.6
    assert np.allclose(guided[:, 40:], 0.3)
    assert np.allclose(guided[:15], 0.3)
    assert guided.dtype == np.float32


def test_no_hints_change_nothing(remover: u2bg.Remover, size: tuple[int, int]) -> None:
    nothing = np.zeros(size, np.bool_)

    assert np.array_equal(remover(CAT, keep=nothing, erase=[]).rgba, remover(CAT).rgba)


def test_what_is_kept_is_a_subject(remover: u2bg.Remover) -> None:
    flat = np.full((60, 80, 3), 128, np.uint8)

    assert not remover(flat).has_subject
    assert u2bg.remove(flat, keep=[(40, 30)], require_subject=True).has_subject


def test_where_kept_the_photos_own_alpha_remains() -> None:
    own = np.full((40, 40, 4), 90, np.uint8)
    own[..., 3] = 100

    cutout = u2bg.remove(own, keep=np.ones((40, 40), np.bool_))

    assert (cutout.mask == 100).all()


@pytest.mark.parametrize("refine", ["off", "auto", "closed-form"])
def test_hints_hold_with_every_refinement(refine: str, size: tuple[int, int]) -> None:
    if refine == "closed-form":
        pytest.importorskip("pymatting", reason="pymatting is not installed: pip install 'u2bg[matting]'")
    remover = u2bg.Remover(options=u2bg.Options(refine=refine))
    keep, erase = _box(size, np.s_[:30, :40]), _box(size, np.s_[140:170, 180:220])

    alpha = remover(CAT, keep=keep, erase=erase).alpha

    assert (alpha[keep] == 1).all()
    assert (alpha[erase] == 0).all()


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (np.zeros((5, 60), np.bool_), r"keep of shape \(5, 60\) bool; expected \(50, 60\) bool or uint8"),
        (np.zeros((50, 60, 3), np.uint8), r"keep of shape \(50, 60, 3\) uint8; expected \(50, 60\)"),
        (np.zeros((50, 60)), r"keep of shape \(50, 60\) float64; expected"),
        (Image.new("L", (50, 60)), r"keep of shape \(60, 50\) uint8; expected \(50, 60\)"),
        ([(60, 0)], r"keep point \(60, 0\) outside the photo; expected x < 60 and y < 50"),
        ([(3, -1)], r"keep point \(3, -1\) outside the photo"),
        ([(float("nan"), 1)], r"keep point \(nan, 1\) outside the photo"),
        ((3, 4), r"keep is \(3, 4\); expected points \(x, y\), or a mask of the photo's size"),
        (7, r"keep is 7; expected points"),
        ([(1, 2, 3)], r"keep is \[\(1, 2, 3\)\]; expected points"),
        ("subject.png", r"keep is 'subject.png'; expected points"),
    ],
)
def test_a_hint_that_cannot_be_used_is_one_clear_line(hint: Any, words: str) -> None:
    with pytest.raises(BadArray, match=words) as raised:
        u2bg.remove(np.zeros((50, 60, 3), np.uint8), keep=hint)

    assert "\n" not in str(raised.value)


def test_nothing_can_be_kept_and_erased() -> None:
    with pytest.raises(
        UsageError, match=r"keep and erase share 13 pixels, the first at \(10, 8\); fix: take them out"
    ):
        u2bg.remove(np.zeros((50, 60, 3), np.uint8), keep=[(10, 10)], erase=[(10, 10)])


def test_hints_are_not_written_to(remover: u2bg.Remover, size: tuple[int, int]) -> None:
    keep = _box(size, np.s_[:30, :40])
    keep.flags.writeable = False

    assert (remover(CAT, keep=keep).alpha[keep] == 1).all()
