"""What a step is judged by: terms over the seven maps, each named in the recipe, summed by its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from u2bg.datasets.augment import Batch
from u2bg.network.u2net import OUTPUTS
from u2bg.training.recipe import Loss

EDGE_SHARE = 0.1
"""Reach of what counts as near an edge, of the frame's shorter side (F³Net has 31 pixels of 320)."""

EDGE_WEIGHT = 5.0


def total(logits: Mapping[str, Any], batch: Batch, loss: Loss) -> tuple[Any, dict[str, Any]]:
    """The loss of a batch, and each term of it before its weight, of the first map that counts (the fused one).

    Args:
        logits: the network's outputs, (N, H, W, 1) float32 each.
    """
    batch = batch._replace(teacher=_sharpen(batch.teacher, loss.temperature))
    whole, shown = 0.0, dict[str, Any]()
    for output, share in zip(OUTPUTS, loss.maps, strict=True):
        if share:  # a map that does not count is not even computed
            terms = {name: TERMS[name](logits[output], batch) for name in loss.weights}
            whole += share * sum(weight * terms[name] for name, weight in loss.weights.items())
            shown = shown or terms
    return whole, shown


def bce(logits: Any, batch: Batch) -> Any:
    """Mean over the known pixels of −[y log σ(z) + (1 − y) log(1 − σ(z))] (Qin et al., 2020, equation 2)."""
    return _mean(_cross_entropy(logits, batch.truth), batch.known)


def error(logits: Any, batch: Batch) -> Any:
    """Mean of |σ(z) − y| over the known pixels."""
    return _mean(ops.abs(ops.sigmoid(logits) - batch.truth), batch.known)


def iou(logits: Any, batch: Batch) -> Any:
    """1 − Σ(py)/Σ(p + y − py), over the known pixels of each picture that has a subject; the mean of those."""
    share = ops.sigmoid(logits)
    both = _sums(share * batch.truth * batch.known)
    either = _sums((share + batch.truth - share * batch.truth) * batch.known)
    has_subject = ops.cast(_sums(batch.truth * batch.known) > 0, "float32")
    return _mean(1 - (both + 1) / (either + 1), has_subject)


def boundary(logits: Any, batch: Batch) -> Any:
    """Cross-entropy weighted by 1 + 5·|mean of y around − y|, more where a pixel differs (F³Net, Wei et al., 2020)."""
    reach = 2 * (round(EDGE_SHARE * min(batch.truth.shape[1:3])) // 2) + 1
    around = batch.truth
    for window in ((reach, 1), (1, reach)):
        around = ops.average_pool(around, window, 1, "same", data_format="channels_last")
    weight = (1 + EDGE_WEIGHT * ops.abs(around - batch.truth)) * batch.known
    return _mean(_cross_entropy(logits, batch.truth), weight)


def distill(logits: Any, batch: Batch) -> Any:
    """Cross-entropy against the teacher's map (Hinton et al., 2015), where there is one to believe."""
    return _mean(_cross_entropy(logits, batch.teacher), batch.taught * ops.ones_like(batch.teacher))


TERMS: dict[str, Callable[[Any, Batch], Any]] = {
    "bce": bce,
    "error": error,
    "iou": iou,
    "boundary": boundary,
    "distill": distill,
}


def _sharpen(share: Any, temperature: float) -> Any:
    """σ(logit(share) / temperature)."""
    if temperature == 1:
        return share
    yes, no = (ops.power(ops.clip(part, 1e-6, 1), 1 / temperature) for part in (share, 1 - share))
    return yes / (yes + no)


def _cross_entropy(logits: Any, target: Any) -> Any:
    """From logits, so that nothing overflows: max(z, 0) − z·y + log(1 + e^−|z|)."""
    return ops.relu(logits) - logits * target + ops.log1p(ops.exp(-ops.abs(logits)))


def _mean(values: Any, weight: Any) -> Any:
    """The weighted mean; 0 where all weights are."""
    return ops.sum(values * weight) / ops.maximum(ops.sum(weight), 1.0)


def _sums(x: Any) -> Any:
    return ops.sum(x, axis=(1, 2, 3))
