"""The subject's own colours, where the photo shows them mixed with the background's.

I = αF + (1 − α)B is solved for smooth F and B at reduced size, see `layers`; what the photo shows beyond that smooth
mixture, its texture, is then given back to F at full size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from u2bg.cores import on_all_cores, together
from u2bg.matting import layers, loops
from u2bg.matting.blend import insert
from u2bg.matting.mesh import Mesh, Tiles, corners
from u2bg.shrinking import Overview, Pixels, block_means, overview


def estimate(photo: Pixels | Overview, mask: NDArray[np.uint8], *, spend: bool = False) -> NDArray[np.uint8]:
    """Colours of the subject alone, in the band where 0 < alpha < 1.

    Args:
        photo: (H, W, 4) uint8, C-contiguous, or its overview; the fourth channel is not looked at.
        mask: (H, W) uint8: the alpha, in the 255ths in which the cut-out will have it.
        spend: make the result of the photo's own memory.

    Returns:
        (H, W, 4) uint8, the subject with straight alpha: as `blend.insert`, with other colours in the band;
        byte-identical to the photo where alpha is 1.
    """
    photo, mask = overview(photo), np.ascontiguousarray(mask)
    cell_px = photo.coarse_px
    small = photo.coarse.copy()
    small[..., 3] = block_means(mask, cell_px)
    is_open = (small[..., 3] > 0) & (small[..., 3] < 255)
    pixels, size = photo.pixels, photo.size  # which may be gone by the time the result is there
    if not is_open.any():
        return insert(pixels, mask, spend=spend)
    smooth, result = together(lambda: layers.solve(small), lambda: insert(pixels, mask, spend=spend))
    numbers = smooth.framed

    def correct(tiles: Tiles) -> None:
        loops.purify(tiles, numbers, smooth.values, mask, result)

    mesh = Mesh(is_open.shape, size, cell_px)
    on_all_cores(correct, mesh.tiles(corners(is_open, np.logical_or)))
    return result
