"""What `fit` does once its data are chosen: prepare, build, train, perhaps train once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import DataError, SpecError, counted
from segue.estimators.choosing import Chosen
from segue.estimators.initial import InitialWeights
from segue.estimators.learner import Learner, Lines
from segue.estimators.records import (
    fingerprint,
    head_lines,
    seen_by,
    text_lines,
    training_summary,
)
from segue.estimators.seen import digests
from segue.kernels.threads import threads
from segue.layers import Shape
from segue.networks import Network
from segue.prepare import Augmenter, Batches, Preparation
from segue.prepare.coarse import refuse_coarse
from segue.prepare.static import StaticScale
from segue.sequences import Array, Sequences
from segue.training import Callback, History, TrainingOptions
from segue.training.device import choose_device
from segue.training.folder import TrainingFolder
from segue.training.frozen import freeze
from segue.training.job import Examples, Job
from segue.training.loop import TrainingState, train
from segue.training.memory import memory_warning
from segue.training.monitors import check_monitor
from segue.training.remembered import remember
from segue.training.reporter import make_reporter
from segue.training.targets import StepTargets, WholeTargets
from segue.training.threads import choose_threads
from segue.training.truncated import check_carries_state

MOST_TOKENS = 10_000_000  # an embedding has a row for each
AUTO_UPDATES, LEAST_EPOCHS, MOST_EPOCHS = 1000, 10, 300


@dataclass(frozen=True)
class Lesson:
    """An estimator with what it is to learn from.

    Attributes:
        learner: gets what is fitted, under the names that its class explains.
        chosen: what is learnt from and what watches.
        begin: weights to begin with; `None`: new ones.
        place: where the training is written; `None`: nowhere.
    """

    learner: Learner
    chosen: Chosen
    begin: InitialWeights | None = None
    place: TrainingFolder | None = None

    def learn(self) -> Job:
        """Train, and with `refit` once more on everything; return the last job."""
        learner = self.learner
        refit = learner.training_options.refit and self.chosen.validation is not None
        job, lines = self.prepared()
        check_monitor(job.options, job.objective, validated=job.validation is not None)
        state = self._train(job, lines, is_last=not refit)
        if refit and state.best_epoch and learner.stopped_ != "interrupted":
            return self._refit(state.best_epoch)
        return job

    def prepared(self) -> tuple[Job, Lines]:
        """Fit the preparation and build the network: all that is to be trained, and what to say."""
        learner, data = self.learner, self.chosen.train
        device = choose_device(learner.device)
        learner.preparation_ = Preparation.fit(
            learner.prepare, data.x, rate_hz=data.rate_hz, tokens=learner.takes_tokens
        )
        refuse_coarse(learner.preparation_, data)
        learnt = learner.examples(data)
        learner.learn_targets(learnt)
        self._build_network(device)
        network, preparation = learner.network_, learner.preparation_
        layers, head = learner.layers_and_head()
        lines = [*self.chosen.lines, *text_lines(preparation, network, layers), *head_lines(head)]
        if self.begin is not None:
            lines += self.begin.put_into(network, learner.facts(), preparation)
        return self._job(learnt, device), lines

    def _build_network(self, device: torch.device) -> None:
        """Make the network for what the preparation gives, and see that the options suit it."""
        learner, data = self.learner, self.chosen.train
        if learner.objective().every:
            check_keeps_steps(learner.preparation_, learner.tasks)
        learner.static_ = None if data.static is None else StaticScale.fit(data.static)
        learner.network_ = learner.build_network(shape_of(data.x, learner.preparation_), device)
        fit_options(learner.training_options, learner.network_)

    def _job(self, learnt: Dataset, device: torch.device) -> Job:
        learner, watched = self.learner, self.chosen.validation
        watching = None if watched is None else learner.examples(watched)
        epochs = learner.epochs
        if epochs == "auto":
            epochs = choose_epochs(len(learnt), learner.batch_size)
        return Job(
            network=learner.network_,
            train=self._examples(learnt, learner.weights(learnt, self.chosen.weights), device),
            validation=None if watching is None else self._examples(watching, None, device),
            objective=learner.objective(),
            epochs=epochs,
            batch_size=learner.batch_size,
            learning_rate=learner.learning_rate,
            seed=learner.seed,
            options=learner.training_options,
            augmenter=Augmenter.of(learner.preparation_, learner.seed),
        )

    def _examples(self, data: Dataset, weights: Array | None, device: torch.device) -> Examples:
        learner = self.learner
        static = learner.check_static(len(data), data.static)
        learner.preparation_.check_rate(data.rate_hz)
        batches = Batches(data.x, learner.preparation_, device, static)
        targets = learner.targets(data, device)
        if weights is None:
            return Examples(batches, targets)
        weights = weights.astype(np.float32)
        if learner.objective().every:
            return Examples(batches, targets, StepTargets(weights, data.x.lengths, device, 0.0))
        return Examples(batches, targets, WholeTargets(torch.from_numpy(weights).to(device)))

    def _train(self, job: Job, lines: Iterable[tuple[str, str]], *, is_last: bool) -> TrainingState:
        """Train once, and keep what comes of it, however it ends."""
        learner, lines = self.learner, list(lines)
        reporter = make_reporter(job.options, job.epochs, is_watched=job.validation is not None)
        said = [f"{heading}: {text}" for heading, text in lines]
        for text in [*said, memory_warning(job, self.chosen.train.x)]:
            reporter.message(text)
        values = digests(self.chosen.train.x)
        before = () if self.begin is None else self.begin.seen
        callbacks: list[Callback] = []
        state = TrainingState.start(job)
        if self.place is not None:
            shared = fingerprint(learner, self.chosen, values)
            callbacks, state = self.place.open(job, shared, is_last=is_last)
        learner.stopped_ = "failed"
        try:
            with threads(job.options.threads or choose_threads(job.network, job.batch_size)):
                learner.stopped_ = train(remember(job), state, [reporter, *callbacks])
        finally:
            learner.history_ = History(state.rows, state.best_epoch)
            learner.seen_ = seen_by(learner, self.chosen, values, before)
            learner.n_features_in_ = learner.preparation_.channels_in
            learner.training_summary_ = training_summary(learner, job, state, lines)
        return state

    def _refit(self, epochs: int) -> Job:
        """Train once more on everything; if it is broken off, all stays as it was before."""
        learner, searched = self.learner, dict(vars(self.learner))
        place = None if self.place is None else self.place.refit()
        again = replace(self, chosen=self.chosen.everything(epochs), place=place)
        job, lines = again.prepared()
        rates: tuple[float, ...] = ()
        if job.options.schedule == "plateau":
            rates = tuple(row["learning_rate"] for row in searched["history_"].rows[:epochs])
        job = replace(job, epochs=epochs, rates=rates)
        again._train(job, lines, is_last=True)
        if learner.stopped_ == "interrupted":
            vars(learner).update(searched, stopped_="interrupted")
        else:
            first: History = searched["history_"]
            learner.history_ = History(first.rows, first.best_epoch, refit=learner.history_)
        return job


def choose_epochs(count: int, batch_size: int) -> int:
    """As many as make about a thousand updates: small data sets are seen often, large ones less.

    >>> choose_epochs(200, 32), choose_epochs(20, 32), choose_epochs(55_000, 32)
    (143, 300, 10)
    """
    updates = -(-count // batch_size)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(AUTO_UPDATES / updates)))


def check_keeps_steps(preparation: Preparation, tasks: tuple[str, ...]) -> None:
    """Raise where there is an answer for each step, and the preparation makes other steps.

    Raises:
        SpecError: the step of the preparation is named.
    """
    step = preparation.what_changes_steps()
    if step is not None:
        raise SpecError(
            f"the preparation step `{step}` makes other steps of the data's, and to {tasks[0]} is "
            "to answer at each of the data's own. Prepare with steps that keep them, such as "
            "'standardize', and let layers look around, such as conv(32, 9)."
        )


def shape_of(x: Sequences, preparation: Preparation) -> Shape:
    """What the network sees of one sequence."""
    lengths = np.unique(preparation.lengths(x.lengths))
    tokens = preparation.token_count
    if preparation.takes_tokens:
        tokens = token_count(x)
    return Shape(
        features=preparation.channels_out,
        length=int(lengths[0]) if len(lengths) == 1 and not x.is_text else None,
        tokens=tokens,
    )


def token_count(x: Sequences) -> int:
    """How many tokens an embedding must know: from 0 to the largest.

    Raises:
        DataError: several tokens a step, negative ones, or numbers too large to be such.
    """
    least = min(int(block.values.min()) for block in x.blocks())
    largest = max(int(block.values.max()) for block in x.blocks())
    if x.channels == 1 and least >= 0 and largest < MOST_TOKENS:
        return largest + 1
    raise DataError(
        "The network begins with an embedding, which takes one token a step, a number from 0 to "
        f"{MOST_TOKENS - 1:,} at most; these sequences have {counted(x.channels, 'channel')} of "
        f"whole numbers from {least:,} to {largest:,}. Number the tokens from 0 on, as "
        "np.unique(x, return_inverse=True) does; of measurements leave the embedding out."
    )


def fit_options(options: TrainingOptions, network: Network) -> None:
    """Freeze the layers that the options name, and refuse what they cannot mean here.

    Raises:
        OptionError: a layer to be frozen that there is not, or nothing is left to be trained.
        NotCausalError: `truncate` with a layer that needs the whole sequence; it is named.
    """
    freeze(network, options.frozen)
    if options.truncate is not None:
        check_carries_state(network, options.truncate)
