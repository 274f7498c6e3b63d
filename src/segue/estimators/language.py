"""Which word comes next: a language model."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from torch import Tensor

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import plain_sequences
from segue.estimators.next_token import (
    Floats,
    at_every_step,
    check_drawing,
    draw,
    next_log_probability,
    next_probabilities,
)
from segue.estimators.streaming import ModelStream, Stream
from segue.networks import Network, NetworkLike
from segue.prepare.numeric import scaled_static
from segue.prepare.pipeline import PrepareLike
from segue.prepare.text import PADDING, UNKNOWN
from segue.randomness import numpy_generator
from segue.sequences import Array, Sequences
from segue.tasks import Language, Task
from segue.tasks.language import shifted
from segue.training import TrainingOptions


@dataclass(eq=False, repr=False)
class LanguageModel(BaseSequenceEstimator):
    """Learns which word (or character) comes next, at every step of a text.

    A text of n tokens has n + 1 steps: what is its first token, what follows each of them, and that
    it ends after the last. The vocabulary is that of the training texts; a word that it does not
    have counts as the token "<unknown>", which is to be foreseen like any other. So perplexities
    can be compared only between models of the same vocabulary.

    Args:
        network: a text such as "gru(128)", or a list of layer specs, all of them causal: a network
            that looks ahead would see the answer. It begins with an embedding, `embedding(64)` if
            none is given, and the last dense layer is implied.
        prepare: what a token is: "words", "words(5000)", "characters".
        size: long texts are learnt in pieces of so many tokens at most, the first of which is heard
            without what stands before. `TrainingOptions(truncate=)` cuts those once more, with the
            state carried on. Whatever is asked later hears texts as a whole.
        epochs: how often all pieces are seen, at most; "auto": as often as makes about a thousand
            updates, 10 to 300 times.
        batch_size: pieces in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training texts, by group; none when there are fewer than
            100), a share, a `Dataset`, or `None`. With validation the weights of the best epoch are
            kept, without it the last.
        seed: the same seed gives the same bits.
        device: "auto", "cpu" or "cuda".
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: `[token]`, the text of each: "<end>", "<unknown>", then the vocabulary.
        token_counts_: `[token]`, how often each was to be foreseen in what was learnt from.
        network_, preparation_, history_, stopped_, training_summary_, n_features_in_: as in
            `SequenceClassifier`; the history has the loss in nats for a token, and the perplexity.

    Source of the idea: T. Mikolov et al., "Recurrent neural network based language model",
    Interspeech 2010.

    >>> texts = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> model = LanguageModel("gru(16)", epochs=20, learning_rate=0.02, options=options).fit(texts)
    >>> model.generate("a dog", length=8, temperature=0)
    'a dog ran'
    >>> model.perplexity(["the dog sat"]) < model.perplexity(["sat the dog"])
    True
    """

    _task_type: ClassVar[type[Task]] = Language
    _averaged: ClassVar[tuple[str, ...]] = ()
    _on_outputs: ClassVar[tuple[str, ...]] = (
        *BaseSequenceEstimator._on_outputs, "log_probability", "perplexity", "generate",
        "_outputs", "_at_every_step",
    )  # fmt: skip
    _shared: ClassVar[tuple[str, ...]] = (
        *BaseSequenceEstimator._shared, "preparation_", "token_counts_",
    )  # fmt: skip

    task_: Language = field(init=False)

    network: NetworkLike = "gru(128)"
    _: KW_ONLY
    prepare: PrepareLike = "words"
    size: int = 64
    epochs: Literal["auto"] | int = "auto"
    batch_size: int = 32
    learning_rate: float = 0.004
    validation: Literal["auto"] | float | Dataset | None = "auto"
    seed: int = 0
    device: str = "auto"
    options: TrainingOptions | None = None

    # -- targets --------------------------------------------------------------------------------

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Take texts as a data set without targets: those are in the texts."""
        if y is not None:
            raise DataError("A LanguageModel finds its targets in the texts: leave out `y`.")
        data = X if isinstance(X, Dataset) else Dataset(plain_sequences(X, self.layout))
        if not data.x.is_text:
            raise DataError(
                f"A LanguageModel takes texts, and these sequences are {data.x.kind}. Tokens of "
                "your own can be written as texts: 'C4 E4 G4' with prepare='words'."
            )
        groups = data.groups if groups is None else groups
        return replace(data, y=None, classes=None, groups=groups)

    # -- predict --------------------------------------------------------------------------------

    @property
    def classes_(self) -> Array:
        """`[token]`, the text of each."""
        self._check_fitted()
        return np.asarray(self.task_.classes)

    @property
    def token_counts_(self) -> Array:
        """`[token]`, how often each is a target in what was trained on."""
        assert self.task_.counts is not None  # fitted
        return self.task_.counts

    def stream(self) -> Stream:
        """Take a text word by word: `stream.push(word)` gives the probabilities of what follows.

        `stream.probabilities` has those of the first word before anything is pushed.
        """
        return Stream(self._stream_backend())

    def _stream_backend(self) -> ModelStream:
        return ModelStream(self, begin=PADDING)

    def predict_proba(self, X: Any) -> Sequences:  # noqa: N803
        """The probability of each token to come next, at every step: `Sequences` `[time, token]`.

        The first row is about the first token, before any input; the last, after the whole text.
        That is a number for each step and each token of the vocabulary: of long texts take
        `log_probability`.

        Raises:
            NotFittedError: before `fit`.
            DataError: anything but texts.
        """
        return Sequences.from_list(self._at_every_step(X, next_probabilities))

    def predict(self, X: Any, static: Any = None) -> list[Array]:  # noqa: N803
        """The most probable token at every step: a `(tokens + 1,)` array of texts for each text.

        The last of each is what would follow the text.
        """

        def best(logits: Tensor, following: Tensor) -> Tensor:
            return next_probabilities(logits, following).argmax(dim=-1)

        return [self.classes_[steps] for steps in self._at_every_step(X, best)]

    def log_probability(self, X: Any) -> list[Floats]:  # noqa: N803
        """How well each token was predicted: `(tokens + 1,)` logarithms (nats) for each text.

        The last is that of the end. Divided by -log(2) they are bits of surprise.
        """
        return self._outputs(X)

    def perplexity(self, X: Any) -> float:  # noqa: N803
        """exp(-mean log-probability), over all tokens and the ends of these texts.

        A model that chooses evenly among k tokens has the perplexity k. Of a `Dataset` with a part
        "test", that part is asked.
        """
        return float(np.exp(-self.score(X)))

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
        check_drawing(length, temperature, top_k)
        begun = [token for token in self.preparation_.tokens(prompt) if token.text]
        for token in begun:
            stream.push(token.number)
        draws = numpy_generator(seed, "generate")
        found: list[str] = []
        for _ in range(length):
            probabilities = stream.probabilities
            assert probabilities is not None
            probabilities[UNKNOWN] = 0.0
            token_number = draw(probabilities, float(draws.random()), temperature, top_k)
            if token_number == PADDING:
                break
            found.append(str(names[token_number]))
            stream.push(token_number)
        last = [token.text for token in begun[-1:]]
        vocabulary = self.preparation_.vocabulary
        assert vocabulary is not None
        return prompt + vocabulary[0].join([*last, *found])[len("".join(last)) :]

    def _outputs(self, X: Any, static: Any = None) -> list[Floats]:  # noqa: N803
        scaled_static(None, 0, static)  # refuses them
        return self._at_every_step(X, next_log_probability)

    @property
    def _networks(self) -> tuple[Network, ...]:
        """Those of which the mean probability counts: its own one, or of an ensemble several."""
        return (self.network_,)

    def _at_every_step(self, X: Any, function: Any) -> list[Any]:  # noqa: N803
        inputs, following = shifted(self.check_input(X))
        return at_every_step(self._networks, inputs, function, following)
