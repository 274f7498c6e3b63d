"""A model keeps hashes of the sequences that it was fitted on, keyed with a salt of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import segue
from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceEnsemble,
    Sequences,
    TrainingOptions,
    tensorfile,
)
from segue.data.sequences import Array
from segue.errors import ModelFileError
from segue.estimators import fingerprint
from segue.estimators.fingerprint import (
    combined_digest,
    example_digests,
    salted_hashes,
)
from segue.testing import tiny_dataset

Quick = Callable[..., SequenceClassifier]
SILENT = TrainingOptions(progress="none")


def same(x: Sequences, y: Sequences) -> bool:
    """Whether the hashes of two sets of sequences are the same."""
    return bool(np.array_equal(x.digests(), y.digests()))


def found(fitted: Any, x: Sequences) -> tuple[int, int]:
    """How many of some sequences a model was trained on, and how many it was validated on."""
    pairs = [one.find(x.digests()) for one in fitted.seen_]
    train = np.any([one[0] for one in pairs], axis=0)
    validation = np.any([one[1] for one in pairs], axis=0)
    return int(train.sum()), int((validation & ~train).sum())


def tensors(path: Path) -> dict[str, Array]:
    return tensorfile.read(path).tensors


# -- hashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        [[1.0, 2.0], [0.0]],
        [[1.0, 2.0], [-0.0]],
        [np.array([1, 2], np.int64), np.array([0.0], np.float64)],
        [np.array([[1.0], [2.0]]), np.array([[0.0]])],
    ],
)
def test_the_same_values_have_the_same_hash(other: Any) -> None:
    """Whatever type they came in, and whichever sign a zero has."""
    assert same(Sequences.from_list([[1.0, 2.0], [0.0]]), Sequences.from_list(other))


@pytest.mark.parametrize(
    "other",
    [[[1.0, 2.0, 0.0]], [[1.0, 2.5]], [[2.0, 1.0]], [[1.0]], [[[1.0, 2.0]]], [[1.0, np.nan]]],
)
def test_other_values_lengths_orders_or_channels_have_another(other: Any) -> None:
    """Padding is not hidden, and two steps of one channel are not one of two."""
    assert not same(Sequences.from_list([[1.0, 2.0]]), Sequences.from_list(other))


def test_missing_values_are_all_alike() -> None:
    """A NaN of another sign or payload is a missing value like any other."""
    strange = np.array([0xFFC00001, 0x7FC00000], np.uint32).view(np.float32)
    given = Sequences(np.array([[np.nan], [np.nan]], np.float32), np.array([0, 2]))
    assert same(given, Sequences(strange[:, None], np.array([0, 2])))


def test_tokens_and_texts_have_hashes_too() -> None:
    """Tokens are the same as numbers of the same value; texts go by their characters."""
    tokens = Sequences.from_list([np.array([3, 4], np.int32)])
    assert same(tokens, Sequences.from_list([[3.0, 4.0]]))
    texts = Sequences.from_texts(["the cat", "the dog", "the cat"])
    first, second, third = texts.digests()
    assert (first == third).all()
    assert (first != second).any()


def test_what_float32_does_not_hold_counts_too() -> None:
    """Two tokens that round to the same number are two; other types of one number are one."""
    tokens = [Sequences.from_list([np.array([2**24 + n], np.int32)]) for n in (0, 1)]
    assert not same(*tokens)
    assert same(tokens[0], Sequences.from_list([np.array([2**24], np.float32)]))


def test_a_selection_and_a_mapped_file_have_the_hashes_of_their_sequences(tmp_path: Path) -> None:
    """In any order, block by block, and of none."""
    data = tiny_dataset(30)
    data.write(tmp_path / "d.arrow", batch_steps=20)
    mapped = Dataset.open(tmp_path / "d.arrow").x
    order = np.random.default_rng(0).permutation(30)
    np.testing.assert_array_equal(mapped[order].digests(), data.x.digests()[order])
    assert data.x[:0].digests().shape == (0, 16)


def test_the_hash_of_an_example_has_its_target_and_its_features() -> None:
    """Labels, numbers, labels of steps and static features; groups and ids play no part."""
    x = Sequences.from_list([[1.0], [2.0, 3.0]])
    steps = Sequences(np.array([[0], [1], [1]], np.int32), x.offsets)
    others = [
        Dataset(x),
        Dataset(x, ["a", "b"]),
        Dataset(x, ["a", "c"]),
        Dataset(x, np.array([0.5, 1.5])),
        Dataset(x, ["a", "b"], static=np.array([1.0, 2.0])),
        Dataset(x, steps, classes=("a", "b")),
    ]
    assert len({combined_digest([example_digests(one)]) for one in others}) == len(others)
    named = Dataset(x, ["a", "b"], ids=["p", "q"], groups=["g", "g"])
    assert combined_digest([example_digests(named)]) == combined_digest(
        [example_digests(others[1])]
    )


def test_the_salt_decides_the_hashes() -> None:
    """With another salt all are others."""
    given = Sequences.from_list([[2.0], [1.0], [2.0]]).digests()
    one, other = salted_hashes(given, b"1" * 16), salted_hashes(given, b"2" * 16)
    assert not set(one) & set(other)


def test_the_record_keeps_neither_order_nor_repetitions(quick: Quick) -> None:
    x = Sequences.from_list([[2.0], [1.0], [2.0]] * 4)
    (record,) = quick("pool", validation=None).fit(x, [0, 1, 0] * 4).seen_
    assert record.train.tolist() == sorted(set(salted_hashes(x.digests(), record.salt).tolist()))


# -- what a fit keeps ----------------------------------------------------------------------------


def test_training_and_validation_are_told_apart(quick: Quick) -> None:
    """Of 120 sequences a tenth is drawn for validation; others are not known."""
    data = tiny_dataset(120)
    fitted = quick("pool").fit(data)
    assert found(fitted, data.x) == (108, 12)
    assert found(fitted, tiny_dataset(20, seed=9).x) == (0, 0)


def test_the_test_part_is_not_kept(quick: Quick) -> None:
    """Nor anything else that `fit` leaves alone."""
    data = tiny_dataset(40, parts=True)
    fitted = quick("pool").fit(data)
    kept = {name: found(fitted, data.part(name).x) for name in data.part_names}
    assert kept["train"] == (len(data.part("train")), 0)
    assert kept["test"] == (0, 0)


def test_a_given_validation_set_is_kept_as_such(quick: Quick) -> None:
    """It chose the epoch, wherever it came from."""
    data, watched = tiny_dataset(20), tiny_dataset(10, seed=5)
    fitted = quick("pool").fit(data, validation_data=watched)
    assert found(fitted, data.x) == (20, 0)
    assert found(fitted, watched.x) == (0, 10)


def test_after_a_refit_validation_is_trained_on_too(quick: Quick) -> None:
    """All 40 were."""
    data, options = tiny_dataset(40), TrainingOptions(progress="none", refit=True)
    fitted = quick("pool", validation=0.25, options=options).fit(data)
    assert fitted.history_.refit is not None
    assert found(fitted, data.x) == (40, 0)


def test_what_initial_weights_were_fitted_on_is_kept(quick: Quick, tmp_path: Path) -> None:
    """From an estimator or a file; training once more on the same keeps one record."""
    first, second = tiny_dataset(12), tiny_dataset(12, seed=7)
    one = quick("gru(2)").fit(first)
    one.save(tmp_path / "m.safetensors")
    for initial in (one, tmp_path / "m.safetensors"):
        fitted = quick("gru(2)").fit(second, initial=initial)
        assert found(fitted, first.x) == found(fitted, second.x) == (12, 0)
    assert len(one.fit(first, initial=one).seen_ or ()) == 1


def test_windows_of_a_series_are_kept() -> None:
    """A forecaster has seen windows, not series."""
    series = np.random.default_rng(0).normal(size=60)
    fitted = Forecaster("gru(2)", size=5, epochs=1, options=SILENT, learning_rate=0.05)
    with pytest.warns(UserWarning, match="not clearly better"):
        fitted.fit(series)
    assert found(fitted, segue.windows(series, 5).x) == (55, 0)


def test_so_many_sequences_that_nothing_is_kept(
    quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a million; here more than ten."""
    monkeypatch.setattr(fingerprint, "LIMIT", 10)
    assert quick("pool").fit(tiny_dataset(10)).seen_ is not None
    assert quick("pool").fit(tiny_dataset(11)).seen_ is None


