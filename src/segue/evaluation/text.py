"""An evaluation as a plain-text table, and sentences that it shares with the HTML report."""

from __future__ import annotations

from typing import Any

from segue.data.dataset import named
from segue.errors import counted
from segue.evaluation.members import member_table
from segue.evaluation.trained_on import UNSEEN, TrainedOn
from segue.metrics import Metric
from segue.text_table import text_table

Evaluation = Any  # segue.Evaluation, which calls these functions

ROWS_SHOWN = 30
FEW_GROUPS = 6  # with fewer, an interval that draws them is hardly one


def report(evaluation: Evaluation) -> str:
    """Return the scores beside the baselines, what to think of them, and a table of details.

    Of more than 30 classes the 30 with the lowest F1 are shown.
    """
    scores = [(a.ljust(18), b.rjust(7), f" {c}") for a, b, c in score_rows(evaluation)]
    sentences = [verdict(evaluation), *caveats(evaluation)]
    table, note = evaluation.task_.details(evaluation, ROWS_SHOWN), evaluation.trained_on.note
    first, *lines = text_table([table.headings, *table.rows]).split("\n")
    details = [first, *(f"{line}  {note}".rstrip() for line in lines)]
    details += [table.note] if table.note else []
    blocks = [text_table(scores, "<><"), "\n".join(sentences), "\n".join(details)]
    if (members := member_table(evaluation.model_info.summary)) is not None:
        blocks.append(f"{text_table([members.headings, *members.rows], '<')}\n{members.note}")
    return "\n\n".join([heading(evaluation), *blocks])


def heading(evaluation: Evaluation) -> str:
    """A line on the scored sequences: `test part: 370 sequences, 9 classes`."""
    part = evaluation.part
    where = {"": "all sequences", UNSEEN: "unseen sequences"}.get(part, f"{part} part")
    size = evaluation.outcome.size and f", {evaluation.outcome.size}"
    return f"{where}: {counted(len(evaluation.dataset), 'sequence')}{size}"


def score_rows(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """Name, number and meaning of each score; the baselines come behind the first."""
    main, *others = (metric for metric in evaluation.task_.metrics().values() if metric.label)
    meaning = _interval(evaluation, main) or main.meaning
    values = evaluation.scores_by_model.values()
    heads = [(main.label, meaning), *(one[:2] for one in evaluation.outcome.baselines)]
    rows = [
        (name, main.text(value), said) for (name, said), value in zip(heads, values, strict=True)
    ]
    for metric in others:
        said = "; ".join(filter(None, [metric.meaning, _interval(evaluation, metric)]))
        rows.append((metric.label, metric.text(getattr(evaluation, metric.name)), said))
    if (sets := evaluation.sets) is not None:
        said = f"share with the true class, {sets.size:.2f} classes each"
        rows.append((f"sets for {100 * sets.wanted:g} %", f"{sets.coverage:.4f}", said))
    return [(name, value, evaluation.trained_on.marked(said)) for name, value, said in rows]


def _interval(evaluation: Evaluation, metric: Metric) -> str:
    """The 95 % interval of a score in words; empty where it has none."""
    name = f"{metric.name}_interval"
    interval = getattr(evaluation, name) if name in evaluation.task_.metrics() else None
    return "" if interval is None else "95 % interval {:.4f} to {:.4f}".format(*interval)


def verdict(evaluation: Evaluation) -> str:
    """One sentence on whether the model is better than its baselines."""
    seen: TrainedOn = evaluation.trained_on
    if evaluation.interval is not None:
        low, high = evaluation.interval
        side, where = "not clearly better", "the baseline lies inside the interval"
        if low > evaluation.baseline:
            side, where = "clearly better", "the whole interval lies above it"
        elif high < evaluation.baseline:
            side, where = "worse", "the whole interval lies below it"
        return seen.verdict(f"The model is {side} than the baseline: {where}.")
    metric, (model, *others) = evaluation.main_metric, evaluation.scores_by_model.values()
    pairs = zip(evaluation.baselines, others, strict=True)
    ahead = [name for name, value in pairs if not metric.is_better(model, value)]
    said = f"not better than: {', '.join(ahead)}" if ahead else "better than every baseline"
    return seen.verdict(f"The model is {said}.")


def caveats(evaluation: Evaluation) -> list[str]:
    """Caveats about these data for a reader of the scores, one sentence each."""
    seen = evaluation.trained_on.sentence()
    sentences = [f"{seen[0].upper()}{seen[1:]}."] if seen else []
    groups = evaluation.dataset.groups
    if groups is not None and evaluation.interval is not None:
        count = counted(len(set(groups.tolist())), "group")
        few = len(set(groups.tolist())) < FEW_GROUPS
        doubt = ": so few may be alike by chance, and new ones lie outside of it" if few else ""
        sentences.append(
            f"The sequences come from {count}; the interval draws whole groups{doubt}."
        )
    scores = evaluation.per_class if "per_class" in evaluation.task_.metrics() else ()
    absent = [named(row.name) for row in scores if row.support == 0]
    if absent:
        more = f" and {len(absent) - 8} more" if len(absent) > 8 else ""
        sentences.append(f"Not among the scored sequences: {', '.join(absent[:8])}{more}.")
    if evaluation.part == "train":
        sentences.append(
            "These are training sequences: the scores on new ones are likely to be lower."
        )
    return sentences
