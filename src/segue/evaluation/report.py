"""The report: everything about one evaluation in one HTML file that needs nothing beside it.

`render` computes what is shown and fills `templates/report.html`, which has the sections and the
style. The same evaluation gives the same bytes: no date, no random names.

Pictures are SVG inside the page. Text stays text, in the page's font; ink, rules and series take
their colours from the page, so that a picture is readable on light and on dark; identifiers are
made unique to the picture.
"""

from __future__ import annotations

import io
import platform
import re
import shlex
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from segue import plots
from segue._version import __version__
from segue.data.dataset import Dataset, named
from segue.errors import DataError, counted
from segue.evaluation import text
from segue.metrics import UNDEFINED
from segue.plots.style import INK, MUTED, PALETTE, RULE
from segue.tasks.outcome import Picture

if TYPE_CHECKING:
    from jinja2 import Environment

    from segue.evaluation.model_info import ModelInfo


SAMPLES_SHOWN = 3


def describe_data(sets: Mapping[str, Dataset], *, is_drawn: bool) -> dict[str, Any]:
    """The section on the data: a summary of each data set, and pictures of the first.

    Args:
        sets: by name; the training data first, where they are given.
        is_drawn: whether lengths, classes and sequences are drawn.
    """
    found = [dict(replace(data, parts=None).summary().rows()) for data in sets.values()]
    names = [name for name in dict.fromkeys(n for rows in found for n in rows) if name != "classes"]
    summary = {
        "headings": ["", *sets],
        "rows": [[name, *(rows.get(name, UNDEFINED) for rows in found)] for name in names],
        "pictures": [],
    }
    if not is_drawn:
        return summary
    name, data = next(iter(sets.items()))
    try:
        joined = Dataset.concatenate(dict(sets))
    except DataError:  # their channels differ
        joined = list(sets.values())[-1]
    shown, there = plots.examples(data, SAMPLES_SHOWN), int((plots.class_counts(data) > 0).sum())
    whose = "each class"
    if len(shown) < there:
        whose = f"each of the first {len(shown)} of {there} classes"
    lengths, balance = plots.plot_lengths(data), plots.plot_class_balance(joined)
    return {
        **summary,
        "pictures": [
            Picture("lengths", lengths, f"Lengths of the sequences ({name})"),
            Picture("balance", balance, "Sequences of each class"),
        ],
        "examples_caption": f"Some sequences of {whose}, drawn at random ({name}).",
        "legend": _legend(data),
        "examples": [
            Picture(f"example{number}", _draw_examples(data, members), label)
            for number, (label, members) in enumerate(shown)
        ],
    }


def _legend(data: Dataset) -> dict[str, Any]:
    """The legend of the examples' lines or colours, once for all panels."""
    display = plots.Display.of(data)
    if display.kind == "heat map":
        low, high = (f"{limit:.3g}" for limit in display.limits)
        label = f"{display.value_label}, a row for each of {data.x.channels} channels"
        return {"low": low, "high": high, "names": [label]}
    names = list(display.channels) if data.x.channels > 1 else []
    return {"low": "", "names": names, "is_scaled": display.scaled}


