"""Nothing assumes where tensors are: each is made where the data is.

Where there is no graphics processor, PyTorch's "meta" device stands for the wrong one: it becomes
the place of every tensor that is made without saying where, so one such tensor in the arithmetic of
a training on "cpu" is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segue import SequenceClassifier, SequenceLabeler, TrainingOptions
from segue.errors import OptionError
from segue.testing import tiny_dataset
from segue.training.loop import TrainingState, train
from segue.training.objectives import Objective
from segue.training.torch_trainer import TorchTrainer

NETWORKS = [
    "lstm(4, dropout=0.2, recurrent_dropout=0.2)",
    "bigru(3, output=every) pool(max) dropout(0.2)",
    "rnn(4, activation=relu, initial_state=learnt)",
    "gru(3, reset=before)",
    "conv(4, 3) batchnorm relu maxpool(2) pool(attention)",
    "residual(conv(2, 3, causal=true)) layernorm pool(mean)",
    "dense(4) position attention(2, dropout=0.1) pool(mean)",
]
AUGMENTED = "standardize jitter(0.1) scale(0.1) timemask(0.2) timewarp(0.2) crop(0.9)"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_training_makes_its_tensors_where_the_data_is(network: str, optimizer: Any) -> None:
    """Forward, backward, dropout, augmentation, validation, update."""
    options = TrainingOptions(progress="none", optimizer=optimizer, threads=1)
    classifier = SequenceClassifier(
        network, prepare=AUGMENTED, epochs=2, batch_size=8, validation=0.3, options=options
    )
    trainer = TorchTrainer(classifier._training_job(tiny_dataset(40)))
    state = TrainingState.start(trainer)
    with torch.device("meta"):
        assert train(trainer, state) == "finished"
    assert np.isfinite(state.rows[-1]["validation_loss"])


@pytest.mark.parametrize("network", ["lstm(4, dropout=0.2)", "conv(3, 3, causal=true) gru(3)"])
def test_pieces_make_their_tensors_where_the_data_is(network: str) -> None:
    options = TrainingOptions(progress="none", truncate=4, accumulate=2, threads=1)
    x = tiny_dataset(20).x
    y = [(steps[:, 0] > 0).astype(int) for steps in x]
    labeler = SequenceLabeler(network, epochs=2, batch_size=4, validation=None, options=options)
    trainer = TorchTrainer(labeler._training_job(x, y))
    state = TrainingState.start(trainer)
    with torch.device("meta"):
        assert train(trainer, state) == "finished"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics processor here")
@pytest.mark.parametrize("network", NETWORKS)
def test_a_graphics_processor_gives_nearly_the_same(network: str) -> None:
    """Trained and queried there, against the answers of the same weights on the processor."""
    data = tiny_dataset(40)
    options = TrainingOptions(progress="none")
    fitted = SequenceClassifier(
        network, prepare=AUGMENTED, epochs=2, device="cuda", options=options
    ).fit(data)
    there = fitted.predict_proba(data.x)
    fitted.network_.to("cpu")
    np.testing.assert_allclose(there, fitted.predict_proba(data.x), atol=1e-5)


@pytest.mark.parametrize("name", ["cuda", "cuda:7", "mps", "xpu"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    """Whatever PyTorch itself says of it."""
    if name == "cuda" and torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(OptionError, match=f"`device` is '{name}', and PyTorch has none here"):
        SequenceClassifier("gru(2)", device=name).fit(tiny_dataset(20))


def test_a_wrong_device_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above would show nothing."""
    real = Objective.losses

    def astray(self: Any, outputs: Any, targets: Any) -> Any:
        return real(self, outputs, targets) + torch.zeros(len(targets))

    monkeypatch.setattr(Objective, "losses", astray)
    silent = TrainingOptions(progress="none")
    trainer = TorchTrainer(
        SequenceClassifier("gru(3)", options=silent)._training_job(tiny_dataset(20))
    )
    state = TrainingState.start(trainer)
    with torch.device("meta"), pytest.raises((RuntimeError, NotImplementedError)):
        train(trainer, state)
