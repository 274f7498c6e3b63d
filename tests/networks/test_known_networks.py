"""What is advised in place of a well-known network can be trained as it stands."""

from __future__ import annotations

import re

import numpy as np
import pytest

import segue
from segue.errors import SpecError
from segue.networks.foreign import translation_hint

KNOWN = """
    cnn resnet18 vgg16 wavenet transformer patchtst mlp cnn_lstm crnn DeepConvLSTM
    minirocket inception LITETime xception LSTMFCN lstm_attention
""".split()


@pytest.mark.parametrize("name", KNOWN)
def test_the_nearest_thing_can_be_trained(name: str) -> None:
    quiet = segue.TrainingOptions(progress="none")
    x, y = np.random.default_rng(0).normal(size=(6, 20, 2)), [0, 1] * 3
    with pytest.raises(SpecError, match=f"unknown layer '{name}': write ") as caught:
        segue.SequenceClassifier(name, options=quiet).fit(x, y)
    advice = str(caught.value).partition(": write ")[2].splitlines()[0]
    text = re.split(r", (?:with|for|its) |\.$", advice)[0]
    segue.SequenceClassifier(text, epochs=1, options=quiet).fit(x, y)


def test_other_words_have_no_such_advice() -> None:
    assert translation_hint("gizmo") is None
