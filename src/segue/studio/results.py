"""The results of a run: which answers are wrong, and for one sequence when and why.

What is drawn over the steps of a sequence is a `Track`: probabilities, shares of an explanation,
gates. All tracks of a sequence have its own time axis, whatever steps the network sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from segue.data.arrays import Array
from segue.errors import DataError, OptionError
from segue.runs import Run
from segue.studio.opened import OpenData
from segue.studio.tracks import POINTS, ROWS, Track, colours, probabilities_along
from segue.tasks.label import encode_labels

Method = Literal["occlusion", "integrated gradients"]
METHODS: tuple[Method, ...] = ("occlusion", "integrated gradients")
MOST = 100  # sequences in a list
CURVES = 6  # classes whose probabilities are drawn
_PIECES = 60  # of a sequence that are hidden one after the other
_ON_MAP = 1000  # sequences
_FEATURES = 50  # of a layer, of which a map is made


class Answer(NamedTuple):
    """A sequence in a list of them, with what was answered.

    Attributes:
        number: its position in the scored data.
        words: what it is, and what it was taken for.
    """

    number: int
    id: str
    words: str


class PointMap(NamedTuple):
    """Sequences as points in the plane.

    Attributes:
        points: `[n, 2]`.
        numbers: `[n]`, the position of each in the scored data.
        labels: `[n]`, in words.
        about: of what features, and how far clusters without labels are classes.
    """

    points: Array
    numbers: Array
    labels: tuple[str, ...]
    about: str


@dataclass(frozen=True, eq=False)
class Results:
    """What a model answers on the sequences that it was not trained on.

    Attributes:
        evaluation: its scores and predictions.
        data: the sequences that were scored, in the order of the predictions.
        text: the report in words.
        model: fitted.
    """

    evaluation: Any
    data: OpenData
    text: str
    model: Any

    @classmethod
    def of(cls, run: Run, source: str) -> Results:
        """Score the model of a run on its test part.

        Args:
            run: which has a model.
            source: what it has read.

        Raises:
            SegueError: the source is not there any more, or is another.
        """
        from segue.estimators import load
        from segue.readers import read_spread
        from segue.runs import evaluate_again, find_model

        model, reading = load(find_model(run.folder)), run.record["reading"]
        options = reading.get("columns") or {}
        data = read_spread(source, limit=reading.get("limit"), like=model, **options)
        found = evaluate_again(run, model, data, source)
        scored = OpenData(Path(source).name, source, options, found.dataset)
        return cls(found, scored, found.report(), model)

    # -- lists of answers -----------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """The task: classify, multilabel, label, regress, forecast or language."""
        return str(self.evaluation.task)

    @property
    def has_confusion(self) -> bool:
        """Whether one of several classes is predicted."""
        return "confusion" in self.evaluation.task_.metrics()

    @property
    def order(self) -> str:
        """How `mistakes` are sorted, in words."""
        return {
            "classify": "Mistakes, the surest first",
            "label": "Sequences with most wrong steps",
            "multilabel": "Sequences with most wrong labels",
            "regress": "Largest errors first",
        }.get(self.kind, "")

    def mistakes(self, count: int = MOST) -> list[Answer]:
        """The wrong answers, or those that are furthest off, in the order of `order`.

        Args:
            count: at most so many.
        """
        found = self.evaluation
        if self.kind == "classify":
            return [
                Answer(one.index, str(one.id), _taken(one.target, one.prediction, one.confidence))
                for one in found.mistakes(count)
            ]
        if self.kind == "label":
            return self._with_steps(~found.correct, "wrong", count)
        if self.kind == "multilabel":
            wrong = (np.asarray(found.targets) != np.asarray(found.predictions)).sum(axis=1)
            return [self._answer(i, f"{wrong[i]} wrong") for i in _most(wrong)[:count]]
        if self.kind == "regress":
            errors = _errors(found.targets, found.predictions)
            return [
                self._answer(i, f"{_numbers(found.targets[i])} → {_numbers(found.predictions[i])}")
                for i in _most(errors)[:count]
            ]
        return []

    def cell(self, truth: int, taken: int, count: int = MOST) -> list[Answer]:
        """The sequences behind a cell of the confusion matrix, the surest first.

        Args:
            truth: the number of the class that they are.
            taken: of the class that they were taken for.
            count: at most so many.

        Raises:
            OptionError: no such cell.
        """
        found = self.evaluation
        classes = len(found.classes) if self.has_confusion else 0
        if not (0 <= truth < classes and 0 <= taken < classes):
            raise OptionError(f"There is no cell {truth}, {taken}: there are {classes} classes.")
        there = (found.target_codes == truth) & (found.predicted_codes == taken)
        if self.kind == "label":
            return self._with_steps(there, "such", count)
        sure = found.confidence
        chosen = sorted(np.flatnonzero(there).tolist(), key=lambda index: -sure[index])
        return [self._answer(index, f"{sure[index]:.0%} sure") for index in chosen[:count]]

    def pairs(self, count: int = MOST) -> list[tuple[int, int, int]]:
        """What is mixed up most: how often, the class that it is, the one it was taken for.

        Of thousands of classes too, whose whole matrix would be large.

        Args:
            count: at most so many.
        """
        found = self.evaluation
        wrong = np.flatnonzero(~found.correct)
        codes = np.stack([found.target_codes[wrong], found.predicted_codes[wrong]], axis=1)
        cells, counts = np.unique(codes, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:count].tolist()
        return [(int(counts[i]), int(cells[i][0]), int(cells[i][1])) for i in order]

    def _answer(self, index: int, words: str) -> Answer:
        return Answer(index, self.data.row(index).id, words)

    def _with_steps(self, flags: Array, word: str, count: int) -> list[Answer]:
        """Sequences by how many of their labelled steps have a flag."""
        data = self.data.data
        task = self.evaluation.task_
        labelled = encode_labels(data, tuple(self.evaluation.classes), task.ignore) >= 0
        owners = np.repeat(np.arange(len(data)), data.x.lengths)[labelled]
        counts = np.bincount(owners[flags], minlength=len(data))
        steps = np.bincount(owners, minlength=len(data))
        return [
            self._answer(i, f"{counts[i]:,} of {steps[i]:,} steps {word}")
            for i in _most(counts)[:count]
        ]

    def shares(self, index: int, count: int = 5) -> list[tuple[str, float]]:
        """The most probable classes of a sequence; none where the task has no such.

        Raises:
            OptionError: there is no such sequence.
        """
        self.data.row(index)
        found = self.evaluation
        if self.kind not in ("classify", "multilabel"):
            return []
        shares = np.asarray(found.probabilities[index])
        best = np.argsort(-shares, kind="stable")[:count].tolist()
        return [(str(found.classes[code]), float(shares[code])) for code in best]

    # -- one sequence over time -----------------------------------------------------------------

    @property
    def members(self) -> tuple[Any, ...]:
        """The models: several of an ensemble."""
        return tuple(getattr(self.model, "members", (self.model,)))

    def along(self, index: int) -> Track:
        """The probabilities of the classes after each step of a sequence.

        Raises:
            OptionError: there is no such sequence.
            DataError: the task has no probabilities.
            NotCausalError: the network takes sequences of one length only.
        """
        self.data.row(index)
        if self.kind not in ("classify", "multilabel", "label"):
            raise DataError(f"The task {self.kind} has no probabilities of classes.")
        one = self.data.data[[index]]
        if self.kind == "label":
            values = np.asarray(self.model.predict_proba(one.x)[0], np.float64)
            chosen = np.unique(np.linspace(0, len(values) - 1, POINTS).astype(np.int64))
            return self._curves("probabilities at each step", values[chosen], chosen + 1)
        found = [probabilities_along(member, one) for member in self.members]
        values = np.mean([each for each, _ in found], axis=0)
        return self._curves("probabilities after each step", values, found[0][1])

    def _curves(self, name: str, values: Array, steps: Array) -> Track:
        """The curves of those classes that are the most probable somewhere."""
        classes = [str(each) for each in self.model.classes_]
        chosen = sorted(np.argsort(-values.max(axis=0), kind="stable")[:CURVES].tolist())
        rows = tuple(classes[code] for code in chosen)
        return Track(name, rows, values[:, chosen], np.asarray(steps), 0.0, 1.0)

    def why(self, index: int, method: Method = "occlusion", target: str = "") -> Track:
        """What speaks for a class and against it, over the steps of a sequence.

        Args:
            index: of the sequence.
            method: "occlusion" or "integrated gradients".
            target: the class, in words; "": the predicted one.

        Raises:
            OptionError: no such sequence, method or class.
            DataError: the model has no classes, or its network's steps are no times.
        """
        row = self.data.row(index)
        _check_method(method)
        one, goal = self.data.data[[index]], self._class(target)
        if method == "occlusion" and not one.x.is_text:
            from segue.evaluation import occlusion_sensitivity

            each = one.x.channels <= CURVES
            found: Any = occlusion_sensitivity(
                self.model, one, pieces=_PIECES, channels="each" if each else "together",
                target=goal,
            )  # fmt: skip
            values, ends = found.values[0], np.arange(1, row.steps + 1)
        else:
            values, ends, found = self._attribution(one, method, goal)
        name = f"{method}: for and against {found.targets[0]}"
        return colours(name, found.channels, values, ends, row.steps)

    def _attribution(self, one: Any, method: Method, goal: Any) -> tuple[Array, Array, Any]:
        """The mean over the models of what a method of `segue.evaluation.explain` gives."""
        from segue.evaluation import explain

        preparation = self.members[0].preparation_
        if any(step.along != "time" for step in preparation.steps):
            raise DataError(
                f"The steps that this network sees are no times (preparation {preparation}): "
                "occlusion hides stretches of the data instead."
            )
        act: Any = explain.occlusion if method == "occlusion" else explain.integrated_gradients
        if goal is None:  # of the ensemble, not of each model
            goal = self.model.classes_[int(np.argmax(self.model.predict_proba(one)[0]))]
        found = [act(member, one, target=goal) for member in self.members]
        values = np.mean([each.values[0] for each in found], axis=0)
        return values, self._ends(one, len(values)), found[0]

    def words(
        self, index: int, method: Method = "occlusion", target: str = ""
    ) -> list[tuple[str, float]]:
        """The words of a text, each with its share in the answer, from -1 to 1.

        The arguments are as in `why`.

        Raises:
            OptionError: no such sequence, method or class.
            DataError: no text, or a model without classes.
        """
        self.data.row(index)
        _check_method(method)
        one = self.data.data[[index]]
        if not one.x.is_text:
            raise DataError("These sequences are no texts.")
        values, _, _ = self._attribution(one, method, self._class(target))
        shares = values.sum(axis=1) / max(float(np.abs(values).max(initial=0.0)), 1e-12)
        text = self.data.view(index, width=1).text
        tokens = self.members[0].preparation_.tokens(text)
        return [(one.text, float(share)) for one, share in zip(tokens, shares, strict=False)]

    def _ends(self, one: Any, count: int) -> Array:
        """Behind which step of the data each step ends that the network sees."""
        length = int(one.x.lengths[0])
        ends = self.members[0].preparation_.input_steps(np.arange(1, count + 1))
        ends = np.minimum(ends, length)
        ends[-1:] = length
        return np.asarray(ends)

    def _class(self, words: str) -> Any:
        if not words:
            return None
        for name in getattr(self.model, "classes_", ()):
            if str(name) == words:
                return name
        raise OptionError(f"There is no class {words!r}.")

    @cached_property
    def recurrent(self) -> tuple[tuple[str, str], ...]:
        """The recurrent layers, each with its directions; none in ensembles, or of features."""
        if len(self.members) > 1 or self.data.data.x.is_text:
            return ()
        model = self.model
        if any(step.along != "time" for step in model.preparation_.steps):
            return ()
        layers = model.network_.to_torch().layers
        return tuple((name, way) for name, layer in layers.items() for way in layer.cells())

    def gates(self, index: int, layer: str, direction: str = "forward") -> list[Track]:
        """The gates and states of a recurrent layer over the steps of a sequence.

        Of many units those are taken whose state moves most.

        Raises:
            OptionError: no such sequence, layer or direction.
        """
        row = self.data.row(index)
        if (layer, direction) not in self.recurrent:
            known = ", ".join(f"{name} {way}" for name, way in self.recurrent) or "none"
            raise OptionError(f"There is no layer {layer} {direction}; there are: {known}.")
        from segue.evaluation import explain

        one = self.data.data[[index]]
        way: Any = direction
        found = explain.gates(self.model, one, layer=layer, direction=way)
        parts = {name: found[name][0] for name in found}
        moved = parts["hidden_state"].std(axis=0)
        units = np.sort(np.argsort(-moved, kind="stable")[:ROWS])
        ends = self._ends(one, len(parts["hidden_state"]))
        names = [f"unit {number}" for number in units.tolist()]
        return [
            colours(
                name.replace("_", " "), names, part[:, units], ends, row.steps,
                is_open=name.endswith("gate"),
            )
            for name, part in parts.items()
        ]  # fmt: skip

    # -- all sequences --------------------------------------------------------------------------

    @property
    def calibration(self) -> Any:
        """Accuracy over confidence, a `segue.evaluation.Calibration`; `None`: there is none."""
        return self.evaluation.calibration if self.kind == "classify" else None

    @cached_property
    def point_map(self) -> PointMap:
        """The test sequences as points: t-SNE of what goes into the head.

        Of many features, the 50 principal components are mapped; of many sequences, 1,000.

        Raises:
            DataError: no single classes, fewer than 5 sequences, or a network without such a layer.

        Source: L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9 (2008).
        """
        from sklearn.decomposition import PCA

        from segue.evaluation import embedding

        if self.kind != "classify":
            raise DataError("A map is of sequences that have one class each.")
        data, model = self.data.data, self.members[0]
        names = model.network_.names
        if len(names) < 2:
            raise DataError("The network is its head alone: there is no layer before it.")
        count = min(len(data), _ON_MAP)
        index = np.unique(np.linspace(0, len(data) - 1, count).astype(np.int64))
        features = np.asarray(model.embed(data[index], names[-2]), np.float64)
        features = features.reshape(len(features), -1)
        if min(features.shape) > _FEATURES:
            features = PCA(_FEATURES, random_state=0).fit_transform(features)
        labels = self.data.labels[index].astype(str)
        found = embedding(features, labels)
        about = (
            f"t-SNE of the output of {names[-2]}. Clusters that know no class agree with the "
            f"classes to {found.rand_index:.2f} (adjusted Rand index: 1 the same, 0 by chance)."
        )
        return PointMap(found.plane, index, tuple(labels.tolist()), about)

    def forecasts(self) -> tuple[Array, Array]:
        """Of a forecast, the true and the predicted values one step ahead, of the first channel.

        Raises:
            DataError: another task.
        """
        if self.kind != "forecast":
            raise DataError("These are no forecasts.")
        both = self.evaluation.targets, self.evaluation.predictions
        truth, predicted = (np.asarray(each)[:_ON_MAP, 0, 0] for each in both)
        return truth, predicted


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise OptionError(f"`method` is {method!r}; expected one of {', '.join(METHODS)}.")


def _most(counts: Array) -> list[int]:
    """The positions of what is above 0, the largest first."""
    order = np.argsort(-np.asarray(counts, np.float64), kind="stable")
    return [int(i) for i in order if counts[i] > 0]


def _errors(targets: Array, predictions: Array) -> Array:
    """`[n]`, how far predicted numbers are off, each value in units of its own spread."""
    targets, predictions = (np.asarray(a, np.float64) for a in (targets, predictions))
    targets, predictions = (a.reshape(len(a), -1) for a in (targets, predictions))
    spread = targets.std(axis=0)
    gaps = np.abs(targets - predictions) / np.where(spread > 0, spread, 1.0)
    return np.asarray(gaps.mean(axis=1))


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.4g}" for value in np.ravel(values))


def _taken(target: Any, prediction: Any, confidence: float) -> str:
    return f"{target} → {prediction}, {confidence:.0%}"
