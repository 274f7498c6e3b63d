"""Preparation: what is done to sequences before the network sees them.

Fitted on training data only, saved with the model, written in the same little language as
networks: `prepare="interpolate standardize"`. A file for each kind of step, one line for each step
in the table of `pipeline.py`. Augmentations are steps too, which act in training only. All of it
is NumPy; batches, which are tensors, load torch when they are touched.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from segue.prepare.augmentation import Crop, Jitter, Scale, TimeMask, TimeWarp
from segue.prepare.frames import Frame
from segue.prepare.numeric import Interpolate, MissingIndicator, Standardize
from segue.prepare.pipeline import STEPS, Preparation, as_steps
from segue.prepare.spectra import Cepstrum, LogFrequency, LogMel, Spectrogram
from segue.prepare.steps import StepSpec
from segue.prepare.text import Characters, Token, VocabularyStep, Words
from segue.windowing import windows

if TYPE_CHECKING:
    from segue.prepare.batches import Augmenter, Batches, length_buckets

__all__ = [
    "STEPS",
    "Augmenter",
    "Batches",
    "Cepstrum",
    "Characters",
    "Crop",
    "Frame",
    "Interpolate",
    "Jitter",
    "LogFrequency",
    "LogMel",
    "MissingIndicator",
    "Preparation",
    "Scale",
    "Spectrogram",
    "Standardize",
    "StepSpec",
    "TimeMask",
    "TimeWarp",
    "Token",
    "VocabularyStep",
    "Words",
    "as_steps",
    "length_buckets",
    "windows",
]


def __getattr__(name: str) -> Any:
    if name in ("Augmenter", "Batches", "length_buckets"):
        return getattr(importlib.import_module("segue.prepare.batches"), name)
    if name == "Mask":
        warnings.warn("Mask is now MissingIndicator.", DeprecationWarning, stacklevel=2)
        return MissingIndicator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
