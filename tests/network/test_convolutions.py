"""The list of convolutions: the paper's counts, and the network's own weights."""

from __future__ import annotations

import pytest
from tests.network.conftest import TINY

from u2bg.network import U2NET, U2NETP, Stage, U2Net
from u2bg.network.convolutions import convolutions, multiply_adds


@pytest.mark.parametrize("stages", [U2NET, U2NETP], ids=["U2NET", "U2NETP"])
def test_there_are_112_normalised_convolutions_and_seven_bare_ones(stages: tuple[Stage, ...]) -> None:
    rows = convolutions(stages)

    assert len(rows) == 119
    assert [row.name for row in rows if not row.normalised] == [
        *(f"De_{i}_side" for i in range(1, 6)),
        "En_6_side",
        "fuse",
    ]


@pytest.mark.parametrize(
    ("stages", "folded"), [(U2NET, 43_981_069), (U2NETP, 1_125_485)], ids=["U2NET", "U2NETP"]
)
def test_kernels_and_biases_add_up_to_the_published_files(stages: tuple[Stage, ...], folded: int) -> None:
    assert sum(row.outputs * (row.inputs * row.kernel**2 + 1) for row in convolutions(stages)) == folded


@pytest.mark.parametrize(("stages", "giga"), [(U2NET, 58.6), (U2NETP, 19.8)], ids=["U2NET", "U2NETP"])
def test_work_is_counted_at_the_size_where_it_is_done(stages: tuple[Stage, ...], giga: float) -> None:
    assert multiply_adds(stages, (320, 320)) / 1e9 == pytest.approx(giga, abs=0.05)
    assert multiply_adds(stages, (640, 320)) == 2 * multiply_adds(stages, (320, 320))


def test_each_row_is_a_layer_of_that_shape_and_dilation(tiny: U2Net) -> None:
    for row in convolutions(TINY):
        layer = tiny.get_layer(row.name)
        assert layer.kernel.shape == (row.kernel, row.kernel, row.inputs, row.outputs)
        assert layer.dilation_rate == (row.dilation, row.dilation)
