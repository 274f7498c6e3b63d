"""Which word comes next: a language model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from segue.dataset import Dataset
from segue.errors import DataError
from segue.estimators.base import BaseSequenceEstimator
from segue.estimators.inputs import as_sequences
from segue.estimators.next_token_predictor import NextTokenPredictor
from segue.estimators.parameters import is_whole, sklearn_tags
from segue.estimators.stream import Stream
from segue.estimators.streaming import ModelStream
from segue.networks import Network, NetworkLike
from segue.prepare import Preparation
from segue.prepare.pipeline import PrepareLike
from segue.prepare.text import PADDING
from segue.sequences import Array
from segue.tasks import Language, Task
from segue.training import TrainingOptions

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass(eq=False, repr=False)
class LanguageModel(BaseSequenceEstimator, NextTokenPredictor):
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

    task: ClassVar[str] = "language"
    _task_type: ClassVar[type[Task]] = Language
    _takes_text: ClassVar[bool] = True

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

    def _problems(self) -> list[str]:
        """What is wrong with the arguments that only a language model has."""
        if is_whole(self.size, least=1):
            return []
        return [f"`size` is {self.size!r}; expected a whole number of tokens from 1 on."]

    def _as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
        """Take texts as a data set without targets: those are in the texts."""
        if y is not None:
            raise DataError("A LanguageModel finds its targets in the texts: leave out `y`.")
        data = X if isinstance(X, Dataset) else Dataset(as_sequences(X, self.layout))
        if not data.x.is_text:
            raise DataError(
                f"A LanguageModel takes texts, and these sequences are {data.x.kind}. Tokens of "
                "your own can be written as texts: 'C4 E4 G4' with prepare='words'."
            )
        groups = data.groups if groups is None else groups
        return replace(data, y=None, classes=None, groups=groups)

    def _new_task(self, part: Dataset, data: Dataset, given: Any) -> Language:
        return Language(self.size)

    def _task_from_json(self, state: Mapping[str, Any], preparation: Preparation) -> Language:
        return Language.from_json(state, size=self.size)

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

    @property
    def networks(self) -> tuple[Network, ...]:
        """The one that is asked."""
        return (self.network_,)

    def stream(self) -> Stream:
        """Hear a text word by word: `stream.push(word)` gives the probabilities of what follows.

        `stream.belief` has those of the first word before anything is pushed.
        """
        return Stream(ModelStream(self._parts, begin=PADDING))

    def __sklearn_tags__(self) -> Tags:
        return sklearn_tags(None, needs_targets=False, texts=True)
