"""Label smoothing, and losses and scores of the user's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score
from torch import Tensor
from torch.nn import functional

import segue
from segue import SequenceClassifier, SequenceLabeler, SequenceRegressor, TrainingOptions
from segue.errors import OptionError
from segue.prepare.padded import Padded
from segue.tasks import ObjectiveName
from segue.testing import tiny_dataset
from segue.training.losses import LOSSES
from segue.training.objectives import make_objective


def options(**given: Any) -> TrainingOptions:
    return TrainingOptions(progress="none", **given)


# -- label smoothing ------------------------------------------------------------------------------


def test_smoothed_softmax_by_hand() -> None:
    """A tenth of each target is spread over all three classes; the score does not change."""
    logits = torch.tensor([[1.0, 2.0, 0.5]], dtype=torch.float64)
    objective = make_objective(ObjectiveName("softmax", 3), options(label_smoothing=0.1))
    logs = [z - math.log(sum(math.exp(v) for v in (1.0, 2.0, 0.5))) for z in (1.0, 2.0, 0.5)]
    wanted = -(0.9 * logs[1] + 0.1 * sum(logs) / 3)
    losses = objective.losses(logits, torch.tensor([1]))
    np.testing.assert_allclose(losses, [wanted], rtol=1e-12)
    assert objective.scores(logits, torch.tensor([1]), losses).tolist() == [True]


@pytest.mark.parametrize(("kind", "outputs"), [("binary", 1), ("sigmoid", 3), ("multilabel", 3)])
def test_smoothed_binary_outputs_by_hand(kind: str, outputs: int) -> None:
    """As in Keras's `BinaryCrossentropy`: targets move towards one half."""
    logits = torch.randn(
        4, outputs, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    targets = torch.tensor([0, 1, 1, 0])
    hard = functional.one_hot(targets, 3) if kind != "binary" else targets[:, None]
    objective = make_objective(ObjectiveName(kind, outputs), options(label_smoothing=0.2))
    soft = hard.double() * 0.8 + 0.1
    probability = torch.sigmoid(logits)
    terms = soft * probability.log() + (1 - soft) * (1 - probability).log()
    given = hard if kind == "multilabel" else targets
    np.testing.assert_allclose(objective.losses(logits, given), -terms.mean(1), rtol=1e-12)


def test_smoothed_steps_leave_out_what_has_no_label() -> None:
    """A step without a label has the loss 0 with smoothing too."""
    outputs = Padded(torch.randn(2, 3, 4), torch.tensor([3, 2]))
    targets = torch.tensor([[0, -1, 3], [1, 2, -1]])
    objective = make_objective(ObjectiveName("steps", 4), options(label_smoothing=0.3))
    losses = objective.losses(outputs, targets)
    assert (losses == 0).tolist() == (targets == -1).tolist()


def test_smoothed_perplexity_is_that_of_the_targets_themselves() -> None:
    """The number of the history can be compared between trainings with and without smoothing."""
    outputs, targets = Padded(torch.randn(2, 3, 5), torch.tensor([3, 3])), torch.ones(2, 3).long()
    plain = make_objective(ObjectiveName("next-token", 5))
    smooth = make_objective(ObjectiveName("next-token", 5), options(label_smoothing=0.1))
    losses = smooth.losses(outputs, targets)
    assert not torch.equal(losses, plain.losses(outputs, targets))
    assert torch.equal(smooth.scores(outputs, targets, losses), plain.losses(outputs, targets))


@pytest.mark.slow
def test_smoothing_makes_a_classifier_less_sure() -> None:
    """Trained for real; without it the option changes nothing."""
    data = tiny_dataset(60)
    plain, same, smooth = (
        SequenceClassifier("gru(8)", epochs=30, learning_rate=0.05, options=options(**more))
        .fit(data)
        .predict_proba(data.x)
        for more in ({}, {"label_smoothing": 0.0}, {"label_smoothing": 0.4})
    )
    assert np.array_equal(plain, same)
    assert smooth.max() < plain.max()
    assert smooth.max() < 0.9


def test_numbers_have_no_labels_to_smooth() -> None:
    """The message says so."""
    with pytest.raises(OptionError, match="`label_smoothing` spreads a target over the classes"):
        SequenceRegressor("gru(2)", options=options(label_smoothing=0.1)).fit(
            [[0.0, 1.0], [1.0, 0.0]] * 4, [0.5, 1.5] * 4
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label_smoothing": 1}, "`label_smoothing` is 1; expected 0 up to below 1"),
        ({"objective": "mse"}, r"`objective` is 'mse'; expected a function \(logits, targets"),
        ({"metric": 3}, "`metric` is 3; expected a function"),
        ({"metric": accuracy_score}, r"lengths\), of three arguments, that"),
        ({"objective": torch.nn.MSELoss()}, r"lengths\), of three arguments, that"),
        ({"objective": lambda logits: logits}, r"lengths\), of three arguments, that"),
        ({"objective": max, "label_smoothing": 0.1}, "smooth the targets in the function"),
    ],
)
def test_what_means_nothing_is_refused(given: dict[str, Any], message: str) -> None:
    """With what was expected."""
    with pytest.raises(OptionError, match=message):
        options(**given)


