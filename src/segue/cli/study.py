"""`segue study learning-curve` and `segue study grid`: many trainings of one estimator."""

from __future__ import annotations

from dataclasses import fields
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, parse_value, read_source
from segue.cli.fit import FORMS as FIT_FORMS
from segue.cli.fit import Option, share, training_options
from segue.cli.options import Form, add_command, declared, options_of, refuse_beside_resume
from segue.cli.shared import Debug, Json, Limit, OptionalSource, print_json
from segue.errors import FileError, OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset
    from segue.studies import Grid, LearningCurve

app = typer.Typer(
    name="study",
    help="Many trainings of one estimator: how much data, which network.",
    no_args_is_help=True,
)

SETTINGS = "network prepare epochs batch_size learning_rate"
TRAINING = ["optimizer", "schedule"]
FORMS = {
    **{name: form for name, form in FIT_FORMS.items() if name != "test"},
    "sizes": Form("N,N,...", kind=str),
    "test": Form("SHARE"),
    "held": Form("SHARE"),
    "until": Form("SCORE"),
    "set_": Form(flag="--set"),
}
Task = Annotated[
    str | None,
    typer.Option(metavar="classify|label|regress", help="Default: that of the targets."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The study's folder (default: one in studies/)."),
]
Resume = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Continue a study that was stopped.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=A,B,...",
        help="Values of another option or of a {name} of a template, such as units=8,16; several "
        "times.",
    ),
]
COMMON = {"task": Task, "option": Option, "limit": Limit, "out": Out}


def curve_options() -> list[Parameter]:
    """The options of `segue study learning-curve` that fill arguments."""
    from segue import studies

    return [
        *options_of(studies.learning_curve, "sizes seeds until watch_test test workers", **FORMS),
        *_estimator_options(f"{SETTINGS} validation"),
        *declared(**COMMON),
    ]


def grid_options() -> list[Parameter]:
    """The options of `segue study grid` that fill arguments."""
    from segue import studies

    networks = Form("SPEC", 'Layers, or a template such as "lstm({units})"', kind=list)
    return [
        *_estimator_options("network", network=networks),
        *options_of(studies.grid, "seeds held until", **FORMS),
        *options_of(studies.learning_curve, "workers"),
        *_estimator_options(SETTINGS.removeprefix("network ")),
        *declared(set_=Set, **COMMON),
    ]


def _estimator_options(names: str, **forms: Form) -> list[Parameter]:
    """Options that fill arguments of the estimators that a study trains, and of their training."""
    from segue.estimators.tasks import BY_TASK
    from segue.studies.trials import can_be_studied
    from segue.training import TrainingOptions

    estimators = {task: kind for task, kind in BY_TASK.items() if can_be_studied(kind)}
    options = options_of(estimators, names, **{**FORMS, **forms})
    return options if forms else [*options, *options_of(TrainingOptions, TRAINING)]


def learning_curve(
    source: OptionalSource = None,
    resume: Resume = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
    **given: Any,
) -> None:
    """Train with more and more sequences: the effect of more data.

    The same command again continues a study that was stopped.

    Example: segue study learning-curve japanese-vowels --sizes 20,50,100 --seeds 3
    """
    given["columns"] = columns
    _check_resumed(source, resume, given)
    settings = {"validation": "auto", **_settings(given, f"{SETTINGS} validation")}
    study = {
        "sizes": _whole(given["sizes"]),
        **_defaults("learning_curve", given, "seeds test until"),
        **({"watch_test": True} if given["watch_test"] else {}),
    }
    _run("learning-curve", source, resume, given, settings, study, json=json)


def grid(
    source: OptionalSource = None,
    resume: Resume = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
    **given: Any,
) -> None:
    """Train with every combination of networks and options, and compare them.

    They are compared on a share of the training part; the test part is not used. The same command
    again continues a study that was stopped.

    Example: segue study grid japanese-vowels --network "lstm(16)" --network "gru(16)" --seeds 2
    """
    given["columns"] = columns
    _check_resumed(source, resume, given)
    space = _space(given["network"] or [], given["set_"] or [])
    if resume is None and not space:
        raise OptionError("Give at least one --network, or --set NAME=A,B,...")
    settings = _settings(given, SETTINGS.removeprefix("network "))
    study = {"space": space, **_defaults("grid", given, "seeds held until")}
    _run("grid", source, resume, given, settings, study, json=json)


