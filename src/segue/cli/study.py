"""`segue study learning-curve` and `segue study grid`: many trainings of one estimator."""

from __future__ import annotations

import hashlib
import json as json_
from dataclasses import fields
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import typer

from segue.arguments import ESTIMATORS, STUDIED, declaration
from segue.cli.fit import share, training_options
from segue.cli.options import Form, add_command, as_option, check_resumed, forms_of, options_of
from segue.cli.shared import Columns, executor_for, print_result, read_source
from segue.errors import FileError, OptionError

app = typer.Typer(
    name="study",
    help="Many trainings of one estimator: how much data, which network.",
    no_args_is_help=True,
)

SETTINGS = "prepare epochs batch_size learning_rate"
CURVE = "sizes seeds until watch_test test"
GRID = "seeds held until"
ENGINE = list(forms_of("executor"))
FORMS = {**forms_of("fit"), **forms_of("study")}


def curve_options() -> list[Parameter]:
    """The options of `segue study learning-curve` that fill arguments."""
    curve = declaration("studies/curve.py", "learning_curve")
    own = options_of(curve, CURVE, **FORMS)
    return [*own, *_estimator_options(f"network {SETTINGS} validation")]


def grid_options() -> list[Parameter]:
    """The options of `segue study grid` that fill arguments."""
    own = options_of(declaration("studies/grids.py", "grid"), GRID, **FORMS)
    networks = _estimator_options(f"network {SETTINGS}", **forms_of("grid"))
    return [*own, *networks, *options_of({}, "set_", **FORMS)]


def _estimator_options(names: str, **forms: Form) -> list[Parameter]:
    """Options for the estimators that a study trains, for their training, and for all studies."""
    from segue.training import TrainingOptions

    estimators = {task: declaration(*ESTIMATORS[task]) for task in STUDIED}
    return [
        *options_of(estimators, names, **{**FORMS, **forms}),
        *options_of(TrainingOptions, "optimizer schedule"),
        *options_of({}, "task option limit out resume", **FORMS),
        *options_of({}, ENGINE, **forms_of("executor")),
    ]


def learning_curve(
    source: str | None = None, *, columns: Columns = None, json: bool = False, **given: Any
) -> None:
    """Train with more and more sequences.

    It shows the effect of more data.

    The same command again continues a study that was stopped.

    Example: segue study learning-curve japanese-vowels --sizes 20,50,100 --seeds 3
    """
    _run("learning-curve", source, {**given, "columns": columns}, json=json)


def grid(
    source: str | None = None, *, columns: Columns = None, json: bool = False, **given: Any
) -> None:
    """Train with every combination of networks and options.

    They are compared on a share of the training part; the test part is not used. The same command
    again continues a study that was stopped.

    Example: segue study grid japanese-vowels --network "lstm(16)" --network "gru(16)" --seeds 2
    """
    _run("grid", source, {**given, "columns": columns}, json=json)


add_command(app, learning_curve, curve_options, "learning-curve")


def status(folder: Path, *, json: bool = False) -> None:
    """Show how far a study is.

    That is what is done, failed, runs and waits, and the time left. It asks only the study's
    folder, and Slurm where that is there; so it works on any machine.

    Example: segue study status studies/waves-grid-1a2b3c

    Options:
        folder (DIR): of the study.
    """
    from segue.studies import status as status_of

    found = status_of(folder)
    print_result(found.as_json(), found.lines(), json=json)


add_command(app, grid, grid_options, "grid")
add_command(app, status)


