"""What all estimators share: from sequences to a trained network, and from there to outputs.

An estimator says what its targets are (`prepare_targets`, `targets`), what the outputs mean
(`objective`) and what it keeps of the targets in a file (`facts`); the rest is here.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError
from segue.estimators import parameters
from segue.estimators.asking import run
from segue.estimators.choosing import Chosen, choose, choose_training_part
from segue.estimators.files import save
from segue.estimators.initial import InitialWeights
from segue.estimators.inputs import (
    as_dataset,
    as_sequences,
    as_trained,
    check_sequences,
    static_of,
    warn_of_padding,
    warn_of_swapped_axes,
)
from segue.estimators.records import Lines, check_arguments
from segue.estimators.teaching import Lesson
from segue.estimators.weighting import normalized, of_part
from segue.layers import Padded, Shape
from segue.networks import Network, NetworkLike, as_specs, with_embedding
from segue.prepare import Preparation
from segue.prepare.pipeline import PrepareLike
from segue.prepare.static import StaticScale, as_table_of_numbers
from segue.readers.objects import adapted
from segue.readers.remembered import check_channels
from segue.sequences import Array, Layout, Sequences
from segue.training import History, TrainingOptions
from segue.training.folder import TrainingFolder
from segue.training.job import Job
from segue.training.objectives import Objective
from segue.training.targets import Targets


class SequenceEstimator(abc.ABC):
    """The common part of all estimators.

    Class attributes:
        tasks: of the data sets that it learns from, as in `Dataset.task`.
        takes_static: whether static features of a sequence are joined before the head.
        takes_text: whether the sequences may be texts.
        purpose: what it does, as on the command line: classify, label, regress, forecast or
            language.
        score_name: what `score` gives: accuracy, r2 or log_probability.

    Attributes:
        network_: the trained `Network`; `.summary()`, `.get_weights()`.
        preparation_: the fitted `Preparation`.
        history_: a `History`, a row per epoch.
        stopped_: how training ended: "finished", "early", "time" or "interrupted".
        training_summary_: what was done, as pairs of a heading and a text.
        n_features_in_: channels.
        channels_: their names; `None` where the data had none.
        reading_: how the source was read, where it was a file or a data frame: `segue.read(source,
            like=model)` reads another one in the same way.
    """

    tasks: ClassVar[tuple[str, ...]]
    purpose: ClassVar[str]
    score_name: ClassVar[str]
    takes_static: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False

    network: NetworkLike
    prepare: PrepareLike
    epochs: Any
    batch_size: int
    learning_rate: float
    validation: Any
    seed: int
    device: str
    layout: Layout = "ntc"
    options: TrainingOptions | None

    network_: Network
    preparation_: Preparation
    static_: StaticScale | None
    history_: History
    stopped_: str
    training_summary_: Lines
    n_features_in_: int
    channels_: tuple[str, ...] | None = None
    reading_: Mapping[str, Any] | None = None

    # -- what each estimator says ---------------------------------------------------------------

    @abc.abstractmethod
    def prepare_targets(self, part: Dataset, data: Dataset) -> Dataset:
        """Look at the training part's targets, keep what must be kept, and return the part.

        Args:
            part: the training part.
            data: all parts, to warn of what occurs elsewhere only.
        """

    @abc.abstractmethod
    def objective(self) -> Objective:
        """What the outputs mean, once `prepare_targets` has been called."""

    @abc.abstractmethod
    def targets(self, data: Dataset, device: torch.device) -> Targets:
        """The targets as the objective wants them."""

    @abc.abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a model file keeps of the targets; JSON."""

    @abc.abstractmethod
    def restore_facts(self, facts: dict[str, Any]) -> None:
        """The reverse of `facts`."""

    def learn_targets(self, data: Dataset) -> None:  # noqa: B027  (not every estimator has to)
        """Look at the targets that are learnt from, without those that watch, before training."""

    def examples(self, data: Dataset) -> Dataset:
        """What is learnt of these sequences, once the preparation is fitted: they as they are."""
        return data

    def as_weights(self, sample_weight: Any) -> Any:
        """Take what the user passes as `sample_weight`: `[n]`, to be indexed like a data set."""
        return np.asarray(sample_weight, float)

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """How much each answer counts, 1 on average; `None`: all the same.

        `[n]`, or `[total_steps]` where there is an answer for each step.
        """
        return normalized(sample_weight, len(data))

    def look_back(self, job: Job) -> None:  # noqa: B027  (not every estimator has to)
        """Look at what came of the training, once the weights are in place, and warn if need be."""

    def problems(self) -> list[str]:
        """What is wrong with the constructor's arguments beyond those that all share."""
        return []

    def as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set."""
        return as_dataset(X, y, groups=groups, layout=self.layout)

    def as_watched(self, given: Any) -> Dataset:
        """Take what the user passes as `validation_data`: a `Dataset`, or a pair (X, y).

        Raises:
            DataError: something else.
        """
        if isinstance(given, Dataset):
            return self.as_dataset(given, None)
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise DataError(
                f"`validation_data` is {type(given).__name__}; expected a Dataset or a pair (X, y)."
            )
        return self.as_dataset(*given)

    # -- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,  # noqa: N803  (scikit-learn's name)
        y: Any = None,
        *,
        sample_weight: Any = None,
        groups: npt.ArrayLike | None = None,
        validation_data: Any = None,
        initial: Any = None,
        static: npt.ArrayLike | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> Self:
        """Learn from sequences and their targets.

        Of a `Dataset` with parts, "train" is learnt from, "validation" watches, and "test" is left
        alone.

        Args:
            X: `(n, time, channel)` or `(n, time)` array, list of `(time, channel)` or `(time,)`
                arrays, `Sequences`, or `Dataset`; an iterable of pairs (sequence, label), a data
                frame, a data set of PyTorch or Hugging Face.
            y: `[n]` targets; none for a `Dataset`.
            sample_weight: `[n]`, how much each sequence counts.
            groups: `[n]`; a validation split never parts a group.
            validation_data: a `Dataset` or a pair (X, y), in place of `validation`.
            initial: weights to begin with: a fitted estimator (this one too), a network, a model
                file, or weights by name. Layers are taken of which every name and shape agrees;
                which ones is said.
            static: `[n, feature]` numbers that are known of each sequence as a whole; they are
                scaled, and joined before the head. A `Dataset` brings its own.
            folder: where `history.jsonl` and, while running, `checkpoint/` are written.
            resume: go on from the checkpoint in `folder`, to the same bits as without the stop.

        Returns:
            The estimator itself.

        Raises:
            DataError: sequences or targets that cannot be used; `initial` without any layer that
                fits.
            SpecError: a network or preparation that does not parse or fit.
            TrainingError: a loss that is not finite.
        """
        begin = InitialWeights.of(initial)
        chosen = self.choose_data(
            X,
            y,
            sample_weight=sample_weight,
            groups=groups,
            validation_data=validation_data,
            static=static,
        )
        return self.learn(chosen, begin, None if folder is None else Path(folder), resume=resume)

    def learn(
        self, chosen: Chosen, begin: InitialWeights | None, folder: Path | None, *, resume: bool
    ) -> Self:
        """The second half of `fit`: learn from what `choose_data` of this estimator has given.

        Args:
            chosen: what is learnt from and what watches.
            begin: weights to begin with.
            folder: as in `fit`.
            resume: as in `fit`.
        """
        place = None if folder is None else TrainingFolder(folder, resume)
        job = Lesson(self, chosen, begin, place).learn()
        self.look_back(job)
        if self.stopped_ == "interrupted":
            warnings.warn(
                f"Training was interrupted after {len(self.history_)} of {job.epochs} epochs; the "
                "best weights so far are kept.",
                stacklevel=3,
            )
        return self

    def make_job(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        *,
        initial: Any = None,
        **more: Any,
    ) -> Job:
        """All that `fit` would train, without training it.

        The estimator has the new network and preparation then, and is not fitted.

        Args:
            X: as in `fit`.
            y: as in `fit`.
            initial: as in `fit`.
            **more: `sample_weight`, `groups` and `validation_data`, as in `fit`.
        """
        begin = InitialWeights.of(initial)
        job, _ = Lesson(self, self.choose_data(X, y, **more), begin).prepared()
        return job

    def choose_data(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        *,
        sample_weight: Any = None,
        groups: npt.ArrayLike | None = None,
        validation_data: Any = None,
        static: npt.ArrayLike | None = None,
        split_seed: int | None = None,
    ) -> Chosen:
        """What `fit` would learn from and watch; whatever was fitted before is forgotten.

        Args:
            X: as in `fit`.
            y: as in `fit`.
            sample_weight: as in `fit`.
            groups: as in `fit`.
            validation_data: as in `fit`.
            static: as in `fit`.
            split_seed: what a validation set is drawn with; `None`: the estimator's own seed.
        """
        check_arguments(self)
        self.__dict__.pop("history_", None)  # a fit that fails half way leaves nothing to be asked
        X = adapted(X, y)  # noqa: N806
        self.channels_ = X.channels if isinstance(X, Dataset) else None
        self.reading_ = X.reading if isinstance(X, Dataset) else None
        data = self.as_dataset(X, y, groups)
        data = data if static is None else replace(data, static=as_table_of_numbers(static))
        self._check_suits(data)
        part, source, text = choose_training_part(data)
        check_sequences(part.x)
        warn_of_swapped_axes(part.x)
        warn_of_padding(part.x)
        part = self.prepare_targets(part, data)
        weights = None
        if sample_weight is not None:
            weights = of_part(self.as_weights(sample_weight), data, part)
        wanted = self.validation if validation_data is None else adapted(validation_data)
        if isinstance(wanted, Dataset) or validation_data is not None:
            wanted = self.as_watched(wanted)
        seed = self.seed if split_seed is None else split_seed
        return choose(part, source, weights, wanted, seed=seed, text=text)

    def _check_suits(self, data: Dataset) -> None:
        """Raise unless such an estimator can learn from such a data set."""
        name = type(self).__name__
        if data.task not in self.tasks:
            raise DataError(
                f"{name} needs {_TASKS[self.tasks[0]]}; the targets here are for the task "
                f"{data.task!r}."
            )
        if data.static is not None and not self.takes_static:
            raise DataError(
                f"The sequences have static features, and a {name} cannot use them: leave them out "
                "with dataclasses.replace(data, static=None)."
            )
        if data.x.is_text and not self.takes_text:
            raise DataError(f"The sequences are texts, and a {name} takes numbers.")

    def build_network(self, shape: Shape, device: torch.device) -> Network:
        """Make the network for such sequences, with its initial weights."""
        objective = self.objective()
        specs = as_specs(self.network)
        network = Network(
            specs if self.preparation_.vocabulary is None else with_embedding(specs),
            shape,
            objective.outputs,
            every=objective.every,
            seed=self.seed,
            static=0 if self.static_ is None else len(self.static_.mean),
        )
        network.to(device)
        return network

    # -- ask ------------------------------------------------------------------------------------

    def check_input(self, X: Any) -> Sequences:  # noqa: N803
        """Take what the user passes as sequences that the network can be asked about.

        Texts become tokens here, so that a step is the same to whoever looks inside.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        self._check_fitted()
        X = self.as_read(X)  # noqa: N806
        x = as_sequences(X, self.layout)
        self.preparation_.check_rate(X.rate_hz if isinstance(X, Dataset) else None)
        return as_trained(x, self.preparation_, tokens=self.network_.input_shape.tokens is not None)

    def as_read(self, X: Any, *, labelled: bool = False) -> Any:  # noqa: N803
        """What the user passes; a data frame read as the one that was learnt from.

        Args:
            X: as in `fit`.
            labelled: whether labels are wanted, or only sequences.

        Raises:
            DataError: channels of other names, or in another order, than in training.
        """
        X = adapted(X, labelled=labelled, like=self.reading_)  # noqa: N806
        if isinstance(X, Dataset):
            check_channels(X.channels, self.channels_)
        return X

    def check_static(self, count: int, static: Any) -> Array | None:
        """The scaled static features of `count` sequences; `None` where the model has none.

        Raises:
            DataError: the model needs some, and none or others are given; or it has none.
        """
        if self.static_ is not None:
            return self.static_.apply(static, count=count)
        if static is None:
            return None
        raise DataError("The model was trained without static features: leave out `static`.")

    @torch.no_grad()
    def whole_outputs(self, X: Any, static: Any = None) -> torch.Tensor:  # noqa: N803
        """`[n, output]` for what the user passes, of a network that answers once for each."""
        x = self.check_input(X)
        answers = torch.empty(len(x), self.objective().outputs)

        def work(index: Array, batch: Padded) -> None:
            answers[torch.from_numpy(index)] = self.network_(batch).cpu()

        run(self, x, work, self.check_static(len(x), static_of(X, static)))
        return answers

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        self._check_fitted()
        if isinstance(X, Dataset) and "test" in X.part_names:
            X = X.part("test")  # noqa: N806
        if y is None:
            X = self.as_read(X, labelled=True)  # noqa: N806
        data = self.as_dataset(adapted(X, y), y)
        if data.task not in self.tasks:
            raise DataError(f"A score needs {_TASKS[self.tasks[0]]}; the task is {data.task!r}.")
        return data

    def save(self, path: str | Path) -> None:
        """Write everything to one file, `*.safetensors`; `segue.load` reads it.

        Raises:
            NotFittedError: before `fit`.
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        self._check_fitted()
        save(self, path)

    # -- scikit-learn's contract ----------------------------------------------------------------

    @property
    def training_options(self) -> TrainingOptions:
        """`options`, or the defaults."""
        return TrainingOptions() if self.options is None else self.options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; nested ones as `options__patience`."""
        return parameters.get(self, deep=deep)

    def set_params(self, **values: Any) -> Self:
        """Set arguments, nested ones as `options__patience=5`."""
        parameters.set_(self, values)
        return self

    def __repr__(self) -> str:
        return parameters.text(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "history_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet: call `fit(X, y)` first, or load a "
                "fitted one with `segue.load(path)`."
            )


_TASKS = {
    "classify": "one label for each sequence",
    "label": "a label for each step",
    "regress": "one or more numbers for each sequence",
}
