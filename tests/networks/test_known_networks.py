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
    minirocket inception LITETime xception LSTMFCN lstm_attention LSTM-FCN GRU-FCN cnn-lstm
    Mamba Arsenal MultiRocket-Hydra shapelets WEASEL drCIF XGBoost knn SVM dnn N-BEATS
""".split()


@pytest.mark.parametrize("name", KNOWN)
def test_the_nearest_thing_can_be_trained(name: str) -> None:
    quiet = segue.TrainingOptions(progress="none")
    x, y = np.random.default_rng(0).normal(size=(6, 20, 2)), [0, 1] * 3
    with pytest.raises(SpecError, match=f"unknown layer '{name}': write ") as caught:
        segue.SequenceClassifier(name, options=quiet).fit(x, y)
    advice = str(caught.value).partition(": write ")[2].splitlines()[0]
    text = re.split(r"[,;] (?:with|for|its|of|which|an) |\.$", advice)[0]
    segue.SequenceClassifier(text, epochs=1, options=quiet).fit(x, y)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("HIVE-COTE", ": write auto, alone: several networks are joined."),
        ("bi-lstm(8)", "unknown layer 'bi-lstm'. Did you mean \"bilstm\"?"),
        ("dense(3) self-attention(2)", ": write attention(heads)."),
        ("dense(3, name=a-b)", "unexpected '-'"),
    ],
)
def test_names_with_hyphens(name: str, advice: str) -> None:
    with pytest.raises(SpecError, match=re.escape(advice)):
        segue.networks.as_specs(name)


def test_other_words_have_no_such_advice() -> None:
    assert translation_hint("gizmo") is None
