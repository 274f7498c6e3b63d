"""The parts of a report that every task has: how the model was made, how it is used, the frame."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
from collections.abc import Iterable
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from segue import plots
from segue._version import __version__
from segue.evaluation import text
from segue.evaluation.background import Background
from segue.evaluation.html import code, grid, paragraph, picture, table
from segue.evaluation.trained_on import TrainedOn


def page(
    *, title: str, subtitle: str, headline: str, sections: Iterable[str], footnote: Iterable[str]
) -> str:
    """Return the whole page, with the style and the sections that are not empty."""
    template = resources.files("segue.evaluation").joinpath("report.html").read_text("utf-8")
    return Template(template).substitute(
        title=escape(title),
        subtitle=escape(subtitle),
        headline=headline,
        sections="\n\n".join(part for part in sections if part),
        footnote="\n".join(
            paragraph(line) for line in [*footnote, f"Made by {', '.join(versions())}."]
        ),
    )


def headline(score: tuple[str, str, str], baseline: tuple[str, str, str]) -> str:
    """The two numbers at the top: each a value, its name, and what is to be said of it."""
    (value, name, said), (other, other_name, other_said) = score, baseline
    return f"""<div class="headline">
<p class="score"><strong>{escape(value)}</strong> {escape(name)}
<span>{escape(said)}</span></p>
<p class="score baseline"><strong>{escape(other)}</strong> {escape(other_name)}
<span>{escape(other_said)}</span></p>
</div>"""


def made(background: Background, facts: Iterable[tuple[str, str]] = ()) -> str:
    """What was done, as a table, with the name of the model and what else is known."""
    named = [("model", background.model_id)] if background.model_id else []
    rows = [*background.summary, *named, *facts]
    return table([], rows) if rows else ""


def network(background: Background) -> str:
    """The table of the layers."""
    if not background.network:
        return ""
    rows = [(name, kind, shape, f"{count:,}") for name, kind, shape, count in background.network]
    rows.append(("total", "", "", f"{background.parameters:,}"))
    return table(["layer", "kind", "output shape", "parameters"], rows, numbers=[3])


def history(background: Background) -> list[str]:
    """The curves of the training."""
    rows, best = background.rows, background.best_epoch
    if not rows:
        return []
    kept = "" if best is None else f" The weights of epoch {best} were kept."
    last = rows[-1]
    said = f"{text.counted(len(rows), 'epoch')}; loss {last['loss']:.4g} in the last.{kept}"
    curves = []
    for metric, caption in (
        ("loss", "Loss by epoch"),
        ("accuracy", "Accuracy by epoch"),
        ("rmse", "Root of the mean squared error by epoch"),
        ("perplexity", "Perplexity by epoch"),
    ):
        if any(row.get(metric) is not None for row in rows):
            axes = plots.plot_curve(background, metric)
            axes.set_title("", loc="left")  # the caption says it
            curves.append(picture(axes, metric, caption))
    return [paragraph(said), grid(curves)]


def use(
    model_path: str | Path | None, source: str | None, calls: Iterable[str], trained_on: TrainedOn
) -> list[str]:
    """The exact lines for this model, in Python and in a shell.

    Args:
        model_path: where the model lies.
        source: what `segue.read` was given.
        calls: lines of Python that ask `model` about `data`.
        trained_on: what the lines that score the model say of what it was trained on.
    """
    model, data = str(model_path or "model.safetensors"), source or "SOURCE"
    shell_model, shell_data = shlex.quote(model), shlex.quote(data)
    return [
        code(
            [
                "import segue",
                "",
                f"model = segue.load({model!r})",
                f"data = segue.read({data!r})",
                *calls,
                trained_on.commented("segue.evaluate(model, data)", "the scores of"),
            ]
        ),
        code(
            [
                f"segue predict {shell_model} {shell_data} --out predictions.csv",
                trained_on.commented(
                    f"segue evaluate {shell_model} {shell_data} --report report.html", "scores"
                ),
            ]
        ),
        ""
        if source
        else paragraph("SOURCE is a file, a folder, or the name of a data set that segue knows."),
    ]


def versions() -> list[str]:
    """The versions that a result depends on."""
    names = {"numpy": "NumPy", "scikit-learn": "scikit-learn", "torch": "PyTorch"}
    found = [f"segue {__version__}", f"Python {platform.python_version()}"]
    for package, name in names.items():
        try:
            found.append(f"{name} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