def _draw_examples(data: Dataset, members: list[int]) -> Any:
    display = plots.Display.of(data)
    row = plots.strip(SAMPLES_SHOWN, width=4.4, height=1.25)
    plots.draw_row(data, members, display, row)
    row[len(row) // 2].set_xlabel(display.time_label)
    return row[0]


Evaluation = Any  # segue.Evaluation, which calls these functions

MISTAKES_SHOWN = 9

_OF_THE_TEST = (
    "segue uses the test part for these scores only: never to fit the preparation or the weights, "
    "to choose the number of epochs, or to choose anything else. "
)
_CURVES = {
    "loss": "Loss by epoch",
    "accuracy": "Accuracy by epoch",
    "rmse": "Root of the mean squared error by epoch",
    "perplexity": "Perplexity by epoch",
}


@cache
def templates() -> Environment:
    """The templates of this folder; what they are filled with is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        loader=PackageLoader("segue.evaluation"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["svg"] = lambda picture: Markup(  # noqa: S704  (made of escaped text)
        to_svg(picture.axes.figure, picture.name, str(escape(picture.caption)))
    )
    return environment


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
    sets = {} if train is None else {"train": train}
    sets[evaluation.part or "scored"] = evaluation.dataset
    task, info, rows = evaluation.task_, evaluation.model_info, text.score_rows(evaluation)
    has_one_class = task.labels_each == "one"
    has_percent = evaluation.interval is not None
    page = templates().get_template("report.html")
    return page.render(
        title=evaluation.dataset.name or "Evaluation",
        subtitle=text.heading(evaluation),
        headline=_in_percent(evaluation) if has_percent else rows[:2],
        interval=evaluation.interval,
        shares=list(evaluation.scores_by_model.values()),
        verdict=text.verdict(evaluation),
        made=[*info.summary, *([("model", info.model_id)] if info.model_id else []), *facts],
        data=describe_data(sets, is_drawn=has_one_class),
        model=info,
        history=_history(info),
        rows=rows,
        caveats=text.caveats(evaluation),
        trained_on=evaluation.trained_on,
        sections=task.sections(evaluation),
        mistakes=_mistakes(evaluation) if has_one_class else None,
        readings=_readings(evaluation),
        source=source,
        footnote=(_OF_THE_TEST if evaluation.part == "test" else "") + task.footnote,
        **_usage(evaluation, str(model_path or "model.safetensors"), source or "SOURCE"),
        **_versions(),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _in_percent(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """The two numbers at the top: the accuracy with its interval, and the baseline."""
    low, high = evaluation.interval or (0.0, 1.0)
    pairs = (
        ("accuracy", f"95 % interval {100 * low:.1f} to {_percent(high)}"),
        (evaluation.outcome.baselines[0].name, f"always {named(evaluation.baseline_class)}"),
    )
    values = map(_percent, evaluation.scores_by_model.values())
    return [
        (name, value, evaluation.trained_on.marked(meaning))
        for (name, meaning), value in zip(pairs, values, strict=True)
    ]


def _history(info: ModelInfo) -> dict[str, Any] | None:
    """The training in a sentence, and its curves."""
    if not info.rows:
        return None
    kept = "" if info.best_epoch is None else f" The weights of epoch {info.best_epoch} were kept."
    last = info.rows[-1]["loss"]
    curves = []
    for metric, caption in _CURVES.items():
        if any(row.get(metric) is not None for row in info.rows):
            axes = plots.plot_curve(info, metric)
            axes.set_title("", loc="left")  # the caption has it
            curves.append(Picture(metric, axes, caption))
    said = f"{counted(len(info.rows), 'epoch')}; loss {last:.4g} in the last.{kept}"
    return {"caption": said, "pictures": curves}


def _mistakes(evaluation: Evaluation) -> dict[str, Any]:
    """The mistakes with the highest confidence, in a sentence and in pictures."""
    mistakes = evaluation.mistakes()
    if not mistakes:
        return {"caption": "There are none: every sequence was given its class.", "pictures": []}
    data, display = evaluation.dataset, plots.Display.of(evaluation.dataset)
    count, shown = len(mistakes), mistakes[:MISTAKES_SHOWN]
    more = f"; the {len(shown)} with the highest confidence are shown" if count > len(shown) else ""
    pictures = []
    for number, mistake in enumerate(shown):
        axes = plots.strip(1, width=2.9, height=1.45)[0]
        plots.draw_sequence(data.x[mistake.index], display, axes)
        axes.set_xlabel(display.time_label)
        caption = (
            f"{named(mistake.target)}, taken for {named(mistake.prediction)} "
            f"({_percent(mistake.confidence)}), sequence {mistake.id}"
        )
        pictures.append(Picture(f"mistake{number}", axes, caption))
    caption = f"{counted(count, 'mistake')} in {len(data):,}{more}."
    return {"caption": caption, "pictures": pictures}


def _readings(evaluation: Evaluation) -> list[Picture]:
    """The probabilities along a few texts."""
    about = (
        "the colour of a word is the most probable class once it was read, words that the "
        "vocabulary does not have are in italics"
    )
    return [
        Picture(f"reading{number}", one.plot()[0], f"True class {one.target}; {about}", "wide")
        for number, one in enumerate(evaluation.readings)
    ]


def _usage(evaluation: Evaluation, model: str, data: str) -> dict[str, list[str]]:
    """The exact lines for this model, in Python and in a shell."""
    seen, words = evaluation.trained_on, f"{shlex.quote(model)} {shlex.quote(data)}"
    scored = f"segue evaluate {words} --report report.html"
    return {
        "python": [
            "import segue",
            "",
            f"model = segue.load({model!r})",
            f"data = segue.read({data!r})",
            *evaluation.task_.usage,
            seen.commented("segue.evaluate(model, data)", "the scores of"),
        ],
        "shell": [
            f"segue predict {words} --out predictions.csv",
            seen.commented(scored, "scores"),
        ],
    }


def _versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = [f"segue {__version__}", f"Python {platform.python_version()}"]
    for package, name in (
        ("numpy", "NumPy"),
        ("scikit-learn", "scikit-learn"),
        ("torch", "PyTorch"),
    ):
        try:
            found.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            continue
    return {"versions": ", ".join(found)}


# -- pictures ------------------------------------------------------------------------------------

_RC: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "segue"}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    **{colour.lower(): f"var(--series-{i})" for i, colour in enumerate(PALETTE)},
}


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Return the `<svg>` element of a figure.

    Args:
        figure: drawn with the colours of `segue.plots.style`.
        name: letters and digits, unique in the page; the identifiers inside begin with it.
        description: read out by a screen reader; HTML-escaped already.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # The browser finds the glyphs that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", lambda tag: _tidy(tag.group(), name), text)  # tags, never text
    text = re.sub(r"\s*\n\s*", "\n", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)


def _tidy(tag: str, name: str) -> str:
    """Take from a tag what a page does not need, and fit the rest into the page."""
    tag = re.sub(r'\sxmlns(:\w+)?="[^"]*"| version="1.1"| font-family: [^;"]*;?', "", tag)
    tag = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", tag).replace("xlink:href", "href")
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda found: _COLOURS.get(found.group(), found.group()), tag)
    return re.sub(r'(?<=\sd=")[^"]*', lambda path: _shorter(path.group()), tag)


def _shorter(path: str) -> str:
    """A hundredth of a point is finer than any screen."""
    return re.sub(r"(\.\d\d)\d+", r"\1", " ".join(path.split()))
