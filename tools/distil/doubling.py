"""Bilinear up-sampling by 2, which U²-Net does 34 times over: a Triton kernel for it, proven before it is used.

PyTorch's own is slow on channels-last maps in bfloat16, the gradient above all, which it adds up atomically. Here each
value, of the map as of the gradient, is one thread's weighted sum: two of four rows, two of four columns, 1/4 and 3/4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

try:
    import triton
    from triton import language as tl
except ImportError:  # PyTorch for a CPU comes without
    triton = None

Double = Callable[[torch.Tensor], torch.Tensor]
"""(N, C, H, W) to (N, C, 2H, 2W), pixels' centres where they were (ONNX: half_pixel)."""

BLOCK = 1024


def fastest(device: torch.device) -> Double:
    """The kernel where it gives what PyTorch gives, map and gradient; else PyTorch's own."""
    if triton is None:
        return plain
    try:
        right = all(_agrees(channels, device) for channels in (16, 1))
    except Exception as error:  # no compiler, no driver, another Triton: training goes on without
        print(f"no kernel for doubling: {error!r:.200}", flush=True)
        return plain
    print(f"own kernel for doubling: {'right' if right else 'wrong, so not used'}", flush=True)
    return _Doubled.apply if right else plain


def plain(x: torch.Tensor) -> torch.Tensor:
    """PyTorch's own."""
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _agrees(channels: int, device: torch.device) -> bool:
    x = torch.randn(2, channels, 9, 7, device=device).requires_grad_()
    gradient = torch.randn(2, channels, 18, 14, device=device)
    ours, theirs = ((y.detach(), *torch.autograd.grad(y, x, gradient)) for y in (_Doubled.apply(x), plain(x)))
    return all(torch.allclose(a, b, atol=1e-5) for a, b in zip(ours, theirs, strict=True))


class _Doubled(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        return _launch(x, back=False)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _launch(gradient, back=True)


def _launch(x: torch.Tensor, back: bool) -> torch.Tensor:
    x = x.contiguous(memory_format=torch.channels_last)
    count, channels, height, width = x.shape
    height, width = (height // 2, width // 2) if back else (height * 2, width * 2)
    size = count, channels, height, width
    y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    total = y.numel()
    _kernel[(triton.cdiv(total, BLOCK),)](x, y, height, width, channels, total, BLOCK=BLOCK, BACK=back)
    return y


def _sums(
    x: tl.tensor,
    y: tl.tensor,
    height: tl.tensor,
    width: tl.tensor,
    channels: tl.constexpr,
    total: tl.tensor,
    BLOCK: tl.constexpr,  # noqa: N803 - Triton's way of writing what is known when it compiles
    BACK: tl.constexpr,  # noqa: N803
) -> None:
    """Channels-last: y, (height, width), from x, half as large; or y, the gradient there, from x, twice as large."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    live = i < total
    channel = i % channels
    column = (i // channels) % width
    row = (i // channels // width) % height
    n = i // channels // width // height
    value = tl.zeros([BLOCK], tl.float32)
    if BACK:
        for a in tl.static_range(4):
            row_share = 0.25 if (a == 0 or a == 3) else 0.75  # noqa: PLR1714 - Triton knows no `in`
            r = tl.minimum(tl.maximum(2 * row - 1 + a, 0), 2 * height - 1)
            for b in tl.static_range(4):
                share = row_share * (0.25 if (b == 0 or b == 3) else 0.75)  # noqa: PLR1714
                c = tl.minimum(tl.maximum(2 * column - 1 + b, 0), 2 * width - 1)
                at = ((n * 2 * height + r) * 2 * width + c) * channels + channel
                value += share * tl.load(x + at, mask=live, other=0.0).to(tl.float32)
    else:
        rows, columns = height // 2, width // 2
        far_row = tl.where(row % 2 == 0, 0.75, 0.25)
        far_column = tl.where(column % 2 == 0, 0.75, 0.25)
        for a in tl.static_range(2):
            r = tl.minimum(tl.maximum((row + 1) // 2 - 1 + a, 0), rows - 1)
            row_share = far_row if a == 1 else 1.0 - far_row
            for b in tl.static_range(2):
                c = tl.minimum(tl.maximum((column + 1) // 2 - 1 + b, 0), columns - 1)
                share = row_share * (far_column if b == 1 else 1.0 - far_column)
                at = ((n * rows + r) * columns + c) * channels + channel
                value += share * tl.load(x + at, mask=live, other=0.0).to(tl.float32)
    tl.store(y + i, value.to(y.dtype.element_ty), mask=live)


_kernel: Any = None if triton is None else triton.jit(_sums)
