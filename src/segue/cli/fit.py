"""`segue fit`: train an estimator, evaluate it, and write model and scores to one folder."""

from __future__ import annotations

from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, as_option, tell
from segue.cli.headlines import headline
from segue.cli.options import Form, declared, options_of, refuse_beside_resume
from segue.cli.shared import (
    Debug,
    Json,
    Limit,
    OptionalSource,
    print_json,
    print_table,
)
from segue.errors import OptionError, counted, did_you_mean
from segue.progress import duration

if TYPE_CHECKING:
    from segue.runs import Run

Option = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Any other option of training that `segue info --defaults` prints, such as "
        "clip_norm=none; several times for more.",
    ),
]
Stride = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Steps from one window to the next (default: those of a window)."
    ),
]
WindowLabel = Annotated[
    str | None,
    typer.Option(
        metavar="all|majority|last",
        help="Where each step has a label, that of a window: of all its steps (others are left "
        "out), of most, or of the last.",
    ),
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The run's folder (default: a new one in runs/).")
]

# What the score of each seed is, by its name in metrics.json.
_SCORES = {"accuracy": "accuracy", "r2": "R²", "log_probability": "log-probability (nats)"}

# The arguments that are options of `segue fit`: of the estimators, of `TrainingOptions`, of a run.
ESTIMATOR = "network prepare epochs batch_size learning_rate validation class_weight seed device"
FORECASTER = "size horizon strategy"
TRAINING = """
    optimizer schedule patience monitor accumulate frozen refit truncate threads time_limit_seconds
""".split()
RUN = "test seeds initial"
FORMS = {
    "task": Form("classify|label|regress|forecast|language"),
    "network": Form("SPEC", 'Layers, such as "gru(64) dense(32, relu)"'),
    "prepare": Form("SPEC", 'Preparation, such as "interpolate standardize" or "none"'),
    "validation": Form(
        "SHARE|none|auto",
        "Validate on a share of the training part; auto: a tenth of it, none where that is too "
        "little. With validation the weights of the best epoch are kept, without it the last",
    ),
    "class_weight": Form("balanced", "Weight classes so that rare ones count as much"),
    "device": Form("auto|cpu|cuda", "The device to compute on"),
    "test": Form("SHARE|none", kind=str),
    "initial": Form("MODEL", kind=Path),
    "frozen": Form("LAYER", "Name of a layer whose weights stay as they are"),
    "truncate": Form("STEPS"),
    "time_limit_seconds": Form("SECONDS", flag="--time-limit"),
    "size": Form(
        flag="--window",
        help="Cut recordings into windows of N steps; of a forecast, steps that the network sees",
    ),
}


def options() -> list[Parameter]:
    """The options of `segue fit` that fill arguments of estimators, of training and of a run."""
    from segue.estimators.loading import BY_TASK
    from segue.runs import fit_run
    from segue.training import TrainingOptions

    return [
        *options_of(fit_run, "task", **FORMS),
        *options_of(BY_TASK, ESTIMATOR, **FORMS),
        *options_of(TrainingOptions, TRAINING, **FORMS),
        *options_of(fit_run, RUN, **FORMS),
        *options_of(BY_TASK["forecast"], FORECASTER, **FORMS),
        *declared(stride=Stride, window_label=WindowLabel, limit=Limit, option=Option, out=Out),
    ]


def fit(
    source: OptionalSource = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Continue a run that was stopped.")
    ] = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
    **given: Any,
) -> None:
    """Train a classifier and evaluate it; or label steps, predict numbers, forecast series.

    Model, history, scores and report are written to a folder.

    Example: segue fit japanese-vowels --network "bilstm(100)"

    Ctrl-C keeps the best weights so far and evaluates them.
    """
    from segue import runs

    if (source is None) == (resume is None):
        raise OptionError("Give a SOURCE to train on, or a run to go on with: --resume DIR.")
    if resume is not None:
        refuse_beside_resume({**given, "columns": columns}, FORMS)
        run = runs.resume_run(resume)
    else:
        task = given["task"]
        cut = {name: given.pop(name) for name in ("size", "stride", "window_label")}
        forecast = {name: given.pop(name) for name in ("horizon", "strategy")}
        if task == "forecast":
            forecast["size"] = cut.pop("size")
        training = {name: given.pop(name) for name in TRAINING}
        run = runs.fit_run(
            str(source),
            columns={**(columns or {}), **_windows(task, **cut)},
            tell=tell,
            **_forecast(task, **forecast),
            **_options(given.pop("option") or [], **training),
            **_shares(given),
        )
    _print(run, json=json)
    if run.metrics["stopped"] == "interrupted":
        raise typer.Exit(130)  # what a shell expects after Ctrl-C


