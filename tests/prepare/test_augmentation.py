"""Augmentations: what they do to a sequence, that nothing else decides it, and when they act."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from segue import SequenceClassifier, SequenceLabeler, TrainingOptions
from segue.data.sequences import Sequences
from segue.errors import SpecError
from segue.prepare import Augmenter, Batches, Preparation
from segue.prepare.padded import Padded
from segue.testing import tiny_dataset

EACH = ["jitter(0.05)", "scale(0.1)", "timemask(0.3)", "timewarp(0.3)", "crop(0.7)"]
ALL = " ".join(EACH)
SILENT = TrainingOptions(progress="none")


def waves(*lengths: int, channels: int = 2) -> Sequences:
    return Sequences.from_list(
        [np.sin(np.arange(n * channels).reshape(n, channels) / 5) for n in lengths]
    )


def augmented(
    text: str, x: Sequences, index: Any = None, *, epoch: int = 1, seed: int = 0
) -> tuple[Padded, torch.Tensor | None]:
    preparation = Preparation.fit(text, x)
    index = np.arange(len(x)) if index is None else np.asarray(index)
    batch = Batches(x, preparation).gather(index)
    return Augmenter(preparation, seed).apply(batch, index, epoch)


@pytest.mark.parametrize("text", [*EACH, ALL])
def test_a_sequence_is_changed_whatever_its_batch_mates(text: str) -> None:
    """A pure function of the seed, the epoch and the sequence: alone, in another order, padded."""
    x = waves(30, 7, 1, 44, 12)
    together, origin = augmented(text, x)
    for row in range(len(x)):
        alone, from_alone = augmented(text, x, [row])
        length = int(together.lengths[row])
        assert int(alone.lengths[0]) == length
        torch.testing.assert_close(alone.values[0], together.values[row, :length], rtol=0, atol=0)
        if origin is not None and from_alone is not None:
            assert from_alone[0].tolist() == origin[row, :length].tolist()


@pytest.mark.parametrize("text", EACH)
def test_another_epoch_or_seed_changes_it_otherwise(text: str) -> None:
    """And the same ones in the same way."""
    x = waves(40, 40, 40)
    first = augmented(text, x)[0].values
    assert torch.equal(first, augmented(text, x)[0].values)
    for other in (augmented(text, x, epoch=2), augmented(text, x, seed=1)):
        assert not torch.equal(first, other[0].values)


@pytest.mark.parametrize("text", [*EACH, ALL])
def test_there_are_zeros_behind_each_end(text: str) -> None:
    """And lengths are those of what is there."""
    batch, origin = augmented(text, waves(30, 7, 1, 44, 12))
    assert batch.values.shape[1] == int(batch.lengths.max())
    assert bool((batch.values[~batch.mask()] == 0).all())
    if origin is not None:
        assert torch.equal(origin >= 0, batch.mask())


def test_jitter_is_noise_of_that_deviation() -> None:
    x = waves(5000, 5000)
    noise = (
        augmented("jitter(0.05)", x)[0].values
        - Batches(x, Preparation.fit("none", x)).gather(np.arange(2)).values
    )
    assert float(noise.std()) == pytest.approx(0.05, rel=0.03)
    assert abs(float(noise.mean())) < 0.002


def test_scale_multiplies_each_channel_of_a_sequence() -> None:
    x = Sequences.from_list([np.ones((9, 3))] * 400)
    factors = augmented("scale(0.1)", x)[0].values
    assert bool((factors == factors[:, :1]).all())
    assert float(factors[:, 0].std()) == pytest.approx(0.1, rel=0.1)
    assert float(factors[:, 0].mean()) == pytest.approx(1, abs=0.01)


def test_timemask_hides_one_stretch_of_all_channels() -> None:
    """At most that share, and not always equally long."""
    x = Sequences.from_list([np.ones((50, 2))] * 60)
    values = augmented("timemask(0.2)", x)[0].values
    hidden = values[:, :, 0] == 0
    assert torch.equal(hidden, values[:, :, 1] == 0)
    widths = hidden.sum(1)
    assert int(widths.max()) == 10
    assert len(widths.unique()) > 5
    edges = (hidden[:, 1:] != hidden[:, :-1]).sum(1)
    assert int(edges.max()) <= 2


def test_crop_keeps_a_stretch_as_it_is() -> None:
    """Three quarters of each, wherever it begins; a single step stays."""
    x = waves(40, 8, 1)
    batch, origin = augmented("crop(0.75)", x)
    assert origin is not None
    assert batch.lengths.tolist() == [30, 6, 1]
    for row, steps in enumerate(x):
        length, first = int(batch.lengths[row]), int(origin[row, 0])
        np.testing.assert_array_equal(batch.values[row, :length], steps[first : first + length])
    begins = {int(augmented("crop(0.75)", x, epoch=e)[1][0, 0]) for e in range(60)}  # type: ignore[index]
    assert {0, 10} <= begins <= set(range(11))


def test_timewarp_keeps_length_and_ends_and_the_order_of_time() -> None:
    """Of a ramp the values are the places on the old time axis."""
    x = Sequences.from_list([np.arange(n, dtype=float) for n in (60, 11, 2, 1)])
    batch, origin = augmented("timewarp(0.3)", x)
    assert origin is not None
    assert batch.lengths.tolist() == [60, 11, 2, 1]
    for row, length in enumerate((60, 11, 2, 1)):
        places = batch.values[row, :length, 0].numpy()
        assert places[0] == 0
        assert places[-1] == pytest.approx(length - 1, abs=1e-4)
        assert bool((np.diff(places) > 0).all())
        np.testing.assert_array_equal(np.round(places), origin[row, :length])
    moved = np.abs(batch.values[0, :, 0].numpy() - np.arange(60)).max()
    assert 0.5 < moved < 20


def test_what_is_missing_stays_missing_or_not() -> None:
    """The channels that say so are neither jittered nor interpolated."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 2)).astype(np.float32)
    values[rng.random(200) < 0.3, 0] = np.nan
    x = Sequences(values, np.array([0, 120, 200]))
    batch, origin = augmented(ALL, x)
    assert origin is not None
    plain = Preparation.fit("none", x).apply(x)
    for row, length in enumerate(batch.lengths.tolist()):
        masks = batch.values[row, :length, 2].numpy()
        np.testing.assert_array_equal(masks, plain[row][origin[row, :length].numpy(), 2])


