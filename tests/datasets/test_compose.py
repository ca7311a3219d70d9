"""Cut-outs bring their own colours and nothing of where they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from u2bg.datasets.compose import OPAQUE, paste, spread_colours

SHAPE = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(st.data())
def test_opaque_pixels_keep_their_colour_and_others_get_one_of_them(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    image = data.draw(arrays.arrays(np.uint8, (*shape, 3)))
    alpha = data.draw(arrays.arrays(np.uint8, shape))

    spread = spread_colours(image, alpha)

    opaque = alpha >= min(OPAQUE, int(alpha.max()))
    assert np.array_equal(spread[opaque], image[opaque])
    own = image[opaque].astype(int)
    assert (spread >= own.min(0) - 1).all()
    assert (spread <= own.max(0) + 1).all()


def test_over_its_own_colours_nothing_shows() -> None:
    colours = np.array([0.2, 0.4, 0.6])
    assert np.allclose(paste(colours, np.linspace(0, 1, 5)[:, None], colours), colours)
