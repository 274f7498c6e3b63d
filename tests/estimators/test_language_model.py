"""Which word comes next: what is learnt, asked, drawn and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import segue
from segue import Dataset, LanguageModel, Sequences, TrainingOptions
from segue.errors import DataError, NotCausalError, NotFittedError, OptionError
from segue.estimators import language
from segue.estimators.language import draw
from segue.metrics import perplexity
from segue.tasks.language import cut, inputs_and_targets, unigram
from segue.training import trainers
from segue.training.torch_trainer import TorchTrainer

SILENT = TrainingOptions(progress="none")
TEXTS = ["the cat sat on the mat.", "the dog sat on the cat.", "a dog ran"] * 8


def quick(network: Any = "gru(8)", **more: Any) -> LanguageModel:
    return LanguageModel(network, **{"epochs": 2, "options": SILENT, **more})


@pytest.fixture(scope="module")
def fitted() -> LanguageModel:
    return quick("gru(16)", epochs=40, learning_rate=0.02).fit(TEXTS)


# -- what is learnt -------------------------------------------------------------------------------


def test_the_next_word_is_learnt(fitted: LanguageModel) -> None:
    """After "a dog" comes "ran", and there the text ends; the first word is foreseen too."""
    (found,) = fitted.predict(["a dog ran"])
    assert found.tolist()[2:] == ["ran", "<end>"]
    assert found[0] == "the"  # two texts in three begin so
    assert fitted.generate("a dog", temperature=0) == "a dog ran"
    assert fitted.history_.rows[-1]["perplexity"] < fitted.history_.rows[0]["perplexity"] / 2


def test_the_loss_is_the_mean_over_all_tokens_and_ends(fitted: LanguageModel) -> None:
    """The history's perplexity is exp of its loss; what is asked afterwards agrees with PyTorch."""
    row = fitted.history_.rows[-1]
    assert row["perplexity"] == pytest.approx(np.exp(row["loss"]))
    shares = fitted.predict_proba(TEXTS[:3])
    got = fitted.log_probability(TEXTS[:3])
    for text, rows, logs in zip(TEXTS[:3], shares, got, strict=True):
        numbers = [token.number for token in fitted.preparation_.tokens(text)]
        wanted = torch.nn.functional.nll_loss(
            torch.log(torch.tensor(rows)), torch.tensor([*numbers, 0]), reduction="none"
        )
        np.testing.assert_allclose(logs, -wanted.numpy(), rtol=1e-5, atol=1e-6)
    assert fitted.perplexity(TEXTS[:3]) == pytest.approx(perplexity(np.concatenate(got)))
    assert fitted.score(TEXTS[:3]) == pytest.approx(np.concatenate(got).mean())


def test_unknown_words_count_as_one_token(fitted: LanguageModel) -> None:
    """Any other word in its place is as likely: it is the token that is foreseen.

    To the bit where each text is by itself. As two rows of one batch they may differ in the last
    bits: the edge of a product is added up in another way than its inside.
    """
    texts = ["a zebra ran", "a quagga ran"]
    zebra, quagga = (fitted.log_probability([text])[0] for text in texts)
    np.testing.assert_array_equal(zebra, quagga)
    for row in fitted.log_probability(texts):
        np.testing.assert_allclose(row, zebra, atol=1e-5 * max(1, np.abs(zebra).max()), rtol=0)
    assert fitted.classes_.tolist()[:2] == ["<end>", "<unknown>"]


def test_the_counts_are_of_the_tokens_to_be_foreseen(fitted: LanguageModel) -> None:
    counts = dict(zip(fitted.classes_.tolist(), fitted.token_counts_.tolist(), strict=True))
    assert counts["<end>"] == len(TEXTS)
    assert counts["the"] == 8 * 4
    assert sum(counts.values()) == sum(len(f) for f in fitted.log_probability(TEXTS))
    assert np.exp(unigram(fitted.token_counts_)).sum() == pytest.approx(1)
    said = dict(fitted.training_summary_)["perplexity"]
    assert "on training pieces; by the frequency of tokens alone" in said


def test_what_is_heard_never_holds_the_answer() -> None:
    """The last word has no influence on what is said before it."""
    model = quick("conv(4, 3, causal=true) lstm(4)").fit(TEXTS)
    one, other = model.predict_proba(["the cat sat", "the cat ran"])
    np.testing.assert_allclose(one[:3], other[:3], atol=1e-6)
    assert np.abs(one[3] - other[3]).max() > 1e-5


