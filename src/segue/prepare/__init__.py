"""Preparation: what is done to sequences before the network sees them.

Fitted on training data only, saved with the model, written in the same little language as
networks: `prepare="interpolate standardize"`. One file a step, one line in the table of
`pipeline.py`. Augmentations are steps too, which act in training only.
"""

from segue.prepare.augmenter import Augmenter
from segue.prepare.batches import Batches, length_buckets
from segue.prepare.cepstrum import Cepstrum
from segue.prepare.characters import Characters
from segue.prepare.crop import Crop
from segue.prepare.frame import Frame
from segue.prepare.interpolate import Interpolate
from segue.prepare.jitter import Jitter
from segue.prepare.logfrequency import LogFrequency
from segue.prepare.logmel import LogMel
from segue.prepare.mask import Mask
from segue.prepare.pipeline import STEPS, Preparation, as_steps
from segue.prepare.scale import Scale
from segue.prepare.spectrogram import Spectrogram
from segue.prepare.standardize import Standardize
from segue.prepare.steps import StepSpec
from segue.prepare.timemask import TimeMask
from segue.prepare.timewarp import TimeWarp
from segue.prepare.vocabulary import Token, VocabularyStep
from segue.prepare.words import Words
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
