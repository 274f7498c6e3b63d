"""The report: everything about one evaluation in one HTML file that needs nothing beside it.

`render` fills `report.html`, which has the style; each section is one function below. The same
evaluation gives the same bytes: no date, no random names.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from segue import plots
from segue._version import __version__
from segue.dataset import Dataset, named
from segue.evaluation import text
from segue.evaluation.glance import data_at_a_glance
from segue.evaluation.html import code, grid, items, paragraph, picture, section, table

if TYPE_CHECKING:
    from segue.evaluation.evaluation import Evaluation

MISTAKES_SHOWN = 9


def render(
    evaluation: Evaluation,
    *,
    train: Dataset | None = None,
    model_path: str | Path | None = None,
    source: str | None = None,
) -> str:
    """Return the whole page.

    Args:
        evaluation: what is reported.
        train: the training data (or a data set with a part "train"), drawn beside the scored data.
        model_path: where the model lies, for the lines that show how to use it.
        source: what `segue.read` was given, for the same lines.
    """
    if train is not None and "train" in train.part_names:
        train = train.part("train")
    sections = [
        section("made", "What was done", _made(evaluation)),
        section("data", "The data at a glance", *data_at_a_glance(evaluation, train)),
        section("network", "The network", _network(evaluation)),
        section("history", "The training", *_history(evaluation)),
        section("scores", "Scores", *_scores(evaluation)),
        section("confusion", "Confusion matrix", _confusion(evaluation)),
        section("classes", "Scores by class", _classes(evaluation)),
        section("calibration", "Calibration", _calibration(evaluation)),
        section("mistakes", "The most confident mistakes", *_mistakes(evaluation)),
        section("use", "Use the model", *_use(model_path, source)),
    ]
    return _template().substitute(
        title=escape(evaluation.dataset.name or "Evaluation"),
        subtitle=escape(text.heading(evaluation)),
        headline=_headline(evaluation),
        sections="\n\n".join(part for part in sections if part),
        footnote=_footnote(evaluation),
    )


def _template() -> Template:
    return Template(resources.files("segue.evaluation").joinpath("report.html").read_text("utf-8"))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _headline(evaluation: Evaluation) -> str:
    """The accuracy, its interval and the baseline, as numbers and on one scale from 0 to 100 %."""
    low, high = evaluation.interval
    interval = f"{100 * low:.1f} to {_percent(high)}"
    baseline = f"always {named(evaluation.baseline_class)}"
    scale = (
        f"Accuracy {_percent(evaluation.accuracy)}, interval {interval}, "
        f"baseline {_percent(evaluation.baseline)}"
    )
    return f"""<div class="headline">
<p class="score"><strong>{_percent(evaluation.accuracy)}</strong> accuracy
<span>95 % interval {interval}</span></p>
<p class="score baseline"><strong>{_percent(evaluation.baseline)}</strong> majority baseline
<span>{escape(baseline)}</span></p>
</div>
<div class="scale" role="img" aria-label="{escape(scale, quote=True)}">
<i class="interval" style="left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"></i>
<i class="dot" style="left:{100 * evaluation.accuracy:.2f}%"></i>
<i class="mark" style="left:{100 * evaluation.baseline:.2f}%"></i>
</div>
<p class="verdict">{escape(text.verdict(evaluation))}</p>"""


def _made(evaluation: Evaluation) -> str:
    rows = evaluation.background.summary
    return table([], rows) if rows else ""


def _network(evaluation: Evaluation) -> str:
    background = evaluation.background
    if not background.network:
        return ""
    rows = [(name, kind, shape, f"{count:,}") for name, kind, shape, count in background.network]
    rows.append(("total", "", "", f"{background.parameters:,}"))
    return table(["layer", "kind", "output shape", "parameters"], rows, numbers=[3])


def _history(evaluation: Evaluation) -> list[str]:
    history = evaluation.background
    rows, best = history.rows, history.best_epoch
    if not rows:
        return []
    kept = "" if best is None else f" The weights of epoch {best} were kept."
    last = rows[-1]
    said = f"{text.counted(len(rows), 'epoch')}; loss {last['loss']:.4g} in the last.{kept}"
    curves = []
    for metric, caption in (("loss", "Loss by epoch"), ("accuracy", "Accuracy by epoch")):
        if any(row.get(metric) is not None for row in rows):
            axes = plots.plot_curve(history, metric)
            axes.set_title("", loc="left")  # the caption says it
            curves.append(picture(axes, metric, caption))
    return [paragraph(said), grid(curves)]


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


def _use(model_path: str | Path | None, source: str | None) -> list[str]:
    """The exact lines for this model, in Python and in a shell."""
    model, data = str(model_path or "model.safetensors"), source or "SOURCE"
    shell_model, shell_data = shlex.quote(model), shlex.quote(data)
    return [
        code(
            [
                "import segue",
                "",
                f"model = segue.load({model!r})",
                f"data = segue.read({data!r})",
                "model.predict(data.x)        # a class for each sequence",
                "model.predict_proba(data.x)  # how sure: [n, class]",
                "segue.evaluate(model, data)  # the scores, where there are labels",
            ]
        ),
        code(
            [
                f"segue predict {shell_model} {shell_data} --out predictions.csv",
                f"segue evaluate {shell_model} {shell_data} --report report.html",
            ]
        ),
        ""
        if source
        else paragraph("SOURCE is a file, a folder, or the name of a data set that segue knows."),
    ]


def _footnote(evaluation: Evaluation) -> str:
    test = (
        "segue uses the test part for these scores only: never to fit the preparation or the "
        "weights, to choose the number of epochs, or to choose anything else. "
        if evaluation.part == "test"
        else ""
    )
    return "\n".join(
        paragraph(line)
        for line in (
            f"{test}The interval is a bootstrap's at 95 %. The baseline "
            "answers the class most frequent in training. Macro F1 and ROC AUC are means over "
            "classes, as in scikit-learn; a dash stands where nothing is defined. The calibration "
            "error is the expected calibration error in ten bins of equal width (Guo et al. 2017).",
            f"Made by {', '.join(_versions())}.",
        )
    )


def _versions() -> list[str]:
    names = {"numpy": "NumPy", "scikit-learn": "scikit-learn", "torch": "PyTorch"}
    found = [f"segue {__version__}", f"Python {platform.python_version()}"]
    for package, name in names.items():
        try:
            found.append(f"{name} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
