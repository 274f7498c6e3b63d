"""Language models: perplexity, beside that of the frequencies of tokens alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from segue.evaluation import text
from segue.evaluation.background import Background
from segue.evaluation.metrics import Floats
from segue.evaluation.scores import ScoreRow, Scores, Table, number
from segue.prepare.text import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.dataset import Dataset
    from segue.estimators import LanguageModel
    from segue.plots import AxesArray
    from segue.prepare.text import Token

TEXTS_SHOWN = 30
_BITS = 1 / np.log(2)  # in a nat
_WORDS_DRAWN = 60


@dataclass(frozen=True, eq=False, repr=False)
class LanguageScores(Scores):
    """How well a language model foresees texts.

    Attributes:
        log_probability: `[token]`, of each token of all texts and of their ends, in nats.
        by_frequency: `[token]`, the same by how often each was seen in training, and nothing else.
        tokens: `[token]`, its number; 0 is an end, 1 unknown.
        counts: `[token]`, how often it was to be foreseen in training.
        texts: `[token]`, the number of the text that it belongs to.
        beginning: the first words of the first text, to be drawn.
    """

    log_probability: Floats
    by_frequency: Floats
    tokens: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]
    texts: npt.NDArray[np.int64]
    beginning: tuple[Token, ...]

    task: ClassVar[str] = "language"
    calls: ClassVar[tuple[str, ...]] = (
        'model.generate("The", 30)         # 30 words that may follow',
        "model.log_probability(data.x)     # how well each word was foreseen",
    )

    @cached_property
    def perplexity(self) -> float:
        """exp(-mean log-probability) over all tokens and ends; the token "<unknown>" is one."""
        return _perplexity(self.log_probability)

    @cached_property
    def known_perplexity(self) -> float:
        """The same over tokens that the vocabulary has."""
        return _perplexity(self.log_probability[self.known])

    @cached_property
    def baseline(self) -> float:
        """The perplexity by how often each token was seen in training (unigram)."""
        return _perplexity(self.by_frequency)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """`[token]`, whether the vocabulary has it (an end is always known)."""
        return np.not_equal(self.tokens, UNKNOWN)

    @property
    def unknown(self) -> int:
        """How many tokens the vocabulary does not have."""
        return int((~self.known).sum())

    def heading(self) -> str:
        return f"{super().heading()}, {text.counted(len(self.known), 'token')}"

    def metrics(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "part": self.part,
            "sequences": len(self.dataset),
            "trained_on": self.trained_on.metrics(),
            "tokens": len(self.known),
            "unknown": self.unknown,
            "perplexity": self.perplexity,
            "known_perplexity": self.known_perplexity,
            "bits": float(-self.log_probability.mean() * _BITS),
            "baseline": {"perplexity": self.baseline},
        }

    def score_rows(self) -> list[ScoreRow]:
        found, share = self.metrics(), self.unknown / len(self.tokens)
        return [
            ("perplexity", number(self.perplexity), "of all tokens, ends and unknown ones too"),
            ("unigram baseline", number(self.baseline), "by the frequency of tokens alone"),
            ("perplexity of known", number(self.known_perplexity), "tokens of the vocabulary"),
            ("bits for a token", number(found["bits"]), "the mean surprise"),
            ("unknown", f"{share:.2%}", f"{self.unknown:,} tokens, each foreseen as <unknown>"),
        ]

    def comparison(self) -> str:
        if self.perplexity < self.baseline:
            times = number(self.baseline / self.perplexity)
            return f"The perplexity is {times} times lower than by the frequency of tokens alone."
        return "The model foresees no better than the frequency of tokens does."

    def details(self) -> Table:
        names = range(len(self.dataset)) if self.dataset.ids is None else self.dataset.ids.tolist()
        rows = []
        for place, name in list(enumerate(names))[:TEXTS_SHOWN]:
            own = self.texts == place
            scores = (_perplexity(self.log_probability[own]), _perplexity(self.by_frequency[own]))
            unknown = f"{np.mean(~self.known[own]):.1%}"
            rows.append((str(name), f"{own.sum():,}", unknown, *map(number, scores)))
        headings = ("text", "tokens", "unknown", "perplexity", "unigram")
        return Table("Perplexity by text", headings, tuple(rows))

    def plot_surprise(
        self, beside: Mapping[str, Floats] | None = None, axes: AxesArray | None = None
    ) -> AxesArray:
        """Draw how surprising the first words of the first text were.

        Args:
            beside: `[token]` log-probabilities by other models; by frequency alone if left out.
            axes: where to draw, as in `segue.plots.plot_surprise`.
        """
        from segue import plots

        count = len(self.beginning)
        bits = {n: -logs[:count] * _BITS for n, logs in self._models(beside).items()}
        known = [token.is_known for token in self.beginning]
        return plots.plot_surprise([t.text for t in self.beginning], bits, known=known, axes=axes)

    def plot_by_count(
        self, beside: Mapping[str, Floats] | None = None, axes: Axes | None = None
    ) -> Axes:
        """Draw the perplexity of rare and of frequent words, that of the first model beside is 1.

        The arguments are as in `plot_surprise`.
        """
        from segue import plots

        words = self.tokens > UNKNOWN
        logs = {name: values[words] for name, values in self._models(beside).items()}
        _, reference, *_ = (*logs, None)
        return plots.plot_perplexity(self.counts[words], logs, reference=reference, axes=axes)

    def _models(self, beside: Mapping[str, Floats] | None) -> dict[str, Floats]:
        others = {"by frequency": self.by_frequency} if beside is None else beside
        return {"model": self.log_probability, **others}

    def pictures(self) -> list[tuple[Any, str]]:
        if not self.beginning:
            return []
        return [
            (self.plot_surprise()[0], "How surprising the first words were, in bits"),
            (self.plot_by_count(), "Perplexity by how often a word was seen in training"),
        ]


def score_language(estimator: LanguageModel, data: Dataset, part: str) -> LanguageScores:
    """Ask a fitted language model how well it foresees texts."""
    from segue.tasks.language import shifted, unigram

    _, following = shifted(estimator.check_input(data))
    tokens = following.values[:, 0]
    beginning = estimator.preparation_.tokens(data.x[:1].texts()[0])
    return LanguageScores(
        data,
        part,
        Background.of(estimator),
        log_probability=np.concatenate(estimator.log_probability(data)),
        by_frequency=unigram(estimator.token_counts_)[tokens],
        tokens=tokens,
        counts=estimator.token_counts_[tokens],
        texts=np.repeat(np.arange(len(data)), following.lengths),
        beginning=tuple(beginning[:_WORDS_DRAWN]) if beginning[0].text else (),
    )


def _perplexity(log_probability: Floats) -> float:
    return float(np.exp(-np.mean(log_probability))) if len(log_probability) else float("nan")
