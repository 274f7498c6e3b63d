"""Models that leave segue, and weights that come from elsewhere.

Each way is a file of its own, loaded when its function is first used: what it needs is an extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from segue.extras import lazy_names

if TYPE_CHECKING:
    from segue.weights.keras import from_keras
    from segue.weights.keras_export import to_keras
    from segue.weights.matlab import from_matlab
    from segue.weights.onnx import to_onnx
    from segue.weights.onnx_check import OnnxDifference, OnnxReport
    from segue.weights.onnx_model import OnnxModel
    from segue.weights.python import to_python
    from segue.weights.torch_export import to_torch
    from segue.weights.torch_in import from_torch

__all__ = [
    "OnnxDifference", "OnnxModel", "OnnxReport", "from_keras", "from_matlab", "from_torch",
    "to_keras", "to_onnx", "to_python", "to_torch",
]  # fmt: skip

__getattr__ = lazy_names(
    __name__,
    {
        "from_keras": "segue.weights.keras.from_keras",
        "from_matlab": "segue.weights.matlab.from_matlab",
        "from_torch": "segue.weights.torch_in.from_torch",
        "to_keras": "segue.weights.keras_export.to_keras",
        "OnnxDifference": "segue.weights.onnx_check.OnnxDifference",
        "OnnxModel": "segue.weights.onnx_model.OnnxModel",
        "OnnxReport": "segue.weights.onnx_check.OnnxReport",
        "to_onnx": "segue.weights.onnx.to_onnx",
        "to_python": "segue.weights.python.to_python",
        "to_torch": "segue.weights.torch_export.to_torch",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
