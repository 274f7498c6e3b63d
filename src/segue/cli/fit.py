"""`segue fit`: train and evaluate a classifier; everything that comes of it is in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, as_option, tell, with_columns
from segue.cli.headlines import headline
from segue.cli.shared import Debug, Json, Limit, duration, print_json, print_table
from segue.errors import OptionError, counted, did_you_mean

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

# What the score of each seed is, by its name in metrics.json.
_SCORES = {"accuracy": "accuracy", "r2": "R²", "log_probability": "log-probability (nats)"}


@with_columns
def fit(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A named data set (`segue data list`), a file, or a folder.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="classify|label|regress|forecast|language",
            help="What is learnt (default: what the targets of the source ask for).",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help='Layers, such as "gru(64) dense(32, relu)" (default: bilstm(100), and gru(32) for '
            "a forecast).",
        ),
    ] = None,
    prepare: Annotated[
        str, typer.Option(metavar="SPEC", help='Preparation, such as "standardize" or "none".')
    ] = "standardize",
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Sequences in a batch.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The optimizer's step.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam, rmsprop, sgd, ...")] = None,
    schedule: Annotated[str | None, typer.Option(help="one-cycle, constant, ...")] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs that were not better.")
    ] = None,
    validation: Annotated[
        str, typer.Option(metavar="SHARE|none|auto", help="Set aside to choose the best epoch.")
    ] = "auto",
    test: Annotated[
        str,
        typer.Option(metavar="SHARE|none", help="Set aside for the test where there is no part."),
    ] = "0.2",
    class_weight: Annotated[
        str | None, typer.Option(metavar="balanced", help="Let rare classes count as much.")
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Cut recordings into windows of N steps; or what a forecast sees (default: 32).",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Steps from one window to the next (default: those of a window)."),
    ] = None,
    window_label: Annotated[
        str | None,
        typer.Option(
            metavar="all|majority|last",
            help="Where each step has a label, that of a window: of all its steps (others are left "
            "out), of most, or of the last.",
        ),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Steps that are forecast (default: 1).")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="recursive|direct",
            help="Forecast one step after the other, or all at once (default: recursive).",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another split and training.")] = 0,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Train with so many seeds; the model is the ensemble of all."),
    ] = None,
    monitor: Annotated[
        str | None,
        typer.Option(
            metavar="loss|accuracy|last",
            help="Which epoch is kept: the best on validation, or the last.",
        ),
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Batches in one update.")
    ] = None,
    initial: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Begin with the weights of a run or a model file."),
    ] = None,
    frozen: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LAYER",
            help="A layer whose weights stay as they are, such as lstm_1; several times for more.",
        ),
    ] = None,
    refit: Annotated[
        bool,
        typer.Option("--refit", help="Train once more on everything, for the epochs found."),
    ] = False,
    truncate: Annotated[
        int | None,
        typer.Option(min=1, metavar="STEPS", help="Very long sequences: learn them in pieces."),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")
    ] = "auto",
    limit: Limit = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processor threads (default: by size of the work)."),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Stop learning after this time."),
    ] = None,
    option: Option = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder (default: a new one in runs/)."),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with a run that was stopped.")
    ] = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a classifier and evaluate it; or label steps, predict numbers, forecast series.

    Everything that comes of it is kept in a folder: model, history, scores, report.

    Example: segue fit japanese-vowels --network "bilstm(100)"

    The defaults of what is not given are printed by `segue info --defaults`. Ctrl-C keeps the
    best weights so far and evaluates them.
    """
    from segue import runs

    if (source is None) == (resume is None):
        raise OptionError("Give a SOURCE to train on, or a run to go on with: --resume DIR.")
    if resume is not None:
        run = runs.resume_run(resume)
    else:
        cut = {"window": window, "stride": stride, "window_label": window_label}
        seen = cut.pop("window") if task == "forecast" else None
        columns = {**(columns or {}), **_windows(task, **cut)}
        settings: dict[str, Any] = {
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "class_weight": class_weight,
            "network": network,
            **_forecast(task, size=seen, horizon=horizon, strategy=strategy),
            "options": _options(
                option or [],
                optimizer=optimizer,
                schedule=schedule,
                patience=patience,
                time_limit_seconds=time_limit,
                truncate=truncate,
                monitor=monitor,
                accumulate=accumulate,
                frozen=tuple(frozen) if frozen else None,
                threads=threads,
                refit=refit or None,
            ),
            "seeds": seeds,
        }
        run = runs.fit_run(
            str(source),
            task=task,
            test=share(test, "--test"),
            limit=limit,
            out=out,
            initial=initial,
            prepare=prepare,
            validation="auto" if validation == "auto" else share(validation, "--validation"),
            seed=seed,
            device=device,
            columns=columns,
            tell=tell,
            **{name: value for name, value in settings.items() if value is not None},
        )
    _print(run, json=json)
    if run.metrics["stopped"] == "interrupted":
        raise typer.Exit(130)  # what a shell expects after Ctrl-C


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
    if given and task in ("forecast", "label", "language"):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(
            f"{options}: recordings are cut into windows with one label each for a classifier, and "
            f"--task {task} takes them whole."
        )
    return given


def _options(pairs: list[str], **given: Any) -> Any:
    """The training options that were given, also as `name=value`; None when there are none."""
    from segue.training import TrainingOptions

    values = training_options(pairs, **given)
    return TrainingOptions(**values) if values else None


def training_options(pairs: list[str], **given: Any) -> dict[str, Any]:
    """Options of training by name: what was given by flags, and as `name=value`.

    Raises:
        OptionError: an option that there is not, or one that is given twice.

    >>> training_options(["clip_norm=none"], optimizer="rmsprop", schedule=None)
    {'optimizer': 'rmsprop', 'clip_norm': None}
    """
    from segue.training import TrainingOptions

    given = {name: value for name, value in given.items() if value is not None}
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
