"""The torch modules of the layers, in files of the same names as their specs in `segue.layers`.

`LayerSpec.build` imports a module when a network is built. A layer is exact on right-padded batches
of sequences of unequal length: whatever lies at or beyond `lengths` changes nothing.
"""

from segue.kernels.ragged import Directions
from segue.modules.base import Chain, Layer, Signal, each_step
from segue.modules.custom import Cell
from segue.prepare.padded import Padded

__all__ = ["Cell", "Chain", "Directions", "Layer", "Padded", "Signal", "each_step"]
