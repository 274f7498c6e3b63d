"""What layers have in common that end the sequence in many features and are not trained."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from segue.data.arrays import Array
from segue.errors import SpecError
from segue.kernels import forward
from segue.kernels.ragged import Ragged
from segue.layers.base import BuildContext
from segue.layers.inference import InferenceLayer

LONGEST = 256  # steps that decide about dilations and intervals where neither data nor user say


class FeaturesInference(InferenceLayer):
    """Features of whole sequences; each sequence is taken by its own length.

    Attributes:
        features: the functions that it calls, of `segue.kernels.reference_features` or native ones.
    """

    keeps_steps = False

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self.features: Any = forward.features()

    @abc.abstractmethod
    def __call__(self, x: Ragged) -> Array: ...

    def write_onnx(self, x: Any) -> Any:
        raise SpecError(f"{self.name} is {self.spec}, which has no form in ONNX.")
