"""`segue fit`: train an estimator, evaluate it, and write model and scores to one folder."""

from __future__ import annotations

import math
import re
import sys
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from segue.arguments import ESTIMATORS, declaration
from segue.cli.options import as_option, check_resumed, forms_of, options_of
from segue.cli.shared import OPTIONS, Columns, announce, executor_for, print_result, tell
from segue.errors import OptionError, counted, did_you_mean, nearest

if TYPE_CHECKING:
    from segue.runs import Run

# The arguments that are options of `segue fit`: of the estimators, of `TrainingOptions`, of a run.
ESTIMATOR = "network prepare epochs batch_size learning_rate validation class_weight seed device"
FORECASTER = ["size", "horizon", "strategy"]
TRAINING = """
    optimizer schedule patience monitor accumulate frozen refit truncate threads time_limit_seconds
    target_ms target_kb precision checkpoint_every
""".split()
FORMS = forms_of("fit")


def options() -> list[Parameter]:
    """The options of `segue fit` that fill arguments of estimators, of training and of a run."""
    from segue.training import TrainingOptions

    estimators = {task: declaration(*where) for task, where in ESTIMATORS.items()}
    fit_run = declaration("runs/__init__.py", "fit_run")
    return [
        *options_of(fit_run, "task", **FORMS),
        *options_of(estimators, ESTIMATOR, **FORMS),
        *options_of(TrainingOptions, TRAINING, **FORMS),
        *options_of(fit_run, "test seeds initial", **FORMS),
        *options_of(estimators["forecast"], FORECASTER, **FORMS),
        *options_of({}, "stride window_label limit option out resume", **FORMS),
        *options_of({}, forms_of("executor"), **forms_of("executor")),
    ]


def fit(
    source: str | None = None, *, columns: Columns = None, json: bool = False, **given: Any
) -> None:
    """Train a classifier and evaluate it.

    Or label steps, predict numbers, forecast series, as the targets or --task ask for. Model,
    history, scores and report are written to a folder.

    Example: segue fit japanese-vowels --network "bilstm(100)"

    Ctrl-C keeps what is trained so far and evaluates it.
    """
    from segue import runs

    resume, executor = given.pop("resume", None), executor_for(given)
    limit = given.pop("time_limit_seconds", None) if resume is not None else None
    check_resumed(source, resume, {**given, "columns": columns}, FORMS)
    if resume is not None:
        run = runs.resume_run(
            resume,
            time_limit_seconds=None if limit is None else seconds_of(limit),
            tell=lambda line: print(line, file=sys.stderr),
            executor=executor,
        )
    else:
        columns = {**(columns or {}), **_windows(given)}
        if {"network", "initial", "frozen"}.isdisjoint(given):
            given["compare"] = "auto"
        training = training_options(given)
        if training:
            from segue.training import TrainingOptions

            given["options"] = TrainingOptions(**training)
        given |= {n: share(given[n], f"--{n}") for n in ("test", "validation") if n in given}
        announce(str(source))
        run = runs.fit_run(str(source), columns=columns, tell=tell, executor=executor, **given)
    _print(run, json=json)
    if run.metrics["stopped"] == "interrupted":
        raise KeyboardInterrupt(f"go on with `segue fit --resume {run.folder}`")


def _windows(given: dict[str, Any]) -> dict[str, Any]:
    """Take out how recordings are cut into windows, as options of the reader.

    The size of a forecast's windows stays: it is an argument of its estimator.

    Raises:
        OptionError: options of windows, or of a forecast, beside another task.
    """
    from segue.tasks import TASKS

    task = TASKS.get(given.get("task", ""))
    forecasts = task is not None and task.targets_inside and not task.per_step
    names = {"size": "window", "stride": "stride", "window_label": "window_label"}
    if forecasts:
        del names["size"]
    elif not {"horizon", "strategy"}.isdisjoint(given):
        raise OptionError("--horizon and --strategy are for --task forecast.")
    windows = {names[name]: given.pop(name) for name in names if name in given}
    if windows and task is not None and (task.targets_inside or task.per_step):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in windows)
        raise OptionError(
            f"{options}: recordings are cut into windows with one label each for a classifier, and "
            f"--task {task.name} takes them whole."
        )
    return windows


