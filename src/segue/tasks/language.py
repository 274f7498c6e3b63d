"""Language models: the next token at every step of a text.

Token 0, which stands for nothing in a text, is its edge: it comes in before the first token, and it
is what follows the last. So a text of n tokens has n + 1 steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, NotCausalError, counted
from segue.metrics import perplexity
from segue.onnx_graph import Steps, concat
from segue.prepare import Preparation
from segue.prepare.text import PADDING, UNKNOWN
from segue.tasks.base import Encoded, ObjectiveName, Task
from segue.tasks.outcome import Baseline, Outcome, Picture, Table, cut_note

Floats = npt.NDArray[np.float64]

_TEXTS_SHOWN, _WORDS_DRAWN = 30, 60


@dataclass(frozen=True, eq=False)
class Language(Task):
    """A probability for each token of the vocabulary to be the next one.

    Attributes:
        size: tokens of a piece at most.
        classes: `[token]`, the text of each.
        counts: `[token]`, how often each is a target in what was trained on.
    """

    size: int
    classes: tuple[str, ...] = ()
    counts: Array = field(default_factory=lambda: np.zeros(0, np.int64))

    name = "language"
    data_tasks = ("none",)
    needs = "texts"
    score_name = "log_probability"
    per_step = True
    targets_inside = True
    takes_numbers = False
    takes_text = True
    options = ("size",)
    shared = ("classes",)
    usage = (
        'model.generate("The", 30)         # 30 words that may follow',
        "model.log_probability(data.x)     # how well each word was predicted",
    )

    def examples(self, data: Dataset, preparation: Preparation) -> Dataset:
        """Pieces of the texts, as tokens, with the token that follows at each step."""
        inputs, following = inputs_and_targets(preparation.tokenized(data.x))
        offsets = cut(inputs.offsets, int(self.size))
        return Dataset(
            Sequences(inputs.values, offsets), Sequences(following.values, offsets), classes=()
        )

    def fitted(self, train: Dataset, preparation: Preparation) -> Self:
        """The fitted task: with the vocabulary, and how often each token is a target."""
        assert preparation.vocabulary is not None  # only texts come as far as this
        step, state = preparation.vocabulary
        names = step.names(state)
        counts = np.bincount(train.y.values[:, 0], minlength=len(names))
        return replace(self, classes=tuple(names.tolist()), counts=counts)

    @property
    def objective(self) -> ObjectiveName:
        """Cross-entropy of a softmax over all tokens, at every step."""
        return ObjectiveName("next-token", len(self.classes))

    def encode(self, data: Dataset) -> Encoded:
        """`[total_steps]`, the token that follows."""
        return Encoded(data.y.values[:, 0].astype(np.int64), per_step=True)

    def inputs_onnx(self, x: Steps) -> Steps:
        """The edge comes before the first token of each text."""
        edge = x.values.graph.constant([[[PADDING]]], np.int64).expand(x.values.size(0), 1, 1)
        return Steps(concat([edge, x.values], 1), x.lengths + 1)

    def decode(self, outputs: Sequences) -> list[Array]:
        """The most probable token at every step: a `(tokens + 1,)` array for each text."""
        names = np.asarray(self.classes)
        return [names[steps.argmax(axis=1)] for steps in outputs]

    def score(self, outputs: list[Floats], data: Dataset, sample_weight: Any = None) -> float:
        """The mean of the log-probabilities of all tokens."""
        self.weights(data, sample_weight)
        return float(np.concatenate(outputs).mean())

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """All tokens count the same."""
        if sample_weight is not None:
            raise DataError(
                "A LanguageModel takes no `sample_weight`: leave out texts, or give them twice."
            )
        return None

    def check_network(self, network: Any) -> None:
        """Refuse a network that would see the token that it is to predict."""
        for layer in network.chain:
            if not layer.causal:
                raise NotCausalError(
                    "A LanguageModel predicts what comes next, and would see it: "
                    f"{layer.not_causal()}"
                )

    def summary_line(self, history: Any, targets: Array, *, validated: bool) -> tuple[str, str]:
        """The perplexity beside that of the tokens' frequencies."""
        reached = history.kept["validation_perplexity" if validated else "perplexity"]
        part = "validation" if validated else "training"
        alone = perplexity(unigram(self.counts)[targets])
        text = f"{reached:.4g} on {part} pieces; by the frequency of tokens alone {alone:.4g}"
        return "perplexity", text

    def to_json(self) -> dict[str, Any]:
        """The tokens, and how often each was a target."""
        return {"classes": list(self.classes), "token_counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, state: Mapping[str, Any], **options: Any) -> Self:
        """The reverse of `to_json`."""
        counts = np.array(state["token_counts"], np.int64)
        return cls(**options, classes=tuple(state["classes"]), counts=counts)

    def outcome(self, estimator: Any, data: Dataset) -> Outcome:
        """The log-probability of every token and end; the baseline has that of its frequency."""
        _, following = inputs_and_targets(estimator.check_input(data))
        tokens, counts = following.values[:, 0], estimator.token_counts_
        known = np.not_equal(tokens, UNKNOWN)  # an end always is
        by_frequency, about = unigram(counts)[tokens], "by the frequency of tokens alone"
        beginning = estimator.preparation_.tokens(data.x[:1].texts()[0])
        return Outcome(
            arrays={
                "log_probability": np.concatenate(estimator.log_probability(data)),
                "by_frequency": by_frequency,
                "tokens": tokens,
                "known": known,
                "unknown": int((~known).sum()),
                "counts": counts[tokens],
                "texts": np.repeat(np.arange(len(data)), following.lengths),
                "beginning": tuple(beginning[:_WORDS_DRAWN]) if beginning[0].text else (),
            },
            baselines=(Baseline("unigram baseline", about, {"log_probability": by_frequency}),),
            size=counted(len(tokens), "token"),
            saved={"tokens": len(tokens), "unknown": int((~known).sum())},
        )

    def details(self, scores: Any, at_most: int | None = None) -> Table:
        """The perplexity of the first thirty texts."""
        ids, rows = scores.dataset.ids, []
        for number in range(min(len(scores.dataset), _TEXTS_SHOWN)):
            own = scores.texts == number
            perplexities = (
                f"{perplexity(logs[own]):.4g}"
                for logs in (scores.log_probability, scores.by_frequency)
            )
            name = str(number if ids is None else ids[number])
            unknown = f"{np.mean(~scores.known[own]):.1%}"
            rows.append((name, f"{own.sum():,}", unknown, *perplexities))
        headings = ("text", "tokens", "unknown", "perplexity", "unigram")
        note = cut_note("first", _TEXTS_SHOWN, len(scores.dataset), "the scores are of all")
        return Table("Perplexity by text", headings, tuple(rows), note)

    def pictures(self, scores: Any) -> tuple[Picture, ...]:
        """Surprise at the first words, and perplexity by how often a word was seen in training."""
        if not scores.beginning:
            return ()
        count = len(scores.beginning)
        caption = f"How surprising the first words were, in bits: {count} of the first text"
        by_count = "Perplexity by how often a word was seen in training"
        return (
            Picture("surprise", scores.plot_surprise()[0], caption, "wide"),
            Picture("counts", scores.plot_by_count(), by_count),
        )


def inputs_and_targets(tokens: Sequences) -> tuple[Sequences, Sequences]:
    """Inputs and targets of next-token prediction: each target is the token after its input.

    A text begins and ends with the padding token.

    >>> inputs, following = inputs_and_targets(Sequences(np.array([5, 6, 7], np.int32), [0, 2, 3]))
    >>> [steps[:, 0].tolist() for steps in inputs], [steps[:, 0].tolist() for steps in following]
    ([[0, 5, 6], [0, 7]], [[5, 6, 0], [7, 0]])
    """
    values, offsets = tokens.values[:, 0], tokens.offsets
    longer = offsets + np.arange(len(offsets))
    inputs = Sequences(np.insert(values, offsets[:-1], PADDING), longer)
    return inputs, Sequences(np.insert(values, offsets[1:], PADDING), longer)


def cut(offsets: Array, size: int) -> npt.NDArray[np.int64]:
    """The offsets of pieces of at most `size` steps, those of one text of about the same length.

    >>> cut(np.array([0, 10, 13]), 4).tolist()
    [0, 3, 6, 10, 13]
    """
    lengths = np.diff(offsets)
    pieces = -(-lengths // size)
    turn = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    text = np.repeat(np.arange(len(lengths)), pieces)  # of each piece
    begins = offsets[text] + turn * lengths[text] // pieces[text]
    return np.append(begins, offsets[-1]).astype(np.int64)


def unigram(counts: Array) -> Floats:
    """`[token]`, the log-probability of each by how often it was seen, one added to each count.

    >>> np.exp(unigram(np.array([3, 0, 5]))).round(3).tolist()
    [0.364, 0.091, 0.545]
    """
    return np.asarray(np.log((counts + 1) / (counts.sum() + len(counts))))
