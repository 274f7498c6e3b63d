"""The base of all estimators: `fit` from sequences to a trained network, and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError, warn_user
from segue.estimators.asking import run
from segue.estimators.files import save
from segue.estimators.fitting import FitResult, FittedParts, Lines, fit_split, training_job
from segue.estimators.given import laid_on, taken
from segue.estimators.initial import InitialWeights
from segue.estimators.inputs import as_sequences, as_trained, refuse_single, static_of
from segue.estimators.parameters import EstimatorParameters
from segue.estimators.seen import SeenSequences
from segue.estimators.splitting import split_data
from segue.networks import Network
from segue.padded import Padded
from segue.prepare import Preparation
from segue.prepare.numeric import StaticScale
from segue.readers.objects import adapted
from segue.readers.read_options import check_channels
from segue.sequences import Array, Sequences
from segue.tasks import Task
from segue.training import History
from segue.training.setup import TrainingSetup


class BaseSequenceEstimator(EstimatorParameters):
    """An estimator of any task.

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
        task_: the fitted `segue.tasks.Task`: what the outputs of the network mean.
    """

    network_: Network
    preparation_: Preparation
    static_: StaticScale | None
    task_: Task
    history_: History
    stopped_: str
    training_summary_: Lines
    n_features_in_: int
    channels_: tuple[str, ...] | None = None
    reading_: Mapping[str, Any] | None = None
    seen_: tuple[SeenSequences, ...] | None = None

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
        """Train on sequences and their targets.

        Of a `Dataset` with parts, "train" is trained on, "validation" is validated with, and "test"
        is left alone. A fit that fails leaves the estimator as it was; one that is interrupted
        keeps the best weights so far.

        Args:
            X: `(n, time, channel)` or `(n, time)` array, list of `(time, channel)` or `(time,)`
                arrays, `Sequences`, or `Dataset`; an iterable of pairs (sequence, label), a data
                frame, a data set of PyTorch or Hugging Face.
            y: `[n]` targets; none for a `Dataset`. A Series or frame whose index (or column of
                ids) is that of the sequences, and a mapping by id, are aligned by id, as are the
                next two and `static`; of a long frame, a target for each of its rows will do too.
            sample_weight: `[n]`, how much each sequence counts, in the loss that is minimised and
                in the training loss of the history.
            groups: `[n]`; a validation split never parts a group.
            validation_data: a `Dataset` or a pair (X, y), in place of `validation`.
            initial: weights to begin with: a fitted estimator (this one too), a network, a model
                file, or weights by name. Layers are taken of which every name and shape agrees;
                the summary names them.
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
        split = split_data(
            self, X, y, sample_weight=sample_weight, groups=groups,
            validation_data=validation_data, static=static,
        )  # fmt: skip
        place = None if folder is None else Path(folder)
        return self._take(fit_split(self, split, begin, place, resume=resume))

    def _take(self, result: FitResult, *, quiet: bool = False) -> Self:
        """Take over what a training has come to."""
        parts = result.parts
        self.__dict__ |= {
            "network_": parts.network,
            "preparation_": parts.preparation,
            "static_": parts.static,
            "task_": parts.task,
            "history_": result.history,
            "stopped_": result.stopped,
            "training_summary_": result.summary,
            "n_features_in_": parts.preparation.channels_in,
            "channels_": result.channels,
            "reading_": result.reading,
            "seen_": result.seen,
        }
        if result.stopped == "interrupted" and not quiet:
            done = len(result.history)
            where = f"after {done} of {result.epochs} epochs; the best weights so far are kept."
            if not done:
                where = "within the first epoch; the little that was learnt until then is kept."
            warn_user(f"Training was interrupted {where}")
        return self

    def _training_job(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        *,
        initial: Any = None,
        **more: Any,
    ) -> TrainingSetup:
        """All that `fit` would train, without training it; the estimator stays as it is."""
        job, _, _ = training_job(self, split_data(self, X, y, **more), InitialWeights.of(initial))
        return job

    # -- predict --------------------------------------------------------------------------------

    @property
    def _parts(self) -> FittedParts:
        """All that prediction needs."""
        self._check_fitted()
        return FittedParts(self.task_, self.preparation_, self.static_, self.network_)

    def check_input(self, X: Any) -> Sequences:  # noqa: N803
        """Take what the user passes as sequences for the network; texts as tokens.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        self._check_fitted()
        X = self.as_read(X)  # noqa: N806
        x = as_sequences(X, self.layout, exact=True)
        if len(x) == 0:
            return x
        self.preparation_.check_rate(X.rate_hz if isinstance(X, Dataset) else None)
        if self.layout in ("ntc", "tc"):
            length = self.network_.input_shape.length
            refuse_single(X, x, channels=self.preparation_.channels_in, length=length)
        return as_trained(x, self.preparation_)

    def as_read(self, X: Any, *, labelled: bool = False) -> Any:  # noqa: N803
        """What the user passes; a data frame read as the one that was trained on.

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
        return self._parts.scaled_static(count, static)

    @torch.no_grad()
    def _outputs(self, X: Any, static: Any = None) -> torch.Tensor:  # noqa: N803
        """`[n, output]` of a network with one output for each sequence."""
        X = self.as_read(X)  # noqa: N806
        x, static = self.check_input(X), laid_on(static_of(X, static), X, "static")
        outputs = torch.empty(len(x), self.task_.objective.outputs)

        def work(index: Array, batch: Padded) -> None:
            outputs[torch.from_numpy(index)] = self.network_(batch).cpu()

        run(self, x, work, None if len(x) == 0 else self.check_static(len(x), static))
        return outputs

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What `score` is computed on: of a `Dataset` with a part "test", that part."""
        self._check_fitted()
        if isinstance(X, Dataset) and "test" in X.part_names:
            X = X.part("test")  # noqa: N806
        if y is None:
            X = self.as_read(X, labelled=True)  # noqa: N806
            data = self._as_dataset(X, None)
        else:
            data = self._as_dataset(*taken(X, y, self.reading_))
        if len(data) == 0:
            raise DataError("There are no sequences to be scored; expected at least one.")
        if data.task not in self.task_.data_tasks:
            raise DataError(f"A score needs {self.task_.needs}; the task is {data.task!r}.")
        return data

    # -- keep -----------------------------------------------------------------------------------

    def save(self, path: str | Path, *, record: bool = True) -> None:
        """Write everything to one file, `*.safetensors`; `segue.load` reads it.

        Args:
            path: the file.
            record: keep 8-byte hashes of the sequences that were trained on, so that `evaluate` can
                tell when a model is scored on them. They are keyed with a salt of this training:
                the values cannot be had from them, but whoever has a sequence can see whether it
                was among them. `False`: nothing is kept.

        Raises:
            NotFittedError: before `fit`.
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        self._check_fitted()
        save(self, path, record=record)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "history_")

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet: call `fit(X, y)` first, or load a "
                "fitted one with `segue.load(path)`."
            )
