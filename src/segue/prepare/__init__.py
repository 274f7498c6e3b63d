"""Preparation: what is done to sequences before the network sees them.

Fitted on training data only, saved with the model, written in the same little language as
networks: `prepare="interpolate standardize"`. One file a step, one line in this table.
"""

from segue.prepare.batches import Batches, length_buckets
from segue.prepare.interpolate import Interpolate
from segue.prepare.mask import Mask
from segue.prepare.pipeline import STEPS, Preparation, as_steps
from segue.prepare.standardize import Standardize
from segue.prepare.steps import StepSpec

__all__ = [
    "STEPS",
    "Batches",
    "Interpolate",
    "Mask",
    "Preparation",
    "Standardize",
    "StepSpec",
    "as_steps",
    "length_buckets",
]
