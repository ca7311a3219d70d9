"""Writing: what each format keeps."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from u2bg.errors import CannotWrite
from u2bg.imaging.formats import JPEG, PNG, WEBP
from u2bg.imaging.writing import encode

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_png_keeps_every_pixel(photo: Image.Image) -> None:
    pixels = np.asarray(photo.convert("RGBA"))

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode(pixels, PNG)))), pixels)


def test_webp_keeps_alpha_exactly_and_colours_closely(photo: Image.Image) -> None:
    picture = photo.copy()
    picture.putalpha(Image.linear_gradient("L").resize(photo.size))
    pixels = np.asarray(picture)

    written = np.asarray(Image.open(io.BytesIO(encode(pixels, WEBP))))

    assert np.array_equal(written[..., 3], pixels[..., 3])
    seen = pixels[..., 3] > 0
    assert np.abs(written[seen].astype(int) - pixels[seen]).mean() < 4


@pytest.mark.parametrize("kind", [PNG, JPEG, WEBP], ids=lambda kind: kind.name)
def test_the_profile_is_written(photo: Image.Image, kind: object) -> None:
    assert isinstance(kind, type(PNG))
    written = Image.open(io.BytesIO(encode(np.asarray(photo), kind, PROFILE, (300, 300))))

    assert written.info["icc_profile"] == PROFILE
    assert kind is WEBP or written.info["dpi"] == pytest.approx((300, 300), abs=0.02)


def test_a_picture_too_large_for_its_format_is_refused() -> None:
    with pytest.raises(
        CannotWrite, match=r"a webp picture has at most 16,383 pixels a side, this one has 20,000"
    ):
        encode(np.zeros((1, 20_000, 4), np.uint8), WEBP)