def test_nothing_is_changed_outside_training() -> None:
    """Prediction, validation, streams and the fitted numbers know no augmentation."""
    x = waves(30, 7, 12)
    plain, other = Preparation.fit("standardize", x), Preparation.fit(f"standardize {ALL}", x)
    np.testing.assert_array_equal(plain.apply(x).values, other.apply(x).values)
    assert Preparation.from_json(other.to_json()) is not None
    assert str(other) == f"standardize {ALL}"
    other.check_causal()


def test_training_sees_them_and_the_validation_does_not() -> None:
    """With a rate of nearly nothing the validation loss is that of the plain training."""
    data = tiny_dataset(60)

    def losses(prepare: str) -> tuple[float, float]:
        classifier = SequenceClassifier(
            "gru(4)", prepare=prepare, epochs=1, learning_rate=1e-30, validation=0.3, options=SILENT
        )
        row = classifier.fit(data).history_.rows[0]
        return row["loss"], row["validation_loss"]

    plain, noisy = losses("standardize"), losses("standardize jitter(3.0) crop(0.5)")
    assert abs(plain[0] - noisy[0]) > 1e-3
    assert plain[1] == pytest.approx(noisy[1], abs=1e-7)


def test_a_trained_model_with_augmentations_is_saved_and_read(tmp_path: Any) -> None:
    """And predicts the same; two trainings with one seed are the same too."""
    from segue import load

    data = tiny_dataset(40)

    def make() -> SequenceClassifier:
        return SequenceClassifier(
            "gru(4)", prepare=f"standardize {ALL}", epochs=2, options=SILENT
        ).fit(data)

    fitted = make()
    fitted.save(tmp_path / "m.safetensors")
    wanted = fitted.predict_proba(data.x)
    np.testing.assert_array_equal(load(tmp_path / "m.safetensors").predict_proba(data.x), wanted)
    np.testing.assert_array_equal(make().predict_proba(data.x), wanted)


def test_labels_of_steps_move_with_their_steps() -> None:
    """A label that says what the value is can be learnt though steps are cut off and warped."""
    rng = np.random.default_rng(1)
    x = [np.repeat(rng.normal(size=12), 4) for _ in range(40)]
    y = [np.where(values > 0, "high", "low") for values in x]
    labeler = SequenceLabeler(
        "dense(4, tanh)",
        prepare="standardize timewarp(0.5) crop(0.5)",
        epochs=40,
        learning_rate=0.05,
        validation=None,
        options=SILENT,
    )
    labeler.fit(x, y, sample_weight=np.ones(40))
    assert labeler.history_["accuracy"][-1] > 0.93


@pytest.mark.parametrize("text", ["crop(0)", "crop(1.5)", "jitter(-1)", "timemask(0)", "scale"])
def test_amounts_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match=text.split("(", maxsplit=1)[0]):
        Preparation.fit(text, waves(3))
