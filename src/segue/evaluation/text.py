"""An evaluation as a table of plain text, and the sentences that the HTML report has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segue.dataset import named
from segue.evaluation.trained_on import UNSEEN, TrainedOn

if TYPE_CHECKING:
    from segue.evaluation.evaluation import Evaluation

CLASSES_SHOWN = 30
UNDEFINED = "\N{EN DASH}"


def report(evaluation: Evaluation) -> str:
    """Return the scores beside the baseline, what to think of them, and a row for each class.

    Of more than 30 classes the 30 with the lowest F1 are shown.
    """
    said = "\n".join([verdict(evaluation), *caveats(evaluation)])
    return "\n\n".join([heading(evaluation), _scores(evaluation), said, _classes(evaluation)])


def heading(evaluation: Evaluation) -> str:
    """Say what was scored: `test part: 370 sequences, 9 classes`."""
    return (
        f"{where(evaluation.part)}: {counted(len(evaluation.dataset), 'sequence')}, "
        f"{counted(len(evaluation.classes), 'class', 'classes')}"
    )


def where(part: str) -> str:
    """What a part is called at the beginning of a line.

    >>> where("test"), where(""), where("unseen")
    ('test part', 'all sequences', 'unseen sequences')
    """
    return {"": "all sequences", UNSEEN: "unseen sequences"}.get(part, f"{part} part")


def score_rows(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Name, number and meaning of each score; the accuracy and its baseline come first."""
    low, high = evaluation.interval
    two = len(evaluation.classes) == 2
    rows = [
        ("accuracy", number(evaluation.accuracy), f"95 % interval {low:.4f} to {high:.4f}"),
        (
            "majority baseline",
            number(evaluation.baseline),
            f"always {evaluation.baseline_class!r}, the most frequent class in training",
        ),
        ("balanced accuracy", number(evaluation.balanced_accuracy), "mean recall of the classes"),
        ("macro F1", number(evaluation.f1), "mean F1 of the classes"),
        (
            "ROC AUC",
            number(evaluation.roc_auc),
            f"of {evaluation.classes[1]!r}" if two else "one class against the rest, mean",
        ),
        (
            "log loss",
            number(evaluation.log_loss),
            "mean -log(probability of the true class), in nats",
        ),
        (
            "calibration error",
            number(evaluation.calibration_error),
            "mean gap between confidence and accuracy",
        ),
    ]
    return [(name, value, evaluation.trained_on.marked(said)) for name, value, said in rows]


def verdict(evaluation: Evaluation) -> str:
    """Say in one sentence whether the accuracy is clearly above the baseline."""
    return evaluation.trained_on.verdict(verdict_on(evaluation.interval, evaluation.baseline))


def verdict_on(interval: tuple[float, float], baseline: float) -> str:
    """Say on which side of the interval of an accuracy its baseline lies."""
    low, high = interval
    if low > baseline:
        return "The model is clearly better than the baseline: the whole interval lies above it."
    if high < baseline:
        return "The model is worse than the baseline: the whole interval lies below it."
    return (
        "The model is not clearly better than the baseline: the baseline lies inside the interval."
    )


def caveats(evaluation: Evaluation) -> list[str]:
    """What a reader of the scores ought to know about these data, one sentence each."""
    said = trained_on_caveats(evaluation.trained_on)
    data = evaluation.dataset
    if data.groups is not None:
        groups = len(set(data.groups.tolist()))
        said.append(
            f"The sequences come from {counted(groups, 'group')}; the interval draws whole groups."
        )
    absent = [row.name for row in evaluation.per_class if row.support == 0]
    if absent:
        said.append(f"Not among the scored sequences: {listed([named(name) for name in absent])}.")
    if evaluation.part == "train":
        said.append(
            "These are training sequences: the accuracy on new sequences is likely to be lower."
        )
    return said


def trained_on_caveats(trained_on: TrainedOn) -> list[str]:
    """What was seen or left out, as a list of one sentence, or none."""
    said = trained_on.sentence()
    return [f"{said[0].upper()}{said[1:]}."] if said else []


def of_the_test(part: str) -> str:
    """What is true of the scores of a test part, to begin a footnote with; nothing for others."""
    if part != "test":
        return ""
    return (
        "segue uses the test part for these scores only: never to fit the preparation or the "
        "weights, to choose the number of epochs, or to choose anything else. "
    )


def number(value: float | None) -> str:
    """Four decimals, or a dash for what is undefined."""
    return UNDEFINED if value is None else f"{value:.4f}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return `1 sequence` or `1,200 sequences`.

    >>> counted(1200, "sequence"), counted(1, "class", "classes")
    ('1,200 sequences', '1 class')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def listed(names: list[Any], at_most: int = 8) -> str:
    """Join names with commas; of many the first and how many more."""
    text = ", ".join(str(name) for name in names[:at_most])
    return text + (f" and {len(names) - at_most} more" if len(names) > at_most else "")


def _scores(evaluation: Evaluation) -> str:
    return "\n".join(
        f"{name:<18}  {value:>7}   {meaning}" for name, value, meaning in score_rows(evaluation)
    )


def _classes(evaluation: Evaluation) -> str:
    rows = list(evaluation.per_class)
    title = "class"
    if len(rows) > CLASSES_SHOWN:
        rows = sorted(rows, key=lambda row: (row.f1 is None, row.f1))[:CLASSES_SHOWN]
        title = f"class (the {CLASSES_SHOWN} with the lowest F1)"
    width = max(len(title), *(len(str(row.name)) for row in rows))
    lines = [f"{title:<{width}}  precision   recall       F1  support"]
    lines += [
        f"{row.name!s:<{width}}  {number(row.precision):>9}  {number(row.recall):>7}  "
        f"{number(row.f1):>7}  {row.support:>7,}  {evaluation.trained_on.note}".rstrip()
        for row in rows
    ]
    return "\n".join(lines)
