"""The base of all estimators: `fit` from sequences to a trained network, prediction, parameters.

Importing scikit-learn takes longer than a whole prediction may, so nothing is inherited from it;
`clone`, `cross_val_score`, `GridSearchCV` and `Pipeline` work all the same.
"""

from __future__ import annotations

import abc
import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Never, Self

import numpy as np

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Layout, Sequences, check_sequences
from segue.errors import (
    DataError,
    NotFittedError,
    OptionError,
    UnknownArgumentError,
    advice_on_argument,
    no_attribute,
)
from segue.estimators.files import save
from segue.estimators.fingerprint import SeenSequences
from segue.estimators.inputs import (
    PerSequence,
    SequencesLike,
    TargetsLike,
    ValidationLike,
    aligned_with,
    as_dataset,
    as_pair,
    not_of_fit,
    refuse_single,
)
from segue.estimators.result import FitResult, Lines
from segue.estimators.splitting import split_data
from segue.networks import Network, NetworkLike
from segue.prepare import Preparation
from segue.prepare.pipeline import PrepareLike
from segue.prepare.steps import MeanScale, scaled_static
from segue.readers.objects import adapted, plain_sequences
from segue.readers.read_options import check_channels
from segue.tasks import TASKS, Task
from segue.text_table import html_card
from segue.training import Callback, History, TrainingOptions
from segue.training.closed_form import HeldOut
from segue.training.inference import Prepared, predict_outputs
from segue.training.options import ProgressName

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from segue.training.setup import TrainingSetup


