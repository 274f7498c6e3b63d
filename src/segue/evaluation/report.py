"""The report: everything about one evaluation in one HTML file that needs nothing beside it.

`render` fills `report.html`, which has the style; each section is one function below. The same
evaluation gives the same bytes: no date, no random names.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from segue import plots
from segue.dataset import Dataset, named
from segue.evaluation import page, text
from segue.evaluation.glance import data_at_a_glance
from segue.evaluation.html import grid, items, paragraph, picture, section, table

if TYPE_CHECKING:
    from segue.evaluation.evaluation import Evaluation

MISTAKES_SHOWN = 9


def render(
    evaluation: Evaluation,
    *,
    train: Dataset | None = None,
    model_path: str | Path | None = None,
    source: str | None = None,
    facts: Iterable[tuple[str, str]] = (),
) -> str:
    """Return the whole page.

    Args:
        evaluation: what is reported.
        train: the training data (or a data set with a part "train"), drawn beside the scored data.
        model_path: where the model lies, for the lines that show how to use it.
        source: what `segue.read` was given, for the same lines.
        facts: what else is known of the training, as pairs of a heading and a text.
    """
    if train is not None and "train" in train.part_names:
        train = train.part("train")
    titled = evaluation.trained_on.titled
    sections = [
        section("made", "What was done", page.made(evaluation.background, facts)),
        section("data", "The data at a glance", *data_at_a_glance(evaluation, train)),
        section("network", "The network", page.network(evaluation.background)),
        section("history", "The training", *page.history(evaluation.background)),
        section("scores", "Scores", *_scores(evaluation)),
        section("confusion", titled("Confusion matrix"), _confusion(evaluation)),
        section("classes", titled("Scores by class"), _classes(evaluation)),
        section("calibration", titled("Calibration"), _calibration(evaluation)),
        section("mistakes", titled("The most confident mistakes"), *_mistakes(evaluation)),
        section("reading", "Belief along some texts", *_readings(evaluation)),
        section("use", "Use the model", *page.use(model_path, source, _USE, evaluation.trained_on)),
    ]
    return page.page(
        title=evaluation.dataset.name or "Evaluation",
        subtitle=text.heading(evaluation),
        headline=_headline(evaluation),
        sections=sections,
        footnote=_footnote(evaluation),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _marked(evaluation: Evaluation, text: str) -> str:
    return evaluation.trained_on.marked(text)


def _headline(evaluation: Evaluation) -> str:
    """The accuracy, its interval and the baseline, as numbers and on one scale from 0 to 100 %."""
    low, high = evaluation.interval
    interval = f"{100 * low:.1f} to {_percent(high)}"
    always = f"always {named(evaluation.baseline_class)}"
    numbers = page.headline(
        (
            _percent(evaluation.accuracy),
            "accuracy",
            _marked(evaluation, f"95 % interval {interval}"),
        ),
        (_percent(evaluation.baseline), "majority baseline", _marked(evaluation, always)),
    )
    scale = (
        f"Accuracy {_percent(evaluation.accuracy)}, interval {interval}, "
        f"baseline {_percent(evaluation.baseline)}"
    )
    scale = _marked(evaluation, scale)
    return f"""{numbers}
<div class="scale" role="img" aria-label="{escape(scale, quote=True)}">
<i class="interval" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>
<i class="dot" style="left:{100 * evaluation.accuracy:.2f}%"></i>
<i class="mark" style="left:{100 * evaluation.baseline:.2f}%"></i>
</div>
<p class="verdict">{escape(text.verdict(evaluation))}</p>"""


def _scores(evaluation: Evaluation) -> list[str]:
    return [
        table(["score", "value", "what it says"], text.score_rows(evaluation), numbers=[1]),
        items(text.caveats(evaluation)),
    ]


def _confusion(evaluation: Evaluation) -> str:
    return picture(
        evaluation.plot_confusion(),
        "confusion",
        "Rows are the true classes, columns the predicted ones; the colour is the share of the row",
        kind="wide",
    )


def _classes(evaluation: Evaluation) -> str:
    rows = [
        (row.name, *map(text.number, (row.precision, row.recall, row.f1)), f"{row.support:,}")
        for row in evaluation.per_class
    ]
    return table(["class", "precision", "recall", "F1", "support"], rows, numbers=[1, 2, 3, 4])


def _calibration(evaluation: Evaluation) -> str:
    return picture(
        evaluation.plot_calibration(),
        "calibration",
        "Accuracy over confidence, in ten bins: above the line the model is right more often than "
        "it claims, below it less often",
    )


def _mistakes(evaluation: Evaluation) -> list[str]:
    mistakes = evaluation.mistakes()
    if not mistakes:
        return [paragraph("There are none: every sequence was given its class.")]
    count, shown = len(mistakes), mistakes[:MISTAKES_SHOWN]
    said = f"{text.counted(count, 'mistake')} in {len(evaluation.dataset):,}"
    said += (
        f"; the {len(shown)} with the highest confidence are shown." if count > len(shown) else "."
    )
    data, display = evaluation.dataset, plots.Display.of(evaluation.dataset)
    pictures = []
    for number, mistake in enumerate(shown):
        axes = plots.strip(1, width=2.9, height=1.45)[0]
        plots.draw_sequence(data.x[mistake.index], display, axes)
        axes.set_xlabel(display.time_label)
        caption = (
            f"{named(mistake.target)}, taken for {named(mistake.prediction)} "
            f"({_percent(mistake.confidence)}), sequence {mistake.id}"
        )
        pictures.append(picture(axes, f"mistake{number}", caption))
    return [paragraph(said), grid(pictures, "small")]


def _readings(evaluation: Evaluation) -> list[str]:
    """How the belief goes along a few texts."""
    pictures = [
        picture(
            reading.plot()[0],
            f"reading{number}",
            f"True class {reading.target}; the colour of a word is the class believed most once it "
            "was read, words that the vocabulary does not have are in italics",
            kind="wide",
        )
        for number, reading in enumerate(evaluation.readings)
    ]
    return [paragraph("What the model believed after each word."), *pictures] if pictures else []


_USE = [
    "model.predict(data.x)        # a class for each sequence",
    "model.predict_proba(data.x)  # how sure: [n, class]",
]


def _footnote(evaluation: Evaluation) -> list[str]:
    return [
        f"{text.of_the_test(evaluation.part)}The interval is a bootstrap's at 95 %. The baseline "
        "answers the class most frequent in training. Macro F1 and ROC AUC are means over "
        "classes, as in scikit-learn; a dash stands where nothing is defined. The calibration "
        "error is the expected calibration error in ten bins of equal width (Guo et al. 2017)."
    ]