# -- of the user's own ----------------------------------------------------------------------------


def focal(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
    """Lin et al., "Focal loss for dense object detection", ICCV 2017, with gamma = 2."""
    assert lengths is None
    losses = functional.cross_entropy(logits, targets, reduction="none")
    return (1 - torch.exp(-losses)) ** 2 * losses


def top_two(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
    return (logits.topk(2, dim=-1).indices == targets[..., None]).any(-1)


def test_a_loss_and_a_metric_of_ones_own_in_a_classifier() -> None:
    """The task's own score stays in the history, and the new one stands beside it."""
    data = segue.synth.waves(60, kinds=("sine", "square", "triangle"), length=24, seed=0)
    given = options(objective=focal, metric=top_two)
    classifier = SequenceClassifier("gru(6)", epochs=4, validation=0.3, options=given).fit(data)
    row = classifier.history_.rows[-1]
    assert {"loss", "accuracy", "top_two", "validation_top_two"} <= set(row)
    assert row["accuracy"] <= row["top_two"] <= 1
    plain = SequenceClassifier("gru(6)", epochs=4, validation=0.3, options=options()).fit(data)
    assert row["loss"] < plain.history_.rows[-1]["loss"]  # each focal loss is the smaller one


@pytest.mark.parametrize("path", ["torch", ""])
def test_the_tasks_own_loss_as_a_function_trains_to_the_same_bits(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function of the user's own has no other way through PyTorch; natively it is rounded so."""
    monkeypatch.setenv("SEGUE_KERNELS", path)

    def plain(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
        return LOSSES["binary"].loss(logits, targets)

    data = tiny_dataset(40)
    given, own = (
        SequenceClassifier("gru(4)", epochs=3, options=options(**more)).fit(data)
        for more in ({}, {"objective": plain})
    )
    if path == "torch":
        assert np.array_equal(given.predict_proba(data.x), own.predict_proba(data.x))
    np.testing.assert_allclose(given.predict_proba(data.x), own.predict_proba(data.x), atol=1e-6)


def test_at_every_step_it_gets_the_lengths() -> None:
    """And what it gives for steps without a label does not count."""
    seen: list[tuple[tuple[int, ...], ...]] = []

    def own(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
        assert lengths is not None
        seen.append((tuple(logits.shape), tuple(targets.shape), tuple(lengths.shape)))
        losses = functional.cross_entropy(
            logits.transpose(1, 2), targets.clamp(min=0), reduction="none"
        )
        return torch.where(targets < 0, torch.inf, losses)

    x = [[0.0, 1.0, 2.0], [1.0, 0.0]] * 6
    y = [["a", "b", "b"], ["b", None]] * 6
    labeler = SequenceLabeler("gru(3)", epochs=2, options=options(objective=own)).fit(x, y)
    assert np.isfinite(labeler.history_["loss"]).all()
    assert all(len(logits) == 3 and targets == logits[:2] for logits, targets, _ in seen)


def test_a_function_that_gives_one_number_for_all_is_refused() -> None:
    """With its name, and the shape that was expected."""

    def mean_loss(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
        return logits.mean()

    with pytest.raises(
        OptionError, match=r"`objective`, the function mean_loss, returns shape \(\)"
    ):
        SequenceClassifier("gru(2)", options=options(objective=mean_loss)).fit(tiny_dataset(20))


def test_a_saved_model_leaves_the_function_out(tmp_path: Any) -> None:
    """It predicts the same; no file can bring a function."""
    data = tiny_dataset(40)
    fitted = SequenceClassifier(
        "gru(4)", epochs=2, options=options(objective=focal_binary, label_smoothing=0.0)
    ).fit(data)
    fitted.save(tmp_path / "model.safetensors")
    loaded = segue.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.predict_proba(data.x), fitted.predict_proba(data.x))
    assert loaded.training_options.objective is None


def focal_binary(logits: Tensor, targets: Tensor, lengths: Tensor | None) -> Tensor:
    losses = LOSSES["binary"].loss(logits, targets)
    return (1 - torch.exp(-losses)) ** 2 * losses
