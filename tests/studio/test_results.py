"""Results: lists of answers, and for one sequence what was thought when, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import segue
from segue import (
    Dataset,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
)
from segue.errors import DataError, OptionError
from segue.evaluation import evaluate, explain
from segue.studio.opened import OpenData
from segue.studio.results import CURVES, Results

QUIET = TrainingOptions(progress="none")


def results_of(model: Any, data: Dataset) -> Results:
    found = evaluate(model, data)
    return Results(found, OpenData("here", "here", {}, found.dataset), found.report(), model)


@pytest.fixture(scope="module")
def waves() -> Dataset:
    return segue.synth.waves(40, test=20, length=24, phase="random")


@pytest.fixture(scope="module")
def gru(waves: Dataset) -> Results:
    model = SequenceClassifier("gru(6)", epochs=4, seed=0, options=QUIET)
    return results_of(model.fit(waves), waves)


def test_the_cells_of_the_matrix_hold_the_sequences_behind_them(gru: Results) -> None:
    found = gru.evaluation
    counts = [[len(gru.cell(row, column)) for column in (0, 1)] for row in (0, 1)]
    assert counts == found.confusion.tolist()
    cell = gru.cell(0, int(found.confusion[0].argmax()))
    sure = [found.confidence[one.number] for one in cell]
    assert sure == sorted(sure, reverse=True)
    assert {gru.data.row(one.number).label for one in cell} == {str(found.classes[0])}
    assert len(gru.mistakes()) == (~found.correct).sum()
    with pytest.raises(OptionError, match="no cell 2, 0: there are 2 classes"):
        gru.cell(2, 0)


def test_probabilities_after_each_step_end_with_the_answer(gru: Results) -> None:
    track = gru.along(3)
    assert track.steps is not None
    assert (track.steps[0], track.steps[-1], track.values.shape) == (1, 24, (24, 2))
    shares = dict(gru.shares(3))
    np.testing.assert_allclose(track.values[-1], [shares[row] for row in track.rows], atol=1e-6)
    with pytest.raises(OptionError, match="There is no sequence 20; expected 0 to 19"):
        gru.along(20)


@pytest.mark.parametrize("method", ["occlusion", "integrated gradients"])
def test_an_explanation_has_the_time_axis_of_the_sequence(gru: Results, method: Any) -> None:
    track = gru.why(0, method)
    assert track.values.shape == (24, 1)
    assert track.steps is None
    assert -track.low == track.high == np.abs(track.values).max()
    names = [str(name) for name in gru.evaluation.classes]
    both = [gru.why(0, method, name).values for name in names]
    np.testing.assert_allclose(both[0], -both[1], atol=1e-5)  # two classes share one logit
    with pytest.raises(OptionError, match="There is no class 'neither'"):
        gru.why(0, method, "neither")


def test_gradients_are_those_of_explain_and_frames_stand_where_they_end(waves: Dataset) -> None:
    model = SequenceClassifier("gru(4)", prepare="frame(4)", epochs=1, seed=0, options=QUIET)
    found = results_of(model.fit(waves), waves)
    track = found.why(0, "integrated gradients")
    alone = explain.integrated_gradients(model, found.data.data[[0]]).values[0]
    frames = alone.sum(axis=1)
    np.testing.assert_allclose(track.values.sum(axis=1), np.repeat(frames, 4), rtol=1e-5)
    assert found.along(0).steps.tolist() == [4, 8, 12, 16, 20, 24]  # type: ignore[union-attr]


def test_a_spectrum_of_the_whole_has_no_time_but_occlusion_has() -> None:
    made = segue.synth.waves(30, test=10, length=400, phase="random")
    data = Dataset(made.x, made.y, rate_hz=4000, parts=made.parts)
    model = SequenceClassifier(
        "pool(mean)", prepare="logfrequency(48, frame=64, low=200)", epochs=1, options=QUIET
    )
    found = results_of(model.fit(data), data)
    assert found.why(0).values.shape == (300, 1)
    assert found.along(0).values[-1] == pytest.approx(
        [dict(found.shares(0))[row] for row in found.along(0).rows], abs=1e-6
    )
    with pytest.raises(DataError, match="are no times.*occlusion hides stretches"):
        found.why(0, "integrated gradients")
    assert found.recurrent == ()


def test_an_ensemble_is_explained_as_a_whole(waves: Dataset) -> None:
    models = [SequenceClassifier("gru(3)", epochs=1, seed=s, options=QUIET) for s in (0, 1)]
    both = segue.SequenceEnsemble([model.fit(waves) for model in models])
    found = results_of(both, waves)
    shares = dict(found.shares(0))
    track = found.along(0)
    np.testing.assert_allclose(track.values[-1], [shares[row] for row in track.rows], atol=1e-6)
    assert found.why(0).values.shape == found.why(0, "integrated gradients").values.shape
    assert found.recurrent == ()


def test_gates_of_each_direction_over_time(waves: Dataset) -> None:
    model = SequenceClassifier("bilstm(50) lstm(3)", epochs=1, seed=0, options=QUIET)
    found = results_of(model.fit(waves), waves)
    assert found.recurrent == (
        ("bilstm_1", "forward"), ("bilstm_1", "backward"), ("lstm_1", "forward"),
    )  # fmt: skip
    tracks = found.gates(0, "bilstm_1", "backward")
    assert [track.name for track in tracks][:2] == ["input gate", "forget gate"]
    assert (tracks[0].low, tracks[0].high, tracks[0].values.shape) == (0.0, 1.0, (24, 40))
    gates = explain.gates(model, found.data.data[[0]], layer="lstm_1")
    state = next(one for one in found.gates(0, "lstm_1") if one.name == "hidden state")
    np.testing.assert_allclose(state.values, gates["hidden_state"][0], atol=1e-6)
    with pytest.raises(OptionError, match="no layer gru_1 forward; there are: bilstm_1 forward"):
        found.gates(0, "gru_1")


def test_a_map_has_a_point_for_each_sequence_and_says_of_what(gru: Results) -> None:
    seen = gru.point_map
    assert seen.points.shape == (20, 2)
    assert list(seen.labels) == [gru.data.row(int(number)).label for number in seen.numbers]
    assert "gru_1" in seen.about
    assert gru.calibration.counts.sum() == 20


def test_steps_with_labels_are_counted_for_each_sequence() -> None:
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(n, 1)) for n in (5, 8, 6, 7) * 5]
    y = [np.where(one[:, 0] > 0, "up", "down") for one in x]
    y[3][2] = ""  # no label
    data = Dataset(x, y, task="label")
    model = SequenceLabeler("gru(4)", epochs=2, validation=None, options=QUIET).fit(data)
    found = results_of(model, Dataset(x, y, task="label"))
    wrong = found.mistakes()
    total = sum(int(one.words.split()[0]) for one in wrong)
    assert total == (~found.evaluation.correct).sum()
    assert total == sum(
        int(one.words.split()[0]) for row, column in ((0, 1), (1, 0))
        for one in found.cell(row, column)
    )  # fmt: skip
    track = found.along(3)
    assert (track.values.shape, track.name) == ((7, 2), "probabilities at each step")


def test_numbers_and_several_labels_have_lists_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 6, 2)).astype(np.float32)
    numbers = Dataset(x, x.sum(axis=(1, 2)))
    model = SequenceRegressor("gru(4)", epochs=2, options=QUIET).fit(numbers)
    found = results_of(model, Dataset(x + 1, numbers.y))
    gaps = np.abs(found.evaluation.targets - found.evaluation.predictions).ravel()
    assert [one.number for one in found.mistakes(5)] == np.argsort(-gaps)[:5].tolist()
    assert found.shares(0) == []
    for act in (found.along, found.why):
        with pytest.raises(DataError):
            act(0)
    several = Dataset(x, (x.mean(axis=1) > 0).astype(int))
    tags = SequenceClassifier("gru(4)", epochs=2, head="sigmoid", options=QUIET).fit(several)
    found = results_of(tags, Dataset(x + 0.1, several.y))
    wrong = (found.evaluation.targets != found.evaluation.predictions).sum(axis=1)
    assert [int(one.words.split()[0]) for one in found.mistakes()] == sorted(wrong[wrong > 0])[::-1]


def test_the_words_of_a_text_have_shares() -> None:
    texts = [f"it was {word} and long {n}" for n in range(20) for word in ("good", "bad")]
    data = Dataset(Sequences.from_texts(texts), ["yes", "no"] * 20)
    model = SequenceClassifier("gru(6)", epochs=5, seed=0, options=QUIET).fit(data)
    others = Sequences.from_texts([f"{one} again" for one in texts])
    found = results_of(model, Dataset(others, ["yes", "no"] * 20))
    words = found.words(0)
    assert [word for word, _ in words][:3] == ["it", "was", "good"]
    assert max(abs(share) for _, share in words) <= 1
    both = [found.words(0, "integrated gradients", name) for name in ("yes", "no")]
    for (_, share), (_, other) in zip(*both, strict=True):
        assert share == pytest.approx(-other, abs=1e-4)
    for act in (found.words, found.why):
        with pytest.raises(OptionError, match="`method` is 'guess'; expected one of occlusion"):
            act(0, "guess")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no mean"):
        segue.evaluation.occlusion_sensitivity(model, data)


def test_many_classes_leave_the_most_probable_curves(waves: Dataset) -> None:
    rng = np.random.default_rng(0)
    data = Dataset(rng.normal(size=(60, 5, 1)), [f"c{n % 12}" for n in range(60)])
    model = SequenceClassifier("gru(3)", epochs=1, validation=None, options=QUIET).fit(data)
    found = results_of(model, Dataset(rng.normal(size=(24, 5, 1)), data.y[:24]))
    assert found.along(0).values.shape == (5, CURVES)
    assert found.shares(0)[0][0] in found.along(0).rows
    matrix = found.evaluation.confusion
    pairs = found.pairs()
    assert [count for count, _, _ in pairs] == sorted(matrix[~np.eye(12, dtype=bool)])[::-1][
        : len(pairs)
    ]
    assert all(matrix[row, column] == count for count, row, column in pairs)
    assert sum(count for count, _, _ in pairs) == (~found.evaluation.correct).sum()