class BaseSequenceEstimator(abc.ABC):
    """An estimator of any task; the arguments of its constructor are kept under their names.

    Class attributes:
        task: as on the command line: classify, label, regress, forecast or language.
        tasks: of the data sets that it is trained on, as in `Dataset.task`.
        score_name: what `score` returns: accuracy, r2 or log_probability.

    Attributes:
        network_: the trained `Network`; `.summary()`, `.get_weights()`.
        preparation_: the fitted `Preparation`.
        history_: a `History`, a row per epoch.
        stopped_: how training ended: "finished", "early", "time", "callback" or "interrupted".
        training_summary_: what was done, as pairs of a heading and a text.
        n_features_in_: channels.
        channels_: their names; `None` where the data had none.
        reading_: how the source was read, where it was a file or a data frame: `segue.read(source,
            like=model)` reads another one in the same way.
        seen_: hashes of the sequences that the weights were fitted on, and of those that initial
            weights were; `None`: unknown.
        task_: the fitted `segue.tasks.Task`: what the outputs of the network mean.
    """

    task: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]
    score_name: ClassVar[str]
    _task_type: ClassVar[type[Task]]

    network: NetworkLike
    prepare: PrepareLike
    epochs: Any
    batch_size: int
    learning_rate: float
    validation: Any
    seed: int
    device: str
    layout: Layout = "ntc"  # texts and single series have no other
    options: TrainingOptions | None

    # What an ensemble of such has: methods of which the mean counts, methods that work on outputs
    # whoever gives them, and what all members have in common.
    _averaged: ClassVar[tuple[str, ...]] = ("_outputs", "anytime")
    _on_outputs: ClassVar[tuple[str, ...]] = ("predict_proba", "predict", "score", "stream")
    _shared: ClassVar[tuple[str, ...]] = (
        "task", "tasks", "score_name", "layout", "n_features_in_", "channels_", "reading_",
        "classes_", "class_counts_", "as_read", "check_input", "scored_part", "_as_weights",
        "_check_fitted", "__sklearn_is_fitted__",
    )  # fmt: skip

    network_: Network
    preparation_: Preparation
    static_: MeanScale | None
    task_: Task
    history_: History
    stopped_: str
    training_summary_: Lines
    n_features_in_: int
    channels_: tuple[str, ...] | None = None
    reading_: Mapping[str, Any] | None = None
    seen_: tuple[SeenSequences, ...] | None = None
    held_out_: HeldOut | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind: type[Task] | None = getattr(cls, "_task_type", None)
        if kind is not None:
            cls.task, cls.tasks, cls.score_name = kind.name, kind.data_tasks, kind.score_name

    # -- fit ------------------------------------------------------------------------------------

    def fit(
        self,
        X: SequencesLike,  # noqa: N803  (scikit-learn's name)
        y: TargetsLike = None,
        *,
        sample_weight: PerSequence = None,
        groups: PerSequence = None,
        validation_data: ValidationLike = None,
        initial: Any = None,
        static: PerSequence = None,
        folder: str | Path | None = None,
        resume: bool = False,
        callbacks: Sequence[Callback] = (),
        verbose: int | None = None,
        **unknown: Never,
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
            folder: where `history.jsonl`, while running `checkpoint/`, and `members/` are written.
            resume: go on from what is in `folder`, to the same bits as without the stop.
            callbacks: objects of `segue.Callback`, which are called after each update and epoch.
            verbose: as in Keras 0 (silent), 1 (a bar) or 2 (lines), in place of `options.progress`.
            **unknown: none; other arguments are refused, with where they belong.

        Returns:
            The estimator itself.

        Raises:
            DataError: sequences or targets that cannot be used; `initial` without any layer that
                fits.
            SpecError: a network or preparation that does not parse or fit.
            TrainingError: a loss that is not finite.
            UnknownArgumentError: an argument that `fit` does not have.
        """
        if unknown:
            raise UnknownArgumentError(not_of_fit(type(self), next(iter(unknown))))
        from segue.estimators import fitting
        from segue.estimators.kept_members import tidy

        split = split_data(
            self, X, y, sample_weight=sample_weight, groups=groups,
            validation_data=validation_data, static=static,
        )  # fmt: skip
        shown = self if verbose is None else self._shown(verbose)
        self._take(
            fitting.fit_split(shown, split, initial, folder, resume=resume, callbacks=callbacks)
        )
        if folder is not None:
            tidy(Path(folder), self.stopped_)
        return self

    def _shown(self, verbose: int) -> Self:
        """A copy with another style of progress."""
        styles: dict[int, ProgressName] = {0: "none", 1: "bar", 2: "lines"}
        if verbose not in styles:
            raise OptionError(f"`verbose` is {verbose!r}; expected 0, 1 or 2.")
        shown = copy.copy(self)
        shown.options = replace(self.training_options, progress=styles[verbose])
        return shown

    def _take(self, result: FitResult) -> Self:
        """Take over the result of a training, in one assignment."""
        fitted = {f"{name}_": value for name, value in vars(result).items()}
        self.__dict__ |= {**fitted, "n_features_in_": result.preparation.channels_in}
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
        from segue.estimators import fitting

        return fitting.prepare_training(self, split_data(self, X, y, **more), initial).setup

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Join what the user passes to a data set."""
        return as_dataset(X, y, groups=groups, layout=self.layout)

    def _as_validation(self, given: Any, reading: Mapping[str, Any] | None) -> Dataset:
        """Take what the user passes as `validation_data`: a `Dataset`, or a pair (X, y).

        Raises:
            DataError: something else.
        """
        if isinstance(given, Dataset):
            return self._as_dataset(given, None)
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise DataError(
                f"`validation_data` is {type(given).__name__}; expected a Dataset or a pair (X, y)."
            )
        x, y = given
        return self._as_dataset(*as_pair(x, y, reading))

    def _as_weights(self, sample_weight: Any) -> Any:
        """Take what the user passes as `sample_weight`: `[n]`, to be indexed like a data set."""
        return np.asarray(sample_weight, float)

    # -- predict --------------------------------------------------------------------------------

    def predict(self, X: SequencesLike, static: PerSequence = None) -> Any:  # noqa: N803
        """The prediction for each sequence.

        Args:
            X: as in `fit`; of a `Dataset` with a part "test", that part, as in `score`.
            static: `[n, feature]`, where the model was trained with static features; a `Dataset`
                brings its own.

        Returns:
            Of a classifier the most probable class of each sequence, `[n]`; of several labels 0 and
            1 for each, `[n, label]`. Of a labeler the most probable class of each step: a `(time,)`
            array for each sequence. Of a regressor the numbers, `[n]` or `[n, value]` as the
            training targets were.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        outputs = self._outputs(X, static)
        return self.task_.decode(outputs)

    def score(
        self,
        X: SequencesLike,  # noqa: N803
        y: TargetsLike = None,
        sample_weight: PerSequence = None,
        static: PerSequence = None,
    ) -> float:
        """How good the predictions are: the accuracy of classes, the R² of numbers.

        The accuracy is that of labelled steps where each step has a class; of several labels at
        once a sequence is right if all of its labels are, as scikit-learn counts. R² is that of
        scikit-learn's `r2_score`.

        Args:
            X: as in `fit`; of a `Dataset` with a part "test", that part, as in `predict`. The other
                parts are scored one by one, `score(data.part("train"))`.
            y: the targets, as in `fit`; none for a `Dataset`.
            sample_weight: how much each sequence counts; of a labeler also a list of `(time,)`
                weights.
            static: as in `predict`.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences or targets that cannot be used.
        """
        data = self.scored_part(X, y)
        given = aligned_with(sample_weight, data, "sample_weight")
        weights = None if given is None else self._as_weights(given)
        return self.task_.score(self._outputs(data, static), data, weights)

    @abc.abstractmethod
    def _outputs(self, X: Any, static: Any = None) -> Any:  # noqa: N803
        """Probabilities of classes, or numbers in the target's own unit: what ensembles average."""

    def _head_outputs(self, X: Any, static: Any = None) -> Array:  # noqa: N803
        """`[n, output]` of a network with one output for each sequence."""
        prepared = self._prepared(X, static)
        return predict_outputs(self.network_, prepared, self.training_options.threads)

    def _prepared(
        self,
        X: Any,  # noqa: N803
        static: Any = None,
        *,
        needs_static: bool = True,
    ) -> Prepared | None:
        """What the user passes, checked and prepared once; `None` for no sequences."""
        x, static = self._input(X, static)
        if len(x) == 0:
            return None
        if static is not None or (needs_static and self.static_ is not None):
            static = scaled_static(self.static_, len(x), static)
        return Prepared(x, self.preparation_, static)

    def _input(self, X: Any, static: Any = None) -> tuple[Sequences, Any]:  # noqa: N803
        """Checked sequences, and their static features in the order of these."""
        self._check_fitted()
        X = self.as_read(X)  # noqa: N806
        if static is None and isinstance(X, Dataset):
            static = X.static
        x, preparation = plain_sequences(X, self.layout, exact=True), self.preparation_
        if len(x) > 0:
            if isinstance(X, Dataset):
                preparation.check_rate(X.rate_hz)
            if x.channels == 1 and self.layout in ("ntc", "tc"):
                length = self.network_.input_shape.length
                refuse_single(X, x, channels=preparation.channels_in, length=length)
            preparation.check(x)
            check_sequences(x, self.channels_)
        if len(x) > 0 and x.is_text:
            x = preparation.tokenized(x)
        return x, None if static is None else aligned_with(static, X, "static")

    def check_input(self, X: SequencesLike) -> Sequences:  # noqa: N803
        """Take what the user passes as sequences for the network; texts as tokens.

        Raises:
            NotFittedError: before `fit`.
            DataError: sequences that cannot be used, or other channels than in training.
        """
        return self._input(X)[0]

    def as_read(self, X: SequencesLike, *, labelled: bool = False) -> Any:  # noqa: N803
        """What the user passes; a data frame read as the one that was trained on.

        Args:
            X: as in `fit`; of a `Dataset` with a part "test", that part is queried.
            labelled: whether labels are wanted, or only sequences.

        Raises:
            DataError: channels of other names, or in another order, than in training.
        """
        X = adapted(X, labelled=labelled, like=self.reading_)  # noqa: N806
        if not isinstance(X, Dataset):
            return X
        check_channels(X.channels, self.channels_)
        return X.part("test") if "test" in X.part_names else X

    def scored_part(self, X: SequencesLike, y: TargetsLike) -> Dataset:  # noqa: N803
        """What `score` is computed on: of a `Dataset` with a part "test", that part.

        Labels without names are those of the training, in order.
        """
        self._check_fitted()
        if y is None:
            data = self._as_dataset(self.as_read(X, labelled=True), None)
        else:
            data = self._as_dataset(*as_pair(X, y, self.reading_))
            data = data.part("test") if "test" in data.part_names else data
        if len(data) == 0:
            raise DataError("There are no sequences to be scored; expected at least one.")
        if data.task not in self.task_.data_tasks:
            raise DataError(f"A score needs {self.task_.needs}; the task is {data.task!r}.")
        return self.task_.as_scored(data, is_dataset=isinstance(X, Dataset))

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
        if not hasattr(self, "history_"):
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet: call `fit(X, y)` first, or load a "
                "fitted one with `segue.load(path)`."
            )

    if not TYPE_CHECKING:  # to which any name would then be right
        __getattr__ = no_attribute

    # -- parameters, in scikit-learn's contract ----------------------------------------------------

    @property
    def training_options(self) -> TrainingOptions:
        """`options`, or the defaults."""
        return TrainingOptions() if self.options is None else self.options

    def _task_for(self, name: str) -> tuple[type[Task], dict[str, Any]]:
        """The type of task of a data set or a model file with such a `task`.

        With it, the arguments of the estimator that the task has as attributes.
        """
        kind = TASKS.get(name, Task)
        kind = kind if issubclass(kind, self._task_type) else self._task_type
        return kind, {name: getattr(self, name) for name in self._task_type.options}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; nested ones as `options__patience`."""
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        options = self.training_options
        if deep and isinstance(options, TrainingOptions):  # not if `fit` is going to refuse it
            values |= {f"options__{f.name}": getattr(options, f.name) for f in fields(options)}
        return values

    def set_params(self, **values: Any) -> Self:
        """Set arguments, nested ones as `options__patience=5`.

        Raises:
            OptionError: a name that is not there; near misses are suggested.
        """
        known, own = self.get_params(deep=True), self.get_params(deep=False)
        inner = {n.partition("__")[2]: f"{n}=..." for n in known.keys() - own.keys()}
        for name in values.keys() - known.keys():
            text = f"{type(self).__name__} has no parameter {name!r}."
            raise OptionError(text + advice_on_argument(name, own, inner))
        for name, value in values.items():
            if "__" not in name:
                setattr(self, name, value)
        if nested := {n.partition("__")[2]: value for n, value in values.items() if "__" in n}:
            self.options = replace(self.training_options, **nested)
        return self

    def __sklearn_tags__(self) -> Tags:
        """The tags of scikit-learn: the type of estimator, and what it takes."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        task, arrays = self._task_type, InputTags(three_d_array=True, allow_nan=True)
        several = getattr(self, "head", "softmax") == "sigmoid"
        is_classifier = task.sklearn_type == "classifier"
        is_regressor = task.sklearn_type == "regressor"
        return Tags(
            estimator_type=task.sklearn_type,
            target_tags=TargetTags(required=not task.targets_inside, multi_output=is_regressor),
            classifier_tags=ClassifierTags(multi_label=several) if is_classifier else None,
            regressor_tags=RegressorTags() if is_regressor else None,
            input_tags=arrays if task.takes_numbers else InputTags(two_d_array=False, string=True),
        )

    def _repr_html_(self) -> str:
        """For notebooks: the call that makes it; once fitted what was done, and its history."""
        if not self.__sklearn_is_fitted__():
            return html_card(repr(self), [("fitted", "no")])
        card, history = html_card(repr(self), self.training_summary_), self.history_._repr_html_()
        return f"{card}<details><summary>training, epoch by epoch</summary>{history}</details>"

    def __repr__(self) -> str:
        """The call that makes the estimator; arguments with their default value are left out."""
        arguments = inspect.signature(type(self)).parameters.values()
        values = self.get_params(deep=False)
        changed = [
            f"{argument.name}={values[argument.name]!r}"
            for argument in arguments
            if argument.default is argument.empty
            or repr(values[argument.name]) != repr(argument.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"
