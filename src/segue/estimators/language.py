"""Which word comes next: a language model."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

from segue.dataset import Dataset
from segue.errors import DataError, NotCausalError
from segue.estimators.base import SequenceEstimator
from segue.estimators.foreseeing import Foreseeing
from segue.estimators.hearing import Hearing
from segue.estimators.inputs import as_sequences
from segue.estimators.next_token import cut, perplexity, shifted, unigram
from segue.estimators.parameters import is_whole, sklearn_tags
from segue.estimators.stream import Stream
from segue.layers import LayerSpec, Shape
from segue.networks import Network, NetworkLike
from segue.prepare.pipeline import PrepareLike
from segue.prepare.vocabulary import PADDING, VocabularyStep
from segue.sequences import Array, Sequences
from segue.training import TrainingOptions
from segue.training.job import Job
from segue.training.objectives import NextTokenObjective, Objective
from segue.training.targets import StepTargets, Targets

if TYPE_CHECKING:
    from sklearn.utils import Tags


@dataclass(eq=False, repr=False)
class LanguageModel(SequenceEstimator, Foreseeing):
    """Learns which word (or character) comes next, at every step of a text.

    A text of n tokens has n + 1 steps: what is its first token, what follows each of them, and that
    it ends after the last. The vocabulary is that of the training texts; a word that it does not
    have counts as the token "<unknown>", which is to be foreseen like any other. So perplexities
    can be compared only between models of the same vocabulary, such as this one and a
    `segue.evaluation.NGram` of it.

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

    tasks: ClassVar[tuple[str, ...]] = ("none",)
    purpose: ClassVar[str] = "language"
    score_name: ClassVar[str] = "log_probability"
    takes_text: ClassVar[bool] = True

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

    def problems(self) -> list[str]:
        """What is wrong with the arguments that only a language model has."""
        if is_whole(self.size, least=1):
            return []
        return [f"`size` is {self.size!r}; expected a whole number of tokens from 1 on."]

    def as_dataset(self, X: Any, y: Any, groups: Any = None) -> Dataset:  # noqa: N803
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

    def prepare_targets(self, part: Dataset, data: Dataset) -> Dataset:
        """Nothing is to be kept yet: what tokens there are is found with the preparation."""
        return part

    def examples(self, data: Dataset) -> Dataset:
        """Pieces of the texts, as tokens, with the token that follows at each step."""
        heard, following = shifted(self.preparation_.tokenized(data.x))
        offsets = cut(heard.offsets, int(self.size))
        return Dataset(
            Sequences(heard.values, offsets), Sequences(following.values, offsets), classes=()
        )

    def learn_targets(self, data: Dataset) -> None:
        """Count the tokens that are to be foreseen."""
        self.token_counts_: npt.NDArray[np.int64] = np.bincount(
            data.y.values[:, 0], minlength=self.objective().outputs
        )

    def objective(self) -> Objective:
        """Cross-entropy of a softmax over all tokens, at every step."""
        count = self.preparation_.token_count
        assert count is not None  # only texts come as far as this
        return NextTokenObjective(count)

    def targets(self, data: Dataset, device: torch.device) -> Targets:
        """The token that follows, at each step."""
        return StepTargets(data.y.values[:, 0].astype(np.int64), data.x.lengths, device)

    def weights(self, data: Dataset, sample_weight: Any) -> Array | None:
        """All tokens count the same."""
        if sample_weight is not None:
            raise DataError(
                "A LanguageModel takes no `sample_weight`: leave out texts, or give them twice."
            )
        return None

    def build_network(
        self, shape: Shape, device: torch.device, specs: tuple[LayerSpec, ...] | None = None
    ) -> Network:
        """Build the network, and check that it cannot see the token that it predicts."""
        network = super().build_network(shape, device, specs)
        for layer in network.chain:
            if not layer.causal:
                raise NotCausalError(
                    f"A LanguageModel says what comes next, and would see it: {layer.not_causal()}"
                )
        return network

    def look_back(self, job: Job) -> None:
        """Say what was reached, beside what needs no network."""
        watched = job.validation is not None
        reached = self.history_.kept["validation_perplexity" if watched else "perplexity"]
        targets = (job.validation or job.train).targets
        assert isinstance(targets, StepTargets)
        alone = perplexity(unigram(self.token_counts_)[targets.values])
        where = "validation" if watched else "training"
        text = f"{reached:.4g} on {where} pieces; by the frequency of tokens alone {alone:.4g}"
        self.training_summary_.append(("perplexity", text))

    def facts(self) -> dict[str, Any]:
        """The tokens, and how often each was to be foreseen."""
        step, fitted = self._vocabulary
        return {
            "classes": step.names(fitted).tolist(),
            "token_counts": self.token_counts_.tolist(),
        }

    def restore_facts(self, facts: dict[str, Any]) -> None:
        """Take over what `facts` gave."""
        self.token_counts_ = np.array(facts["token_counts"], np.int64)

    # -- ask ------------------------------------------------------------------------------------

    @property
    def head_kind(self) -> str:
        """What the outputs mean, as `segue.training.objectives.probabilities` calls it."""
        return "softmax"

    @property
    def classes_(self) -> Array:
        """`[token]`, the text of each."""
        self._check_fitted()
        step, fitted = self._vocabulary
        return step.names(fitted)

    @property
    def _vocabulary(self) -> tuple[VocabularyStep, dict[str, Array]]:
        """The step that makes tokens, and what it has learnt; without a look at the weights."""
        vocabulary = self.preparation_.vocabulary
        assert vocabulary is not None
        return vocabulary

    @property
    def networks(self) -> tuple[Network, ...]:
        """The one that is asked."""
        return (self.network_,)

    def stream(self) -> Stream:
        """Hear a text word by word: `stream.push(word)` gives the probabilities of what follows.

        `stream.belief` has those of the first word before anything is pushed.
        """
        self._check_fitted()
        return Stream(Hearing(self, begin=PADDING))

    def __sklearn_tags__(self) -> Tags:
        return sklearn_tags(None, needs_targets=False, texts=True)
