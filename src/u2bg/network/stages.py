"""The one table of U²-Net: which block each stage is made of (Qin et al., 2020, table 1 and figure 5)."""

from __future__ import annotations

from typing import NamedTuple


class Stage(NamedTuple):
    """A row of the paper's table: one ReSidual U-block.

    Attributes:
        name: the paper's name for the stage, and the prefix of every weight under it.
        rsu: `RSU-L` (a U-Net of height L inside one residual unit), `RSU-4F` (dilated, keeps its size), or `STEM`.
        mid: channels inside the block.
        out: channels that the block hands on.
    """

    name: str
    rsu: str
    mid: int
    out: int

    @property
    def height(self) -> int:
        """L of RSU-L: how many levels the inner U-Net has."""
        return int(self.rsu[4])

    @property
    def dilated(self) -> bool:
        """RSU-4F: dilation in place of pooling, because the map is already small."""
        return self.rsu.endswith("F")


U2NET = (
    Stage("En_1", "RSU-7", 32, 64),
    Stage("En_2", "RSU-6", 32, 128),
    Stage("En_3", "RSU-5", 64, 256),
    Stage("En_4", "RSU-4", 128, 512),
    Stage("En_5", "RSU-4F", 256, 512),
    Stage("En_6", "RSU-4F", 256, 512),
    Stage("De_5", "RSU-4F", 256, 512),
    Stage("De_4", "RSU-4", 128, 256),
    Stage("De_3", "RSU-5", 64, 128),
    Stage("De_2", "RSU-6", 32, 64),
    Stage("De_1", "RSU-7", 16, 64),
)

U2NETP = tuple(stage._replace(mid=16, out=64) for stage in U2NET)
"""U²-Net†: the same stages, 16 channels inside and 64 outside each block."""

STEM = "STEM"
"""A first row of this kind is no U-block: one convolution and one halving, so that all that follows sees half the
sides. The network then takes a picture of twice the sides, in multiples of 64, for the same work."""

_MIDS = (24, 32, 48, 64, 112, 112, 112, 64, 48, 32, 24)
_OUTS = (32, 64, 128, 224, 224, 224, 224, 128, 64, 48, 32)

BASE = (
    Stage("stem", STEM, 0, 32),
    *(stage._replace(mid=mid, out=out) for stage, mid, out in zip(U2NET, _MIDS, _OUTS, strict=True)),
)
"""Between the two: 14.6 million weights less what narrow first stages save, for pictures of 512 to 640 pixels."""

ENCODER_STAGES = 6
