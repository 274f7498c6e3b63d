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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from segue import plots
from segue._version import __version__
from segue.data.dataset import Dataset, named
from segue.errors import DataError, counted
from segue.evaluation import text
from segue.evaluation.members import is_member, member_table
from segue.extras import require
from segue.metrics import UNDEFINED
from segue.plots.diagram import BOXES
from segue.plots.style import INK, MUTED, PALETTE, RULE, wipe
from segue.tasks.outcome import Picture
from segue.training.history import describe

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from segue.evaluation.model_info import ModelInfo

Evaluation = Any  # segue.Evaluation, which calls these functions

SAMPLES_SHOWN = 3
MISTAKES_SHOWN = 9
_CURVES = {
    "loss": "Loss by epoch",
    "accuracy": "Accuracy by epoch",
    "rmse": "Root of the mean squared error by epoch",
    "perplexity": "Perplexity by epoch",
}


@cache
def templates() -> Environment:
    """The templates of this folder; what they are filled with is escaped."""
    require("jinja2")
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("segue.evaluation"), autoescape=True, undefined=StrictUndefined
    )
    environment.globals |= {"counted": counted, "repr": repr, "quote": shlex.quote}
    environment.filters["svg"] = _svg
    return environment


def render(
    evaluation: Evaluation,
    *,
    train: Dataset | None = None,
    model_path: str | Path | None = None,
    source: str | None = None,
    facts: Iterable[tuple[str, str]] = (),
    selection: tuple[str, Sequence[tuple[str, ...]]] | None = None,
) -> str:
    """Return the whole page.

    Args:
        evaluation: what is reported.
        train: the training data (or a data set with a part "train"), drawn beside the scored data.
        model_path: where the model lies, for the lines that show how to use it.
        source: what `segue.read` was given, for the same lines.
        facts: what else is known of the training, as pairs of a heading and a text.
        selection: as in `Evaluation.to_html`.
    """
    if train is not None and "train" in train.part_names:
        train = train.part("train")
    sets = {} if train is None else {"train": train}
    sets[evaluation.part or "scored"] = evaluation.dataset
    info, rows = evaluation.model_info, text.score_rows(evaluation)
    notes = {"read as": "; ".join(evaluation.dataset.notes)}
    done = {name: said for name, said in info.summary if not is_member(said)}
    made = {**notes, **done, **dict(facts), "model id": info.model_id}
    has_one_class = evaluation.task_.labels_each == "one"
    return (
        templates()
        .get_template("report.html")
        .render(
            evaluation=evaluation,
            text=text,
            headline=rows[:2],
            rows=rows,
            made=[pair for pair in made.items() if pair[1]],
            chosen=selection,
            members=member_table(info.summary),
            sets=sets,
            data=_describe(sets),
            drawn=_draw_data(sets) if has_one_class else None,
            networks=list(_networks(info)),
            curves=_curves(info),
            last=describe(info.rows[-1]) if info.rows else "",
            joined=_joined(info.rows[-1]) if info.rows else "",
            mistakes=_draw_mistakes(evaluation) if has_one_class else None,
            source=source,
            model_path=str(model_path or "model.safetensors"),
            versions=versions(),
        )
    )


def _describe(sets: Mapping[str, Dataset]) -> list[list[str]]:
    """Rows of a table: the summaries of data sets beside each other, but for their classes."""
    found = [dict(replace(data, parts=None, notes=()).summary().rows()) for data in sets.values()]
    names = [name for name in dict.fromkeys(chain(*found)) if name != "classes"]
    return [[name, *(rows.get(name, UNDEFINED) for rows in found)] for name in names]