def _shares(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, with the texts of shares as numbers."""
    values = {name: value for name, value in given.items() if value is not None}
    for name in {"test", "validation"} & values.keys():
        is_auto = name == "validation" and values[name] == "auto"
        values[name] = "auto" if is_auto else share(values[name], f"--{name}")
    return values


def share(text: str, option: str) -> float | None:
    """Return `none` as None and a number between 0 and 1 as itself.

    Raises:
        OptionError: anything else.

    >>> share("0.25", "--test"), share("none", "--test")
    (0.25, None)
    """
    if text.lower() == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise OptionError(f"{option} is {text!r}; expected a number between 0 and 1, or none.")
    return value


def _forecast(task: str | None, **given: Any) -> dict[str, Any]:
    """The arguments that only a forecast has."""
    given = {name: value for name, value in given.items() if value is not None}
    if given and task != "forecast":
        raise OptionError("--horizon and --strategy are for --task forecast.")
    return given


def _windows(task: str | None, **given: Any) -> dict[str, Any]:
    """How recordings are cut into windows, as options of the reader."""
    given = {name: value for name, value in given.items() if value is not None}
    given |= {"window": given.pop("size")} if "size" in given else {}
    if given and task in ("forecast", "label", "language"):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(
            f"{options}: recordings are cut into windows with one label each for a classifier, and "
            f"--task {task} takes them whole."
        )
    return given


def _options(pairs: list[str], **given: Any) -> dict[str, Any]:
    """The argument `options` with the training options that were given, also as `name=value`."""
    from segue.training import TrainingOptions

    values = training_options(pairs, **given)
    return {"options": TrainingOptions(**values)} if values else {}


def training_options(pairs: list[str], **given: Any) -> dict[str, Any]:
    """Options of training by name: what was given by flags, and as `name=value`.

    Raises:
        OptionError: an option that there is not, or one that is given twice.

    >>> training_options(["clip_norm=none"], optimizer="rmsprop", schedule=None)
    {'optimizer': 'rmsprop', 'clip_norm': None}
    """
    from segue.training import TrainingOptions

    given = {n: v for n, v in given.items() if v is not None and v is not False and v != []}
    known = dict(TrainingOptions.defaults())
    for pair in pairs:
        name, value = as_option(pair, "--option", "clip_norm=none")
        if name not in known:
            unknown = f"--option {pair}: training has no option {name!r}."
            raise OptionError(unknown + did_you_mean(name, known))
        if name in given:
            raise OptionError(f"The option {name} of training is given twice.")
        given[name] = None if value == "none" else value
    return given


def _print(run: Run, *, json: bool) -> None:
    metrics = run.metrics
    files = {"model": str(run.model), "report": str(run.report)}
    if json:
        print_json({"folder": str(run.folder), **files, "metrics": metrics})
        return
    print_table(
        [
            *headline(metrics),
            *_seeds(metrics),
            ("training", _training(metrics)),
            *files.items(),
        ]
    )


def _training(metrics: dict[str, Any]) -> str:
    """How long it took, and how it ended: "1.2 s, 20 epochs, finished"."""
    ended = "time limit" if metrics["stopped"] == "time" else metrics["stopped"]
    return f"{duration(metrics['seconds'])}, {counted(metrics['epochs'], 'epoch')}, {ended}"


def _seeds(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """Mean and spread over the seeds; the best is chosen without a look at the test part."""
    if "seeds" not in metrics:
        return []
    rows, best = metrics["seeds"], metrics["best_seed"]
    name = metrics["score"]
    text = f"{_SCORES[name]}: mean {metrics['mean']:.4f}, spread {metrics['spread']:.4f} "
    text += f"of {len(rows)} seeds"
    if note := metrics.get("trained_on", {}).get("note"):
        text += f"; {note}"
    chosen = next((row for row in rows if row["seed"] == best), None)
    if chosen is not None:
        text += f"; best by validation: seed {best}, {chosen[name]:.4f}"
    ensemble = f"the mean of these {len(rows)} models; the scores above are its own"
    return [("each seed alone", text), ("ensemble", ensemble)]