def _run(kind: str, source: str | None, given: dict[str, Any], *, json: bool) -> None:
    """Run or continue a study, and print its report.

    The call is kept in the study's folder as its recipe, so that it can continue.
    """
    from segue import studies
    from segue.estimators.loading import estimator_for
    from segue.studies.journal import read_header
    from segue.tasks import TASKS, Task

    resume = given.pop("resume", None)
    engine = {name: given.pop(name) for name in ENGINE if name in given}
    check_resumed(source, resume, given, FORMS)
    if resume is not None:
        header = read_header(resume)
        if header["fingerprint"].get("study") != kind or not header.get("recipe"):
            raise FileError(f"is not a {kind} that was begun on the command line.", path=resume)
        recipe = header["recipe"]
    else:
        recipe = _recipe(kind, str(source), given)
    reading = recipe["reading"]
    data = read_source(reading["source"], reading["columns"], limit=reading["limit"])
    estimator = estimator_for(recipe["task"], data.task)()
    estimator.set_params(**TASKS.get(data.task, Task).arguments, **recipe["settings"])
    study: Any = studies.grid if kind == "grid" else studies.learning_curve
    folder = Path(resume or given.get("out") or _folder(kind, recipe))
    workers = None if engine.get("executor") == "slurm" else engine.pop("workers", None)
    executor = executor_for(engine)
    result = study(
        estimator, data, **recipe["study"], source=reading, recipe=recipe, workers=workers,
        executor=None if executor is None else executor(folder), folder=folder,
    )  # fmt: skip
    page = result.folder / "report.html"
    facts = {"folder": result.folder, "report": page, **result.as_json()}
    files = f"study   {result.folder}\nreport  {page}"
    print_result(facts, f"{result.report()}\n\n{files}", json=json)


def _recipe(kind: str, source: str, given: dict[str, Any]) -> dict[str, Any]:
    """The call as JSON, to repeat it: how the source is read, the estimator, the study.

    Raises:
        OptionError: a value that means nothing.
    """
    from segue import studies

    path = Path(source)
    reading: dict[str, Any] = {"source": str(path.resolve()) if path.exists() else source}
    reading |= {name: given.get(name) for name in ("limit", "columns")}
    training = {f"options__{name}": value for name, value in training_options(given).items()}
    if kind == "grid":
        space = _space(given.get("network", []), given.get("set_", []))
        settings: dict[str, Any] = {}
        study: dict[str, Any] = {"space": space, **_arguments(studies.grid, GRID, given)}
    else:
        validation = share(given.get("validation", "auto"), "--validation")
        settings = {"validation": validation}
        settings |= {"network": given["network"]} if "network" in given else {}
        study = _arguments(studies.learning_curve, CURVE, given)
        study["sizes"] = _whole(study["sizes"])
        if not study["watch_test"]:
            del study["watch_test"]
    settings |= {name: given[name] for name in SETTINGS.split() if name in given} | training
    return {"reading": reading, "task": given.get("task"), "settings": settings, "study": study}


def _arguments(study: Any, names: str, given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a study: what was given, else the default."""
    known = signature(study).parameters
    return {name: given.get(name, known[name].default) for name in names.split()}


def _folder(kind: str, recipe: dict[str, Any]) -> Path:
    """A value that is the same for the same command, so that it continues there."""
    from segue.runs import slug

    words = json_.dumps([kind, recipe], sort_keys=True)
    mark = hashlib.blake2b(words.encode(), digest_size=3).hexdigest()
    return Path("studies") / f"{slug(Path(recipe['reading']['source']).stem)}-{kind}-{mark}"


def _whole(text: str | None) -> list[int] | None:
    """Whole numbers between commas.

    >>> _whole("20,50, 100")
    [20, 50, 100]
    """
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise OptionError(f"--sizes is {text!r}; expected whole numbers such as 20,50,100.")
    return [int(word) for word in words]


def _space(networks: list[str], given: list[str]) -> dict[str, list[Any]]:
    """The values of each argument, from `--network` and `--set`.

    >>> _space(["lstm(8)"], ["learning_rate=0.001,0.01", "patience=5,none"])
    {'network': ['lstm(8)'], 'learning_rate': [0.001, 0.01], 'options__patience': [5, None]}
    """
    from segue.training import TrainingOptions

    if not networks and not given:
        raise OptionError("Give at least one --network, or --set NAME=A,B,...")
    space: dict[str, list[Any]] = {"network": networks} if networks else {}
    nested = {field.name for field in fields(TrainingOptions)}
    for text in given:
        name, values = as_option(text, "--set", "learning_rate=0.001,0.01")
        name = f"options__{name}" if name in nested else name
        if name in space:
            raise OptionError(f"{name} is given twice; write all its values in one --set.")
        space[name] = values
    return space