def _draw_data(sets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Lengths and classes of data sets, and examples of the first, the training data if given."""
    (name, data), *_ = sets.items()
    try:
        joined = Dataset.concatenate(dict(sets))
    except DataError:  # their channels differ
        joined = list(sets.values())[-1]
    shown, display = plots.examples(data, SAMPLES_SHOWN), plots.Display.of(data)
    there = int((plots.class_counts(data) > 0).sum())
    some = f" of the first {len(shown)} of {there} classes" if len(shown) < there else " class"
    examples, row = [], plots.strip(SAMPLES_SHOWN, width=4.4, height=1.25)
    row[len(row) // 2].set_xlabel(display.time_label)
    for number, (label, members) in enumerate(shown):
        plots.draw_row(data, members, display, row)
        example = f"example{number}"
        examples.append(Picture(example, _svg(row[0], example, label), label))
        wipe(row)
    lengths, balance = plots.plot_lengths(data), plots.plot_class_balance(joined)
    return {
        "pictures": [
            Picture("lengths", lengths, f"Lengths of the sequences ({name})"),
            Picture("balance", balance, "Sequences of each class"),
        ],
        "caption": f"Some sequences of each{some}, drawn at random ({name}).",
        "display": display,
        "examples": examples,
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _networks(info: ModelInfo) -> Iterator[tuple[list[tuple[Any, ...]], Picture | None]]:
    """Rows of a table of the layers of each network, and its diagram."""
    for number, network in enumerate(info.networks):
        table, picture = network.summary(), None
        rows = [(row.name, row.kind, row.shape, row.parameters) for row in table.rows]
        if hasattr(network, "diagram"):
            caption = "From the input to the head: each layer with its output shape and parameters"
            axes = network.diagram().axes[0]
            picture = Picture(f"network{number}", axes, caption, "wide")
        yield [*rows, ("total", "", "", table.total)], picture


def _joined(row: dict[str, Any]) -> str:
    """The scores of members together; those of a validation part, where there is one, behind."""
    own = {name: value for name, value in row.items() if not name.startswith("validation_")}
    return describe(own if row.get("validation_loss") == row["loss"] else row)


def _curves(info: ModelInfo) -> list[Picture]:
    """What was measured at each epoch."""
    pictures = []
    for metric, caption in _CURVES.items():
        if any(row.get(metric) is not None for row in info.rows):
            axes = plots.plot_curve(info, metric)
            axes.set_title("", loc="left")  # the caption has it
            pictures.append(Picture(metric, axes, caption))
    return pictures


def _draw_mistakes(evaluation: Evaluation) -> dict[str, Any]:
    """The number of mistakes, and pictures of those with the highest confidence."""
    mistakes, display = evaluation.mistakes(), plots.Display.of(evaluation.dataset)
    pictures, row = [], plots.strip(1, width=2.9, height=1.45)
    row[0].set_xlabel(display.time_label)
    for number, mistake in enumerate(mistakes[:MISTAKES_SHOWN]):
        plots.draw_sequence(evaluation.dataset.x[mistake.index], display, row[0])
        caption = (
            f"{named(mistake.target)}, taken for {named(mistake.prediction)} "
            f"({_percent(mistake.confidence)}), sequence {mistake.id}"
        )
        name = f"mistake{number}"
        pictures.append(Picture(name, _svg(row[0], name, caption), caption))
        wipe(row)
    return {"count": len(mistakes), "pictures": pictures}


def versions() -> str:
    """The versions that a result depends on."""
    found = [f"segue {__version__}", f"Python {platform.python_version()}"]
    for package, name in {
        "numpy": "NumPy",
        "scikit-learn": "scikit-learn",
        "torch": "PyTorch",
    }.items():
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(package)}")
    return ", ".join(found)


# -- pictures ------------------------------------------------------------------------------------

_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "segue",
    **dict.fromkeys(("figure.autolayout", "figure.constrained_layout.use"), False),
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    **{colour.lower(): f"var(--series-{i})" for i, colour in enumerate(PALETTE)},
    **{colour: f"var(--box-{i})" for i, colour in enumerate(BOXES)},
}


def _svg(axes: Any, name: str, caption: str) -> Markup:
    """The picture of axes; what is one already, as axes that were used again, stays as it is."""
    from markupsafe import Markup, escape

    if isinstance(axes, Markup):
        return axes
    return Markup(to_svg(axes.figure, name, str(escape(caption))))  # noqa: S704  (escaped text)


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Return the `<svg>` element of a figure.

    Args:
        figure: drawn with the colours of `segue.plots.style`.
        name: letters and digits, unique in the page; the identifiers inside begin with it.
        description: read out by a screen reader; HTML-escaped already.
    """
    buffer, layout = io.StringIO(), figure.get_layout_engine()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if not axis.get_label_text():  # else all ticks are measured to find a place for nothing
            axis.set_label_coords(0.5, 0.5)
    with warnings.catch_warnings():
        # The browser finds the glyphs that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        if layout is not None:
            FigureCanvasSVG(figure)
            layout.execute(figure)
        with mpl.rc_context(_RC):
            figure.set_layout_engine(None)  # for one `savefig` would draw everything twice
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