add_command(app, learning_curve, curve_options, "learning-curve")
add_command(app, grid, grid_options, "grid")


def _check_resumed(source: str | None, resume: Path | None, given: dict[str, Any]) -> None:
    """Refuse what would change a study that is resumed; `--workers` would not."""
    if (source is None) == (resume is None):
        raise OptionError("Give a SOURCE to study, or a study to go on with: --resume DIR.")
    if resume is not None:
        refuse_beside_resume({**given, "workers": None}, FORMS)


def _settings(given: dict[str, Any], names: str) -> dict[str, Any]:
    """The estimator's parameters that were given; a share as a number, none as None."""
    settings = {name: given[name] for name in names.split() if given[name] is not None}
    if settings.get("validation", "auto") != "auto":
        settings["validation"] = share(settings["validation"], "--validation")
    training = training_options(given["option"] or [], **{name: given[name] for name in TRAINING})
    return settings | {f"options__{name}": value for name, value in training.items()}


def _defaults(study: str, given: dict[str, Any], names: str) -> dict[str, Any]:
    """Arguments of a study: what was given, else the default."""
    from segue import studies

    known = signature(getattr(studies, study)).parameters
    return {n: known[n].default if given[n] is None else given[n] for n in names.split()}


def _run(
    kind: str,
    source: str | None,
    resume: Path | None,
    given: dict[str, Any],
    settings: dict[str, Any],
    study: dict[str, Any],
    *,
    json: bool,
) -> None:
    """Run or continue a study, and print its report.

    What the command comes to is kept in the study's folder as its recipe, so that it can continue.
    """
    from segue import studies
    from segue.studies.journal import read_header

    if resume is not None:
        header = read_header(resume)
        if header["fingerprint"].get("study") != kind or not header.get("recipe"):
            raise FileError(f"is not a {kind} that was begun on the command line.", path=resume)
        recipe = header["recipe"]
    else:
        path = Path(str(source))
        reading = {"source": str(path.resolve()) if path.exists() else source}
        reading |= {name: given[name] for name in ("limit", "columns")}
        task = given["task"]
        recipe = {"reading": reading, "task": task, "settings": settings, "study": study}
    reading, study = recipe["reading"], dict(recipe["study"])
    data = read_source(reading["source"], reading["columns"], limit=reading["limit"])
    estimator = _estimator(recipe, data)
    folder = resume or given["out"] or _folder(kind, recipe)
    study |= {"workers": given["workers"], "folder": folder, "source": reading, "recipe": recipe}
    result: LearningCurve | Grid
    if kind == "grid":
        result = studies.grid(estimator, data, study.pop("space"), **study)
    else:
        result = studies.learning_curve(estimator, data, **study)
    if json:
        print_json({"folder": str(result.folder), **result.as_json()})
    else:
        print(result.report())
        print(f"\nstudy  {result.folder}")


def _estimator(recipe: dict[str, Any], data: Dataset) -> Any:
    from segue.estimators.tasks import estimator_for

    estimator = estimator_for(recipe["task"], data.task)()
    head = {"head": "sigmoid"} if data.task == "multilabel" else {}
    return estimator.set_params(**head, **recipe["settings"])


def _folder(kind: str, recipe: dict[str, Any]) -> Path:
    """The same for the same command, so that it continues there."""
    import hashlib
    import json

    from segue.runs import slug

    words = json.dumps([kind, recipe], sort_keys=True)
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

    space: dict[str, list[Any]] = {"network": list(networks)} if networks else {}
    nested = {field.name for field in fields(TrainingOptions)}
    for text in given:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name or not values.strip():
            raise OptionError(
                f"--set is {text!r}; expected a name and its values, such as "
                "learning_rate=0.001,0.01."
            )
        name = f"options__{name}" if name in nested else name
        if name in space:
            raise OptionError(f"{name} is given twice; write all its values in one --set.")
        space[name] = [parse_value(word.strip()) for word in _split(values)]
    return space


def _split(text: str) -> list[str]:
    """Split at commas outside of parentheses.

    >>> _split("none,logmel(64, frame=256) standardize")
    ['none', 'logmel(64, frame=256) standardize']
    """
    words, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            words.append("")
        else:
            words[-1] += letter
    return words