def test_equal_fits_have_the_same_salt_and_others_another(quick: Quick) -> None:
    """So that equal trainings write equal files, and no two others can be matched."""
    data = tiny_dataset(20)
    salts = [
        fitted.seen_[0].salt
        for fitted in (
            quick("pool").fit(data),
            quick("pool").fit(data),
            quick("pool", seed=1).fit(data),
            quick("gru(2)").fit(data),
            quick("pool").fit(data[:19]),
        )
        if fitted.seen_ is not None
    ]
    assert len(salts) == 5
    assert salts[0] == salts[1]
    assert len(set(salts)) == 4


# -- files ---------------------------------------------------------------------------------------


def test_the_record_comes_back_from_a_file(quick: Quick, tmp_path: Path) -> None:
    """8 bytes for each sequence beside the weights."""
    data, path = tiny_dataset(40), tmp_path / "m.safetensors"
    fitted = quick("pool", validation=0.25).fit(data)
    fitted.save(path)
    assert found(segue.load(path), data.x) == found(fitted, data.x) == (30, 10)
    kept = {name: one for name, one in tensors(path).items() if name.startswith(".seen/")}
    assert {name: (len(one), one.dtype) for name, one in kept.items()} == {
        ".seen/0/train": (30, np.dtype("int64")),
        ".seen/0/validation": (10, np.dtype("int64")),
    }


