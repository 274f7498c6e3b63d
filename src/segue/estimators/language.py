"""`LanguageModel`: the next word or character of a text.

Token 0, which stands for nothing in a text, is its edge: it comes in before the first token, and it
is what follows the last. So a text of n tokens has n + 1 steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array, Sequences
from segue.errors import DataError, OptionError, checked_arguments, is_whole
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import PerSequence, SequencesLike
from segue.estimators.streaming import ModelStream, Stream
from segue.kernels.ragged import Ragged, offsets_of
from segue.networks import Network, NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.prepare.steps import scaled_static
from segue.prepare.text import PADDING, UNKNOWN
from segue.randomness import numpy_generator
from segue.readers.objects import plain_sequences
from segue.tasks import Language, Task
from segue.tasks.language import inputs_and_targets
from segue.training import TrainingOptions
from segue.training.inference import probabilities

# Steps of a text that go through the network at once, and numbers that its head gives at once.
_STEPS_AT_ONCE, _OUTPUTS_AT_ONCE = 256, 20_000_000
_TEXTS_AT_ONCE = 256

Floats = npt.NDArray[np.float64]


@checked_arguments(options=TrainingOptions)
@dataclass(eq=False, repr=False)
class LanguageModel(BaseSequenceEstimator):
    """Learns which word (or character) comes next, at every step of a text.

    A text of n tokens has n + 1 steps: what is its first token, what follows each of them, and that
    it ends after the last. The vocabulary is that of the training texts; a word that it does not
    have counts as the token "<unknown>", which is predicted like any other. So perplexities
    can be compared only between models of the same vocabulary.

    Args:
        network: a text such as "gru(128)", or a list of layer specs, all of them causal: a network
            that looks ahead would see the answer. It begins with an embedding, `embedding(64)` if
            none is given, and the last dense layer is implied.
        prepare: what a token is: "words", "words(5000)", "characters".
        size: long texts are trained on in pieces of so many tokens at most, the first token of
            which has no context. `TrainingOptions(truncate=)` cuts those once more, with the state
            carried on. Predictions are of whole texts.
        epochs: how often all pieces are seen, at most; "auto": as often as makes about a thousand
            updates, 10 to 300 times.
        batch_size: pieces in one update.
        learning_rate: the highest that occurs in the schedule.
        validation: "auto" (10 % of the training texts, by group; none when there are fewer than
            100), a share, a `Dataset`, or `None`. With validation the weights of the best epoch are
            kept, without it the last.
        seed: the same seed gives the same bits.
        device: "auto", "cpu", "cuda" or "mps".
        options: `TrainingOptions`, the rest.

    Attributes:
        classes_: `[token]`, the text of each: "<end>", "<unknown>", then the vocabulary.
        token_counts_: `[token]`, how often each was a target in the training.
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

    def predict_proba(self, X: SequencesLike) -> Sequences:  # noqa: N803
        """The probability of each token to come next, at every step: `Sequences` `[time, token]`.

        The first row is about the first token, before any input; the last, after the whole text.
        That is a number for each step and each token of the vocabulary: of long texts take
        `log_probability`.

        Raises:
            NotFittedError: before `fit`.
            DataError: anything but texts.
        """
        return Sequences.from_list(self._at_every_step(X, next_probabilities))

    def predict(self, X: SequencesLike, static: PerSequence = None) -> list[Array]:  # noqa: N803
        """The most probable token at every step: a `(tokens + 1,)` array of texts for each text.

        The last of each is what would follow the text.
        """

        def best(logits: Array, following: Array) -> Array:
            return np.asarray(next_probabilities(logits, following).argmax(axis=-1))

        return [self.classes_[steps] for steps in self._at_every_step(X, best)]

    def log_probability(self, X: SequencesLike) -> list[Floats]:  # noqa: N803
        """How well each token was predicted: `(tokens + 1,)` logarithms (nats) for each text.

        The last is that of the end. Divided by -log(2) they are bits of surprise.
        """
        return self._outputs(X)

    def perplexity(self, X: SequencesLike) -> float:  # noqa: N803
        """exp(-mean log-probability), over all tokens and the ends of these texts.

        A model that chooses evenly among k tokens has the perplexity k. Of a `Dataset` with a part
        "test", that part.
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
        inputs, following = inputs_and_targets(self.check_input(X))
        return at_every_step(self._networks, inputs, function, following)


# -- the next token --------------------------------------------------------------------------


def at_every_step(
    networks: Sequence[Network],
    inputs: Sequences,
    function: Callable[[Array, Array], Array],
    following: Sequences,
) -> list[Array]:
    """Apply a function to the logits of every step and return what it gives for each text.

    Texts go through the network in pieces with the state carried on, so memory grows neither with
    their length nor with the number of different tokens, but with what the function gives.

    Args:
        networks: causal, of the same tokens; the mean of their probabilities counts.
        inputs: `[time, 1]` tokens of each text.
        function: gets logits `[step, token]` and the tokens that follow, `[step]`.
        following: `[time, 1]`, the token that follows at each step.
    """
    at_once = _OUTPUTS_AT_ONCE // (len(networks) * networks[0].outputs)
    steps = max(1, min(_STEPS_AT_ONCE, at_once))
    texts = max(1, min(_TEXTS_AT_ONCE, at_once // steps))
    rows: list[Array] = [np.empty(0)] * len(inputs)
    order = np.argsort(-inputs.lengths, kind="stable")
    for first in range(0, len(order), texts):
        chosen = order[first : first + texts]
        x, wanted = inputs[chosen], following[chosen].values[:, 0]
        parts: list[list[Array]] = [[] for _ in chosen]
        for steps_seen, logits in _pieces_of_all(networks, x, steps):
            found = function(logits.values, wanted[steps_seen])
            for own, part in zip(parts, np.split(found, logits.offsets[1:-1]), strict=True):
                own.append(part)
        for number, own in zip(chosen, parts, strict=True):
            rows[number] = np.concatenate(own)
    return rows


def _pieces(network: Network, x: Sequences, steps: int) -> Iterator[tuple[Array, Ragged]]:
    """So many steps of all texts after the other: which they are, and their logits."""
    state, values = network.initial_state(len(x)), x.values.astype(np.int32)
    starts, lengths = x.offsets[:-1], x.lengths
    for first in range(0, int(lengths.max()), steps):
        taken = offsets_of(np.clip(lengths - first, 0, steps))  # none of those that have ended
        seen = np.arange(taken[-1]) + np.repeat(starts + first - taken[:-1], np.diff(taken))
        logits, state = network.forward_from(Ragged(values[seen], taken), state)
        yield seen, logits


def _pieces_of_all(
    networks: Sequence[Network], x: Sequences, steps: int
) -> Iterator[tuple[Array, Ragged]]:
    """The pieces of one network; of several, with logits of the mean of their probabilities."""
    together = zip(*(_pieces(network, x, steps) for network in networks), strict=True)
    for (seen, logits), *others in together:
        values = mean_logits([logits.values, *(other.values for _, other in others)])
        yield seen, logits._replace(values=values)


def mean_logits(logits: Sequence[Array]) -> Array:
    """Logits whose softmax is the mean of the softmax of each; those of one stay as they are.

    >>> one, other = np.log([0.9, 0.1]), np.log([0.5, 0.5])
    >>> probabilities(mean_logits([one, other]), "softmax").round(3).tolist()
    [0.7, 0.3]
    """
    if len(logits) == 1:
        return logits[0]
    each = np.stack([one - _log_sum(one) for one in np.asarray(logits, np.float64)])
    largest = each.max(axis=0)
    return np.asarray(largest + np.log(np.exp(each - largest).sum(axis=0)) - math.log(len(logits)))


def _log_sum(logits: Floats) -> Floats:
    """The logarithm of the sum of the exponentials of each row, `[row, 1]`."""
    largest = logits.max(axis=-1, keepdims=True)
    return np.asarray(largest + np.log(np.exp(logits - largest).sum(axis=-1, keepdims=True)))


# -- drawing ------------------------------------------------------------------------------------


def draw(
    probabilities: Floats, uniform: float, temperature: float = 1.0, top_k: int | None = None
) -> int:
    """One token by its probability.

    Args:
        probabilities: `[token]`.
        uniform: a draw between 0 and 1.
        temperature: below 1 likely tokens become more likely still; 0: the most likely one.
        top_k: only of the so many most likely; `None`: of all.

    >>> p = np.array([0.1, 0.6, 0.3])
    >>> draw(p, 0.05), draw(p, 0.95), draw(p, 0.95, 0.0), draw(p, 0.5, top_k=1)
    (0, 2, 1, 1)
    """
    order = np.argsort(-probabilities, kind="stable")
    if temperature == 0:
        return int(order[0])
    kept = np.sort(order[:top_k])
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities[kept]) / temperature
    ends = np.cumsum(np.exp(scores - scores.max()))
    return int(kept[np.searchsorted(ends, uniform * ends[-1], side="right")])


def check_drawing(length: Any, temperature: Any, top_k: Any) -> None:
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


def next_probabilities(logits: Array, _: Array) -> Array:
    """`[step, token]` probabilities of logits."""
    return probabilities(logits, "softmax").astype(np.float32)


def next_log_probability(logits: Array, following: Array) -> Array:
    """`[step]`, the log-probability of the token that follows."""
    logits = logits.astype(np.float64)
    chosen = np.take_along_axis(logits, following[:, None].astype(np.int64), axis=1)
    return np.asarray((chosen - _log_sum(logits))[:, 0])
