"""What a saliency map says about itself: is there a subject, and how sure is the network of its shape?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUBJECT_CONFIDENCE = 0.4
"""Below this, the map is haze over a scene, not a subject."""


def confidence(saliency_map: NDArray[np.float32]) -> float:
    """The overlap (IoU) that the cut can be expected to have with the true subject, in [0, 1].

    Taking the map m as probabilities and cutting at 1/2, b = m > 1/2, the expected intersection is Σ_b m and
    the expected union |b| + Σ_¬b m. A map without any m > 1/2 has confidence 0.
    """
    inside = saliency_map > 0.5
    intersection = float(saliency_map[inside].sum(dtype=np.float64))
    union = int(inside.sum()) + float(saliency_map[~inside].sum(dtype=np.float64))
    return intersection / union if intersection else 0.0
