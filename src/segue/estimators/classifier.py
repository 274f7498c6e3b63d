"""A class for each sequence."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotFittedError, OptionError
from segue.estimators import parameters
from segue.estimators.files import save_classifier
from segue.estimators.fitting import (
    choose_device,
    choose_epochs,
    choose_training_part,
    choose_validation,
    memory_warning,
    sequence_weights,
)
from segue.estimators.inputs import (
    as_dataset,
    as_sequences,
    check_classes,
    check_sequences,
    warn_of_swapped_axes,
)
from segue.layers import Shape
from segue.networks import Network, NetworkLike, as_specs
from segue.prepare import Batches, Preparation
from segue.prepare.pipeline import PrepareLike
from segue.sequences import Array, Layout, Sequences
from segue.training import Callback, History, HistoryWriter, TrainingOptions, checkpoint
from segue.training.loop import Examples, Job, TrainingState, train
from segue.training.objectives import OBJECTIVES, probabilities
from segue.training.reporter import make_reporter
from segue.training.targets import WholeTargets
from segue.training.threads import choose_threads, threads

if TYPE_CHECKING:
    from sklearn.utils import Tags

# Steps (with padding) that go through the network at once in a prediction.
_PREDICTION_STEPS = 20_000


class SequenceClassifier:
    """Learns which class a sequence belongs to.

    Sequences of any length go in as they are; the answer for one does not depend on the others in
    its batch, on padding, or on the batch size. It follows scikit-learn's contract.

    Args:
        network: a text such as "bilstm(100) dense(32, relu)", or a list of layer specs. The last
            dense layer is implied.
        prepare: what is done to the sequences first, fitted on training data: "standardize",
            "interpolate standardize", or "none".
        epochs: how often all training sequences are seen, at most; "auto": as often as makes about
            a thousand updates, 10 to 300 times.
        batch_size: sequences in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training sequences; none when there are fewer than 100, or
            than 5 of a class), a share, a `Dataset`, or `None`. With validation the weights of the
            best epoch are kept, without it the last.
        class_weight: `None`, "balanced", or a weight for each class.
        head: "softmax" (two classes share one logit), or "sigmoid": an independent output per
            class.
        classes: fixes the classes, also those that do not occur.
        seed: the same seed gives the same bits.
        device: "auto", "cpu" or "cuda".
        layout: the order of axes in X: "ntc", or "nct" ("ct" in lists) for channels first.
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: the class names, in the order of the probabilities.
        class_counts_: sequences of each class that were learnt from.
        network_: the trained `Network`; `.summary()`, `.get_weights()`.
        preparation_: the fitted `Preparation`.
        history_: a `History`, a row per epoch.
        stopped_: how training ended: "finished", "early", "time" or "interrupted".
        training_summary_: what was done, as pairs of a heading and a text.
        n_features_in_: channels.

    >>> x = [[0.0, 1.0, 2.0], [2.0, 1.0], [0.0, 3.0], [4.0, 3.0, 1.0]] * 5
    >>> y = ["up", "down", "up", "down"] * 5
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=20, options=options).fit(x, y)
    >>> classifier.predict([[1.0, 2.0, 4.0, 5.0]])
    array(['up'], dtype='<U4')
    """

    def __init__(
        self,
        network: NetworkLike = "bilstm(100)",
        *,
        prepare: PrepareLike = "standardize",
        epochs: Literal["auto"] | int = "auto",
        batch_size: int = 32,
        learning_rate: float = 0.004,
        validation: Literal["auto"] | float | Dataset | None = "auto",
        class_weight: Literal["balanced"] | dict[Any, float] | None = None,
        head: Literal["softmax", "sigmoid"] = "softmax",
        classes: Any = None,
        seed: int = 0,
        device: str = "auto",
        layout: Layout = "ntc",
        options: TrainingOptions | None = None,
    ) -> None:
        self.network = network
        self.prepare = prepare
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation = validation
        self.class_weight = class_weight
        self.head = head
        self.classes = classes
        self.seed = seed
        self.device = device
        self.layout = layout
        self.options = options

    # -- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,  # noqa: N803  (scikit-learn's name)
        y: Any = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
        validation_data: Any = None,
        folder: str | Path | None = None,
        resume: bool = False,
    ) -> SequenceClassifier:
        """Learn from labelled sequences.

        Of a `Dataset` with parts, "train" is learnt from, "validation" watches, and "test" is left
        alone.

        Args:
            X: `(n, time, channel)` or `(n, time)` array, list of `(time, channel)` or `(time,)`
                arrays, `Sequences`, or `Dataset`.
            y: `[n]` labels; none for a `Dataset`.
            sample_weight: `[n]`, how much each sequence counts.
            groups: `[n]`; a validation split never parts a group.
            validation_data: a `Dataset` or a pair (X, y), in place of `validation`.
            folder: where `history.jsonl` and, while running, `checkpoint/` are written.
            resume: go on from the checkpoint in `folder`, to the same bits as without the stop.

        Returns:
            The classifier itself.

        Raises:
            DataError: sequences or labels that cannot be used.
            SpecError: a network or preparation that does not parse or fit.
            TrainingError: a loss that is not finite.
        """
        self._check_numbers()
        self.__dict__.pop("history_", None)  # a fit that fails half way leaves nothing to be asked
        data = as_dataset(X, y, groups=groups, layout=self.layout, classes=self.classes)
        learnt, watching, used = self._choose_data(data, sample_weight, validation_data)
        job = self._make_job(learnt, watching)
        reporter = make_reporter(job.options.progress, job.epochs)
        for text in [*(f"{a}: {b}" for a, b in used), memory_warning(job, learnt[0])]:
            reporter.message(text)
        callbacks, state = self._open_folder(job, folder, resume, learnt[0])
        self.stopped_ = "failed"
        try:
            with threads(job.options.threads or choose_threads(job.network, job.batch_size)):
                self.stopped_ = train(job, state, [reporter, *callbacks])
        finally:
            self._keep(job, state, used)
        if self.stopped_ == "interrupted":
            warnings.warn(
                f"Training was interrupted after {len(state.rows)} of {job.epochs} epochs; the "
                "best weights so far are kept.",
                stacklevel=2,
            )
        return self

    def _check_numbers(self) -> None:
        problems = [
            f"`{name}` is {getattr(self, name)!r}; expected {wanted}."
            for name, wanted in (
                ("epochs", "'auto' or a whole number from 1 on"),
                ("batch_size", "a whole number from 1 on"),
                ("learning_rate", "a number above 0"),
            )
            if not _is_positive(getattr(self, name), whole=name != "learning_rate")
            and (name, getattr(self, name)) != ("epochs", "auto")
        ]
        if self.head not in ("softmax", "sigmoid"):
            problems.append(f"`head` is {self.head!r}; expected 'softmax' or 'sigmoid'.")
        if not isinstance(self.seed, int | np.integer) or isinstance(self.seed, bool):
            problems.append(f"`seed` is {self.seed!r}; expected a whole number.")
        if problems:
            raise OptionError(" ".join(problems))

    def _choose_data(
        self, data: Dataset, sample_weight: npt.ArrayLike | None, validation_data: Any
    ) -> tuple[tuple[Dataset, Array | None], Dataset | None, list[tuple[str, str]]]:
        """What is learnt from, with its weights; what watches; and two lines that say so."""
        if data.task != "classify":
            raise DataError(
                "A classifier needs one label for each sequence; the targets here are for the "
                f"task {data.task!r}."
            )
        part, source_validation, text = choose_training_part(data)
        check_sequences(part.x)
        warn_of_swapped_axes(part.x)
        names = tuple(np.unique(part.y).tolist()) if self.classes is None else tuple(self.classes)
        check_classes(part.y, names)
        self._warn_of_unseen(data, names)
        weights = None
        if sample_weight is not None:
            weights = _part_of(np.asarray(sample_weight, float), data, part)
        numbered = replace(part, classes=names, parts=None, ids=np.arange(len(part)))
        wanted = self.validation if validation_data is None else self._given(validation_data)
        rest, validation, chosen = choose_validation(numbered, source_validation, wanted, self.seed)
        if validation is not None and validation in (source_validation, wanted):
            check_sequences(validation.x)
        self.classes_ = np.asarray(names)
        used = [("training", text), ("validation", chosen)]
        if weights is not None:
            weights = weights[np.asarray(rest.ids, np.int64)]
        return (rest, weights), validation, used

    def _given(self, validation_data: Any) -> Dataset:
        if isinstance(validation_data, Dataset):
            return validation_data
        x, y = validation_data
        return as_dataset(x, y, layout=self.layout)

    def _warn_of_unseen(self, data: Dataset, names: tuple[Any, ...]) -> None:
        unseen = [str(name) for name in data.classes or () if name not in names]
        if unseen:
            warnings.warn(
                f"Class {', '.join(unseen)} does not occur in the training part: it cannot be "
                "learnt, and every sequence of it will count as a mistake.",
                stacklevel=4,
            )

    def _make_job(
        self,
        learnt: tuple[Dataset, Array | None],
        watching: Dataset | None,
    ) -> Job:
        data, sample_weight = learnt
        device = choose_device(self.device)
        self.preparation_ = Preparation.fit(self.prepare, data.x)
        self.network_ = self._build(_shape_of(data.x, self.preparation_), device)
        names = tuple(self.classes_.tolist())
        codes = self._codes(data)
        counts = np.bincount(codes, minlength=len(names))
        self.class_counts_ = dict(zip(names, counts.tolist(), strict=True))
        weights = sequence_weights(codes, names, self.class_weight, sample_weight)
        epochs = choose_epochs(len(data), self.batch_size) if self.epochs == "auto" else self.epochs
        return Job(
            network=self.network_,
            train=_examples(data, self.preparation_, codes, weights, device),
            validation=None
            if watching is None
            else _examples(watching, self.preparation_, self._codes(watching), None, device),
            objective=OBJECTIVES[self._head_kind](len(names)),
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            seed=self.seed,
            options=self.training_options,
        )

    def _build(self, shape: Shape, device: torch.device) -> Network:
        outputs = 1 if self._head_kind == "one-logit" else len(self.classes_)
        network = Network(as_specs(self.network), shape, outputs, seed=self.seed)
        network.to(device)
        return network

    @property
    def _head_kind(self) -> str:
        return "one-logit" if self.head == "softmax" and len(self.classes_) == 2 else self.head

    def _codes(self, data: Dataset) -> Array:
        numbers = {name: code for code, name in enumerate(self.classes_.tolist())}
        strange = sorted({str(label) for label in data.y.tolist() if label not in numbers})
        if strange:
            raise DataError(
                f"Labels {', '.join(strange)} are not among the classes "
                f"{self.classes_.tolist()} that are trained."
            )
        return np.array([numbers[label] for label in data.y.tolist()], np.int64)

    def _open_folder(
        self, job: Job, folder: str | Path | None, resume: bool, data: Dataset
    ) -> tuple[list[Callback], TrainingState]:
        if folder is None:
            return [], TrainingState.start(job)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        fingerprint = self._fingerprint(data)
        saved = checkpoint.Checkpointer(job, folder / "checkpoint", fingerprint)
        state = TrainingState.start(job)
        if resume and saved.path.exists():
            state = checkpoint.read(saved.path, job, fingerprint)
        return [HistoryWriter(folder / "history.jsonl"), saved], state

    def _fingerprint(self, data: Dataset) -> dict[str, Any]:
        """What two trainings must share for one to go on from the other."""
        digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
        digest.update(str(data.y.tolist()).encode())
        chosen = {
            name: str(value)
            for name, value in self.get_params().items()
            if name not in ("options", "options__progress", "options__time_limit_seconds")
        }
        return {**chosen, "network": str(self.network_.summary().text), "data": digest.hexdigest()}

    def _keep(self, job: Job, state: TrainingState, used: list[tuple[str, str]]) -> None:
        self.history_ = History(state.rows, state.best_epoch)
        self.n_features_in_ = self.preparation_.channels_in
        options = job.options
        self.training_summary_ = [
            ("network", self.network_.summary().text),
            ("preparation", str(self.preparation_)),
            *used,
            ("optimizer", f"{options.optimizer}, {options.schedule} up to {job.learning_rate:g}"),
            ("batch size", str(job.batch_size)),
            ("epochs", f"{len(state.rows)} of {job.epochs}, {self.stopped_}"),
            ("weights kept", f"of epoch {state.best_epoch or len(state.rows)}"),
            ("time", f"{state.seconds:.1f} s"),
            ("seed", str(job.seed)),
        ]

    # -- ask ------------------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The probability of each class, `[n, class]`, in the order of `classes_`.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        self._check_fitted()
        x = as_sequences(X, self.layout)
        if x.is_tokens != (self.network_.input_shape.tokens is not None):
            x = self._with_right_type(x)
        self.preparation_.check(x)
        check_sequences(x)
        logits = self._logits(x)
        return np.asarray(probabilities(logits.double(), self._head_kind))

    @torch.no_grad()
    def _logits(self, x: Sequences) -> torch.Tensor:
        device = next(self.network_.parameters()).device
        batches = Batches(x, self.preparation_, device)
        outputs = 1 if self._head_kind == "one-logit" else len(self.classes_)
        logits = torch.empty(len(x), outputs)
        size = min(len(x), _PREDICTION_STEPS // x.length_range[1] + 1)
        with threads(self.training_options.threads or choose_threads(self.network_, size)):
            for index, batch in batches.in_order(_PREDICTION_STEPS):
                logits[torch.from_numpy(index)] = self.network_(batch).cpu()
        return logits

    def _with_right_type(self, x: Sequences) -> Sequences:
        if x.is_tokens:
            return Sequences(x.values.astype(np.float32), x.offsets)
        raise DataError("The model was trained on tokens (int32); these sequences are numbers.")

    def predict(self, X: Any) -> Array:  # noqa: N803
        """The most probable class of each sequence, `[n]`."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def score(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> float:
        """The accuracy. Of a `Dataset` with a part "test", that part is asked."""
        self._check_fitted()
        if isinstance(X, Dataset) and "test" in X.part_names:
            X = X.part("test")  # noqa: N806
        data = as_dataset(X, y, layout=self.layout)
        if data.task != "classify":
            raise DataError(
                f"A score needs one label for each sequence; the task is {data.task!r}."
            )
        right = np.asarray(self.predict(data.x) == data.y, float)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        return float(np.average(right, weights=weights))

    def save(self, path: str | Path) -> None:
        """Write everything to one file, `*.safetensors`; `segue.load` reads it.

        Raises:
            NotFittedError: before `fit`.
            WriteError: the disk is full or read-only. No half-written file is left.
        """
        self._check_fitted()
        save_classifier(self, path)

    # -- scikit-learn's contract ----------------------------------------------------------------

    @property
    def training_options(self) -> TrainingOptions:
        """`options`, or the defaults."""
        return TrainingOptions() if self.options is None else self.options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; nested ones as `options__patience`."""
        return parameters.get(self, deep=deep)

    def set_params(self, **values: Any) -> SequenceClassifier:
        """Set arguments, nested ones as `options__patience=5`."""
        parameters.set_(self, values)
        return self

    def __repr__(self) -> str:
        return parameters.text(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "history_")

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(three_d_array=True, allow_nan=True),
        )

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(
                "This SequenceClassifier is not fitted yet: call `fit(X, y)` first, or load a "
                "fitted one with `segue.load(path)`."
            )


def _is_positive(value: Any, *, whole: bool) -> bool:
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(value > 0)


def _part_of(weights: Array, data: Dataset, part: Dataset) -> Array:
    if len(weights) not in (len(data), len(part)):
        raise DataError(
            f"`sample_weight` has {len(weights)} entries; expected {len(data)}, one for each "
            "sequence."
        )
    if len(weights) == len(part) or data.parts is None:
        return weights
    return np.asarray(weights[data.parts == "train"])


def _shape_of(x: Sequences, preparation: Preparation) -> Shape:
    shortest, longest = x.length_range
    return Shape(
        features=preparation.channels_out,
        length=longest if shortest == longest else None,
        tokens=max(int(block.values.max()) for block in x.blocks()) + 1 if x.is_tokens else None,
    )


def _examples(
    data: Dataset,
    preparation: Preparation,
    codes: Array,
    weights: Array | None,
    device: torch.device,
) -> Examples:
    return Examples(
        Batches(data.x, preparation, device),
        WholeTargets(torch.from_numpy(codes).to(device)),
        None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(device),
    )
