"""Plans are drawn from the seed and the step alone, and carried out on picture and mask alike."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tests.datasets.conftest import disc, photo

from u2bg.datasets.augment import MEAN, STD, Batch, augment, noise_fields
from u2bg.datasets.deck import Card
from u2bg.datasets.plan import Plan, Planner, nearest_shape
from u2bg.datasets.settings import STILL, Augment

SIDE = 64
SHAPE = (32, 48)


def card(kind: str = "alpha", **changes: Any) -> Card:
    """A card as the deck makes them."""
    return dataclasses.replace(Card("p/a", "p", kind, 1.0, False, 1.0, False), **changes)


def pixels(*masks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A deck of photos with these masks."""
    rows = [np.dstack([photo(SIDE, SIDE, i), mask, mask]) for i, mask in enumerate(masks)]
    return np.stack(rows)


def planner(*cards: Card, settings: Augment = STILL, batch: int = 4, seed: int = 5) -> Planner:
    return Planner(cards, np.arange(len(cards)), settings, [SHAPE], batch, seed)


def carry_out(deck: npt.NDArray[np.uint8], plan: Plan) -> Batch:
    return Batch(*map(keras.ops.convert_to_numpy, augment(deck, noise_fields(48), plan, SHAPE)))


def still(*cards: Card, places: list[int] | None = None) -> Plan:
    rng = np.random.default_rng(1)
    return planner(*cards).plan(places or [*range(len(cards))], SHAPE, rng)


def test_the_same_seed_and_step_give_the_same_plan_and_others_do_not() -> None:
    cards = [card(key=str(i)) for i in range(20)]
    wild = planner(*cards, settings=Augment())
    one, two, other = wild.draw(3)[0], wild.draw(3)[0], wild.draw(4)[0]
    another = dataclasses.replace(wild, seed=6).draw(3)[0]

    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one.base_box, other.base_box)
    assert not np.array_equal(one.base_box, another.base_box)
    assert all(column.dtype.name in {"int32", "float32"} and len(column) == 4 for column in one)


def test_pictures_are_drawn_by_their_weight() -> None:
    plan, _ = planner(card(), card(weight=0.0), card(weight=9.0), batch=2000).draw(0)

    shares = np.bincount(plan.base, minlength=3) / 2000
    assert shares[1] == 0
    assert shares[2] == pytest.approx(0.9, abs=0.03)


def test_the_nearest_frame_is_the_nearest_in_shape() -> None:
    shapes = [(320, 320), (288, 352), (352, 288)]
    assert [nearest_shape(aspect, shapes) for aspect in (1, 1.4, 0.7)] == shapes


