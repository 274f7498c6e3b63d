"""Numbers that lie far from 0: the same scores with 1e9 added to every value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest

from segue import (
    Dataset,
    Forecaster,
    SequenceClassifier,
    SequenceLabeler,
    SequenceRegressor,
    Sequences,
    TrainingOptions,
    load,
    read,
    windows,
    write,
)
from segue.data.sequences import Array
from segue.errors import DataError
from segue.evaluation.explain import integrated_gradients, occlusion
from segue.prepare import Preparation

FAR = 1e9
QUIET = TrainingOptions(progress="none")


def drawn(far: float, *, gaps: float = 0.0) -> tuple[Array, Array]:
    """Random walks `[90, 10, 2]`, of which one class rises; in float64."""
    draws = np.random.default_rng(0)
    x = np.cumsum(draws.normal(size=(90, 10, 2)), 1)
    y = np.arange(90) % 2
    x[y == 1, :, 0] += np.linspace(0, 8, 10)
    x[draws.random(x.shape) < gaps] = np.nan
    return x + far, y


def fitted(x: Any, y: Any = None, **more: Any) -> SequenceClassifier:
    more = {"epochs": 12, "batch_size": 90, "learning_rate": 0.05, "options": QUIET, **more}
    return SequenceClassifier("gru(6)", **more).fit(x, y)


def chances(far: float, door: Callable[[Array, Array], tuple[Any, ...]], **more: Any) -> Array:
    x, y = drawn(far)
    return fitted(*door(x, y), **more).predict_proba(list(x))


# -- doors ----------------------------------------------------------------------------------------


def mapped(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r"), y


def npz(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    np.savez(folder / "x.npz", values=x.reshape(-1, 2), lengths=np.full(len(x), 10), y=y)
    return (read(folder / "x.npz"),)


def arrow(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    Dataset(x, y).write(folder / "x.arrow", batch_steps=100)
    return (Dataset.open(folder / "x.arrow"),)


def by_writing(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    Sequences.write(folder / "x.arrow", (steps for steps in x), batch_steps=100)
    return Sequences.open(folder / "x.arrow"), y


def long(x: Array, y: Array) -> pd.DataFrame:
    """A row a step."""
    n, steps, _ = x.shape
    columns = {"flow": x[:, :, 0].ravel(), "pressure": x[:, :, 1].ravel()}
    ids, time = np.repeat(np.arange(n), steps), np.tile(np.arange(steps), n)
    return pd.DataFrame({"id": ids, "time": time, **columns, "label": np.array(["a", "b"])[y[ids]]})


def csv(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    long(x, y).to_csv(folder / "x.csv", index=False)
    return (read(folder / "x.csv"),)


def parquet(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
    long(x, y).to_parquet(folder / "x.parquet", index=False)
    return (read(folder / "x.parquet"),)


def by_format(name: str) -> Callable[[Array, Array, Path], tuple[Any, ...]]:
    def door(x: Array, y: Array, folder: Path) -> tuple[Any, ...]:
        return (read(write(Dataset(x[:, :, :1], y), folder / name, format=name)),)

    return door


def hugging_face(x: Array, y: Array, _: Path) -> tuple[Any, ...]:
    return (datasets.Dataset.from_dict({"x": x.tolist(), "label": y.tolist()}),)


DOORS: dict[str, Callable[[Array, Array, Path], tuple[Any, ...]]] = {
    "array": lambda x, y, _: (x, y),
    "list": lambda x, y, _: (list(x), y),
    "lists of numbers": lambda x, y, _: ([steps.tolist() for steps in x], y),
    "padded": lambda x, y, _: (Sequences.from_padded(x, np.full(len(x), 10)), y),
    "joined": lambda x, y, _: (Sequences(x.reshape(-1, 2), np.arange(len(x) + 1) * 10), y),
    "parts": lambda x, y, _: (
        Sequences.concatenate([Sequences.from_array(x[:9]), Sequences.from_array(x[9:])]),
        y,
    ),
    "pairs": lambda x, y, _: (zip(x, y.tolist(), strict=True),),
    "mapped": mapped,
    "npz": npz,
    "arrow": arrow,
    "written": by_writing,
    "frame": lambda x, y, _: (long(x, y),),
    "csv": csv,
    "parquet": parquet,
    "hugging face": hugging_face,
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("door", DOORS)
def test_a_classifier_says_the_same_through_every_door(door: str, tmp_path: Path) -> None:
    """The level is taken off in float64, wherever the values come from."""
    for name in ("near", "far"):
        (tmp_path / name).mkdir()
    near = chances(0, lambda x, y: DOORS[door](x, y, tmp_path / "near"))
    far = chances(FAR, lambda x, y: DOORS[door](x, y, tmp_path / "far"))
    np.testing.assert_allclose(far, near, atol=1e-4)
    assert ((near[:, 1] > 0.5) == (np.arange(90) % 2)).mean() > 0.8


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["ts", "dat", "npz", "arrow"])
def test_files_of_other_formats(name: str, tmp_path: Path) -> None:
    """Written, and read again."""
    x, y = drawn(0)
    found = []
    for level in (0, FAR):
        (data,) = by_format(name)(x + level, y, tmp_path / f"{level:g}")
        np.testing.assert_allclose(data.x.values[:, 0] - level, x[:, :, 0].ravel(), atol=1e-5)
        found.append(fitted(data, epochs=4).predict_proba(data))
    np.testing.assert_allclose(*found, atol=1e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "prepare",
    [
        "standardize",
        "interpolate standardize",
        "frame(2) standardize",
        "mask standardize",
        "standardize frame(3)",
        "standardize jitter(0.1)",
        "standardize spectrogram(4, 2)",
    ],
)
def test_every_preparation_that_takes_the_level_off(prepare: str) -> None:
    near, far = (chances(level, lambda x, y: (x, y), prepare=prepare) for level in (0, FAR))
    np.testing.assert_allclose(far, near, atol=1e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("level", [1e7, -1e9, 1e12])
def test_levels_of_any_size_and_sign(level: float) -> None:
    """As far as float64 goes; of one channel only, too."""
    x, y = drawn(0)
    near = fitted(x, y).predict_proba(x)
    far = fitted(x + level, y).predict_proba(x + level)
    np.testing.assert_allclose(far, near, atol=1e-2 if level == 1e12 else 1e-4)
    one = fitted(x + np.array([0, level]), y).predict_proba(x + np.array([0, level]))
    np.testing.assert_allclose(one, near, atol=1e-2 if level == 1e12 else 1e-4)


@pytest.mark.parametrize("prepare", ["standardize", "interpolate standardize"])
def test_missing_values(prepare: str) -> None:
    """They are no part of the level."""
    found = []
    for level in (0, FAR):
        x, y = drawn(level, gaps=0.1)
        found.append(fitted(x, y, prepare=prepare).predict_proba(x))
    np.testing.assert_allclose(*found, atol=1e-4)


def test_all_that_a_model_is_asked(tmp_path: Path) -> None:
    """One sequence, one that never varies, steps, prefixes, explanations, and the file."""
    x, y = drawn(0)
    near, far = fitted(x, y), fitted(x + FAR, y)
    flat = np.full((4, 2), 3.5)
    np.testing.assert_allclose(
        far.predict_proba([flat + FAR]), near.predict_proba([flat]), atol=1e-4
    )
    np.testing.assert_allclose(
        far.anytime(x[:3] + FAR).values, near.anytime(x[:3]).values, atol=1e-4
    )
    one, other = near.stream(), far.stream()
    for step in x[0]:
        np.testing.assert_allclose(other.push(step + FAR), one.push(step), atol=1e-4)
    np.testing.assert_allclose(
        far.embed(x + FAR, layer="gru_1"), near.embed(x, layer="gru_1"), atol=1e-4
    )
    for explain in (integrated_gradients, occlusion):
        wanted, got = explain(near, x[:2]), explain(far, x[:2] + FAR)
        np.testing.assert_allclose(got.values.values, wanted.values.values, atol=1e-3)
    far.save(tmp_path / "far.safetensors")
    again = load(tmp_path / "far.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x + FAR), far.predict_proba(x + FAR))
    assert "exact" not in near.preparation_.to_json()
    assert Preparation.from_json(json.loads(json.dumps(far.preparation_.to_json()))).exact


def test_whole_numbers_that_float32_does_not_have() -> None:
    """Also seconds since 1970, as int64, as large unsigned numbers, and as uint32."""
    x, y = drawn(0)
    steps = np.round(x * 100).astype(np.int64)
    near = fitted(steps, y).predict_proba(steps)
    for kind, level in ((np.int64, 1_700_000_000), (np.uint64, 2**45), (np.uint32, 3_000_000_000)):
        far = (steps + level).astype(kind)
        np.testing.assert_allclose(fitted(far, y).predict_proba(far), near, atol=1e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("shape", [(90,), (90, 1), (90, 2)])
def test_a_regressor_with_far_sequences_and_far_targets(shape: tuple[int, ...]) -> None:
    """One number or several, the same R2; predictions have the level of the targets."""
    x, _ = drawn(0)
    y = (x.mean(1) @ [[1.0, 0.5], [2.0, -1.0]])[:, : shape[-1] if len(shape) > 1 else 1]
    y = y.reshape(shape)
    found = []
    for level in (0, FAR):
        model = SequenceRegressor(
            "pool(mean)", epochs=60, batch_size=60, learning_rate=0.1, options=QUIET
        )
        model.fit(x[:60] + level, y[:60] + level)
        found.append(model.score(x[60:] + level, y[60:] + level))
        assert model.predict(x[60:] + level).mean() == pytest.approx(y[60:].mean() + level, abs=1)
    assert found[0] > 0.9
    assert found[1] == pytest.approx(found[0], abs=1e-4)


def test_a_labeler() -> None:
    x, _ = drawn(0)
    y = [(steps[:, 0] > 3).astype(int) for steps in x]
    near, far = (
        SequenceLabeler("gru(6)", epochs=6, options=QUIET)
        .fit(x + level, y)
        .predict_proba(x + level)
        .values
        for level in (0, FAR)
    )
    np.testing.assert_allclose(far, near, atol=1e-4)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_a_forecaster(channels: int, strategy: Any, tmp_path: Path) -> None:
    """Forecasts less the level, also of other series and from the file; and the score."""
    time = np.arange(200)
    series = np.stack([np.sin(0.3 * time), np.cos(0.2 * time)][:channels], 1) * 5
    series = series[:, 0] if channels == 1 else series
    found = []
    for level in (0, FAR):
        model = Forecaster(
            "gru(6)", size=8, horizon=3, strategy=strategy, epochs=10, options=QUIET
        ).fit(series + level)
        model.save(tmp_path / "f.safetensors")
        again = load(tmp_path / "f.safetensors")
        answers = [
            model.predict(3),
            model.predict(series[:50] + level, 3),
            again.predict(3),
            model.continued_linearly(model.ends_, 3)[0].reshape(answer_shape(channels)),
        ]
        found.append([*(answer - level for answer in answers), model.score(series + level)])
    for near, far in zip(*found, strict=True):
        np.testing.assert_allclose(far, near, atol=1e-3)


def answer_shape(channels: int) -> tuple[int, ...]:
    return (3,) if channels == 1 else (3, channels)


def test_a_forecaster_of_a_meter_that_counts_up() -> None:
    """Steps of 0.1 on a level that rises to 1e8: the changes are learnt, not their rounding."""
    draws = np.random.default_rng(0)
    meter = np.cumsum(0.1 + 0.05 * np.sin(0.5 * np.arange(400))) + 1e8 + draws.normal(0, 1e-3, 400)
    model = Forecaster("gru(8)", size=12, epochs=10, options=QUIET).fit(meter)
    persistence = np.sqrt(np.mean(np.diff(meter) ** 2))
    assert model.history_.kept["validation_rmse"] < 0.5 * persistence


def test_static_features_far_from_0() -> None:
    """They are scaled in float64 too."""
    x, y = drawn(0)
    known = np.column_stack([y + 0.1 * x[:, 0, 1], x[:, 1, 1]])
    found = []
    for level in (0, FAR):
        model = SequenceClassifier("gru(4)", epochs=8, options=QUIET)
        model.fit(x[:, :, 1:], y, static=known + level)
        found.append(model.predict_proba(x[:, :, 1:], static=known + level))
        data = Dataset(x, y, static=known + level)
        assert data.static is not None
        np.testing.assert_allclose(data.static - level, known, atol=1e-6)
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_frame_of_features() -> None:
    """One row a sequence, as scikit-learn's users have it."""
    x, y = drawn(0)
    frame = pd.DataFrame(x[:, :, 0])
    near = fitted(frame, y).predict_proba(frame)
    far = fitted(frame + FAR, y).predict_proba(frame + FAR)
    np.testing.assert_allclose(far, near, atol=1e-4)