def test_a_file_without_the_record(quick: Quick, tmp_path: Path) -> None:
    """`save(record=False)` leaves no hash and no salt; the model is the same."""
    data, path = tiny_dataset(20), tmp_path / "m.safetensors"
    fitted = quick("pool").fit(data)
    fitted.save(path, record=False)
    assert not [name for name in tensors(path) if name.startswith(".seen")]
    assert b"salt" not in path.read_bytes()
    loaded = segue.load(path)
    assert loaded.seen_ is None
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_an_ensemble_knows_what_its_members_were_trained_on(quick: Quick, tmp_path: Path) -> None:
    """Each has its own sequences; where one does not know, all do not."""
    first, second, path = tiny_dataset(12), tiny_dataset(12, seed=7), tmp_path / "e.safetensors"
    members = [quick("pool").fit(first), quick("pool", seed=1).fit(second)]
    ensemble = SequenceEnsemble(members)
    ensemble.save(path)
    for one in (ensemble, segue.load(path)):
        assert found(one, first.x) == found(one, second.x) == (12, 0)
    ensemble.save(path, record=False)
    assert segue.load(path).seen_ is None
    members[0].save(path, record=False)
    assert SequenceEnsemble([segue.load(path), members[1]]).seen_ is None


@pytest.mark.parametrize("change", ["missing", "shape", "type", "more", "salt", "none"])
def test_a_damaged_record_is_refused(quick: Quick, tmp_path: Path, change: str) -> None:
    """Hashes that are missing, of another kind, or more than there are records."""
    path = tmp_path / "m.safetensors"
    quick("pool").fit(tiny_dataset(12)).save(path)
    description = json.loads(tensorfile.read(path).text)
    changed, hashes = tensors(path), np.zeros(3, np.int64)
    if change == "missing":
        changed.pop(".seen/0/train")
    elif change == "salt":
        description["seen"][0]["salt"] = "x"
    elif change == "none":
        description.pop("seen")
    else:
        names = {"shape": ".seen/0/train", "type": ".seen/0/train", "more": ".seen/1/train"}
        odd = {"shape": hashes[None], "type": hashes.astype(np.float32), "more": hashes}
        changed[names[change]] = odd[change]
    path.write_bytes(tensorfile.to_bytes(json.dumps(description), changed))
    with pytest.raises(ModelFileError, match=r"hashes of the sequences .* damaged|salt"):
        segue.load(path)


def test_a_file_of_an_older_segue_loads(quick: Quick, tmp_path: Path) -> None:
    """It has no record, and nothing is known."""
    data, path = tiny_dataset(12), tmp_path / "m.safetensors"
    fitted = quick("pool").fit(data)
    fitted.save(path)
    description = json.loads(tensorfile.read(path).text)
    del description["seen"]
    older = {name: one for name, one in tensors(path).items() if not name.startswith(".seen")}
    path.write_bytes(safetensors.numpy.save(older, {"segue": json.dumps(description)}))
    with pytest.warns(UserWarning, match="has no checksum, as those of an older segue"):
        loaded = segue.load(path)
    assert loaded.seen_ is None
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))


# -- resuming ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Training was interrupted")
@pytest.mark.parametrize("change", ["nothing", "values", "static", "weights"])
def test_a_checkpoint_is_of_its_values(
    quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Other values of the same lengths and labels are another training; so are other weights."""
    data, weights = tiny_dataset(20), np.ones(20)
    data = Dataset(data.x, data.y, static=np.arange(20.0))
    saver, stop = segue.training.checkpoint.Checkpointer, [True]
    written = saver.on_epoch

    def stopping(*given: Any) -> None:
        written(*given)
        if stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(saver, "on_epoch", stopping)
    quick("pool", epochs=2).fit(data, sample_weight=weights, folder=tmp_path)
    stop.clear()
    if change == "values":
        data = Dataset(Sequences(data.x.values + 1, data.x.offsets), data.y, static=data.static)
    elif change == "static":
        data = Dataset(data.x, data.y, static=np.arange(20.0) + 1)
    elif change == "weights":
        weights = np.r_[2.0, np.ones(19)]
    again = quick("pool", epochs=2)
    if change == "nothing":
        again.fit(data, sample_weight=weights, folder=tmp_path, resume=True)
        assert again.stopped_ == "finished"
        return
    with pytest.raises(ModelFileError, match="a training with another set of values"):
        again.fit(data, sample_weight=weights, folder=tmp_path, resume=True)
