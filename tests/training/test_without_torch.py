"""The loop, its checkpoints, and all that a trainer is given need no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from contextlib import nullcontext
from pathlib import Path
for name in "torch sklearn scipy loky".split():
    sys.modules[name] = None
import numpy as np
import segue
from segue.kernels import forward
from segue.estimators.fitting import prepare_training
from segue.training.trainers import check_memory
from segue.estimators.splitting import split_data
from segue.training.checkpoint import TrainingFolder
from segue.training.loop import train
from segue.training.objectives import RunningMetrics
from segue.training.setup import trained_weights
from segue.training.trainer import Advance, Trainer


class Drift(Trainer):
    \"\"\"Each update adds the learning rate to every weight; the loss is that of the targets.\"\"\"

    at_once = 3

    def __init__(self, job):
        self.job, self.values = job, job.network.get_weights()
        self.trained, self.steps = trained_weights(job.network, job.options.frozen), 0

    def computing(self):
        return nullcontext()

    def advance(self, epoch, updates, rates, means, until):
        for update, rate in zip(updates, rates, strict=True):
            self.steps += 1
            for name in self.trained:
                self.values[name] += np.float32(rate)
            for _, index in update:
                values, lengths = self.job.train.batches.ragged(index)
                assert len(values) == lengths.sum()
                total = float(values.sum() + self.job.train.targets.gather(index).sum())
                means.add({"loss": total**2, "score": 0.0, "count": float(len(index))})
        return Advance(len(updates), 0.0, 0.0)

    def measure(self, data):
        assert data is self.job.validation
        size = float(sum(abs(weight).sum() for weight in self.values.values()))
        return RunningMetrics(self.job.objective, {"loss": size, "score": 0.0, "count": 1.0})

    def update_bytes(self, longest):
        return 0.0, 4.0 * longest

    def weights(self):
        return {name: weight.copy() for name, weight in self.values.items()}

    def set_weights(self, weights):
        self.values = {name: weight.copy() for name, weight in weights.items()}

    def optimizer_parts(self):
        return {"step": False}

    def optimizer_state(self):
        return {f"{name}/step": np.float32(self.steps) for name in self.trained}

    def set_optimizer_state(self, state):
        self.steps = int(next(iter(state.values())))

    def environment(self):
        return {"kernels": "none"}


class StopError(Exception):
    pass


class Stop(segue.Callback):
    def on_epoch(self, row, state):
        if row["epoch"] == 2:
            raise StopError


def job(network, data, **more):
    options = segue.TrainingOptions(
        progress="none", schedule="constant", frozen=("head",), checkpoint_every=0
    )
    estimator = more.pop("kind", segue.SequenceClassifier)(
        network, epochs=4, batch_size=8, options=options, **more
    )
    setup = prepare_training(estimator, split_data(estimator, data)).setup
    check_memory(setup, data.x)
    return setup


def run(data, network, folder, **more):
    straight = Drift(job(network, data, **more))
    _, state = TrainingFolder(folder / "straight").open(straight, {})
    assert train(straight, state) == "finished"
    first = Drift(job(network, data, **more))
    callbacks, begun = TrainingFolder(folder / "stopped").open(first, {})
    try:
        train(first, begun, [*callbacks, Stop()])
    except StopError:
        pass
    second = Drift(job(network, data, **more))
    callbacks, resumed = TrainingFolder(folder / "stopped", resume=True).open(second, {})
    assert len(resumed.rows) == 2 and second.steps
    assert train(second, resumed, callbacks) == "finished"
    assert [r["loss"] for r in resumed.rows] == [r["loss"] for r in state.rows]
    weights = straight.job.network.get_weights()
    initial = job(network, data, **more).network.get_weights()
    for name, weight in second.job.network.get_weights().items():
        assert np.array_equal(weight, weights[name])
        assert np.array_equal(weight, initial[name]) == name.startswith("head/")


folder = Path(sys.argv[1])
draws = np.random.default_rng(0)
x = [
    draws.normal(number % 2, size=(length, 2))
    for number, length in enumerate(draws.integers(3, 9, 40))
]
data = segue.Dataset(x, np.arange(40) % 2)
run(data, "bilstm(3) dense(4, relu)", folder / "a", validation=0.2)
steps = segue.Dataset(x, [(one[:, 0] > 0).astype(int) for one in x], task="label")
run(steps, "gru(3)", folder / "b", kind=segue.SequenceLabeler, validation=0.2)
texts = segue.Dataset(segue.Sequences.from_texts(["a b c", "b c"] * 20), ["long", "short"] * 20)
run(texts, "lstm(3)", folder / "c", validation=0.2)
if forward.path()[0] in forward.NATIVE:
    silent = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("bilstm(8) dropout(0.1)", epochs=30, options=silent)
    assert model.fit(x, data.y, folder=folder / "d").score(x, data.y) > 0.9
    model.fit(x, data.y, initial=model)
    assert segue.training.find_learning_rate(model, x, data.y).suggestion > 0
try:
    segue.SequenceClassifier("conv(3, 3) pool").fit(data)
except segue.errors.MissingPackageError as error:
    print(error)
"""


def test_training_needs_no_torch_but_for_the_trainer(tmp_path: Path) -> None:
    """With a trainer of its own: batches, targets, limits of memory, checkpoints, resuming."""
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'segue[train]'" in done.stdout