def test_windows_and_pieces_keep_what_they_are_cut_from() -> None:
    """Nothing is rounded when series are cut."""
    series = FAR + np.arange(20.0) / 4
    cut = windows(series, 4)
    np.testing.assert_array_equal(cut.x[3][:, 0], series[3:7])
    np.testing.assert_array_equal(cut.y, series[4:])
    both = windows(np.column_stack([series, -series]), 4, horizon=2)
    np.testing.assert_array_equal(both.y[0], [series[4], -series[4], series[5], -series[5]])


def test_training_in_pieces_and_mapped(tmp_path: Path) -> None:
    """Truncated backpropagation on values that lie in a file, batch by batch."""
    found = []
    for level in (0, FAR):
        x, y = drawn(level)
        Dataset(x, y).write(tmp_path / f"{level:g}.arrow")
        data = Dataset.open(tmp_path / f"{level:g}.arrow")
        assert data.x.is_mapped
        options = TrainingOptions(progress="none", truncate=4)
        model = SequenceClassifier("gru(6)", epochs=4, options=options).fit(data)
        found.append(model.predict_proba(data))
    np.testing.assert_allclose(*found, atol=1e-4)


# -- what no preparation can save -----------------------------------------------------------------


def near_0(x: Array) -> Array:
    return x


