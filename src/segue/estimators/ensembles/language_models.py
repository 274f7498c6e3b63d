"""Several language models as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from segue.dataset import Dataset
from segue.estimators.ensembles.base import Ensemble
from segue.estimators.language import LanguageModel
from segue.estimators.next_token_predictor import NextTokenPredictor
from segue.estimators.stream import Stream
from segue.estimators.streaming import EnsembleStream, ModelStream
from segue.networks import Network
from segue.prepare.text import PADDING
from segue.sequences import Array, Sequences


class LanguageModelEnsemble(NextTokenPredictor, Ensemble[LanguageModel]):
    """Several language models as one: the mean of their probabilities at every token.

    Args:
        members: fitted language models of the same tokens.

    Attributes:
        members: as given.
        classes_: `[token]`, the text of each.
        preparation_, token_counts_: as of the first member.
        training_summary_: what the members are, as pairs of a heading and a text.

    Raises:
        DataError: no members, or members that do not agree.
        NotFittedError: a member that is not fitted.

    >>> from segue import TrainingOptions
    >>> from segue.estimators import fit_seeds
    >>> texts = ["the cat sat on the mat", "the dog sat on the cat", "a dog ran"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> model = LanguageModel("gru(16)", epochs=20, learning_rate=0.02, options=options)
    >>> fit_seeds(model, texts, seeds=2).ensemble().generate("a dog", length=8, temperature=0)
    'a dog ran'
    """

    kind = LanguageModel
    alike: ClassVar[tuple[str, ...]] = ("classes_",)

    def __init__(self, members: Iterable[LanguageModel]) -> None:
        super().__init__(members)
        self.preparation_ = self.first.preparation_
        self.token_counts_ = self.first.token_counts_

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those of the members; the mean of their probabilities counts."""
        return tuple(member.network_ for member in self.members)

    @property
    def classes_(self) -> Array:
        """`[token]`, the text of each."""
        return self.first.classes_

    def check_input(self, X: Any) -> Sequences:  # noqa: N803
        """Take what the user passes as tokens, which are the same for all members."""
        return self.first.check_input(X)

    def scored_part(self, X: Any, y: Any) -> Dataset:  # noqa: N803
        """What a score is about: of a `Dataset` with a part "test", that part."""
        return self.first.scored_part(X, y)

    def stream(self) -> Stream:
        """Hear a text word by word: `push` gives the mean probabilities of what follows."""
        each = [ModelStream(member._parts, begin=PADDING) for member in self.members]
        return Stream(EnsembleStream(each))
