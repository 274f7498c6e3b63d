"""`segue study learning-curve` and `segue study grid`: the same training many times over."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segue.cli.columns import Columns, read_source, with_columns
from segue.cli.fit import Option, share, training_options
from segue.cli.shared import Debug, Json, Limit, print_json
from segue.errors import FileError, OptionError

if TYPE_CHECKING:
    from segue.dataset import Dataset
    from segue.studies import Grid, LearningCurve

app = typer.Typer(
    name="study",
    help="The same training many times over: how much data, which network.",
    no_args_is_help=True,
)

StudySource = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A named data set (`segue data list`), a file, or a folder.",
        show_default=False,
    ),
]
Task = Annotated[
    str | None,
    typer.Option(metavar="classify|label|regress", help="Default: what the targets ask for."),
]
Network = Annotated[str | None, typer.Option(metavar="SPEC", help='Layers, such as "lstm(32)".')]
Prepare = Annotated[str | None, typer.Option(metavar="SPEC", help='Such as "standardize".')]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the data.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Sequences in a batch.")]
LearningRate = Annotated[float | None, typer.Option(help="The optimizer's step.")]
Optimizer = Annotated[str | None, typer.Option(help="adam, rmsprop, sgd, ...")]
Schedule = Annotated[str | None, typer.Option(help="one-cycle, constant, ...")]
Until = Annotated[
    float | None,
    typer.Option(metavar="SCORE", help="Also find the epoch at which the score is so good."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Trials at once (default: one for each processor)."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The study's folder (default: one in studies/)."),
]
Resume = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Go on with a study that was stopped.")
]


@app.command("learning-curve")
@with_columns
def learning_curve(
    source: StudySource = None,
    sizes: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="Training sequences (default: six up to all)."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, metavar="N", help="Trainings of each size.")] = 5,
    until: Until = None,
    watch_test: Annotated[
        bool, typer.Option("--watch-test", help="Also score each epoch on the test part.")
    ] = False,
    task: Task = None,
    network: Network = None,
    prepare: Prepare = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    schedule: Schedule = None,
    option: Option = None,
    validation: Annotated[
        str, typer.Option(metavar="SHARE|none|auto", help="Set aside inside each subset.")
    ] = "auto",
    test: Annotated[
        float, typer.Option(metavar="SHARE", help="Set aside for the test where there is no part.")
    ] = 0.2,
    limit: Limit = None,
    workers: Workers = None,
    out: Out = None,
    resume: Resume = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train with more and more sequences: what does more data bring?

    The same command again goes on where a study was stopped.

    Example: segue study learning-curve japanese-vowels --sizes 20,50,100 --seeds 3
    """
    recipe = {
        "reading": {"source": source, "limit": limit, "columns": columns},
        "task": task,
        "settings": _given(
            network=network,
            prepare=prepare,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation="auto" if validation == "auto" else share(validation, "--validation"),
        )
        | _options(option, optimizer=optimizer, schedule=schedule),
        "study": {"sizes": _whole(sizes), "seeds": seeds, "test": test, "until": until}
        | ({"watch_test": True} if watch_test else {}),
    }
    curve = _run("learning-curve", recipe, resume, out, workers=workers)
    _print(curve, json=json)


@app.command()
@with_columns
def grid(
    source: StudySource = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="Layers, or a network with holes; several times for several."
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=A,B,...",
            help="Values of another option or of a {hole}, such as units=8,16; several times.",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Trainings of each combination.")
    ] = 3,
    held: Annotated[
        float, typer.Option(metavar="SHARE", help="Set aside from the training part to compare.")
    ] = 0.25,
    until: Until = None,
    task: Task = None,
    prepare: Prepare = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    optimizer: Optimizer = None,
    schedule: Schedule = None,
    option: Option = None,
    limit: Limit = None,
    workers: Workers = None,
    out: Out = None,
    resume: Resume = None,
    columns: Columns = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train with every combination of networks and options, and compare them.

    They are compared on a share of the training part; the test part is left alone. The same command
    again goes on where a study was stopped.

    Example: segue study grid japanese-vowels --network "lstm(16)" --network "gru(16)" --seeds 2
    """
    space = _space(network or [], set_ or [])
    if resume is None and not space:
        raise OptionError("Give at least one --network, or --set NAME=A,B,...")
    recipe = {
        "reading": {"source": source, "limit": limit, "columns": columns},
        "task": task,
        "settings": _given(
            prepare=prepare,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        | _options(option, optimizer=optimizer, schedule=schedule),
        "study": {"space": space, "seeds": seeds, "held": held, "until": until},
    }
    _print(_run("grid", recipe, resume, out, workers=workers), json=json)


def _run(
    kind: str,
    recipe: dict[str, Any],
    resume: Path | None,
    out: Path | None,
    *,
    workers: int | None,
) -> Any:
    from segue import studies
    from segue.studies.journal import read_header

    reading = recipe["reading"]
    if (reading["source"] is None) == (resume is None):
        raise OptionError("Give a SOURCE to study, or a study to go on with: --resume DIR.")
    if resume is not None:
        header = read_header(resume)
        if header["fingerprint"].get("study") != kind or not header.get("recipe"):
            raise FileError(f"is not a {kind} that was begun on the command line.", path=resume)
        recipe, out = header["recipe"], resume
        reading = recipe["reading"]
    else:
        path = Path(reading["source"])
        reading["source"] = str(path.resolve()) if path.exists() else reading["source"]
    data = read_source(reading["source"], reading["columns"], limit=reading["limit"])
    estimator = _estimator(recipe, data)
    folder = out or _folder(kind, recipe)
    place = {"workers": workers, "folder": folder, "source": reading, "recipe": recipe}
    asked = dict(recipe["study"])
    if kind == "grid":
        return studies.grid(estimator, data, asked.pop("space"), **asked, **place)
    return studies.learning_curve(estimator, data, **asked, **place)


def _estimator(recipe: dict[str, Any], data: Dataset) -> Any:
    from segue.estimators.tasks import estimator_for

    estimator = estimator_for(recipe["task"], data.task)()
    head = {"head": "sigmoid"} if data.task == "multilabel" else {}
    return estimator.set_params(**head, **recipe["settings"])


def _folder(kind: str, recipe: dict[str, Any]) -> Path:
    """The same for the same command, so that it goes on there."""
    import hashlib
    import json

    from segue.runs import slug

    words = json.dumps([kind, recipe], sort_keys=True)
    mark = hashlib.blake2b(words.encode(), digest_size=3).hexdigest()
    return Path("studies") / f"{slug(Path(recipe['reading']['source']).stem)}-{kind}-{mark}"


def _print(study: LearningCurve | Grid, *, json: bool) -> None:
    if json:
        print_json({"folder": str(study.folder), **study.as_json()})
        return
    print(study.report())
    print(f"\nstudy  {study.folder}")


def _given(**values: Any) -> dict[str, Any]:
    """What was given; `validation` may be None and mean it."""
    return {n: v for n, v in values.items() if v is not None or n == "validation"}


def _options(pairs: list[str] | None, **given: Any) -> dict[str, Any]:
    """Options of training, as an estimator's parameters."""
    return {f"options__{n}": v for n, v in training_options(pairs or [], **given).items()}


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
        space[name] = [_value(word.strip()) for word in _split(values)]
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


def _value(word: str) -> Any:
    """A number, true, false, none, or a text."""
    known = {"true": True, "false": False, "none": None}
    if word.lower() in known:
        return known[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
