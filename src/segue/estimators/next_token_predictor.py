"""What whoever foresees the next token can be asked, one language model or several together."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segue.dataset import Dataset
from segue.errors import OptionError
from segue.estimators.next_token import Floats, at_every_step, draw
from segue.estimators.parameters import is_whole
from segue.estimators.stream import Stream
from segue.networks import Network
from segue.prepare import Preparation
from segue.prepare.text import PADDING, UNKNOWN
from segue.randomness import numpy_generator
from segue.sequences import Array, Sequences
from segue.tasks.language import shifted


class NextTokenPredictor(abc.ABC):
    """The questions to a language model.

    Attributes:
        preparation_: fitted; it makes tokens of texts.
    """

    preparation_: Preparation

    @property
    @abc.abstractmethod
    def networks(self) -> tuple[Network, ...]:
        """Which are asked; the mean of their probabilities counts."""

    @property
    @abc.abstractmethod
    def classes_(self) -> Array:
        """`[token]`, the text of each."""

    @abc.abstractmethod
    def check_input(self, X: Any) -> Sequences:  # noqa: N803
        """Take what the user passes as tokens."""

    @abc.abstractmethod
    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""

    @abc.abstractmethod
    def stream(self) -> Stream:
        """Hear a text word by word."""

    def predict_proba(self, X: Any) -> Sequences:  # noqa: N803
        """The probability of each token to come next, at every step: `Sequences` `[time, token]`.

        The first row is about the first token, before anything was heard; the last, after the whole
        text. That is a number for each step and each token of the vocabulary: of long texts take
        `log_probability`.

        Raises:
            NotFittedError: before `fit`.
            DataError: anything but texts.
        """
        return Sequences.from_list(self._ask(X, lambda logits, _: _shares(logits)))

    def predict(self, X: Any) -> list[Array]:  # noqa: N803
        """The most probable token at every step: a `(tokens + 1,)` array of texts for each text.

        The last of each is what would follow the text.
        """
        best = self._ask(X, lambda logits, _: _shares(logits).argmax(dim=-1))
        return [self.classes_[steps] for steps in best]

    def log_probability(self, X: Any) -> list[Floats]:  # noqa: N803
        """How well each token was foreseen: `(tokens + 1,)` logarithms (nats) for each text.

        The last is that of the end. Divided by -log(2) they are bits of surprise.
        """
        return self._ask(X, _log_probability)

    def perplexity(self, X: Any) -> float:  # noqa: N803
        """exp(-mean log-probability), over all tokens and the ends of these texts.

        A model that chooses evenly among k tokens has the perplexity k. Of a `Dataset` with a part
        "test", that part is asked.
        """
        return float(np.exp(-self.score(X)))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """The mean log-probability of a token, in nats: the more the better, 0 at most.

        Of a `Dataset` with a part "test", that part is asked.
        """
        data = self.scored_part(X, y)
        return float(np.concatenate(self.log_probability(data.x)).mean())

    def generate(
        self,
        prompt: str = "",
        length: int = 50,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
    ) -> str:
        """Go on with a text, each token drawn by its probability. "<unknown>" is never drawn.

        Args:
            prompt: how the text begins; "": anyhow.
            length: so many tokens more, or fewer where the text ends by itself.
            temperature: below 1 likely tokens become more likely still; 0: always the most likely.
            top_k: draw among the so many most likely only; `None`: among all.
            seed: the same seed gives the same text, and a longer one begins in the same way.

        Returns:
            The prompt and what follows it.

        Raises:
            NotFittedError: before `fit`.
            OptionError: a length, temperature or top_k that means nothing.
        """
        stream, names = self.stream(), self.classes_
        _check_drawing(length, temperature, top_k)
        heard = [token for token in self.preparation_.tokens(prompt) if token.text]
        for token in heard:
            stream.push(token.number)
        draws = numpy_generator(seed, "generate")
        found: list[str] = []
        for _ in range(length):
            shares = stream.belief
            assert shares is not None
            shares[UNKNOWN] = 0.0
            token_number = draw(shares, float(draws.random()), temperature, top_k)
            if token_number == PADDING:
                break
            found.append(str(names[token_number]))
            stream.push(token_number)
        last = [token.text for token in heard[-1:]]
        vocabulary = self.preparation_.vocabulary
        assert vocabulary is not None
        return prompt + vocabulary[0].join([*last, *found])[len("".join(last)) :]

    def _ask(self, X: Any, function: Any) -> list[Any]:  # noqa: N803
        heard, following = shifted(self.check_input(X))
        return at_every_step(self.networks, heard, function, following)


def _shares(logits: Tensor) -> Tensor:
    return torch.softmax(logits.double(), dim=-1).float()


def _log_probability(logits: Tensor, following: Tensor) -> Tensor:
    chosen = logits.gather(1, following[:, None])[:, 0].double()
    return chosen - torch.logsumexp(logits.double(), dim=-1)


def _check_drawing(length: Any, temperature: Any, top_k: Any) -> None:
    """Raise `OptionError` for all that means nothing, together."""
    problems = []
    if not is_whole(length, least=0):
        problems.append(f"`length` is {length!r}; expected a whole number from 0 on.")
    if isinstance(temperature, bool) or not np.isreal(temperature) or not temperature >= 0:
        problems.append(f"`temperature` is {temperature!r}; expected 0 or more.")
    if top_k is not None and not is_whole(top_k, least=1):
        problems.append(f"`top_k` is {top_k!r}; expected a whole number from 1 on, or None.")
    if problems:
        raise OptionError(" ".join(problems))
