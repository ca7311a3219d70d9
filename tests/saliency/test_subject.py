"""What a map says about itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from u2bg.saliency.subject import confidence


@given(arrays(np.float32, (6, 6), elements=st.floats(0, 1, width=32)))
def test_confidence_is_a_share(saliency_map: NDArray[np.float32]) -> None:
    assert 0 <= confidence(saliency_map) <= 1


def test_a_decided_map_is_sure_and_an_empty_one_is_not() -> None:
    decided = np.zeros((4, 4), np.float32)
    decided[1:3, 1:3] = 1

    assert confidence(decided) == 1
    assert confidence(np.zeros((4, 4), np.float32)) == 0


def test_haze_around_a_subject_lowers_confidence() -> None:
    hazy = np.full((4, 4), 0.1, np.float32)
    hazy[1:3, 1:3] = 0.9

    assert confidence(hazy) == pytest.approx(4 * 0.9 / (4 + 12 * 0.1))
