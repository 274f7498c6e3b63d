"""Occlusion: hide a piece, and see what the answer loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from segue.errors import OptionError
from segue.evaluation.explain.attribution import Attribution, Logit, attribute, check_explained
from segue.padded import Padded

if TYPE_CHECKING:
    from segue.estimators import SequenceClassifier


def occlusion(
    classifier: SequenceClassifier,
    X: Any,  # noqa: N803  (scikit-learn's name)
    *,
    width: int = 1,
    channels: Literal["each", "together"] = "each",
    target: Any = None,
    static: Any = None,
) -> Attribution:
    """Hide one piece after the other and note by how much the logit of the class falls.

    A hidden value is 0 after preparation: the mean of the training data, if it was standardized.
    Every step of a piece gets the fall of its piece. A sequence of T steps and C channels is asked
    about C * T / width times.

    Args:
        classifier: fitted.
        X: sequences, in any form that `predict` takes.
        width: steps of a piece, as the network sees them; the last piece of a sequence may be
            shorter.
        channels: hide "each" channel by itself, or all "together".
        target: the class to be explained, or one for each sequence; if left out, the predicted one.
        static: `[n, feature]`, where the model was trained with static features; a `Dataset` brings
            its own. They stay as they are and have no share.

    Returns:
        An `Attribution`: `.values` `[time, channel]` (one channel for "together"), `.plot()`.

    Raises:
        OptionError: `width` below 1, or `channels` that is neither.
        DataError: a target that is no class, or sequences that cannot be used.

    Source: M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV
    2014.

    >>> from segue import SequenceClassifier, TrainingOptions
    >>> x, y = [[0.0, 1.0, 2.0], [2.0, 1.0]] * 10, ["up", "down"] * 10
    >>> options = TrainingOptions(progress="none")
    >>> classifier = SequenceClassifier("gru(8)", epochs=3, options=options).fit(x, y)
    >>> occlusion(classifier, x[:2], width=2).values.lengths.tolist()
    [3, 2]
    """
    if width < 1:
        raise OptionError(f"`width` is {width!r}; expected a whole number of steps from 1 on.")
    if channels not in ("each", "together"):
        raise OptionError(f"`channels` is {channels!r}; expected 'each' or 'together'.")
    check_explained(classifier)
    takes_tokens = classifier.network_.input_shape.tokens is not None
    together = channels == "together" or takes_tokens

    @torch.no_grad()
    def method(signal: Padded, codes: Tensor, logit: Logit) -> Tensor:
        shown = logit(signal, codes)
        features = signal.values.shape[2]
        pieces = [slice(0, features)] if together else [slice(c, c + 1) for c in range(features)]
        found = signal.values.new_zeros(*signal.values.shape[:2], len(pieces))
        for number, piece in enumerate(pieces):
            for first in range(0, signal.values.shape[1], width):
                values = signal.values.clone()
                values[:, first : first + width, piece] = 0
                fall = shown - logit(signal._replace(values=values), codes)
                found[:, first : first + width, number] = fall[:, None]
        return found

    return attribute(classifier, X, method, "occlusion", target=target, static=static)
