"""Preparation: what is done to sequences before the network sees them.

Fitted on training data only, saved with the model, written in the same little language as
networks: `prepare="interpolate standardize"`. A file for each kind of step, one line for each step
in the table of `pipeline.py`. Augmentations are steps too, which act in training only.
"""

from segue.prepare.augmentation import Crop, Jitter, TimeMask, TimeWarp
from segue.prepare.augmenter import Augmenter
from segue.prepare.batches import Batches, length_buckets
from segue.prepare.frames import Frame
from segue.prepare.missing import Interpolate, Mask
from segue.prepare.numeric import Scale, Standardize
from segue.prepare.pipeline import STEPS, Preparation, as_steps
from segue.prepare.spectra import Cepstrum, LogFrequency, LogMel, Spectrogram
from segue.prepare.steps import StepSpec
from segue.prepare.text import Characters, Token, VocabularyStep, Words
from segue.windowing import windows

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
    "Mask",
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
