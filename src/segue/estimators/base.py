"""What all estimators share: from sequences to a trained network, and from there to outputs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError
from segue.estimators.asking import run
from segue.estimators.choosing import WANTED, Chosen, check_suits, choose, choose_training_part
from segue.estimators.files import save
from segue.estimators.given import laid_on, taken
from segue.estimators.initial import InitialWeights
from segue.estimators.inputs import (
    as_sequences,
    as_trained,
    check_sequences,
    refuse_single,
    static_of,
    warn_of_padding,
    warn_of_swapped_axes,
)
from segue.estimators.learner import Learner
from segue.estimators.parameters import check_arguments
from segue.estimators.teaching import Lesson
from segue.estimators.weighting import of_part
from segue.padded import Padded
from segue.prepare.static import as_table_of_numbers
from segue.readers.objects import adapted
from segue.readers.remembered import check_channels
from segue.sequences import Array, Sequences
from segue.training.folder import TrainingFolder
from segue.training.job import Job


class SequenceEstimator(Learner):
    """The common part of all estimators: from sequences to a network, and from there to outputs."""

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
            y: `[n]` targets; none for a `Dataset`. A Series or frame whose index (or column of
                ids) is that of the sequences, and a mapping by id, are laid on by id, as are the
                next two and `static`; of a long frame, a target for each of its rows will do too.
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
            done = len(self.history_)
            where = f"after {done} of {job.epochs} epochs; the best weights so far are kept."
            if not done:
                where = "within the first epoch; the little that was learnt until then is kept."
            warnings.warn(f"Training was interrupted {where}", stacklevel=3)
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
        X, y = (adapted(X), None) if y is None else taken(X, y)  # noqa: N806
        self.channels_ = X.channels if isinstance(X, Dataset) else None
        self.reading_ = X.reading if isinstance(X, Dataset) else None
        data = self.as_dataset(X, y, groups)
        if static is not None:
            data = replace(data, static=as_table_of_numbers(laid_on(static, data, "static")))
        check_suits(self, data)
        part, watched, text = choose_training_part(data)
        check_sequences(part.x)
        warn_of_swapped_axes(part.x)
        warn_of_padding(part.x)
        part = self.prepare_targets(part, data)
        weights = None
        if sample_weight is not None:
            given = laid_on(sample_weight, data, "sample_weight")
            weights = of_part(self.as_weights(given), data, part)
        wanted = self.validation if validation_data is None else adapted(validation_data)
        if isinstance(wanted, Dataset) or validation_data is not None:
            wanted = self.as_watched(wanted)
        seed = self.seed if split_seed is None else split_seed
        return choose(part, watched, weights, wanted, seed=seed, text=text)

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
        x = as_sequences(X, self.layout, exact=True)
        if len(x) == 0:
            return x
        self.preparation_.check_rate(X.rate_hz if isinstance(X, Dataset) else None)
        if self.layout in ("ntc", "tc"):
            length = self.network_.input_shape.length
            refuse_single(X, x, channels=self.preparation_.channels_in, length=length)
        return as_trained(x, self.preparation_)

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

    @torch.no_grad()
    def whole_outputs(self, X: Any, static: Any = None) -> torch.Tensor:  # noqa: N803
        """`[n, output]` for what the user passes, of a network that answers once for each."""
        X = self.as_read(X)  # noqa: N806
        x, static = self.check_input(X), laid_on(static_of(X, static), X, "static")
        answers = torch.empty(len(x), self.objective().outputs)

        def work(index: Array, batch: Padded) -> None:
            answers[torch.from_numpy(index)] = self.network_(batch).cpu()

        run(self, x, work, None if len(x) == 0 else self.check_static(len(x), static))
        return answers

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        self._check_fitted()
        if isinstance(X, Dataset) and "test" in X.part_names:
            X = X.part("test")  # noqa: N806
        if y is None:
            X = self.as_read(X, labelled=True)  # noqa: N806
            data = self.as_dataset(X, None)
        else:
            data = self.as_dataset(*taken(X, y, self.reading_))
        if len(data) == 0:
            raise DataError("There are no sequences to be scored; expected at least one.")
        if data.task not in self.tasks:
            raise DataError(f"A score needs {WANTED[self.tasks[0]]}; the task is {data.task!r}.")
        return data

    def save(self, path: str | Path, *, record: bool = True) -> None:
        """Write everything to one file, `*.safetensors`; `segue.load` reads it.

        Args:
            path: the file.
            record: keep 8-byte hashes of the sequences that were trained on, so that `evaluate` can
                say when a model is scored on them. They are keyed with a salt of this training: the
                values cannot be had from them, but whoever has a sequence can see whether it was
                among them. `False`: nothing is kept.

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
