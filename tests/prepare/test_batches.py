"""Batches: every sequence once in an epoch, near lengths together, mapped as in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.data.sequences import Sequences
from segue.errors import DataError
from segue.prepare import Batches, Preparation, length_buckets
from segue.randomness import numpy_generator
from segue.testing import strategies, tiny_dataset


@given(strategies.lengths(1, 9, count=40), st.integers(1, 9), st.booleans(), st.integers(0, 3))
def test_every_sequence_comes_once_in_an_epoch(
    lengths: list[int], batch_size: int, shuffled: bool, seed: int
) -> None:
    """Whatever the lengths and the batch size are; no batch is empty or too large."""
    generator = numpy_generator(seed, "shuffle", 1) if shuffled else None
    batches = length_buckets(np.array(lengths), batch_size, generator)
    assert sorted(i for batch in batches for i in batch.tolist()) == list(range(len(lengths)))
    assert all(1 <= len(batch) <= batch_size for batch in batches)


def test_near_lengths_come_together() -> None:
    """Padding costs little where lengths vary a lot, and the order is still drawn."""
    lengths = numpy_generator(0, "lengths").integers(1, 1000, 2000)
    batches = length_buckets(lengths, 16, numpy_generator(0, "shuffle", 1))
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    assert padded < 1.1 * lengths.sum()
    longest = [int(lengths[batch].max()) for batch in batches]
    assert longest != sorted(longest)


def test_epochs_differ_and_the_same_epoch_does_not() -> None:
    """The shuffle is a pure function of seed and epoch."""
    lengths = np.arange(1, 60)

    def order(epoch: int) -> list[int]:
        batches = length_buckets(lengths, 8, numpy_generator(0, "shuffle", epoch))
        return [i for batch in batches for i in batch.tolist()]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_gathered_batch_is_right_padded_with_zeros() -> None:
    """In the order of the index, to the longest of those that are in it."""
    x = tiny_dataset(12).x
    batch = Batches(x, Preparation.fit("none", x)).gather(np.array([3, 0, 1]))
    longest = max(x.lengths[i] for i in (3, 0, 1))
    assert batch.values.shape == (3, longest, 2)
    for row, number in enumerate([3, 0, 1]):
        length = int(batch.lengths[row])
        np.testing.assert_array_equal(batch.values[row, :length], x[number])
        assert not batch.values[row, length:].any()


@pytest.mark.parametrize("steps", [1, 30, 10_000])
def test_in_order_gives_all_once_in_batches_of_bounded_size(steps: int) -> None:
    """A sequence longer than the bound comes alone."""
    x = tiny_dataset(40).x
    batches = Batches(x, Preparation.fit("standardize", x))
    seen = []
    for index, batch in batches.in_order(steps):
        seen += index.tolist()
        assert len(index) == 1 or batch.values.shape[0] * batch.values.shape[1] <= steps
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("prepare", ["none", "standardize", "interpolate standardize"])
def test_a_mapped_file_gives_the_batches_of_memory(
    tmp_path: Path, prepare: str, missing: float
) -> None:
    """To the bit, and its values stay on the disk."""
    x = tiny_dataset(30, missing=missing).x
    Sequences.write(tmp_path / "x.arrow", x, batch_steps=20)
    mapped = Sequences.open(tmp_path / "x.arrow")
    assert mapped.is_mapped
    preparation = Preparation.fit(prepare, x)
    resident, read = Batches(x, preparation), Batches(mapped, preparation)
    assert len(read) == len(resident) == 30
    for batch in length_buckets(x.lengths, 7, numpy_generator(1, "shuffle")):
        a, b = resident.gather(batch), read.gather(batch)
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.lengths, b.lengths)


def test_a_selection_of_sequences_gives_its_own_batches() -> None:
    """A slice backwards or a mask is gathered as it lies."""
    x = tiny_dataset(20).x
    chosen = x[::-2]
    batch = Batches(chosen, Preparation.fit("none", x)).gather(np.arange(10))
    for row, steps in enumerate(chosen):
        np.testing.assert_array_equal(batch.values[row, : len(steps)], steps)


def test_other_channels_than_in_training_are_refused() -> None:
    """Before anything is gathered."""
    preparation = Preparation.fit("none", tiny_dataset(4, channels=3).x)
    with pytest.raises(DataError, match="trained on 3 channels; these sequences have 2"):
        Batches(tiny_dataset(4, channels=2).x, preparation)
    turned = Sequences.from_list([steps.T for steps in tiny_dataset(4, lengths=(3, 3)).x])
    square = Preparation.fit("none", tiny_dataset(4, channels=2).x)
    with pytest.raises(DataError, match="time and channel look swapped: pass layout='nct'"):
        Batches(turned, square)
