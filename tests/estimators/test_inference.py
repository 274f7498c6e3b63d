"""Prediction leaves PyTorch as it was, also where it is broken off; parts of a data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from segue import SequenceClassifier, TrainingOptions
from segue.evaluation.explain import attribute
from segue.prepare.batches import Batches
from segue.testing import tiny_dataset
from segue.training import inference
from segue.training.inference import predict_blocks
from segue.training.validation import map_steps, run_batches


class BrokenOffError(Exception):
    pass


def broken_off(*given: Any) -> Any:
    raise BrokenOffError(torch.get_num_threads())


def on_torch(fitted: SequenceClassifier, x: Any) -> tuple[Any, Any]:
    return fitted.network_.to_torch(), Batches(x, fitted.preparation_)


CALLS: dict[str, Callable[[SequenceClassifier, Any], Any]] = {
    "run_batches": lambda fitted, x: run_batches(*on_torch(fitted, x), broken_off),
    "map_steps": lambda fitted, x: map_steps(*on_torch(fitted, x), broken_off, 1),
    "attribute": lambda fitted, x: attribute(
        fitted, x, broken_off, "none", target="up", static=None
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_broken_off_leaves_no_trace(
    quick: Callable[..., SequenceClassifier], call: str
) -> None:
    """The error is still at hand, with all frames that it went through."""
    data = tiny_dataset(12)
    fitted = quick().fit(data)
    torch.set_num_threads(2)
    with pytest.raises(BrokenOffError, match="1") as found:
        CALLS[call](fitted, data.x)
    assert torch.get_num_threads() == 2
    assert torch.is_grad_enabled()
    assert found.tb is not None


def test_a_data_set_with_parts_is_queried_about_its_test_part(
    quick: Callable[..., SequenceClassifier],
) -> None:
    """In `predict` and its kin as in `score`; another part is queried by its name."""
    parts = np.repeat(["train", "test"], [20, 10])
    data = replace(tiny_dataset(30), parts=parts)
    fitted, test = quick().fit(data), data.part("test")
    np.testing.assert_array_equal(fitted.predict_proba(data), fitted.predict_proba(test.x))
    np.testing.assert_array_equal(fitted.predict(data), fitted.predict(test))
    np.testing.assert_array_equal(fitted.embed(data, "gru_1"), fitted.embed(test.x, "gru_1"))
    assert list(fitted.anytime(data).lengths) == list(test.x.lengths)
    assert fitted.score(data) == (fitted.predict(data) == test.y).mean() == fitted.score(test)
    assert len(fitted.predict(data.part("train"))) == 20
    assert len(fitted.predict(data.x)) == 30


def test_windows_far_longer_than_the_sequences_make_small_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sequence costs the reach of the layer, however short it is: a batch costs so much."""
    x = [np.ones((length, 2), np.float32) for length in (2, 3, 4) * 10]
    options = TrainingOptions(progress="none")
    model = SequenceClassifier("conv(2, 3, dilation=900) pool(max)", epochs=1, options=options)
    model.fit(x, [0, 1] * 15)
    one, sizes = 4 * sum(model.network_.numbers_at_once(2).values()), list[int]()
    monkeypatch.setattr(inference, "BYTES_AT_ONCE", 4 * one)
    predict_blocks(
        model.network_,
        model._prepared(x),
        lambda chosen, _: sizes.append(chosen.stop - chosen.start),
    )
    assert sum(sizes) == 30
    assert max(sizes) <= 8
