"""`check_estimator` can fail: for each contract an estimator with one fault that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch

from segue import Dataset, SequenceClassifier, Sequences, TrainingOptions, load
from segue.errors import DataError, NotCausalError
from segue.testing import CheckError, check_estimator, tiny_dataset
from segue.testing.estimators import CONTRACTS
from segue.testing.predict_checks import check_stream
from segue.testing.report import Check, Recorder, run_checks
from segue.testing.subject import TASKS, EstimatorSubject

Fault = Callable[[type], dict[str, Any]]
FAULTS: dict[str, Fault] = {}
SILENT = TrainingOptions(progress="none")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def breaks(contract: str) -> Callable[[Fault], Fault]:
    """Note a function that gives the methods which break a contract."""

    def note(fault: Fault) -> Fault:
        FAULTS[contract] = fault
        return fault

    return note


def nudge(fitted: Any, by: float = 0.01) -> Any:
    weights = fitted.network_.get_weights()
    fitted.network_.set_weights({name: array + by for name, array in weights.items()})
    return fitted


@breaks("clone")
def changes_an_argument(kind: Any) -> dict[str, Any]:
    def initialize(self: Any, network: Any = "gru(3)", *, epochs: int = 2, seed: int = 0) -> None:
        kind.__init__(self, network, epochs=epochs, seed=seed + 1, options=SILENT)

    return {"__init__": initialize}


@breaks("parameters")
def remembers_the_epochs_in_its_argument(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, **more: Any) -> Any:
        kind.fit(self, *given, **more)
        self.epochs = len(self.history_) + 1
        return self

    return {"fit": fit}


@breaks("refuses before fit")
def answers_before_it_is_fitted(kind: Any) -> dict[str, Any]:
    def predict_proba(self: Any, x: Any, *more: Any) -> Any:
        if not hasattr(self, "history_"):
            return np.full((len(x), 2), 0.5)
        return kind.predict_proba(self, x, *more)

    return {"predict_proba": predict_proba}


@breaks("padding")
def looks_at_the_others(kind: Any) -> dict[str, Any]:
    def predict_proba(self: Any, x: Any, *more: Any) -> Any:
        answers = kind.predict_proba(self, x, *more)
        return answers + 1e-3 * (answers.mean(0) - 0.5)

    return {"predict_proba": predict_proba}


@breaks("predicting changes nothing")
def learns_while_it_is_asked(kind: Any) -> dict[str, Any]:
    def predict_proba(self: Any, x: Any, *more: Any) -> Any:
        answers = kind.predict_proba(self, x, *more)
        nudge(self, 1e-8)
        return answers

    return {"predict_proba": predict_proba}


@breaks("probabilities")
def gives_logits(kind: Any) -> dict[str, Any]:
    return {"predict_proba": lambda self, x, *more: np.log(kind.predict_proba(self, x))}


@breaks("decisions")
def decides_for_the_least(kind: Any) -> dict[str, Any]:
    def predict(self: Any, x: Any, *more: Any) -> Any:
        shares = kind.predict_proba(self, x, *more)
        return self.classes_[shares.argmin(axis=1)]

    return {"predict": predict}


@breaks("score")
def praises_itself(kind: Any) -> dict[str, Any]:
    return {"score": lambda self, x, y=None: kind.score(self, x, y) + 0.01}


@breaks("stream")
def forgets_the_state(kind: Any) -> dict[str, Any]:
    class Forgetful:
        def initialize(self, stream: Any) -> None:
            self.reset, self._stream = stream.reset, stream

        def push(self, step: Any) -> Any:
            self.reset()
            return self._stream.push(step)

    return {"stream": lambda self: Forgetful(kind.stream(self))}


@breaks("refuses to stream")
def never_streams(kind: Any) -> dict[str, Any]:
    def stream(self: Any) -> Any:
        kind.stream(self)
        raise NotCausalError("gru_1 needs the whole sequence.")

    return {"stream": stream}


@breaks("anytime")
def knows_the_end_from_the_first_step(kind: Any) -> dict[str, Any]:
    def anytime(self: Any, x: Any, every: int = 1) -> Any:
        beliefs = kind.anytime(self, x, every)
        return Sequences.from_list([np.repeat(b[-1:], len(b), axis=0) for b in beliefs])

    return {"anytime": anytime}


@breaks("embed")
def embeds_with_the_others(kind: Any) -> dict[str, Any]:
    def embed(self: Any, x: Any, layer: str) -> Any:
        rows = kind.embed(self, x, layer)
        return rows - 1e-3 * rows.mean(0)

    return {"embed": embed}


@breaks("same seed, same bits")
def is_never_the_same(kind: Any) -> dict[str, Any]:
    numbers = count()

    def fit(self: Any, *given: Any, **more: Any) -> Any:
        return nudge(kind.fit(self, *given, **more), 1e-7 * next(numbers))

    return {"fit": fit}


@breaks("another seed, other bits")
def ignores_the_seed(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, **more: Any) -> Any:
        seed, self.seed = self.seed, 0
        kind.fit(self, *given, **more)
        self.seed = seed
        return self

    return {"fit": fit}


@breaks("no hidden randomness")
def draws_elsewhere(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, **more: Any) -> Any:
        torch.rand(1)
        return kind.fit(self, *given, **more)

    return {"fit": fit}


@breaks("input stays as it is")
def scales_in_place(kind: Any) -> dict[str, Any]:
    def fit(self: Any, x: Any, *given: Any, **more: Any) -> Any:
        kind.fit(self, x, *given, **more)
        if isinstance(x, list):
            x[0] -= 1
        return self

    return {"fit": fit}


@breaks("X and y as in a data set")
def takes_lists_otherwise(kind: Any) -> dict[str, Any]:
    def fit(self: Any, x: Any, *given: Any, **more: Any) -> Any:
        kind.fit(self, x, *given, **more)
        return nudge(self) if isinstance(x, list) else self

    return {"fit": fit}


def learns_from(kind: Any, *parts: str) -> dict[str, Any]:
    def fit(self: Any, x: Any, *given: Any, **more: Any) -> Any:
        if isinstance(x, Dataset) and x.parts is not None:
            x = replace(x, parts=np.where(np.isin(x.parts, parts), "train", x.parts))
        return kind.fit(self, x, *given, **more)

    return {"fit": fit}


@breaks("the test part is not looked at")
def learns_from_the_test_part(kind: Any) -> dict[str, Any]:
    return learns_from(kind, "test")


@breaks("preparation of training data only")
def learns_from_the_validation_part(kind: Any) -> dict[str, Any]:
    return learns_from(kind, "validation")


@breaks("baseline")
def counts_everything(kind: Any) -> dict[str, Any]:
    def fit(self: Any, x: Any, *given: Any, **more: Any) -> Any:
        kind.fit(self, x, *given, **more)
        if isinstance(x, Dataset):
            counts = tuple(int((x.y == name).sum()) for name in x.classes or ())
            self.task_ = replace(self.task_, counts=counts)
        return self

    return {"fit": fit}


@breaks("groups stay on one side")
def forgets_the_groups(kind: Any) -> dict[str, Any]:
    def as_dataset(self: Any, x: Any, *given: Any) -> Any:
        return replace(kind._as_dataset(self, x, *given), groups=None)

    return {"_as_dataset": as_dataset}


@breaks("resumes to the same bits")
def resumes_elsewhere(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, resume: bool = False, **more: Any) -> Any:
        kind.fit(self, *given, resume=resume, **more)
        return nudge(self, 1e-7) if resume else self

    return {"fit": fit}


@breaks("copies")
def is_copied_without_its_last_bits(kind: Any) -> dict[str, Any]:
    def deepcopy(self: Any, memo: Any) -> Any:
        other = type(self)(**self.get_params(deep=False)).fit(tiny_dataset(42))
        return nudge(other, 1e-7)

    return {"__deepcopy__": deepcopy}


@breaks("save and load")
def is_saved_without_its_last_bits(kind: Any) -> dict[str, Any]:
    def read(path: Any) -> Any:
        return nudge(load(path), 1e-7)

    def save(self: Any, path: Any) -> None:
        plain = SequenceClassifier(**self.get_params(deep=False))
        plain.__dict__.update(vars(self))
        plain.save(path)

    return {"load": staticmethod(read), "save": save}


@breaks("clear errors")
def answers_anything(kind: Any) -> dict[str, Any]:
    def predict(self: Any, x: Any, *more: Any) -> Any:
        try:
            return kind.predict(self, x, *more)
        except DataError:
            return []

    return {"predict": predict}


@breaks("clear errors of fit")
def learns_anything(kind: Any) -> dict[str, Any]:
    def fit(self: Any, x: Any, y: Any = None, **more: Any) -> Any:
        if isinstance(x, list) and y is not None and len(y) < len(x):
            x = x[: len(y)]
        return kind.fit(self, x, y, **more)

    return {"fit": fit}


@breaks("arguments")
def takes_any_number_of_epochs(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, **more: Any) -> Any:
        epochs, self.epochs = self.epochs, max(1, self.epochs)
        kind.fit(self, *given, **more)
        self.epochs = epochs
        return self

    return {"fit": fit}


@breaks("a failed fit changes nothing")
def is_half_fitted_after_a_failed_fit(kind: Any) -> dict[str, Any]:
    def fit(self: Any, *given: Any, **more: Any) -> Any:
        try:
            return kind.fit(self, *given, **more)
        except DataError:
            if hasattr(self, "network_"):
                nudge(self, 1e-3)
            raise

    return {"fit": fit}


def test_every_contract_has_a_fault() -> None:
    """A contract that nothing breaks is one that nothing checks."""
    assert FAULTS.keys() == set(CONTRACTS)


# A few are quick; all of them run with the whole suite.
QUICK = ("padding", "stream", "same seed, same bits", "resumes to the same bits", "save and load")
CASES = [
    pytest.param(contract, marks=[] if contract in QUICK else [pytest.mark.slow])
    for contract in CONTRACTS
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("contract", CASES)
def test_a_fault_is_found(contract: str) -> None:
    """By the contract that it breaks, and no other."""
    faulty = type("Faulty", (SequenceClassifier,), FAULTS[contract](SequenceClassifier))
    more = {} if contract == "clone" else {"options": SILENT}
    with pytest.raises(CheckError, match=f"^Faulty.*breaks the contract `{contract}`"):
        check_estimator(faulty("gru(3)", epochs=2, **more))


def test_without_faults_it_passes() -> None:
    """A class of one's own on segue's base; `segue.load` does not know it, and that is said."""
    plain = type("Plain", (SequenceClassifier,), {})
    report = check_estimator(plain("gru(3)", epochs=2, options=SILENT))
    assert report.skipped == {
        "save and load": "segue.load does not know Plain, which has no `load`"
    }


def test_a_model_that_looks_ahead_must_not_stream() -> None:
    """The other half of `refuses to stream`."""

    class Bold(SequenceClassifier):
        def stream(self) -> Any:
            return SequenceClassifier("gru(3)", epochs=1, options=SILENT).fit(data).stream()

    data = tiny_dataset(42)
    subject = EstimatorSubject(Bold("bilstm(3)", epochs=1, options=SILENT), TASKS["classify"], data)
    with pytest.raises(CheckError, match="bilstm_1 looks ahead, and it streams"):
        check_stream(subject, Recorder("Bold"))


def test_a_contract_that_is_passed_over_is_found() -> None:
    """A check that looks at nothing must not count as kept."""
    subject = EstimatorSubject(None, TASKS["classify"], tiny_dataset(12))
    with pytest.raises(CheckError, match="`padding`. It was not looked at"):
        run_checks([Check(("padding",), lambda *_: None)], subject, Recorder("nobody"))


def test_labels_that_look_ahead_where_the_network_does_not_are_found() -> None:
    """The labels of the steps so far stay as they are, with a stream or without."""
    from segue import SequenceLabeler

    class Smoothed(SequenceLabeler):
        def _outputs(self, *given: Any) -> Any:
            rows = SequenceLabeler._outputs(self, *given)
            return Sequences.from_list([(r + r[::-1]) / 2 for r in rows])

    with pytest.raises(CheckError, match="`stream`. The labels of a sequence"):
        check_estimator(Smoothed("gru(3)", epochs=2, options=SILENT))