def test_a_picture_left_alone_is_resized_as_it_is_when_used() -> None:
    deck = pixels(disc(SIDE, SIDE))
    batch = carry_out(deck, still(card()))

    def resized(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        return np.asarray(Image.fromarray(picture).resize((48, 32), Image.Resampling.BILINEAR)) / 255

    # Pillow rounds to 8 bits after each axis.
    assert np.abs(batch.pictures[0] - resized(deck[0, ..., :3])).max() < 1.6 / 255
    assert np.abs(batch.truth[0, ..., 0] - resized(deck[0, ..., 3])).max() < 1.6 / 255
    brightest = batch.pictures[0].max()
    assert np.allclose(batch.images[0], (batch.pictures[0] / brightest - MEAN) / STD, atol=1e-5)
    assert batch.known.min() == 1
    assert batch.taught.max() == 0


def test_a_flip_flips_picture_mask_and_map() -> None:
    mask = disc(SIDE, SIDE)
    mask[:, :20] = 255
    deck, plan = pixels(mask), still(card(taught=True))
    flipped = plan._replace(base_box=plan.base_box[:, [0, 1, 3, 2]])
    upside_down = plan._replace(base_box=plan.base_box[:, [1, 0, 2, 3]])

    straight, mirrored, turned = (carry_out(deck, one) for one in (plan, flipped, upside_down))

    for part in ("pictures", "truth", "teacher"):
        as_it_was = getattr(straight, part)[0]
        assert np.allclose(getattr(mirrored, part)[0], as_it_was[:, ::-1], atol=1e-5)
        assert np.allclose(getattr(turned, part)[0], as_it_was[::-1], atol=1e-5)
    assert not np.allclose(straight.truth[0], mirrored.truth[0], atol=0.1)


def test_unknown_pixels_and_unlabelled_pictures_stay_out_of_the_loss() -> None:
    mask = disc(SIDE, SIDE)
    mask[:, 20:40] = 128
    cards = card(unknown=True), card(), card("unlabelled", taught=True)
    batch = carry_out(pixels(mask, mask, mask), still(*cards))

    assert batch.known[0, :, 16:29].max() == 0
    assert batch.known[0, :, :14].min() == 1
    assert batch.known[0, :, 32:].min() == 1
    assert batch.known[1].min() == 1
    assert batch.known[2].max() == 0
    assert batch.taught.ravel().tolist() == [0, 0, 1]


def test_a_cutout_lies_on_a_background_and_its_alpha_is_the_truth() -> None:
    white = np.full((SIDE, SIDE), 255, np.uint8)
    deck = pixels(white, disc(SIDE, SIDE))
    plan = still(card("cutout"), card("background"), places=[0])
    batch = carry_out(deck, plan)
    ground = carry_out(deck, still(card("background"), card("background"), places=[1]))

    assert plan.base.tolist() == [1]
    truth = batch.truth[0, ..., 0]
    # A square subject in a 48×32 frame at 0.8 of its height: 26 pixels wide and high.
    assert truth.sum() == pytest.approx(0.8 * 32 * 0.8 * 32, rel=0.02)
    assert set(np.unique(truth[truth > 0.999]).round(3)) == {1.0}
    outside = truth == 0
    assert np.allclose(batch.pictures[0][outside], ground.pictures[0][outside], atol=1e-5)
    assert not np.allclose(batch.pictures[0][~outside], ground.pictures[0][~outside], atol=0.1)


def test_without_backgrounds_a_cutout_lies_on_a_plain_colour() -> None:
    plan = still(card("cutout"))
    batch = carry_out(pixels(disc(SIDE, SIDE)), plan)

    outside = batch.truth[0, ..., 0] == 0
    assert np.ptp(batch.pictures[0][outside], axis=0).max() < 1e-4


@pytest.mark.parametrize("quality", [10, 50, 95])
def test_jpeg_is_as_far_from_the_picture_as_real_jpeg(quality: int) -> None:
    deck = pixels(disc(SIDE, SIDE))
    noisy = np.random.default_rng(0).normal(0, 20, deck[0, ..., :3].shape)
    deck[0, ..., :3] = np.clip(deck[0, ..., :3] + noisy, 0, 255)
    plan = still(card())
    sharp = carry_out(deck, plan).pictures[0]
    ours = carry_out(deck, plan._replace(jpeg=np.array([quality], np.float32))).pictures[0]
    buffer = io.BytesIO()
    Image.fromarray((sharp * 255).round().astype(np.uint8)).save(
        buffer, "JPEG", quality=quality, subsampling=0
    )
    theirs = np.asarray(Image.open(buffer)) / 255

    # Real JPEG rounds colours to 8 bits on the way there and back; what else is lost is the same.
    assert np.abs(ours - theirs).mean() < 0.25 * np.abs(sharp - theirs).mean() + 2 / 255


def test_blur_smooths_the_picture_and_not_the_mask() -> None:
    deck, plan = pixels(disc(SIDE, SIDE)), still(card())
    deck[0, ..., :3] = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3))
    sharp, blurred = carry_out(deck, plan), carry_out(deck, plan._replace(blur=np.array([3], np.float32)))

    assert blurred.pictures.std() < 0.6 * sharp.pictures.std()
    assert blurred.pictures.mean() == pytest.approx(sharp.pictures.mean(), abs=0.01)
    assert np.array_equal(blurred.truth, sharp.truth)


def test_whatever_is_drawn_stays_in_bounds() -> None:
    cards = [card("alpha", unknown=True), card("cutout", aspect=0.3), card("background", aspect=2.0)]
    masks = [disc(SIDE, SIDE), np.full((SIDE, SIDE), 255, np.uint8), np.zeros((SIDE, SIDE), np.uint8)]
    settings = Augment(colour=1, grey=0.3, blur=0.5, noise=0.3, jpeg=0.5, upside_down=0.5, stretch=1)
    plan, _ = planner(*cards, settings=settings, batch=64).draw(0)
    batch = carry_out(pixels(*masks), plan)

    assert all(np.isfinite(part).all() for part in batch)
    for part in (batch.pictures, batch.truth, batch.known):
        assert part.min() >= 0
        assert part.max() <= 1 + 1e-5
