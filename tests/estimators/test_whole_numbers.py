"""Whole numbers: tokens to a network that begins with an embedding, numbers to any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from torch import nn

from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
    load,
)
from segue.data.sequences import Array
from segue.errors import DataError, SpecError
from segue.evaluation.explain import occlusion
from segue.prepare.padded import Padded

QUIET = TrainingOptions(progress="none")
EMBEDS = "embedding(3) gru(4)"
INTEGERS = (np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)


def drawn() -> tuple[Array, Array]:
    """Tokens 0 to 9 of which the class has its own half, as int64."""
    y = np.arange(60) % 2
    return np.random.default_rng(0).integers(0, 5, (60, 7)) + 5 * y[:, None], y


def fitted(x: Any, y: Any = None, network: Any = "gru(4)", **more: Any) -> SequenceClassifier:
    return SequenceClassifier(network, epochs=6, options=QUIET, **more).fit(x, y)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("network", ["gru(4)", EMBEDS])
@pytest.mark.parametrize("kind", INTEGERS)
def test_every_integer_type_says_the_same(network: str, kind: type) -> None:
    """As arrays and as lists: tokens with an embedding, numbers without."""
    x, y = drawn()
    wanted = fitted(x.astype(np.int32), y, network).predict_proba(x.astype(np.int32))
    model = fitted(x.astype(kind), y, network)
    for asked in (x.astype(kind), list(x.astype(kind)), x.tolist()):
        np.testing.assert_array_equal(model.predict_proba(asked), wanted)
    assert (model.network_.input_shape.tokens == 10) == (network == EMBEDS)


@pytest.mark.parametrize("prepare", ["standardize", "none", "frame(2) standardize"])
def test_without_an_embedding_they_are_the_numbers_they_are(prepare: str) -> None:
    """To the same bits as float32; a model of either takes the other."""
    x, y = drawn()
    floats = x.astype(np.float32)
    whole, numbers = (fitted(data, y, prepare=prepare) for data in (x, floats))
    np.testing.assert_array_equal(whole.predict_proba(x), numbers.predict_proba(floats))
    np.testing.assert_array_equal(whole.predict_proba(floats), numbers.predict_proba(x))


def test_several_channels_of_whole_numbers() -> None:
    """A recording of a 16-bit converter trains and predicts like its floats, for every task."""
    draws = np.random.default_rng(0)
    x = draws.integers(-30_000, 30_000, (40, 9, 2)).astype(np.int16)
    steps = [(item[:, 0] > 0).astype(int) for item in x]
    for make, y in (
        (SequenceClassifier, np.arange(40) % 2),
        (SequenceLabeler, steps),
        (SequenceRegressor, x.mean((1, 2))),
    ):
        one, other = (
            make("gru(4)", epochs=2, options=QUIET).fit(data, y)  # type: ignore[operator]
            for data in (x, x.astype(np.float32))
        )
        found, wanted = one.predict(x), other.predict(x)
        assert all(map(np.array_equal, found, wanted))
    series = np.cumsum(draws.integers(-5, 6, 200))
    one, other = (
        Forecaster("gru(4)", size=6, epochs=2, options=QUIET).fit(data)
        for data in (series, series.astype(float))
    )
    np.testing.assert_allclose(one.predict(4), other.predict(4))


def test_all_that_is_asked_of_tokens(tmp_path: Path) -> None:
    """Streams, prefixes, explanations, vectors and the file, whatever integers come."""
    x, y = drawn()
    model = fitted(x, y, EMBEDS)
    wanted = model.predict_proba(x[:1])[0]
    stream = model.stream()
    for token in x[0]:
        last = stream.push(token)
    np.testing.assert_allclose(last, wanted, atol=1e-6)
    np.testing.assert_allclose(model.anytime(x[:1].tolist())[0][-1], wanted, atol=1e-6)
    assert occlusion(model, x[:2]).values.channels == 1
    assert model.embed(x[:2].astype(np.uint8), layer="gru_1").shape == (2, 4)
    model.save(tmp_path / "tokens.safetensors")
    again = load(tmp_path / "tokens.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    with pytest.raises(DataError, match="A step is array.1.5.; expected a token"):
        stream.push(1.5)
    with pytest.raises(DataError, match="has the tokens 0 to 9; got 429496729"):
        stream.push(2**32 + 2)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("door", ["mapped", "arrow", "generator", "written", "hugging face"])
@pytest.mark.parametrize("network", ["gru(4)", EMBEDS])
@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_they_stay_whole_through_files(tmp_path: Path, door: str, network: str, kind: type) -> None:
    x, y = drawn()
    wanted = fitted(x, y, network).predict_proba(x)
    given = x.astype(kind)
    doors: dict[str, Callable[[], tuple[Any, ...]]] = {
        "mapped": lambda: (np.lib.format.open_memmap(tmp_path / "x.npy"), y),
        "arrow": lambda: (Dataset.open(tmp_path / "d.arrow"),),
        "generator": lambda: (zip(given, y.tolist(), strict=True),),
        "written": lambda: (Sequences.open(tmp_path / "x.arrow"), y),
        "hugging face": lambda: (
            datasets.Dataset.from_dict({"input_ids": given.tolist(), "label": y.tolist()}),
        ),
    }
    np.save(tmp_path / "x.npy", given)
    Dataset(given[:, :, None], y).write(tmp_path / "d.arrow", batch_steps=30)
    Sequences.write(tmp_path / "x.arrow", given, batch_steps=30)
    model = fitted(*doors[door](), network=network)
    np.testing.assert_array_equal(model.predict_proba(x), wanted)


class Tokens(nn.Module):
    """A layer of one's own that takes tokens."""

    takes = "tokens"

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(10, 3)

    def forward(self, x: Padded) -> Padded:
        return x._replace(values=self.vectors(x.values[:, :, 0].long()))


