"""A model is tried on what is typed, drawn, or lies in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.errors import DataError, DataNotFoundError, FileError
from segue.readers import write
from segue.runs import fit_run
from segue.studio import Project
from segue.studio.tryout import answered, drawable, drawn, typed

QUIET = segue.TrainingOptions(progress="none")


def fitted(x: Any, y: Any, network: str = "gru(3)", **more: Any) -> Any:
    return segue.SequenceClassifier(network, epochs=1, options=QUIET, **more).fit(x, y)


@pytest.fixture(scope="module")
def two() -> Any:
    """Of two channels."""
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(5, 2)) for _ in range(12)]
    data = segue.Dataset(x, ["a", "b"] * 6, channels=("left", "right"))
    return fitted(data, None)


def test_numbers_are_read_a_row_for_each_step(two: Any) -> None:
    found = typed(two, "1, 2\n\n 3;4 \n5\t-6e1\n")
    np.testing.assert_array_equal(found.x[0], [[1, 2], [3, 4], [5, -60]])
    np.testing.assert_array_equal(typed(two, "1 nan").x[0], [[1, np.nan]])
    one = fitted([[0.0, 1.0], [1.0, 0.0]] * 6, ["a", "b"] * 6)
    np.testing.assert_array_equal(typed(one, "1 2 3\n4").x[0], [[1], [2], [3], [4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "Nothing was typed"),
        ("1 2\n3 4 5", r"Row 2 has 3 numbers; expected 2, one for each channel of the model "
                       r"\(left, right\): a row is a step"),
        ("1 2\n\n3 x", "Row 3 has 'x'; expected a number"),
        ("1 2\n" * 600_000, "put more than that into a file"),
    ],
)  # fmt: skip
def test_what_is_no_sequence_is_refused(two: Any, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        typed(two, text)


def test_texts_are_taken_as_they_are() -> None:
    model = fitted(["one two", "three four"] * 8, ["a", "b"] * 8, "pool(mean)", prepare="words")
    found = answered(model, typed(model, "two, one\nfour"))
    assert found.words in ("a", "b")
    assert [name for name, _ in found.rows] in (["a", "b"], ["b", "a"])


def test_answers_are_those_of_the_model(two: Any) -> None:
    one = typed(two, "1 2\n3 4\n5 6")
    found = answered(two, one)
    assert found.words == two.predict(one.x)[0]
    best = float(two.predict_proba(one.x)[0].max())
    assert found.rows[0] == (found.words, f"{best:.1%}")


def test_answers_of_other_tasks() -> None:
    x = [np.arange(6.0), np.arange(6.0)[::-1]] * 6
    regressor = segue.SequenceRegressor("gru(2)", epochs=1, options=QUIET)
    regressor.fit(x, np.arange(12.0))
    said = answered(regressor, typed(regressor, "1 2 3"))
    assert float(said.words) == pytest.approx(float(regressor.predict([[1.0, 2, 3]])[0]), rel=1e-3)
    labeler = segue.SequenceLabeler("gru(2)", epochs=1, options=QUIET)
    labeler.fit(x, [np.array(["u", "d"])[np.arange(6) % 2]] * 12)
    found = answered(labeler, typed(labeler, "1 2 3"))
    assert found.heading == ("class", "of its steps")
    assert found.words.startswith("mostly ")


# -- drawn ----------------------------------------------------------------------------------------


def test_a_drawing_has_the_size_and_place_of_a_digit_of_mnist() -> None:
    """Wherever it is drawn, and however small: in a box of 20 of 28 pixels, in the middle."""
    turn = np.linspace(0, 2 * np.pi, 50)
    line = np.stack([np.cos(turn), np.sin(turn)], 1)
    large, small = (drawn([(line * size + place).tolist()], (28, 28))
                    for size, place in ((0.4, 0.5), (0.11, 0.8)))  # fmt: skip
    np.testing.assert_allclose(large, small, atol=0.05)
    rows = np.flatnonzero(large.max(axis=1) > 0.5)
    assert 19 <= rows[-1] - rows[0] + 1 <= 21
    assert (large * np.arange(28)).sum() / large.sum() == pytest.approx(13.5, abs=0.1)
    assert large.min() == 0
    assert large.max() == 1
    assert large.dtype == np.float32


@pytest.mark.parametrize("strokes", [[], [[]], [[[0.1]]], [[["x", 1]]], [[[np.nan, 1.0]]], 3,
                                     [[[0.5, 0.5]] * 30_000]])  # fmt: skip
def test_what_is_no_drawing_is_refused(strokes: Any) -> None:
    with pytest.raises(DataError, match="A drawing has"):
        drawn(strokes, (28, 28))


def test_only_a_model_of_pictures_can_be_drawn_for(two: Any, tmp_path: Path) -> None:
    assert drawable(two) is None
    from PIL import Image

    for number in range(12):
        folder = tmp_path / ("dark" if number % 2 else "light")
        folder.mkdir(exist_ok=True)
        shade = np.full((9, 8), 20 * number, np.uint8)
        Image.fromarray(shade).save(folder / f"{number}.png")
    model = fitted(segue.read(tmp_path), None)
    assert drawable(model) == (9, 8)
    picture = segue.Dataset([drawn([[(0.2, 0.2), (0.8, 0.9)]], (9, 8))])
    assert answered(model, picture).words in ("dark", "light")


# -- in a project ---------------------------------------------------------------------------------


@pytest.fixture
def run(project: Project, waves: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run in the project's folder."""
    monkeypatch.chdir(project.folder)
    return fit_run(waves, network="gru(4)", epochs=2, options=QUIET).folder.name


@pytest.mark.slow
def test_a_model_of_a_run_is_tried_and_explained(project: Project, run: str, waves: str) -> None:
    found = project.tries.text(run, "1 2 3 1 2 3")
    assert project.tries.last is found
    assert (found.data.row(0).steps, found.data.row(0).id, found.left_out) == (6, "typed", 0)
    along = found.results.along(0)
    assert along.values.shape[0] == 6
    best = float(along.values[-1].max())
    assert found.answers[0].rows[0][1] == f"{best:.1%}"
    why = found.results.why(0, "integrated gradients")
    assert why.name.endswith(found.answers[0].words)
    assert project.tries.drawable(run) is None
    with pytest.raises(DataError, match="takes no pictures"):
        project.tries.drawing(run, [[(0.1, 0.1)]])


def test_a_source_is_answered_as_the_model_answers_it(
    project: Project, run: str, waves: str
) -> None:
    """Of a source with a test part, that; at most 100 sequences."""
    found = project.tries.source(run, waves)
    model = segue.load(project.folder / "runs" / run)
    wanted = model.predict(segue.read(project.folder / waves).part("test").x)
    assert [one.words for one in found.answers] == [str(name) for name in wanted]
    with pytest.raises(FileError, match="lies outside"):
        project.tries.source(run, "../secret.csv")
    with pytest.raises(DataNotFoundError):
        project.tries.source(run, "wavs")
    write(segue.synth.waves(130, test=0, length=12), project.folder / "many")
    many = project.tries.source(run, "many")
    assert (len(many.answers), len(many.data.data), many.left_out) == (100, 100, 30)


@pytest.mark.slow
def test_an_ensemble_is_tried_too(
    project: Project, waves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    name = fit_run(waves, network="gru(2)", epochs=1, seeds=2, options=QUIET).folder.name
    found = project.tries.text(name, "1 2 3 4")
    assert found.results.along(0).values.shape[0] == 4
    assert found.answers[0].words in ("0", "1")
    assert project.tries.drawable(name) is None
