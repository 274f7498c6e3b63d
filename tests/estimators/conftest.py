"""A quick classifier, on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from segue import SequenceClassifier, TrainingOptions
from segue.estimators import automatic


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More of them only wait for each other on sizes like these."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def quick() -> Callable[..., SequenceClassifier]:
    """Make a small classifier that says nothing; any argument may be given."""

    def make(network: Any = "gru(4)", **more: Any) -> SequenceClassifier:
        options = more.pop("options", TrainingOptions(progress="none"))
        return SequenceClassifier(network, options=options, **{"epochs": 2, **more})

    return make


@pytest.fixture
def stop_before_five_folds() -> Callable[[pytest.MonkeyPatch], None]:
    """Send a Ctrl-C where an automatic choice is to train a network for each of five folds."""

    def stop(monkeypatch: pytest.MonkeyPatch) -> None:
        fit_folds = automatic.fit_folds

        def interrupted(*given: Any) -> Any:
            if given[3] == 5:
                raise KeyboardInterrupt
            return fit_folds(*given)

        monkeypatch.setattr(automatic, "fit_folds", interrupted)

    return stop