def test_a_module_of_ones_own_decides_too() -> None:
    """`takes = "tokens"` means tokens; without it whole numbers come as floats."""
    x, y = drawn()
    torch.manual_seed(0)
    from segue.layers import GRU

    assert fitted(x, y, [Tokens(), GRU(4)]).network_.input_shape.tokens == 10
    with pytest.raises(SpecError, match="takes tokens"):
        fitted(x.astype(float), y, [Tokens(), GRU(4)])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x.astype(float), r"whole numbers\); here come 1 measured .*x.astype\(int\)"),
        (lambda x: x + 0.5, r"whole numbers\); here come 1 measured .*x.astype\(int\)"),
        (lambda x: x - 3, "whole numbers from -3 to 6"),
        (lambda x: x + 1_700_000_000, "whole numbers from 1,700,000,000 to 1,700,000,009"),
        (lambda x: np.stack([x, x], 2), "these sequences have 2 channels of whole numbers"),
    ],
)
def test_what_an_embedding_cannot_take(change: Callable[[Array], Array], said: str) -> None:
    """Each message says what came, and names the largest token."""
    x, y = drawn()
    with pytest.raises((DataError, SpecError), match=said):
        fitted(change(x), y, EMBEDS)


def test_an_embedding_that_is_too_small_names_the_largest_token() -> None:
    x, y = drawn()
    with pytest.raises(SpecError, match="tokens=5, but the data has 10 of them: the largest is 9"):
        fitted(x, y, "embedding(3, tokens=5) gru(4)")


def test_what_a_model_of_tokens_is_asked_later() -> None:
    """Floats are refused, also for validation; so is a token that training did not have."""
    x, y = drawn()
    model = fitted(x, y, EMBEDS)
    with pytest.raises(DataError, match=r"trained on tokens \(whole numbers\).*x.astype\(int\)"):
        model.predict(x.astype(float))
    with pytest.raises(DataError, match="has the tokens 0 to 9; got 12"):
        model.predict(x + 3)
    with pytest.raises(DataError, match="trained on tokens"):
        SequenceClassifier(EMBEDS, epochs=1, options=QUIET).fit(
            x, y, validation_data=(x.astype(float), y)
        )