UNREADABLE: dict[str, tuple[Callable[[Array], Array], str]] = {
    "not prepared": (lambda x: x + np.array([0, FAR]), "none"),
    "not prepared, whole numbers": (
        lambda x: (np.round(x * 8) + np.array([0, 2**31 + 2**30])).astype(np.int64),
        "none",
    ),
    "frames that are not prepared": (lambda x: x + np.array([0, FAR]), "frame(2)"),
    "0 for missing values": (
        lambda x: np.where(np.random.default_rng(0).random(x.shape) < 0.05, 0, x + 1.7e9),
        "standardize",
    ),
    "two levels": (
        lambda x: x + np.where(np.arange(90)[:, None, None] % 3, 0, 1e12) * [0, 1],
        "standardize",
    ),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_float32_cannot_tell_apart_is_refused(case: str) -> None:
    """The channel is named, and what to do; standardized, those that only lie far away are fine."""
    change, prepare = UNREADABLE[case]
    x, y = drawn(0)
    data = Dataset(change(x), y, channels=("flow", "pressure"))
    with pytest.raises(DataError, match=r"different values .* float32.*x - x\[0\].*NaN") as error:
        fitted(data, prepare=prepare)
    if "frame" not in prepare and case != "0 for missing values":
        assert "Channel pressure has" in str(error.value)
    if prepare != "standardize":
        fitted(data, prepare=f"{prepare} standardize".removeprefix("none "), epochs=1)


@pytest.mark.parametrize(
    "change",
    [
        near_0,
        lambda x: x * 1e-30,
        lambda x: x * 0 + np.array([0.1, 1e9 + 0.5]),
        lambda x: x + np.array([1013.25, 293.15]),
        lambda x: np.where(np.arange(10)[None, :, None] == 3, 1e6, x),
        np.round,
        lambda x: (np.round(x) * 1e6).astype(np.int64),
        lambda x: 0.1 + x * 1e-17,
    ],
)
def test_what_is_read_rightly_is_no_question(change: Callable[[Array], Array]) -> None:
    """Small values, constants, levels of every day, outliers, counts, and rounding itself."""
    x, y = drawn(0)
    model = fitted(change(x), y, prepare="none", epochs=1)
    assert np.isfinite(model.predict_proba(change(x))).all()


def test_a_data_set_says_so() -> None:
    """`check` names the channels that lie far away, and no others."""
    x, y = drawn(0)
    far = Dataset(x + np.array([0, FAR]), y, channels=("flow", "pressure")).check()
    said = next(one for one in far if one.kind == "coarse")
    assert said.numbers == {"channels": ["pressure"]}
    assert "channel pressure lies so far from 0 that float32" in str(said)
    assert 'keep prepare="standardize", or subtract the offset (x - x[0])' in str(said)
    assert not [one for one in Dataset(x, y).check() if one.kind == "coarse"]
    whole = Dataset((np.round(x * 8) + 2**30).astype(np.int64), y).check()
    assert [one.numbers for one in whole if one.kind == "coarse"] == [{"channels": ["1", "2"]}]
