"""Options of a training, and each action as a line of Python and of the command line."""

from __future__ import annotations

import ast
import shlex

import pytest
import typer

import segue
from segue.arguments import ESTIMATORS
from segue.cli import _command
from segue.cli.fit import ESTIMATOR, TRAINING
from segue.cli.options import forms_of
from segue.errors import OptionError
from segue.estimators.loading import BY_TASK
from segue.studio import Project, lines
from segue.studio.settings import ARGUMENTS, FIRST, Chosen, settings
from segue.training import TrainingOptions


def flags_of(command: str) -> dict[str, str]:
    """The flag of each argument, as the command itself has it."""
    return {one.name: one.opts[0] for one in _command().commands[command].complete.params}


def test_the_flags_are_those_of_the_command_line() -> None:
    flags = flags_of("fit")
    for name, flag in lines.FLAGS.items():
        assert flags[name] == flag
    others = {*ARGUMENTS, *lines.OF_TRAINING, *lines.OF_READERS, "test", "limit", "stride"}
    for name in others - lines.FLAGS.keys():
        assert flags[name] == f"--{name.replace('_', '-')}"
    assert set(TRAINING) == set(lines.OF_TRAINING)
    assert set(ESTIMATOR.split()) == {*ARGUMENTS, "network", "prepare"}
    assert set(forms_of("read")) == {*lines.OF_READERS, "read"}


@pytest.mark.parametrize("task", ESTIMATORS)
def test_the_options_have_the_defaults_of_the_estimator(task: str) -> None:
    found = {setting.name: setting for setting in settings(task)}
    own, training = BY_TASK[task]().get_params(deep=False), dict(TrainingOptions.defaults())
    for name, setting in found.items():
        if name != "test":
            assert setting.default == {**training, **own}[name]
        assert setting.about, name
    assert list(found)[: len(FIRST)] == FIRST
    assert set(training) - set(found) == {"objective", "metric", "progress"}
    assert ("horizon" in found) == (task == "forecast")


def test_texts_of_a_form_are_read_as_on_the_command_line() -> None:
    chosen = Chosen("classify", {})
    for name, text, value in (
        ("epochs", "7", 7), ("validation", "none", None), ("validation", "0.25", 0.25),
        ("clip_norm", "None", None), ("refit", "true", True), ("frozen", "lstm_1, dense_1",
        ("lstm_1", "dense_1")), ("schedule", "cosine", "cosine"), ("test", "none", None),
        ("class_weight", "balanced", "balanced"), ("learning_rate", "1e-3", 0.001),
    ):  # fmt: skip
        chosen = chosen.having(name, text)
        assert chosen.values[name] == value
    for name in [*chosen.values]:
        chosen = chosen.having(name, "")
    assert chosen == Chosen("classify", {})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("epochs", "many", "`epochs` is 'many'; expected 'auto' or a whole number"),
        ("epoch", "3", "no option 'epoch'. Did you mean \"epochs\""),
        ("optimizer", "adm", "Did you mean \"adam\""),
        ("test", "2", "`test` is 2; expected a number between 0 and 1, or None"),
        ("refit", "maybe", "`refit` is 'maybe'; expected True or False"),
        ("horizon", "3", "no option 'horizon'"),
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_refused_and_all_stays(
    project: Project, name: str, text: str, message: str
) -> None:
    project.set_option("epochs", 3)
    before = project.revision
    with pytest.raises(OptionError) as caught:
        project.set_option(name, text)
    assert message in str(caught.value)
    assert (project.chosen.values, project.revision) == ({"epochs": 3}, before)


def test_the_task_follows_the_targets_or_is_chosen(project: Project, waves: str) -> None:
    assert project.task == "classify"
    project.open(waves)
    assert project.training().arguments() == ["fit", waves, "--network", "bilstm(100)"]
    project.set_option("class_weight", "balanced")
    project.set_task("forecast")
    project.set_option("horizon", 2)
    words = project.training().arguments()
    assert words[2:] == ["--task", "forecast", "--network", "bilstm(100)", "--horizon", "2"]
    project.set_task(None)
    assert project.chosen.values == {}
    with pytest.raises(OptionError, match="There is no task 'sort'"):
        project.set_task("sort")


HOSTILE = [
    "a b'c\"; rm -rf $HOME `id`.csv", "--out", "-x", "~root", "$(id)", "\n--json", "x\ny", "é☃",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_an_option_or_a_word_of_the_shell(project: Project, name: str) -> None:
    """Neither of a file nor of a column: the command gets them as they are."""
    (project.folder / name).mkdir()
    (project.folder / name / "a.csv").write_text("kind,t0,t1\na,1,2\nb,3,4\n")
    project.open(name, label="kind")
    training = project.training()
    words = training.arguments("runs/x")
    assert shlex.split(training.command("runs/x")) == ["segue", *words]
    call = ast.parse(training.script()).body[1].value  # type: ignore[attr-defined]
    assert ast.literal_eval(call.args[0]) in (name, f"./{name}")
    assert not ast.literal_eval(call.args[0]).startswith(("-", "~"))
    context = typer.Context(_command().commands["fit"].complete)
    values = _command().commands["fit"].complete.make_parser(context).parse_args(words[1:])[0]
    assert values["source"] in (name, f"./{name}")
    assert values["out"] == "runs/x"


def test_options_of_readers_and_of_training_are_all_in_the_command(
    project: Project, table: str
) -> None:
    project.open(table, time="second", channels=["x", "y"], falls="sort", drop_missing=True)
    for name, value in (("patience", None), ("clip_norm", None), ("frozen", ("a", "b"))):
        project.set_option(name, value)
    project.set_option("refit", True)
    project.set_option("seed", -3)
    assert project.training().arguments()[2:] == [
        "--network", "bilstm(100)", "--option", "patience=none", "--option", "clip_norm=none",
        "--frozen", "a", "--frozen", "b", "--refit", "--seed=-3", "--column-time", "second",
        "--column-channels", "x,y", "--read", "falls=sort", "--drop-missing",
    ]  # fmt: skip


def test_the_script_is_a_run_where_plain_lines_would_not_do_the_same(
    project: Project, waves: str
) -> None:
    project.open(waves)
    assert "fit_run('waves', compare='auto')" in project.training(compare=True).script()
    assert "segue.SequenceClassifier('bilstm(100)')" in project.training().script()
    project.open(waves, limit=5)
    assert "fit_run('waves', limit=5, network='bilstm(100)')" in project.training().script()
    assert project.training().arguments()[-2:] == ["--limit", "5"]
    assert segue.__version__