@pytest.mark.parametrize("network", ["bilstm(4)", "conv(4, 3)", "embedding(4) attention(2)"])
def test_a_network_that_looks_ahead_is_refused(network: str) -> None:
    with pytest.raises(NotCausalError, match=r"what comes next, and would see it: \w+_1 "):
        quick(network).fit(TEXTS)


def test_the_head_of_another_vocabulary_is_not_taken(fitted: LanguageModel) -> None:
    """Though it is as large: its outputs mean other words."""
    same = quick("gru(16)", epochs=1).fit(TEXTS, initial=fitted)
    assert dict(same.training_summary_)["initial weights"] == "embedding_1, gru_1, head taken"
    others = [text.replace("dog", "cow") for text in TEXTS]
    other = quick("gru(16)", epochs=1).fit(others, initial=fitted)
    assert dict(other.training_summary_)["initial weights"].endswith("; head new")


# -- long texts -----------------------------------------------------------------------------------


def test_pieces_hold_every_step_once() -> None:
    """At most so long, of about one length, and none reaches into another text."""
    draws = np.random.default_rng(0)
    lengths = draws.integers(1, 40, 30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    for size in (1, 3, 7, 100):
        found = cut(offsets, size)
        pieces = np.diff(found)
        assert pieces.min() >= 1
        assert pieces.max() <= size
        assert set(offsets) <= set(found)
        owner = np.searchsorted(offsets, found[:-1], side="right")
        for text in np.unique(owner):
            assert np.ptp(pieces[owner == text]) <= 1


def test_pieces_are_learnt_and_texts_are_heard_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked in pieces with the state carried on, a long text gets what it gets in one pass."""
    model = quick(size=4).fit([" ".join(TEXTS), *TEXTS])
    long = [" ".join(TEXTS), TEXTS[0], " ", " ".join(TEXTS[:5])]
    whole = model.log_probability(long)
    monkeypatch.setattr(language, "_STEPS_AT_ONCE", 5)
    monkeypatch.setattr(language, "_TEXTS_AT_ONCE", 2)
    for one, other in zip(whole, model.log_probability(long), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(whole[2]) == 2  # a text without words is one unknown token


def test_size_is_what_a_gradient_sees_at_most() -> None:
    """Pieces of one length are as many updates as they are pieces, by the batch size."""
    job = quick(size=5, batch_size=2)._training_job(TEXTS)
    assert job.train.batches.lengths.max() <= 5
    assert len(job.updates(1)) == -(-len(job.train.batches) // 2)


def test_pieces_cut_once_more_give_the_same_first_loss() -> None:
    """Truncated backpropagation: what goes forward is the same."""
    whole = quick(epochs=1, batch_size=100).fit(TEXTS)
    options = TrainingOptions(progress="none", truncate=2)
    pieces = quick(epochs=1, batch_size=100, options=options).fit(TEXTS)
    assert whole.history_["loss"][0] == pytest.approx(pieces.history_["loss"][0], rel=1e-5)


def test_heard_and_following_are_one_step_apart() -> None:
    heard, following = inputs_and_targets(Sequences(np.array([4, 5, 6], np.int32), [0, 3, 3]))
    assert [s[:, 0].tolist() for s in heard] == [[0, 4, 5, 6], [0]]
    assert [s[:, 0].tolist() for s in following] == [[4, 5, 6, 0], [0]]


@pytest.mark.slow
def test_the_memory_of_a_piece_is_said_and_not_that_of_a_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every token of the vocabulary at each of its steps."""
    monkeypatch.setattr(trainers, "WARNED", 0.0)
    options = TrainingOptions(progress="lines")
    quick(size=6, batch_size=3, epochs=1, options=options).fit([" ".join(TEXTS)])
    said = capsys.readouterr().err
    assert "(batches of 3 sequences of up to 6 steps)" in said
    trainer = TorchTrainer(quick(size=6, batch_size=3)._training_job([" ".join(TEXTS)]))
    assert trainer.training_bytes(3, 6) > 4 * 3 * 6 * trainer.job.objective.outputs


# -- step by step ---------------------------------------------------------------------------------


def test_a_stream_says_what_the_whole_text_says(fitted: LanguageModel) -> None:
    """Word by word, from before the first one on."""
    (wanted,) = fitted.predict_proba(["The dog sat"])
    stream = fitted.stream()
    for _ in range(2):
        assert stream.probabilities is not None
        found = [stream.probabilities, *(stream.push(word) for word in ("The", "dog", "sat"))]
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert stream.steps == 3
        stream.reset()
    assert stream.classes[:2] == ("<end>", "<unknown>")


def test_the_same_seed_draws_the_same_text(fitted: LanguageModel) -> None:
    """A longer one begins in the same way; another seed draws another one."""
    short, long = (fitted.generate("the", length=n, seed=3) for n in (4, 12))
    assert long.startswith(short)
    assert long == fitted.generate("the", length=12, seed=3)
    assert len({fitted.generate("", length=12, seed=s) for s in range(8)}) > 2


def test_drawn_words_are_as_frequent_as_they_are_likely() -> None:
    """10,000 draws of four tokens, by chi-square (the 0.999 quantile of 3 is 16.3)."""
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    uniform = np.random.default_rng(0).random(10_000)
    counts = np.bincount([draw(shares, u) for u in uniform], minlength=4)
    expected = 10_000 * shares
    assert ((counts - expected) ** 2 / expected).sum() < 16.3
    cold = np.bincount([draw(shares, u, temperature=0.5) for u in uniform], minlength=4)
    np.testing.assert_allclose(cold / 10_000, shares**2 / (shares**2).sum(), atol=0.02)
    best = np.bincount([draw(shares, u, top_k=2) for u in uniform], minlength=4)
    np.testing.assert_allclose(best / 10_000, [0, 0, 3 / 7, 4 / 7], atol=0.02)


def test_unknown_words_are_never_drawn() -> None:
    """Though they are a third of all that was learnt from."""
    texts = [f"x{n} and y{n} or z{n}" for n in range(20)]
    model = quick(epochs=5).fit(texts)
    assert model.token_counts_[1] > 0.3 * model.token_counts_.sum()
    words = " ".join(model.generate("", length=20, seed=s) for s in range(20)).split()
    assert set(words) <= {"and", "or"}


@pytest.mark.parametrize("prompt", ["", "The", "The dog, ", "zebra"])
def test_a_text_goes_on_from_its_prompt(fitted: LanguageModel, prompt: str) -> None:
    assert fitted.generate(prompt, length=0) == prompt
    found = fitted.generate(prompt, length=6)
    assert found.startswith(prompt.rstrip())


def test_characters_are_joined_as_they_are() -> None:
    model = quick("gru(16)", prepare="characters(min_count=1)", epochs=30, learning_rate=0.02)
    model.fit(["abab"] * 30)
    assert model.generate("a", temperature=0) == "abab"


# -- files and mistakes ---------------------------------------------------------------------------


def test_a_file_keeps_everything(fitted: LanguageModel, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m.safetensors")
    loaded = segue.load(tmp_path / "m.safetensors")
    assert loaded.generate("the", seed=5) == fitted.generate("the", seed=5)
    np.testing.assert_array_equal(loaded.token_counts_, fitted.token_counts_)
    assert loaded.size == fitted.size


def test_the_classes_of_a_data_set_play_no_role() -> None:
    """Who wrote the texts is not asked."""
    data = Dataset(Sequences.from_texts(TEXTS), ["cat", "dog", "dog"] * 8)
    one, other = quick().fit(data), quick().fit(TEXTS)
    assert one.perplexity(data) == other.perplexity(TEXTS)


@pytest.mark.parametrize(
    ("x", "more", "said"),
    [
        (TEXTS, {"y": ["a"] * len(TEXTS)}, "finds its targets in the texts: leave out `y`"),
        ([[1.0, 2.0], [3.0]], {}, "takes texts, and these sequences are numbers"),
        (TEXTS, {"sample_weight": np.ones(len(TEXTS))}, "takes no `sample_weight`"),
        ("the cat", {}, "`X` is str"),
    ],
)
def test_what_cannot_be_learnt_is_refused(x: Any, more: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        quick().fit(x, **more)


def test_all_that_means_nothing_is_said_at_once(fitted: LanguageModel) -> None:
    with pytest.raises(OptionError, match=r"`length` is -1.*`temperature` is -2.*`top_k` is 0"):
        fitted.generate("", -1, temperature=-2, top_k=0)
    with pytest.raises(OptionError, match="`size` is 0"):
        quick(size=0).fit(TEXTS)
    with pytest.raises(OptionError, match="`monitor` is 'accuracy', and this task has none"):
        quick(options=TrainingOptions(monitor="accuracy")).fit(TEXTS)
    with pytest.raises(NotFittedError):
        quick().generate("the")
    with pytest.raises(NotFittedError):
        quick().classes_  # noqa: B018
