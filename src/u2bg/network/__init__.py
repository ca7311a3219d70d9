"""U²-Net in Keras 3: one table of stages, one drawing of it, and what is done with the weights.

`stages` is the paper's table, `blocks` its ReSidual U-block, `u2net` the network around them. The drawing is made
once, for any pen: `layers` draws Keras layers, `export` ONNX nodes, `convolutions` a list for counting.

Importing this package imports Keras and registers `U2Net`, so that `keras.saving.load_model` knows its files.
"""

from u2bg.network.backend import choose_backend

choose_backend()  # Keras reads it when it is imported, which the next lines do

from u2bg.network.loss import deep_supervision, every_output  # noqa: E402
from u2bg.network.saving import read, write  # noqa: E402
from u2bg.network.stages import BASE, U2NET, U2NETP, Stage  # noqa: E402
from u2bg.network.u2net import OUTPUTS, U2Net, saliency_maps  # noqa: E402

__all__ = [
    "BASE",
    "OUTPUTS",
    "U2NET",
    "U2NETP",
    "Stage",
    "U2Net",
    "deep_supervision",
    "every_output",
    "read",
    "saliency_maps",
    "write",
]
