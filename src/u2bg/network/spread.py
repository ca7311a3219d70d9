"""Convolutions to one channel, several times as fast: whole blocks of pixels as the channels of one.

Engines reckon channels by eights and sixteens, so that a single one costs as much as sixteen. Here the 16 pixels of a
block of 4×4 are the channels of a convolution that goes four pixels at a time; its kernel of 6×6 holds the kernel of
3×3 at each pixel's place, and nothing around it. DepthToSpace lays them out (Shi et al., 2016: sub-pixel convolution).
The sums are the same, but for zeros between.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 4
SIDES = ("De_1_side", "De_2_side", "De_3_side")
"""Side outputs whose maps are whole blocks, whatever the picture's size."""

Floats = npt.NDArray[np.float32]


def spread_sides(graph: Any) -> None:
    """The large side outputs of an exported network's ONNX graph, in place."""
    import onnx
    from onnx import numpy_helper

    stored = {array.name: array for array in graph.initializer}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        graph.node.append(node)
        if node.name not in SIDES:
            continue
        weight, bias = (stored[name] for name in node.input[1:])
        weight.CopyFrom(numpy_helper.from_array(spread(numpy_helper.to_array(weight)), weight.name))
        bias.CopyFrom(numpy_helper.from_array(np.repeat(numpy_helper.to_array(bias), BLOCK**2), bias.name))
        blocks = f"{node.output[0]}_blocks"
        laid = onnx.helper.make_node(
            "DepthToSpace", [blocks], list(node.output), name=f"{node.name}_lay", blocksize=BLOCK
        )
        conv = graph.node[-1]
        conv.output[0] = blocks
        kept = [item for item in conv.attribute if item.name not in {"kernel_shape", "strides"}]
        del conv.attribute[:]
        conv.attribute.extend(kept)
        conv.attribute.append(onnx.helper.make_attribute("kernel_shape", [BLOCK + 2] * 2))
        conv.attribute.append(onnx.helper.make_attribute("strides", [BLOCK] * 2))
        graph.node.append(laid)


def spread(kernel: Floats) -> Floats:
    """(1, C, 3, 3) to (16, C, 6, 6)."""
    wide = np.zeros((BLOCK, BLOCK, kernel.shape[1], BLOCK + 2, BLOCK + 2), np.float32)
    for row in range(BLOCK):
        for column in range(BLOCK):
            wide[row, column, :, row : row + 3, column : column + 3] = kernel[0]
    return wide.reshape(BLOCK**2, *wide.shape[2:])


def gathered(kernel: Floats) -> Floats:
    """(16, C, 6, 6), as `spread` makes it, back to (1, C, 3, 3); any other kernel as it is."""
    if kernel.shape[0] != BLOCK**2 or kernel.shape[2:] != (BLOCK + 2, BLOCK + 2):
        return kernel
    return kernel[:1, :, :3, :3]
