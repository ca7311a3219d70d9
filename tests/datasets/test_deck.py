"""What a recipe's rows make of packed pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.datasets.conftest import Save, disc, photo

from u2bg.datasets import deck, pack
from u2bg.datasets.settings import Rule
from u2bg.errors import InputError


def test_rows_say_what_pictures_are_for(data: Path, tmp_path: Path) -> None:
    pack.pack(data, tmp_path / "out")
    rules = [Rule("rooms", kind="background"), Rule("pairs", kind="binary", weight=3)]

    loaded = deck.load(tmp_path / "out", rules, 32)

    cards = {card.key: card for card in loaded.cards}
    # The photo has neither a mask nor a teacher's map: nothing can be learnt from it.
    assert set(cards) == {"pairs/0", "pairs/1", "pairs/2", "cutouts/vase", "rooms/hall"}
    assert [cards[key].kind for key in ("pairs/0", "cutouts/vase", "rooms/hall")] == [
        "binary",
        "cutout",
        "background",
    ]
    assert cards["pairs/0"].weight == 3
    assert cards["pairs/0"].aspect == 1.5
    pixels = dict(zip(cards, loaded.pixels, strict=True))
    assert pixels["rooms/hall"][..., 3].max() == 0
    assert pixels["pairs/0"][16, 16, 3] == 255
    assert loaded.pixels.shape == (5, 32, 32, 5)


def test_a_row_that_does_not_fit_its_folder_is_an_error(data: Path, tmp_path: Path) -> None:
    pack.pack(data, tmp_path / "out")

    with pytest.raises(
        InputError, match="is a photo; the recipe's row 'rooms' says binary, which needs a pair"
    ):
        deck.load(tmp_path / "out", [Rule("rooms", kind="binary")], 32)


def test_with_nothing_to_learn_from_that_is_an_error(save: Save, tmp_path: Path) -> None:
    save("photos/a.png", photo(40, 40, 1))
    pack.pack(tmp_path / "data", tmp_path / "out")

    with pytest.raises(InputError, match="1 pictures, none with a mask or a teacher's map"):
        deck.load(tmp_path / "out", [], 32)


def test_a_doubtful_teacher_is_not_believed(save: Save, tmp_path: Path) -> None:
    for name in ("sure", "unsure"):
        save(f"photos/{name}.png", photo(40, 40, len(name)))
    sure = photo(40, 40, 4)

    def teacher(
        image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        known = np.array_equal(image, sure)
        return (disc(40, 40) / 255 if known else np.full((40, 40), 0.6)).astype(np.float32)

    pack.pack(tmp_path / "data", tmp_path / "out", teacher=("odd", teacher))

    assert [card.key for card in deck.load(tmp_path / "out", [], 32, trust=0.9).cards] == ["photos/sure"]


def test_unknown_pixels_stay_128_and_no_others_become_it(save: Save, tmp_path: Path) -> None:
    mask = disc(64, 64)
    mask[:, 24:40] = 128
    save("p/images/a.png", photo(64, 64, 1))
    save("p/masks/a.png", mask)
    pack.pack(tmp_path / "data", tmp_path / "out")

    for kind in ("alpha", "binary"):
        loaded = deck.load(tmp_path / "out", [Rule("p", kind=kind, unknown=True)], 32).pixels[0, ..., 3]
        assert (loaded[:, 12:20] == 128).all()
        assert not (loaded[:, [*range(11), *range(21, 32)]] == 128).any()


@pytest.mark.parametrize("with_teacher", [True, False])
def test_a_sure_teachers_map_stands_in_for_a_mask(save: Save, tmp_path: Path, with_teacher: bool) -> None:
    for name in ("sure", "unsure"):
        save(f"photos/{name}.png", photo(40, 40, len(name)))
    sure = photo(40, 40, 4)
    subject = disc(40, 40) // 4 * 3

    def teacher(
        image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return (subject / 255 if np.array_equal(image, sure) else np.full((40, 40), 0.3)).astype(np.float32)

    pack.pack(tmp_path / "data", tmp_path / "out", teacher=("odd", teacher))
    rules = [Rule("photos", kind="taught")]
    loaded = deck.load(tmp_path / "out", rules, 40, trust=0.5, with_teacher=with_teacher)

    assert [(card.key, card.labelled) for card in loaded.cards] == [("photos/sure", True)]
    np.testing.assert_allclose(loaded.pixels[0, ..., 3].astype(int), subject, atol=12)  # kept as lossy WebP
    assert np.array_equal(loaded.pixels[0, ..., 3], loaded.pixels[0, ..., 4])
