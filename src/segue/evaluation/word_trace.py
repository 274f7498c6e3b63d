"""Word by word: the probabilities of a classifier after each word of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.errors import DataError, NotCausalError, warn_user
from segue.prepare.text import NGrams

if TYPE_CHECKING:
    from segue.estimators.classifier import SequenceClassifier
    from segue.plots import AxesArray
    from segue.prepare.text import Token
    from segue.tasks.outcome import Outcome

_BAR = 20  # characters for a probability of 100 %
_EIGHTHS = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, eq=False)
class Reading:
    """The probabilities after each word of a text.

    Attributes:
        tokens: the words (or characters).
        probabilities: `[word, class]`, after each of them.
        classes: the class names.
        target: the true class, where it is known.
    """

    tokens: tuple[Token, ...]
    probabilities: npt.NDArray[Any]
    classes: tuple[Any, ...]
    target: Any = None

    @property
    def beliefs(self) -> npt.NDArray[Any]:
        """The former name of `probabilities`, for one release."""
        warn_user("`beliefs` of a Reading is now `probabilities`.", DeprecationWarning)
        return self.probabilities

    def plot(self, axes: AxesArray | None = None) -> AxesArray:
        """Write the text with the probabilities above its words: axes `[row]`."""
        from segue import plots

        return plots.plot_words(
            [token.text for token in self.tokens],
            self.probabilities,
            self.classes,
            known=[token.is_known for token in self.tokens],
            target=self.target,
            axes=axes,
        )

    def __str__(self) -> str:
        """A line for each word: the word, the most probable class, and its probability as a bar."""
        words = [f"({t.text})" if not t.is_known else t.text for t in self.tokens]
        words = [word.replace("\n", "↵") or "·" for word in words]
        wide = min(24, max(map(len, words)))
        said = [str(self.classes[row.argmax()]) for row in self.probabilities]
        margin = max(map(len, said))
        return "\n".join(
            f"{word:<{wide}}  {name:<{margin}}  {_bar(row.max())}  {100 * row.max():3.0f} %"
            for word, name, row in zip(words, said, self.probabilities, strict=True)
        )


def read_along(
    classifier: SequenceClassifier,
    texts: Any,
    targets: Any = None,
    *,
    words: int | None = None,
    static: Any = None,
) -> list[Reading]:
    """Predict after each word of some texts.

    Args:
        classifier: fitted on texts.
        texts: in any form that `predict` takes.
        targets: `[n]`, the true classes, to be named in pictures.
        words: only the first so many words (or characters) of each.
        static: as in `predict_proba`.

    Returns:
        A `Reading` of each text: print it, or `.plot()` it.

    Raises:
        DataError: a classifier that was not trained on texts.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = ["the cat sat", "a dog ran", "the cat ran", "the dog sat"] * 8, ["cat", "dog"] * 16
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=30, options=options).fit(x, y)
    >>> (found,) = read_along(classifier, ["who saw the cat"])
    >>> [token.text for token in found.tokens], found.probabilities.shape
    (['who', 'saw', 'the', 'cat'], (4, 2))
    """
    preparation = classifier.preparation_
    if preparation.vocabulary is None:
        raise DataError("The classifier was not trained on texts; `anytime` takes any sequences.")
    from segue.estimators.anytime import anytime
    from segue.estimators.inputs import as_sequences

    given = as_sequences(texts)
    if not given.is_text:
        raise DataError(f"`texts` are {given.kind}; expected texts.")
    x = classifier.check_input(given)
    if words is not None:
        x = x.pieces(np.arange(len(x)), np.zeros(len(x)), np.minimum(x.lengths, words))
    if static is None and isinstance(texts, Dataset):
        static = texts.static
    found = anytime(classifier, x, static, quiet=True)
    names = tuple(classifier.classes_.tolist())
    return [
        Reading(
            tuple(preparation.tokens(text)[: len(steps)]),
            np.asarray(steps),
            names,
            None if targets is None else targets[number],
        )
        for number, (text, steps) in enumerate(zip(given.texts(), found, strict=True))
    ]


def some_readings(
    estimator: Any, data: Dataset, outcome: Outcome, words: int = 60
) -> list[Reading]:
    """The beginnings of three texts, for a report: surest answer, surest mistake, least sure.

    Args:
        estimator: a classifier of texts; of an ensemble, which has no vocabulary, there are none,
            and of n-grams, which overlap and are no text in their order.
        data: the texts.
        outcome: the predictions.
        words: so many of each text.
    """
    if not hasattr(estimator, "preparation_") or not hasattr(estimator, "anytime"):
        return []
    vocabulary = estimator.preparation_.vocabulary
    if vocabulary is not None and isinstance(vocabulary[0], NGrams):
        return []
    right, sure = outcome.arrays["correct"], outcome.arrays["confidence"]
    several = data.x.lengths >= np.median(data.x.lengths)  # one word tells little
    wanted = ((right & several, sure), (~right & several, sure), (several, -sure))
    found = [int(np.where(mask, key, -np.inf).argmax()) for mask, key in wanted if mask.any()]
    some = data[list(dict.fromkeys(found))]
    try:
        return read_along(estimator, some.x, some.y, words=words, static=some.static)
    except (NotCausalError, DataError):  # one length only
        return []


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + _EIGHTHS[rest].strip()).ljust(_BAR)
