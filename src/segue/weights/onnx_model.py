"""A model of segue in an ONNX file, answered by ONNX Runtime: what `segue predict` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences, check_sequences
from segue.errors import DataError, DataNotFoundError, ModelFileError, OptionError, counted
from segue.estimators.loading import STEP_GRAPH
from segue.prepare import VocabularyStep
from segue.prepare.pipeline import STEPS, as_steps
from segue.readers.objects import adapted, plain_sequences
from segue.readers.read_options import check_channels
from segue.spec import from_json
from segue.tasks import TASKS
from segue.tasks.forecast import continued
from segue.tasks.regress import last_known
from segue.weights.onnx_check import FILE_FORMAT, run
from segue.weights.onnx_digest import check_digest
from segue.weights.onnx_runtime import session_of

Floats = npt.NDArray[np.float64]
_STEPS_AT_ONCE = 20_000  # padded ones
_NO_VOCABULARY = (
    "is not the vocabulary that `segue export` writes beside the model: export the model again."
)
_FACTS = ("classes", "channels", "reading", "size")


def _is_of_runtime(error: Exception) -> bool:
    return type(error).__module__.startswith("onnxruntime")


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0]


def _are_sound(task: str, facts: Mapping[str, Any]) -> bool:
    """Whether the metadata have the kinds of values that they are for."""
    classes, channels, size = facts["classes"], facts["channels"], facts["size"]
    return (
        (classes is None or _is_list(classes, str | int | float))
        and (channels is None or _is_list(channels, str))
        and isinstance(facts["reading"], dict | None)
        and (isinstance(size, int) and size > 0 if task == "forecast" else True)
    )


def _is_list(value: Any, kind: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)


class OnnxModel:
    """A file that `to_onnx` has written, as a model that predicts.

    Nothing of segue's own arithmetic is used: sequences are padded, and ONNX Runtime answers. Texts
    are cut into tokens by the vocabulary beside the file.

    Args:
        path: the file.

    Attributes:
        task: as on the command line: classify, label, regress or forecast.
        texts: the metadata of the file, by name.
        session: the `onnxruntime.InferenceSession`.
        classes_: the class names, in the order of the probabilities; of a classifier or labeler.
        channels_: the names of the channels; `None`: they have none.
        reading_: how the source of the training data was read.

    Raises:
        DataNotFoundError: there is no such file, or no vocabulary beside it.
        ModelFileError: it is no ONNX file that segue has written, or a damaged one.
        MissingPackageError: ONNX Runtime is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise DataNotFoundError("there is no such ONNX file.", path=self.path)
        self.session = self._opened()
        self.texts: dict[str, str] = dict(self.session.get_modelmeta().custom_metadata_map)
        facts = self._facts()
        self.task, self.reading_, self._size = self.texts["task"], facts["reading"], facts["size"]
        self._steps = facts["prepare"]
        self.channels_ = None if facts["channels"] is None else tuple(facts["channels"])
        self._output = self.session.get_outputs()[0]
        if self._output.name == "probabilities":
            self.classes_: Array = np.asarray(facts["classes"])
            self.predict_proba = self._probabilities

    def _opened(self) -> Any:
        content = self.path.read_bytes()
        check_digest(content, self.path)
        try:
            return session_of(content)
        except Exception as error:  # those of ONNX Runtime have no base but this
            if not _is_of_runtime(error):
                raise
            raise ModelFileError(f"is no ONNX file: {_reason(error)}", path=self.path) from error

    def _facts(self) -> dict[str, Any]:
        """What the metadata say, as values."""
        names = [port.name for port in self.session.get_inputs()]
        if names[:2] == ["x", "reset"]:
            raise ModelFileError(STEP_GRAPH, path=self.path)
        try:
            known = self.texts["segue_format"] == str(FILE_FORMAT) and names[:2] == ["x", "lengths"]
            facts = {name: json.loads(self.texts[name]) for name in _FACTS}
            known = known and {"task", "kind", "network"} <= self.texts.keys()
            known = (
                known and self.texts["targets"] in TASKS and _are_sound(self.texts["task"], facts)
            )
            facts["prepare"] = as_steps(self.texts["prepare"])
        except (KeyError, ValueError, RecursionError):
            known = False
        if not known:
            raise ModelFileError(
                "is not the ONNX file of whole sequences that this `segue export` writes.",
                path=self.path,
            )
        return facts

    def __repr__(self) -> str:
        return f"OnnxModel({str(self.path)!r}): {self.task}, {self.texts['network']}"

    def _probabilities(self, X: Any) -> Any:  # noqa: N803
        """The probabilities of `predict_proba`: `[n, class]`, or `Sequences` `[time, class]`."""
        rows = self._answers(X)
        if len(self._output.shape) == 3:
            width = len(self.classes_)
            return Sequences.from_list(rows) if rows else Sequences(np.zeros((0, width)), [0])
        return np.asarray(rows, np.float64).reshape(len(rows), -1)

    def predict(self, X: Any, steps: int | None = None) -> Any:  # noqa: N803
        """What the model that was exported predicts.

        Args:
            X: sequences, or a `Dataset`.
            steps: of a forecast; what one run gives if left out.

        Returns:
            Classes, `[n]` or for each step; 0 and 1 for each label, `[n, label]`; numbers `[n,
            value]`; or the steps that follow, `[n, steps, channel]`.

        Raises:
            DataError: sequences of other channels, or that cannot be used.
            OptionError: `steps` of a model that forecasts nothing.
        """
        if self.task == "forecast":
            return self._forecast(X, steps)
        if steps is not None:
            raise OptionError("`steps` is for a forecast, and this model makes none.")
        if self._output.name != "probabilities":
            rows = np.asarray(self._answers(X), np.float64)
            return rows[:, 0] if rows.ndim == 2 and rows.shape[1] == 1 else rows
        decode: Any = TASKS[self.texts["targets"]].decode
        return decode(self, self._probabilities(X))

    @property
    def classes(self) -> Array:
        """The class names, as a fitted task has them."""
        return self.classes_

    def _forecast(self, X: Any, steps: int | None) -> Floats:  # noqa: N803
        x = self._sequences(self.as_read(X))
        if int(x.lengths.min()) < self._size:
            raise OptionError(f"A forecast goes on from the last {self._size} steps of a series.")
        windows = np.stack([np.asarray(row)[-self._size :] for row in x])

        def changes(window: Array) -> Floats:
            found = np.stack(self._answers(Sequences.from_array(window, exact=True)))
            return np.asarray(found - last_known(window)[:, None], np.float64)

        ahead = int(self._output.shape[1])
        return continued(windows, ahead if steps is None else steps, changes)

    def _answers(self, X: Any) -> list[Array]:  # noqa: N803
        """An array for each sequence, in their order; those of about one length run together."""
        X = self.as_read(X)  # noqa: N806
        x, static = self._sequences(X), self._static(X)
        order, found, first = np.argsort(x.lengths, kind="stable"), [np.zeros(0)] * len(x), 0
        while first < len(order):
            ends = x.lengths[order[first:]] * np.arange(1, len(order) - first + 1)
            count = max(1, int(np.count_nonzero(ends <= _STEPS_AT_ONCE)))
            chosen = order[first : first + count]
            rows = self._run(x[chosen], None if static is None else static[chosen])
            for number, row in zip(chosen, rows, strict=True):
                found[number] = row
            first += count
        return found

    def _run(self, x: Sequences, static: Array | None) -> list[Array]:
        try:
            return run(self.session, x, static, 0.0)
        except Exception as error:
            if not _is_of_runtime(error):
                raise
            shortest, longest = x.length_range
            raise DataError(
                f"The model does not take sequences of {shortest} to {longest} steps: it learnt "
                f"others ({self.texts['network']}). ONNX Runtime says: {_reason(error)}"
            ) from error

    def _static(self, X: Any) -> Array | None:  # noqa: N803
        """`[n, feature]`, where the model has static features."""
        ports = {port.name: port for port in self.session.get_inputs()}
        given = X.static if isinstance(X, Dataset) else None
        came = 0 if given is None else given.shape[1]
        wanted = int(ports["static"].shape[1]) if "static" in ports else 0
        if came != wanted:
            raise DataError(
                f"The model takes {wanted} static features of each sequence; here are {came}. They "
                "come with a Dataset, as its `static`."
            )
        return given

    def as_read(self, X: Any) -> Any:  # noqa: N803
        """What the user passes, as the estimators take it: of a `Dataset` its part "test".

        Raises:
            DataError: channels of other names, in another order, or another rate than in training.
        """
        X = adapted(X, labelled=False, like=self.reading_)  # noqa: N806
        if not isinstance(X, Dataset):
            return X
        check_channels(X.channels, self.channels_)
        rate_hz = X.rate_hz
        for step in self._steps if rate_hz is not None else ():
            step.at_rate(rate_hz)
            rate_hz = step.rate_after(rate_hz)
        return X.part("test") if "test" in X.part_names else X

    def _sequences(self, X: Any) -> Sequences:  # noqa: N803
        x, wanted = plain_sequences(X, exact=True), int(self.session.get_inputs()[0].shape[2])
        if x.is_text and self.texts["kind"] == "texts":
            x = self._tokens(x)
        has_whole = x.is_whole or self.texts["kind"] == "numbers"
        if x.channels != wanted or x.is_text or not has_whole:
            kind = "texts" if x.is_text else "numbers"
            raise OptionError(
                f"The model takes {self.texts['kind']}, {counted(wanted, 'channel')}; these are "
                f"{kind}, {counted(x.channels, 'channel')}."
            )
        check_sequences(x, self.channels_)
        return x

    def _tokens(self, x: Sequences) -> Sequences:
        path = self.path.with_suffix(".vocabulary.json")
        if not path.is_file():
            raise DataNotFoundError("is the model's vocabulary, and is not there.", path=path)
        try:
            facts: Any = json.loads(path.read_bytes())
            steps: Any = from_json([facts["step"]], STEPS, what="preparation step")
            (step,) = steps
            fitted = step.restore(facts["fitted"], 1)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise ModelFileError(_NO_VOCABULARY, path=path) from error
        if not isinstance(step, VocabularyStep):
            raise ModelFileError(_NO_VOCABULARY, path=path)
        values, lengths = step.apply((x.values, x.lengths), fitted)
        return Sequences(values, lengths=lengths)
