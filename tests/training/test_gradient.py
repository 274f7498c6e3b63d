"""The gradient of an update: of several batches as of one, of frozen layers, of pieces."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from segue import SequenceClassifier
from segue.data.sequences import Array
from segue.errors import NotCausalError
from segue.layers import Shape
from segue.modules.network import TorchNetwork
from segue.networks import Network, as_specs
from segue.prepare import Batches, Preparation
from segue.prepare.padded import Padded
from segue.randomness import Draws
from segue.tasks import ObjectiveName
from segue.testing import tiny_dataset
from segue.training import TrainingOptions
from segue.training.loop import TrainingState, train
from segue.training.objectives import Objective, RunningMetrics, make_objective
from segue.training.pieces import in_pieces
from segue.training.setup import (
    NO_LABEL,
    Batch,
    SequenceTargets,
    StepTargets,
    TrainingData,
    TrainingSetup,
)
from segue.training.torch_trainer import TorchTrainer

MakeJob = Callable[..., TrainingSetup]


def options(**more: Any) -> TrainingOptions:
    return TrainingOptions(**{"progress": "none", "clip_norm": None, **more})


def in_float64(job: TrainingSetup) -> TorchTrainer:
    trainer, batches = TorchTrainer(job), job.train.batches
    assert isinstance(batches, Batches)
    assert batches.values is not None
    batches.values = batches.values.astype(np.float64)
    trainer.network.double()
    return trainer


def gradient(trainer: TorchTrainer) -> dict[str, Array]:
    """Of the first update of the first epoch."""
    job = trainer.job
    trainer.compute_gradients(job.updates(1)[0], 1, RunningMetrics(job.objective))
    return {
        name: weight.grad.numpy().copy()
        for name, weight in trainer.trained.items()
        if weight.grad is not None
    }


def labelling_job(network: str, lengths: tuple[int, int] = (1, 60), **more: Any) -> TrainingSetup:
    """A label for every step: whether the first channel is above the mean of what came so far."""
    data = tiny_dataset(20, lengths=lengths, seed=3)
    codes = np.concatenate(
        [np.cumsum(x[:, 0]) / np.arange(1, len(x) + 1) < x[:, 0] for x in data.x]
    ).astype(np.int64)
    codes[::7] = NO_LABEL
    batches = Batches(data.x, Preparation.fit("standardize", data.x))
    given = {"epochs": 3, "batch_size": 20, "learning_rate": 0.02, "seed": 0, **more}
    return TrainingSetup(
        network=Network(as_specs(network), Shape(2), 2, every=True, seed=0),
        train=TrainingData(batches, StepTargets(codes, data.x.lengths)),
        validation=None,
        objective=make_objective(ObjectiveName("steps", 2)),
        **{"options": options(), **given},
    )


# -- several batches in one update ---------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 2.0, 40)])
def test_batches_add_up_to_the_gradient_of_one_large_batch(make_job: MakeJob, weights: Any) -> None:
    """Four of ten, the last of another length too, against one of forty; in float64."""
    large = in_float64(make_job("gru(4)", weights=weights, batch_size=40, options=options()))
    wanted = gradient(large)
    for size, accumulate in ((10, 4), (16, 3)):
        some = options(accumulate=accumulate)
        job = in_float64(make_job("gru(4)", weights=weights, batch_size=size, options=some))
        for name, array in gradient(job).items():
            np.testing.assert_allclose(array, wanted[name], rtol=0, atol=1e-12, err_msg=name)


def test_labels_of_steps_add_up_too() -> None:
    """Where batches hold different numbers of answers, the mean is over all of them."""
    wanted = gradient(in_float64(labelling_job("gru(3)")))
    parts = labelling_job("gru(3)", batch_size=6, options=options(accumulate=4))
    for name, array in gradient(in_float64(parts)).items():
        np.testing.assert_allclose(array, wanted[name], rtol=0, atol=1e-12, err_msg=name)


def test_an_epoch_has_as_many_updates_as_groups_of_batches(make_job: MakeJob) -> None:
    """Five batches, two at a time, are three updates; every sequence is seen once."""
    job = make_job(options=options(accumulate=2))
    updates = job.updates(1)
    assert [len(update) for update in updates] == [2, 2, 1]
    seen = np.concatenate([index for update in updates for _, index in update])
    assert sorted(seen.tolist()) == list(range(40))


# -- frozen layers -------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_weights_without_gradient_stay_as_they_are(make_job: MakeJob, optimizer: str) -> None:
    """To the bit, weight decay, momentum and the moving averages of batchnorm notwithstanding."""
    frozen = ("gru_1", "batchnorm_1")
    some = options(optimizer=optimizer, weight_decay=0.1, momentum=0.5, frozen=frozen)
    job = make_job("gru(4, output=every) batchnorm pool dense(3, relu)", options=some)
    before = job.network.get_weights()
    trainer = TorchTrainer(job)
    train(trainer, TrainingState.start(trainer))
    for name, array in trainer.weights().items():
        same = np.array_equal(array, before[name])
        assert same == name.startswith(("gru_1/", "batchnorm_1/")), name


# -- pieces --------------------------------------------------------------------------------------

CAUSAL = [
    "lstm(4)",
    "gru(4) dense(3, tanh)",
    "rnn(4, activation=relu)",
    "gru(3, reset=before)",
    "lstm(3, output=every) lstm(3)",
    "conv(3, 4, causal=true, dilation=2) relu gru(3)",
    "residual(conv(2, 3, causal=true)) layernorm lstm(3)",
    "dense(4) attention(2, causal=true) lstm(3)",
    "dense(4) attention(2, causal=true) attention(2, causal=true) lstm(3)",
]
ENDING = [*CAUSAL, *(f"gru(3, output=every) pool({how})" for how in ("mean", "max", "attention"))]


def batch_of(lengths: list[int], channels: int = 2) -> Padded:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(lengths), max(lengths), channels, generator=generator)
    x = Padded(values.double(), torch.tensor(lengths))
    return x._replace(values=x.filled(0.0))


@pytest.mark.parametrize("network", ENDING)
@pytest.mark.parametrize("steps", [1, 4, 7, 100])
def test_pieces_go_forward_as_the_whole(network: str, steps: int) -> None:
    """Every sequence is answered once, at its own end, with the logits of the whole sequence."""
    built = TorchNetwork(as_specs(network), Shape(2), 3, seed=0).double()
    x = batch_of([5, 17, 1, 8, 17, 7])
    batch = Batch(x, torch.arange(6), torch.arange(6).double())
    wanted = built(x)
    found = torch.full_like(wanted, torch.nan)
    for outputs, targets, weights in in_pieces(built, batch, Draws(0), steps, every=False):
        assert weights is not None
        torch.testing.assert_close(weights, targets.double())
        found[targets] = outputs
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("network", CAUSAL)
@pytest.mark.parametrize("steps", [1, 4, 100])
def test_every_step_is_answered_as_in_the_whole(network: str, steps: int) -> None:
    """Also where some sequences have ended pieces ago."""
    built = TorchNetwork(as_specs(network), Shape(2), 3, every=True, seed=0).double()
    x = batch_of([5, 17, 1, 8, 17, 7])
    numbers = torch.arange(6 * 17).view(6, 17).where(x.mask(), NO_LABEL)
    wanted = built(x).values.flatten(0, 1)
    seen = 0
    for outputs, targets, _ in in_pieces(
        built, Batch(x, numbers, None), Draws(0), steps, every=True
    ):
        real = targets != NO_LABEL
        seen += int(real.sum())
        torch.testing.assert_close(outputs.values[real], wanted[targets[real]], rtol=0, atol=1e-10)
    assert seen == sum([5, 17, 1, 8, 17, 7])


@pytest.mark.parametrize("steps", [60, 1000])
def test_pieces_as_long_as_the_sequences_change_nothing(make_job: MakeJob, steps: int) -> None:
    """Weights after a whole training, with and without."""
    trained = []
    for truncate in (None, steps):
        job = labelling_job("lstm(3) dense(3, tanh)", options=options(truncate=truncate))
        trainer = in_float64(job)
        train(trainer, TrainingState.start(trainer))
        trained.append(trainer.weights())
    for name, array in trained[0].items():
        np.testing.assert_allclose(array, trained[1][name], rtol=0, atol=1e-12, err_msg=name)


def test_a_gradient_ends_where_its_piece_begins() -> None:
    """Against autograd, with the state cut by hand after every third step."""
    built = TorchNetwork(as_specs("gru(3)"), Shape(2), 2, every=True, seed=0).double()
    x, targets = batch_of([8]), torch.tensor([[0, 1, 1, 0, 1, 0, 0, 1]])
    job = labelling_job("gru(3)")
    for answers in in_pieces(built, Batch(x, targets, None), Draws(0), 3, every=True):
        job.objective.losses(answers.outputs, answers.targets).sum().backward()
    got = {name: weight.grad.clone() for name, weight in built.named_parameters()}
    built.zero_grad()
    state, total = built.initial_state(1), 0.0
    for time in range(8):
        if time % 3 == 0:
            state = [tuple(s.detach() for s in entry) if entry else None for entry in state]
        logits, state = built.step(x.values[:, time], state)
        total = total + torch.nn.functional.cross_entropy(logits, targets[:, time])
    total.backward()  # type: ignore[attr-defined]
    for name, weight in built.named_parameters():
        torch.testing.assert_close(got[name], weight.grad, rtol=0, atol=1e-12)


def test_pieces_without_an_end_take_no_gradient() -> None:
    """What is asked at the end only is learnt from the last piece of each sequence."""
    built = TorchNetwork(as_specs("lstm(3)"), Shape(2), 2, seed=0).double()
    x = batch_of([20, 9])
    pieces = list(in_pieces(built, Batch(x, torch.tensor([7, 8]), None), Draws(0), 5, every=False))
    assert [piece.targets.tolist() for piece in pieces] == [[8], [7]]
    (gradient,) = torch.autograd.grad(
        pieces[1].outputs.sum(), built.layer("lstm_1").cell.kernel, allow_unused=True
    )
    short = TorchNetwork(as_specs("lstm(3)"), Shape(2), 2, seed=0).double()
    state = short.initial_state(1)
    with torch.no_grad():
        _, state = short.forward_from(Padded(x.values[:1, :15], torch.tensor([15])), state)
    last, _ = short.forward_from(Padded(x.values[:1, 15:], torch.tensor([5])), state)
    (wanted,) = torch.autograd.grad(last.sum(), short.layer("lstm_1").cell.kernel)
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-12)


def test_the_clock_ends_an_update_between_pieces() -> None:
    """Of its first batch too: the gradient is then that of the first five steps of all."""
    job = labelling_job("gru(3)", options=options(truncate=5, clip_norm=None))
    batch = job.train.gather(np.arange(20))
    begun = TrainingData(job.train.batches, SequenceTargets(batch.targets.numpy().copy()))
    begun.targets.values[:, 5:] = NO_LABEL
    means = RunningMetrics(job.objective)
    whole, trainer = TorchTrainer(replace(job, train=begun)), TorchTrainer(job)
    wanted, _ = whole.compute_gradients([(0, np.arange(20))], 1, means)
    gradients = [
        weight.grad.clone() for weight in whole.trained.values() if weight.grad is not None
    ]
    cut = RunningMetrics(job.objective)
    loss, _ = trainer.compute_gradients([(0, np.arange(20))], 1, cut, until=0.0)
    assert loss == pytest.approx(wanted)
    assert cut.sums["count"] == means.sums["count"] > 0
    for found, weight in zip(gradients, trainer.trained.values(), strict=True):
        torch.testing.assert_close(weight.grad, found)


def test_a_learnt_initial_state_is_learnt_in_the_first_piece() -> None:
    """It is the one thing before a piece that a gradient reaches."""
    job = labelling_job("gru(3, initial_state=learnt)", options=options(truncate=5))
    found = gradient(in_float64(job))
    (name,) = [name for name in found if "initial_h" in name]
    assert np.abs(found[name]).max() > 1e-6


def test_dropout_masks_of_a_state_stay_the_same_over_all_pieces() -> None:
    """In long pieces and in short ones the same sequences lose the same units."""
    built = TorchNetwork(
        as_specs("gru(8, dropout=0.5, recurrent_dropout=0.5)"), Shape(2), 3, every=True, seed=0
    ).double()
    x = batch_of([12, 30, 7, 30])
    numbers = torch.arange(4 * 30).view(4, 30).where(x.mask(), NO_LABEL)
    wanted = {}
    for steps in (100, 6):
        for outputs, targets, _ in in_pieces(
            built, Batch(x, numbers, None), Draws(1), steps, every=True
        ):
            for number, logits in zip(
                targets[targets >= 0].tolist(), outputs.values[targets >= 0], strict=True
            ):
                wanted.setdefault(number, []).append(logits)
    assert all(torch.allclose(*pair, rtol=0, atol=1e-10) for pair in wanted.values())


def test_attention_drops_in_pieces_too() -> None:
    """Or training in pieces would be another training."""
    built = TorchNetwork(
        as_specs("attention(2, dropout=0.5, causal=true)"), Shape(2), 3, every=True
    )
    x = batch_of([8, 8])._replace(values=batch_of([8, 8]).values.float())
    without = built(x).values
    pieces = in_pieces(built, Batch(x, torch.zeros(2, 8), None), Draws(1), 4, every=True)
    for first, piece in zip((0, 4), pieces, strict=True):
        found = piece.outputs.values
        assert not torch.allclose(found, without[:, first : first + 4], atol=1e-3)


@pytest.mark.parametrize(
    ("network", "layer"), [("bilstm(3)", "bilstm_1"), ("gru(3, output=every) bigru(2)", "bigru_1")]
)
def test_a_network_that_needs_the_whole_is_refused_by_the_layer(network: str, layer: str) -> None:
    """Before anything is trained."""
    silent = TrainingOptions(progress="none", truncate=10)
    with pytest.raises(NotCausalError, match=f"truncate=10 sends.*{layer} needs the whole"):
        SequenceClassifier(network, options=silent).fit(tiny_dataset(12))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """One update of 20,000 labelled steps: whole, and in pieces of 200, in a process each.

    With PyTorch: the native library takes less for the whole, and goes through no pieces.
    """
    monkeypatch.setenv("SEGUE_KERNELS", "torch")
    script = Path(__file__).resolve().parents[2] / "bench" / "truncated.py"
    command = [sys.executable, str(script), "--steps", "20000", "--network", "gru(32)"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    whole, pieces = (float(line.split()[1]) for line in printed.splitlines()[1:])
    assert pieces < whole / 10


@pytest.mark.parametrize(
    ("objective", "outputs", "targets"),
    [
        (make_objective(ObjectiveName("softmax", 2)), [[1.0, -1.0], [0.5, 2.0]], [0, 0]),
        (make_objective(ObjectiveName("squared", 1, (3.0,))), [[1.0], [5.0]], [[0.0], [1.0]]),
    ],
)
def test_a_weight_counts_in_the_loss_that_is_reported(
    objective: Objective, outputs: list[Any], targets: list[Any]
) -> None:
    """Of any task: a sequence that counts twice, and one that counts nothing, are the first."""
    out, wanted = torch.tensor(outputs), torch.tensor(targets)
    weighted, alone = RunningMetrics(objective), RunningMetrics(objective)
    counts = torch.tensor([2.0, 0.0])
    weighted.add(objective.sums(out, wanted, objective.losses(out, wanted), counts))
    losses = objective.losses(out[:1], wanted[:1])
    alone.add(objective.sums(out[:1], wanted[:1], losses, None))
    assert weighted.row()["loss"] == pytest.approx(alone.row()["loss"])
