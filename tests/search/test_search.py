"""The search tries candidates in their order, in the time that it has, and joins what it found."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from segue.deadline import check_time
from segue.errors import DataError, TrainingError
from segue.search.candidates import CANDIDATES, Candidate, DataSize, in_order
from segue.search.combining import combine, combine_by_groups, join_held_out, loss_and_slope
from segue.search.search import Found, search
from segue.search.sizing import part_within, within
from segue.training.closed_form import MOST


def candidate(name: str) -> Candidate:
    return Candidate(name, name, lambda _: 1.0, 0.0)


def run(fit: Any, *, seconds: float = 60.0, expected: Any = lambda _: 0.01) -> Found:
    names = [candidate(name) for name in "abc"]
    return search(names, fit, expected, until=time.perf_counter() + seconds, tell=lambda _: None)


def named(one: Candidate, _: float = 0.0) -> tuple[str, np.ndarray]:
    return one.name, np.zeros((2, 1))


def test_all_are_fitted_in_their_order() -> None:
    found = run(named)
    assert [member.result for member in found.members] == ["a", "b", "c"]
    assert (found.stopped, found.left_out) == ("finished", ())


def test_what_would_take_longer_than_there_is_time_is_left_out() -> None:
    """But for the first, so that there is a model; a shorter one behind it is tried."""
    found = run(named, seconds=5, expected=lambda one: {"a": 90, "b": 9000, "c": 0.01}[one.name])
    assert [member.result for member in found.members] == ["a", "c"]
    assert (found.stopped, found.left_out) == ("time", (("b", "no time"),))


@pytest.mark.slow
def test_a_slow_machine_is_noticed() -> None:
    def slow(one: Candidate, _: float) -> tuple[str, np.ndarray]:
        time.sleep(0.6 if one.name == "a" else 0.0)
        return named(one)

    found = run(slow, seconds=3.5, expected=lambda one: 0.0 if one.name == "a" else 2.0)
    assert [member.result for member in found.members] == ["a"]


def test_what_is_not_done_in_time_is_left() -> None:
    """Whether it looks at the clock or not; but for the first, for there is to be a model."""
    ended: list[str] = []

    def late(one: Candidate, until: float) -> tuple[str, np.ndarray]:
        assert (until == math.inf) == (one.name == "a")
        if one.name == "a":
            time.sleep(0.3)
        elif one.name == "b":
            try:
                while True:
                    check_time()
            finally:
                ended.append("b")
        return named(one)

    began = time.perf_counter()
    found = run(late, seconds=0.2)
    assert [member.result for member in found.members] == ["a"]
    assert time.perf_counter() - began < 0.6
    found = run(late, seconds=0.8)
    assert [member.result for member in found.members] == ["a"]
    assert (found.stopped, found.left_out) == ("time", (("b", "no time"), ("c", "no time")))
    assert time.perf_counter() - began < 2
    time.sleep(0.1)
    assert ended == ["b"]


def test_a_ctrl_c_keeps_what_there_is() -> None:
    def interrupted(one: Candidate, _: float) -> Any:
        if one.name == "b":
            raise KeyboardInterrupt
        return named(one)

    found = run(interrupted)
    assert [member.result for member in found.members] == ["a"]
    assert found.stopped == "interrupted"

    def at_once(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(at_once)


def test_a_candidate_that_fails_is_left_out() -> None:
    def some(one: Candidate, _: float) -> Any:
        if one.name != "b":
            raise TrainingError(f"{one.name} is too large.")
        return named(one)

    found = run(some)
    assert found.left_out == (("a", "a is too large."), ("c", "c is too large."))

    def none(one: Candidate, _: float) -> Any:
        raise DataError(f"{one.name} is wrong.")

    with pytest.raises(DataError, match="a is wrong"):
        run(none)


def test_networks_that_are_trained_share_what_the_others_leave() -> None:
    several = [candidate("a"), *(replace(candidate(n), trained=True) for n in "bc"), candidate("d")]
    ends: dict[str, float] = {}

    def fit(one: Candidate, until: float) -> Any:
        ends[one.name] = min(90.0, until - time.perf_counter())
        return named(one)

    def run(**needs: float) -> dict[str, float]:
        until = time.perf_counter() + 60
        search(several, fit, lambda one: needs.get(one.name, 0.0), until=until, tell=lambda _: None)
        return {name: round(seconds) for name, seconds in ends.items()}

    assert run(d=10) == {"a": 90, "b": 24, "c": 48, "d": 60}
    assert run(d=10, c=30)["b"] == 48  # there is no time for both
    assert run(d=40)["b"] == 30  # nor for the last one


def test_what_is_there_soonest_comes_first() -> None:
    for count in (50, 5000):
        order = in_order(DataSize(count, 100, 1))
        assert {one.name for one in CANDIDATES} <= {one.name for one in order}
        assert any(one.trained for one in order) == (count > 300)
        assert order[0].name == "rocket"


LARGE = [
    (9000, 96, 1), (60_000, 28, 28), (20_000, 500, 1, None, 5), (3000, 5000, 1), (40, 200_000, 1),
    (5000, 50, 1, None, 500), (500, 200, 300), (10_000, 10_000, 1), (1_000_000, 20, 1),
]  # fmt: skip


def test_of_many_texts_some_are_counted_first() -> None:
    """And then as many as there is time for; the first are there in seconds, whatever comes."""

    def names(sequences: int, steps: float, seconds: float) -> list[str]:
        size = DataSize(sequences, steps, 1, outputs=4)
        found = within(in_order(size, "texts"), size, seconds)
        assert found[0].seconds(size) < 3.1
        assert found[0].soon == (len(found) > 2)
        return [one.name for one in found]

    assert names(1000, 100, 120) == ["naive Bayes", "n-grams"]
    assert names(10_000, 100, 120) == ["naive Bayes, 1/2 of the texts", "naive Bayes", "n-grams"]
    some, more, _ = names(50_000, 1_000, 60)
    assert (some, more) == ("naive Bayes, 1/128 of the texts", "naive Bayes, 1/8 of the texts")
    assert len(names(1_000_000, 1_000, 60)) == 3


@pytest.mark.parametrize("shape", LARGE)
def test_of_large_data_the_first_has_fewer_features(shape: Any) -> None:
    """Many sequences, long ones, many channels, many classes: it is there in seconds."""
    size = DataSize(*shape)
    first, *others = within(CANDIDATES, size, 60)
    assert first.seconds(size) < (3.1 if math.prod(shape[:3]) < 2e7 else 9)
    assert first.seconds(size) < CANDIDATES[0].seconds(size)
    names = [one.name for one in (first, *others)]
    assert len(set(names)) == len(names) >= 4


def test_of_many_sequences_there_are_as_many_features_as_can_be_solved_for() -> None:
    size = DataSize(20_000, 24, 1)
    part = part_within(CANDIDATES[1], size, 600)
    assert 1000 < part.width(size) <= MOST < CANDIDATES[1].width(size)


def test_large_groups_take_their_time() -> None:
    """A system of equations for each of them, of as many unknowns as the group has sequences."""
    alone, by_halves = DataSize(5000, 100, 1), DataSize(5000, 100, 1, together=2500)
    rocket, _, trees, _ = CANDIDATES
    assert rocket.seconds(by_halves) > 2 * rocket.seconds(alone)
    assert trees.seconds(by_halves) == trees.seconds(alone)


def test_of_small_data_the_candidates_are_whole() -> None:
    assert within(CANDIDATES, DataSize(300, 300, 1), 60) == list(CANDIDATES)


# -- joining --------------------------------------------------------------------------------------


def noisy(count: int, noise: float, seed: int, form: str = "softmax") -> Any:
    """Logits of a member that sees the classes through noise, and the classes."""
    y = np.arange(count) % 3
    wanted = np.eye(3)[y]
    draws = np.random.default_rng(seed).normal(size=(count, 3))
    return 4 * wanted + 4 * noise * draws, wanted


@pytest.mark.parametrize("form", ["softmax", "multilabel", "squared"])
def test_slopes_are_those_of_the_loss(form: str) -> None:
    logits, wanted = noisy(5, 0.5, 0)
    loss, slope = loss_and_slope(logits, wanted, form)
    step = np.random.default_rng(1).normal(size=logits.shape)
    near = [loss_and_slope(logits + s * step, wanted, form)[0] for s in (1e-6, -1e-6)]
    assert (near[0] - near[1]) / 2e-6 == pytest.approx(float((slope * step).mean(1).sum() * 3 / 5))
    assert loss == pytest.approx(np.mean(near), rel=1e-6)


def loss_of(logits: Any, wanted: Any) -> float:
    return loss_and_slope(logits, wanted, "softmax")[0]


def test_the_joint_is_better_than_each_member() -> None:
    logits = [noisy(600, 0.7, 0)[0], noisy(600, 0.9, 1)[0], noisy(600, 3.0, 2)[0]]
    wanted = noisy(600, 0, 0)[1]
    found = combine(logits, wanted, "softmax")
    alone = [loss_of(combine([one], wanted, "softmax").join([one]), wanted) for one in logits]
    assert loss_of(found.join(logits), wanted) < min(alone)
    assert found.weights[0] > found.weights[1] > found.weights[2] >= 0


def test_a_class_that_is_told_too_often_is_told_less() -> None:
    logits, wanted = noisy(900, 1.0, 0)
    plain = combine([logits], wanted, "softmax")
    more = logits + np.array([3, 0, 0])
    found = combine([more], wanted, "softmax")
    assert found.offset[0] < found.offset[1:].min() - 0.5
    losses = [loss_of(plain.join([logits]), wanted), loss_of(found.join([more]), wanted)]
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    few = combine([more[:9]], wanted[:9], "softmax").offset
    assert abs(few).max() < abs(found.offset).max()


def test_the_outputs_of_a_class_that_is_told_too_surely_are_tempered() -> None:
    logits, wanted = noisy(900, 0.4, 0)
    surer = logits * [5, 1, 1]
    scale = combine([surer], wanted, "softmax").scale
    assert scale[0] < 0.7 * scale[1:].min()


def test_a_sequence_of_twice_the_weight_counts_like_two() -> None:
    logits, wanted = noisy(90, 1.0, 0)
    twice = wanted[:, 0] == 1
    weights = np.where(twice, 2.0, 1.0)
    found = combine([logits], wanted, "softmax", weights / weights.mean())
    again = np.repeat(np.arange(90), np.where(twice, 2, 1))
    other = combine([logits[again]], wanted[again], "softmax")
    assert found.join([logits]) == pytest.approx(other.join([logits]), abs=0.1)
    assert found.offset[0] > combine([logits], wanted, "softmax").offset[0] + 0.2


@pytest.mark.parametrize("classes", [3, 40])
def test_what_is_held_out_is_joined_by_what_has_not_seen_it(classes: int) -> None:
    """Members that know nothing are told as such, with however many classes."""
    rng = np.random.default_rng(0)
    wanted = np.eye(classes)[rng.integers(0, classes, 80)]
    logits = [rng.normal(size=wanted.shape) for _ in range(3)]
    parts = np.arange(80) % 5
    found = combine(logits, wanted, "softmax")
    said = join_held_out(logits, wanted, "softmax", parts=parts, found=found)
    assert loss_of(said, wanted) > loss_of(found.join(logits), wanted)
    assert loss_of(said, wanted) > 0.98 * np.log(classes)
    other = wanted.copy()
    other[parts == 2] = np.eye(classes)[0]  # what is right there does not matter there
    again = join_held_out(logits, other, "softmax", parts=parts, found=found)
    assert np.array_equal(again[parts == 2], said[parts == 2])
    assert not np.array_equal(again[parts == 1], said[parts == 1])


def test_a_single_part_is_joined_as_all_are() -> None:
    logits, wanted = noisy(30, 1.0, 0)
    found = combine([logits], wanted, "softmax")
    said = join_held_out([logits], wanted, "softmax", parts=np.zeros(30), found=found)
    assert np.array_equal(said, found.join([logits]))


def test_a_few_sequences_tell_little_of_weights() -> None:
    """Weights are near each other where there are few sequences."""

    def apart(count: int) -> float:
        logits = [noisy(count, 0.5, 0)[0], noisy(count, 1.5, 1)[0]]
        first, second = combine(logits, noisy(count, 0, 0)[1], "softmax").weights
        return float((first - second) / (first + second))

    assert 0 <= apart(6) < 0.7 * apart(900)


def test_members_that_are_too_sure_are_tempered() -> None:
    """The sum of the weights is the inverse of a temperature."""
    logits, wanted = noisy(900, 1.0, 0)
    usual, surer = (combine([scale * logits], wanted, "softmax") for scale in (1, 10))
    assert usual.weights[0] == pytest.approx(10 * surer.weights[0], rel=0.01)
    losses = [loss_of(usual.join([logits]), wanted), loss_of(surer.join([10 * logits]), wanted)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_numbers_are_joined_by_their_squared_error() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(400, 1))
    good, bad = y + 0.3 * rng.normal(size=y.shape), y + rng.normal(size=y.shape)
    found = combine([good, bad], y, "squared")
    assert found.weights[0] > 3 * found.weights[1] > 0
    assert np.mean((found.join([good, bad]) - y) ** 2) < np.mean((good - y) ** 2)
    assert (found.scale.tolist(), found.offset.tolist()) == ([1], [0])


@pytest.mark.parametrize("is_whose", [True, False])
def test_of_groups_a_scale_and_an_offset_have_to_help_other_groups(is_whose: bool) -> None:
    """They do not where groups differ in it, or in their classes; they do where all have it."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 50)
    classes = groups % 2 if is_whose else rng.integers(2, size=1000)
    wanted = np.eye(2)[classes]
    logits = wanted + rng.normal(size=(1000, 2)) + [0.0 if is_whose else 3.0, 0.0]
    if is_whose:
        logits[:, 0] += rng.normal(size=20)[groups]
    parts = groups % 5
    found, joined = combine_by_groups([logits], wanted, "softmax", parts=parts)
    assert bool(abs(found.offset[0] - found.offset[1]) > 1) != is_whose
    whole = combine([logits], wanted, "softmax", by_weights=is_whose)
    assert loss_of(joined, wanted) == pytest.approx(loss_of(whole.join([logits]), wanted), rel=0.1)


def test_a_class_of_which_nothing_is_held_out_is_answered_all_the_same() -> None:
    """Such as of a few groups: offsets would make the others of it."""
    rng = np.random.default_rng(0)
    wanted = np.eye(3)[np.repeat([0, 1], 200)]
    logits = wanted + rng.normal(size=(400, 3))
    alone = combine([logits], wanted, "softmax")
    assert alone.scale.tolist() == [1.0] * 3
    assert alone.offset.tolist() == [0.0] * 3
    groups, _ = combine_by_groups([logits], wanted, "softmax", parts=np.arange(400) % 5)
    assert groups.offset.tolist() == [0.0] * 3
