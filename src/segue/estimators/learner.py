"""An estimator as those see it who teach it, ask it and write it down.

It says what its targets are (`prepare_targets`, `targets`), what the outputs mean (`objective`) and
what it keeps of the targets in a file (`facts`); it holds what has come of the training.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.given import taken
from segue.estimators.inputs import as_dataset
from segue.estimators.parameters import Parameters
from segue.estimators.seen import SeenSequences
from segue.estimators.weighting import normalized
from segue.layers import LayerSpec, Shape
from segue.layers.chain import input_kind_of
from segue.networks import Network, as_specs, split_head, with_embedding
from segue.prepare import Preparation
from segue.prepare.static import StaticScale
from segue.sequences import Array
from segue.training import History
from segue.training.job import Job
from segue.training.objectives import Objective
from segue.training.targets import Targets

Lines = list[tuple[str, str]]


class Learner(Parameters, abc.ABC):
    """What each estimator says of itself, and what it has once it is fitted.

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
        seen_: hashes of the sequences that the weights were fitted on, and of those that initial
            weights were; `None`: unknown.
    """

    tasks: ClassVar[tuple[str, ...]]
    purpose: ClassVar[str]
    score_name: ClassVar[str]
    takes_static: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False

    network_: Network
    preparation_: Preparation
    static_: StaticScale | None
    history_: History
    stopped_: str
    training_summary_: Lines
    n_features_in_: int
    channels_: tuple[str, ...] | None = None
    reading_: Mapping[str, Any] | None = None
    seen_: tuple[SeenSequences, ...] | None = None

    # -- its data -------------------------------------------------------------------------------

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
        x, y = given
        return self.as_dataset(*taken(x, y, self.reading_))

    def as_weights(self, sample_weight: Any) -> Any:
        """Take what the user passes as `sample_weight`: `[n]`, to be indexed like a data set."""
        return np.asarray(sample_weight, float)

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """How much each answer counts, 1 on average; `None`: all the same.

        `[n]`, or `[total_steps]` where there is an answer for each step.
        """
        return normalized(sample_weight, len(data))

    # -- its targets ----------------------------------------------------------------------------

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

    def learn_targets(self, data: Dataset) -> None:
        """Look at the targets that are learnt from, without those that watch, before training."""

    def examples(self, data: Dataset) -> Dataset:
        """What is learnt of these sequences, once the preparation is fitted: they as they are."""
        return data

    # -- its network ----------------------------------------------------------------------------

    @property
    def takes_tokens(self) -> bool:
        """Whether the network begins with an embedding, or else takes tokens."""
        return input_kind_of(as_specs(self.network)) == "tokens"

    def layers_and_head(self) -> tuple[tuple[LayerSpec, ...], tuple[LayerSpec, ...]]:
        """The layers before the head, and the head where it is written out in `network`."""
        return split_head(as_specs(self.network), self.objective().head_forms)

    def build_network(
        self, shape: Shape, device: torch.device, specs: tuple[LayerSpec, ...] | None = None
    ) -> Network:
        """Build the network with its initial weights.

        Args:
            shape: of the prepared sequences.
            device: of the weights.
            specs: the layers before the head; those of `network` if left out.
        """
        objective = self.objective()
        specs = self.layers_and_head()[0] if specs is None else specs
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

    def look_back(self, job: Job) -> None:
        """Look at what came of the training, once the weights are in place, and warn if need be."""
