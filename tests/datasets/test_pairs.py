"""What is found in a folder, and what is said of pictures that cannot be learnt from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.datasets.conftest import Save, disc, photo

from u2bg.datasets import pairs
from u2bg.datasets.pairs import Flaw
from u2bg.errors import InputError, SourceMissing


def test_pairs_cutouts_and_photos_are_told_apart(data: Path) -> None:
    entries, flaws = pairs.find(data)

    assert [entry.key for entry in entries] == [
        "cutouts/vase",
        "pairs/0",
        "pairs/1",
        "pairs/2",
        "photos/street",
        "rooms/hall",
    ]
    assert flaws == {}
    assert [pairs.read(entry, 64).form for entry in entries] == ["cutout", *["pair"] * 3, "photo", "photo"]


def test_what_has_no_partner_is_named(data: Path, save: Save) -> None:
    save("pairs/images/lonely.png", photo(40, 60, 4))
    save("pairs/masks/widow.png", disc(40, 60))
    save("pairs/images/0.jpg", photo(40, 60, 4))

    entries, flaws = pairs.find(data)

    assert len(entries) == 6
    assert flaws == {
        "pairs/images/0.png": "a second picture of that name",
        "pairs/images/lonely.png": "an image without its mask",
        "pairs/masks/widow.png": "a mask without its image",
    }


def test_a_folder_of_images_without_masks_is_an_error(tmp_path: Path, save: Save) -> None:
    save("mine/images/a.png", photo(40, 40, 1))
    expected = (
        f"'{tmp_path}/data/mine/images' has no masks beside it; expected '{tmp_path}/data/mine/masks'; "
        "fix: for photos without masks, put them into a folder of another name"
    )
    with pytest.raises(InputError, match=re.escape(expected)):
        pairs.find(tmp_path / "data")


def test_a_folder_that_is_missing_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="no folder"):
        pairs.find(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no picture to learn from"):
        pairs.find(tmp_path)


BLACK = np.zeros((40, 60), np.uint8)


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (disc(30, 60), "the image is 60×40, its mask 60×30; expected one size"),
        (BLACK, "the mask is all black"),
        (BLACK + 255, "the mask is all white"),
        (photo(40, 60, 3), "the mask has colours; expected grey: 0 for the background, 255 for the subject"),
    ],
)
def test_a_mask_that_cannot_be_believed_says_why(
    save: Save, tmp_path: Path, mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], why: str
) -> None:
    save("p/images/a.png", photo(40, 60, 1))
    save("p/masks/a.png", mask)
    (entry,), _ = pairs.find(tmp_path / "data")

    with pytest.raises(Flaw, match=re.escape(why)):
        pairs.read(entry, 64)


def test_a_picture_that_cannot_be_decoded_says_why(save: Save, tmp_path: Path) -> None:
    path = save("p/a.png", photo(40, 60, 1))
    path.write_bytes(path.read_bytes()[:200])
    (entry,), _ = pairs.find(tmp_path / "data")

    with pytest.raises(Flaw, match="cannot be read"):
        pairs.read(entry, 64)


def test_masks_of_16_bits_of_1_bit_and_in_rgb_are_read(save: Save, tmp_path: Path) -> None:
    mask = disc(40, 60)
    for name in ("deep", "flat", "rgb"):
        save(f"p/images/{name}.png", photo(40, 60, 1))
    save("p/masks/rgb.png", np.dstack([mask] * 3))
    Image.fromarray(mask.astype(np.uint16) * 257).save(tmp_path / "data/p/masks/deep.png")
    Image.fromarray(mask > 0).save(tmp_path / "data/p/masks/flat.png")

    entries, _ = pairs.find(tmp_path / "data")

    for entry in entries:
        got = pairs.read(entry, 64).mask
        assert got is not None
        assert np.array_equal(got, mask), entry.name


def test_large_pictures_are_scaled_to_the_area_and_keep_their_shape(save: Save, tmp_path: Path) -> None:
    save("p/a.png", photo(100, 400, 1))
    (entry,), _ = pairs.find(tmp_path / "data")

    assert pairs.read(entry, 100).image.shape == (50, 200, 3)
    assert pairs.read(entry, 1000).image.shape == (100, 400, 3)


def test_scaling_keeps_unknown_apart(save: Save, tmp_path: Path) -> None:
    mask = disc(100, 100)
    mask[:, 40:60] = 128
    save("p/images/a.png", photo(100, 100, 1))
    save("p/masks/a.png", mask)
    (entry,), _ = pairs.find(tmp_path / "data")

    small = pairs.read(entry, 50).mask

    assert small is not None
    assert (small[:, 20:30] == 128).all()
    assert not (small[:, [*range(18), *range(32, 50)]] == 128).any()


def test_a_cutout_loses_its_margin_and_its_old_background(save: Save, tmp_path: Path) -> None:
    colours = np.full((60, 60, 3), 255, np.uint8)
    alpha = np.zeros((60, 60), np.uint8)
    alpha[20:40, 25:35], alpha[20:40, 24], alpha[20:40, 35] = 255, 128, 128
    colours[20:40, 25:35] = (200, 30, 30)
    colours[20:40, [24, 35]] = (228, 142, 142)  # half red, half the white behind it
    save("c/a.png", np.dstack([colours, alpha]))
    (entry,), _ = pairs.find(tmp_path / "data")

    sample = pairs.read(entry, 64)

    assert sample.image.shape == (24, 16, 3)
    assert sample.mask is not None
    assert np.abs(sample.image[sample.mask > 0].astype(int) - (200, 30, 30)).max() <= 1
