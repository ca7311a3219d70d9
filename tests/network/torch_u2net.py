"""U²-Net in PyTorch, for the tests alone: drawn from the paper's table, under the names that the authors' files use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool2d

from u2bg.network import U2NET, Stage


def grow(x: Any, like: Any) -> Any:
    """Bilinear, to the size of another map."""
    return interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def halve(x: Any) -> Any:
    return max_pool2d(x, 2, 2, ceil_mode=True)


class Unit(nn.Module):  # type: ignore[misc]
    """Convolution, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(outputs)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.bn_s1(self.conv_s1(x)))


class Block(nn.Module):  # type: ignore[misc]
    """RSU-L, or RSU-4F where the row says so."""

    def __init__(self, inputs: int, row: Stage) -> None:
        super().__init__()
        self.row = row
        height, mid = row.height, row.mid
        units = {"in": Unit(inputs, row.out), "1": Unit(row.out, mid)}
        for level in range(2, height):
            units[str(level)] = Unit(mid, mid, 2 ** (level - 1) if row.dilated else 1)
        units[str(height)] = Unit(mid, mid, 2 ** (height - 1) if row.dilated else 2)
        for level in range(height - 1, 0, -1):
            outputs = mid if level > 1 else row.out
            units[f"{level}d"] = Unit(2 * mid, outputs, 2 ** (level - 1) if row.dilated else 1)
        for name, unit in units.items():
            setattr(self, f"rebnconv{name}", unit)

    def forward(self, x: Any) -> Any:
        unit = {name.removeprefix("rebnconv"): child for name, child in self.named_children()}
        height, keeps_size = self.row.height, self.row.dilated
        residual = unit["in"](x)
        down = [unit["1"](residual)]
        for level in range(2, height):
            above = down[-1] if keeps_size else halve(down[-1])
            down.append(unit[str(level)](above))
        y = unit[str(height)](down[-1])
        for level in range(height - 1, 0, -1):
            skip = down[level - 1]
            y = unit[f"{level}d"](torch.cat([grow(y, skip), skip], 1))
        return y + residual


class TorchU2Net(nn.Module):  # type: ignore[misc]
    """(N, 3, H, W) to the seven maps, (N, 1, H, W) in [0, 1], the fused one first."""

    def __init__(self, stages: Sequence[Stage] = U2NET) -> None:
        super().__init__()
        width = 3
        encoded: list[int] = []
        for number, row in enumerate(stages[:6], 1):
            setattr(self, f"stage{number}", Block(width, row))
            width = row.out
            encoded.append(width)
        for number, row in zip(range(5, 0, -1), stages[6:], strict=True):
            setattr(self, f"stage{number}d", Block(width + encoded[number - 1], row))
            width = row.out
        for number, row in enumerate([*reversed(stages[6:]), stages[5]], 1):
            setattr(self, f"side{number}", nn.Conv2d(row.out, 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, image: Any) -> list[Any]:
        child = dict(self.named_children())
        encoded: list[Any] = []
        x = image
        for number in range(1, 7):
            x = child[f"stage{number}"](halve(x) if encoded else x)
            encoded.append(x)
        deep = [x]
        for number in range(5, 0, -1):
            skip = encoded[number - 1]
            deep.append(child[f"stage{number}d"](torch.cat([grow(deep[-1], skip), skip], 1)))
        sides = [grow(child[f"side{n}"](x), image) for n, x in enumerate(reversed(deep), 1)]
        return [torch.sigmoid(map_) for map_ in [self.outconv(torch.cat(sides, 1)), *sides]]


def shaken(network: TorchU2Net, seed: int = 3) -> TorchU2Net:
    """The network with random weights and random BatchNorm, in a range where its maps are neither flat nor sure."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            spread = (1.3 / module.weight[0].numel()) ** 0.5
            nn.init.normal_(module.weight, 0, spread)
            nn.init.normal_(module.bias, 0, 0.1)  # type: ignore[arg-type]
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.2)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return network.eval()
