"""Asking leaves PyTorch as it was, also where it is broken off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from segue import SequenceClassifier
from segue.estimators.asking import per_step, run
from segue.evaluation.explain.attribution import attribute
from segue.testing import tiny_dataset


class BrokenOffError(Exception):
    pass


def broken_off(*given: Any) -> Any:
    raise BrokenOffError(torch.get_num_threads())


QUESTIONS: dict[str, Callable[[SequenceClassifier, Any], Any]] = {
    "run": lambda fitted, x: run(fitted, x, broken_off),
    "per step": lambda fitted, x: per_step(fitted, x, broken_off),
    "attribute": lambda fitted, x: attribute(
        fitted, x, broken_off, "none", target="up", static=None
    ),
    "predict": lambda fitted, x: fitted.predict(x),
    "embed": lambda fitted, x: fitted.embed(x, "gru_1"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_is_broken_off_leaves_no_trace(
    quick: Callable[..., SequenceClassifier], question: str
) -> None:
    """The error is still at hand, with all frames that it went through."""
    data = tiny_dataset(12)
    fitted = quick().fit(data)
    if question in ("predict", "embed"):
        fitted.network_.chain[0].register_forward_pre_hook(broken_off)
    torch.set_num_threads(2)
    with pytest.raises(BrokenOffError, match="1") as found:
        QUESTIONS[question](fitted, data.x)
    assert torch.get_num_threads() == 2
    assert torch.is_grad_enabled()
    assert found.tb is not None
