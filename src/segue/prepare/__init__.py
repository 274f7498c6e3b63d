"""Preparation: what is done to sequences before the network sees them.

Fitted on training data only, saved with the model, written in the same little language as
networks: `prepare="interpolate standardize"`. A file for each kind of step, one line for each step
in the table of `pipeline.py`. Augmentations are steps too, which act in training only. All of it
is NumPy; padded batches, which are tensors, load torch when they are gathered.
"""

from typing import TYPE_CHECKING

from segue.extras import lazy_names
from segue.prepare.augmentation import Crop, Jitter, Scale, TimeMask, TimeWarp
from segue.prepare.batches import Batches, length_buckets
from segue.prepare.frames import Frame
from segue.prepare.pipeline import STEPS, Preparation, as_steps
from segue.prepare.spectra import Cepstrum, LogFrequency, LogMel, Spectrogram
from segue.prepare.steps import Interpolate, MissingIndicator, Standardize, StepSpec
from segue.prepare.text import Characters, NGrams, Token, VocabularyStep, Words
from segue.windowing import windows

if TYPE_CHECKING:
    from segue.prepare.padded import Augmenter

__all__ = [
    "STEPS", "Augmenter", "Batches", "Cepstrum", "Characters", "Crop", "Frame", "Interpolate",
    "Jitter", "LogFrequency", "LogMel", "MissingIndicator", "NGrams", "Preparation", "Scale",
    "Spectrogram", "Standardize", "StepSpec", "TimeMask", "TimeWarp", "Token", "VocabularyStep",
    "Words", "as_steps", "length_buckets", "windows",
]  # fmt: skip

__getattr__ = lazy_names(
    __name__,
    {"Augmenter": "segue.prepare.padded.Augmenter"},
    {"Mask": "segue.prepare.MissingIndicator"},
)
