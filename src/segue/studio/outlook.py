"""What a training will take, before it is started."""

from __future__ import annotations

from typing import Any, NamedTuple

from segue.data.dataset import Dataset
from segue.errors import SegueError, TrainingError, counted
from segue.limits import memory_limit, size_text
from segue.training.trainers import check_memory


class Outlook(NamedTuple):
    """What is known of a training before it starts.

    Attributes:
        facts: pairs of a heading and a text: what is trained on, updates, memory.
        warning: where memory is scarce, how much is needed and what needs less; else "".
        problem: why it cannot be; else "".
    """

    facts: tuple[tuple[str, str], ...] = ()
    warning: str = ""
    problem: str = ""


def outlook(estimator: Any, data: Dataset) -> Outlook:
    """Look at a training without starting it, as `fit` itself does before its first update.

    Args:
        estimator: not fitted.
        data: what it would be fitted on.

    >>> from segue import SequenceClassifier
    >>> data = Dataset([[0.0, 1.0], [1.0, 0.0]] * 20, ["up", "down"] * 20)
    >>> found = outlook(SequenceClassifier("gru(4)", batch_size=8, epochs=3), data)
    >>> found.facts[0], found.facts[1]
    (('trained on', '40 sequences, none to validate'), ('updates', '5 an epoch, 3 epochs at most'))
    """
    try:
        setup = estimator._training_job(data)
    except SegueError as error:
        return Outlook(problem=str(error))
    trained = len(setup.train.batches.lengths)
    validated = 0 if setup.validation is None else len(setup.validation.batches.lengths)
    size = setup.batch_size * setup.options.accumulate
    beside = counted(validated, "sequence") if validated else "none"
    facts = [
        ("trained on", f"{counted(trained, 'sequence')}, {beside} to validate"),
        ("updates", f"{-(-trained // size):,} an epoch, {setup.epochs:,} epochs at most"),
    ]
    try:
        warning = check_memory(setup, data.x)
    except TrainingError as error:
        return Outlook(tuple(facts), problem=str(error))
    limit = memory_limit()
    if not warning and limit is not None:
        facts.append(("memory", f"less than a quarter of the {size_text(limit)} that are free"))
    return Outlook(tuple(facts), warning)