def share(text: str, option: str) -> float | str | None:
    """Return a number between 0 and 1 as itself, `none` as None, and for validation `auto`.

    Raises:
        OptionError: anything else.

    >>> share("0.25", "--test"), share("none", "--test"), share("auto", "--validation")
    (0.25, None, 'auto')
    """
    if text.lower() == "none":
        return None
    if text == "auto" and option == "--validation":
        return text
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise OptionError(f"{option} is {text!r}; expected a number between 0 and 1, or none.")
    return value


def seconds_of(text: str) -> float:
    """A time in seconds.

    Raises:
        OptionError: no time.

    >>> seconds_of("90"), seconds_of("1.5m"), seconds_of("2h")
    (90.0, 90.0, 7200.0)
    """
    found = re.fullmatch(r"(.*?)(s|sec|m|min|h)?", text.strip())
    try:
        value = float(found[1]) if found else 0.0
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise OptionError(f"--time-limit is {text!r}; expected a time, such as 30s, 10m or 2h.")
    return value * {"m": 60, "min": 60, "h": 3600}.get(found[2] if found else "", 1)


def training_options(given: dict[str, Any]) -> dict[str, Any]:
    """Take out the options of training: those with a flag of their own, and `option`.

    Raises:
        OptionError: an option that there is not, or one that is given twice.

    >>> training_options({"option": ["clip_norm=none"], "optimizer": "rmsprop", "epochs": 3})
    {'optimizer': 'rmsprop', 'clip_norm': None}
    """
    from segue.training import TrainingOptions

    known = signature(TrainingOptions).parameters
    values = {name: given.pop(name) for name in known if name in given}
    if "time_limit_seconds" in values:
        values["time_limit_seconds"] = seconds_of(values["time_limit_seconds"])
    for pair in given.pop("option", ()):
        name, several = as_option(pair, "--option", "clip_norm=none")
        if name not in known:
            own = OPTIONS.get()
            near = name if name in own else nearest(name, [*known, *own])
            if near is not None and near in own:
                flag = own[near].opts[0]
                raise OptionError(f"--option {pair}: write {flag}, which is an option of its own.")
            unknown = f"--option {pair}: training has no option {name!r}."
            raise OptionError(unknown + did_you_mean(name, known))
        if name in values:
            raise OptionError(f"The option {name} of training is given twice.")
        values[name] = several if len(several) > 1 else several[0]
    return values


def _print(run: Run, *, json: bool) -> None:
    from segue.estimators.multi_seed import seeds_in_words

    metrics, files = run.metrics, {"model": str(run.model)}
    if run.report.exists():
        files["report"] = str(run.report)
    ended = "time limit" if metrics["stopped"] == "time" else metrics["stopped"]
    facts = {**dict(run.facts()), "model id": metrics.get("model_id", "")}
    for name in ("read as", "each seed alone"):  # they are printed above
        facts.pop(name, None)
    epochs = [] if run.is_automatic else [counted(metrics["epochs"], "epoch")]
    took = ", ".join([facts.pop("time"), *epochs, ended])
    rows = [*headline(metrics), *seeds_in_words(metrics), ("training", took), *facts.items()]
    rows += files.items()
    print_result({"folder": run.folder, **files, "metrics": metrics}, rows, json=json)


def headline(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """The score of a run beside its baselines, as pairs of a heading and a text.

    Args:
        metrics: what `metrics.json` holds.
    """
    from segue.metrics import metrics_of

    main, second, *_ = (one for one in metrics_of(metrics["task"]).values() if one.label)
    count = counted(metrics["sequences"], "sequence")
    for name, unit in {"windows": "window", "steps": "labelled step", "tokens": "token"}.items():
        if name in metrics:
            count = f"{counted(metrics[name], unit)} of {count}"
    if "accuracy_interval" in metrics:
        low, high = metrics["accuracy_interval"]
        count = f"95 % interval {low:.4f} to {high:.4f}, {count}"
    else:
        count = f"{second.label} {second.text(metrics[second.name])}, {count}"
    rows = [(f"{metrics['part']} {main.label}", f"{main.text(metrics[main.name])}  {count}")]
    for name, scores in metrics["baselines"].items():
        rows.append((name, f"{main.text(scores[main.name])}  {scores.get('meaning', '')}".rstrip()))
    note = metrics["trained_on"].get("note")
    return [(name, f"{text}; {note}") for name, text in rows] if note else rows
