"""Networks as text: layers with their shapes, and mistakes where they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import segue
from segue.layers import LAYERS, Shape
from segue.networks import Network, as_specs
from segue.prepare.pipeline import STEPS, as_steps
from segue.readers import write
from segue.studio import Project
from segue.studio.planning import TEMPLATES, Ground, outline, palette, plan

GROUND = Ground(Shape(3), 4, every=False, static=0, head_forms=((4, "softmax"),), is_text=False)


@pytest.mark.parametrize("text", [*TEMPLATES, "residual(conv(8, 3) relu) gru(4)", "dense(2) pool"])
def test_the_layers_are_those_of_the_network(text: str) -> None:
    """Names, shapes and parameters as in the summary of the network that is built."""
    found, built = plan(text, GROUND), Network(as_specs(text), Shape(3), 4).summary()
    assert found.problem is None
    rows = [(row.name, row.shape, row.parameters) for row in built.rows if row.depth == 0]
    assert [(layer.name, layer.shape, layer.parameters) for layer in found.layers] == rows
    assert found.parameters == built.total
    assert {layer.call for layer in found.layers} == {*range(len(found.calls)), None}


@pytest.mark.parametrize(
    ("text", "call", "wrong", "message"),
    [
        ("lstm(8) dens(3) relu", 1, "dens(3) relu", 'unknown layer .dens.. Did you mean "dense"'),
        ("lstm(8", 0, "", "expected ',' or"),
        ("relu lstm(0)", 1, "lstm(0)", "`units` is 0"),
        ("lstm(8) relu conv(8, 3) ?", 3, "?", "unexpected"),
        ("pool(mean) relu lstm(8)", 2, "lstm(8)", "lstm_1 needs a sequence"),
        ("repeat(2, lstm(8)) flatten", 1, "flatten", "flatten"),
        ("repeat(2, pool(mean))", 0, "repeat(2, pool(mean))", "pool_2 needs a sequence"),
        ("lstm(8) rocket", None, "", ""),
        ("conv(8, 3) relu", 1, "relu", "still holds a sequence before its head"),
        ("lstm(8) dense(3) softmax", 2, "softmax", "its head has 4 outputs"),
        ("lstm(8, name=a) dense(3, name=a)", 1, "dense(3, name=a)", "layer names must differ"),
        ("", None, "", "the network has no layer"),
    ],
)  # fmt: skip
def test_a_mistake_stands_at_its_call(
    text: str, call: int | None, wrong: str, message: str
) -> None:
    problem = plan(text, GROUND).problem
    if not message:
        assert problem is None
        return
    assert problem is not None
    assert message.strip(".") in problem.message.replace("'dens'", ".dens.")
    assert "\n  " not in problem.message
    assert problem.call == call
    if call is not None:
        assert text[problem.start : problem.stop] == wrong


def test_while_a_layer_is_written_those_before_it_stay() -> None:
    assert [layer.name for layer in plan("lstm(8) relu con", GROUND).layers] == ["lstm_1", "relu_1"]


def test_without_data_the_text_alone_is_looked_at() -> None:
    assert outline("lstm(8) relu").calls == ((0, 7), (8, 12))
    problem = outline("lstm(8) relo").problem
    assert problem is not None
    assert problem.call == 1


@pytest.mark.parametrize(("table", "read"), [(LAYERS, as_specs), (STEPS, as_steps)])
def test_the_palette_has_every_kind_and_each_example_can_be_used(table: Any, read: Any) -> None:
    cards = palette(table)
    assert [card.kind for card in cards] == list(table)
    for card in cards:
        (spec,) = read(card.example)
        assert spec.kind == card.kind
        assert card.about
        assert "`" not in f"{card.about} {[a.about for a in card.arguments]}"


def test_the_arguments_of_a_layer_have_their_kinds_and_descriptions() -> None:
    units = next(c for c in palette() if c.kind == "dense").arguments
    assert [(a.name, a.kind, a.default) for a in units[:3]] == [
        ("units", "number", ""), ("activation", "choice", "linear"), ("bias", "flag", "true"),
    ]  # fmt: skip
    assert next(a for a in units if a.name == "units").about == "features of the output."


def test_the_plan_follows_the_data_and_their_preparation(project: Project, waves: str) -> None:
    project.set_network("lstm(8)")
    assert project.plan().layers == ()
    project.open(waves)
    assert project.plan().input_shape == "[12, 1]"
    project.set_prepare("frame(4)")
    assert project.plan().input_shape == "[3, 4]"
    project.set_prepare("fram(4)")
    problem = project.plan().problem
    assert problem is not None
    assert 'Did you mean "frame"?' in problem.message
    assert problem.call is None


def test_tokens_texts_and_answers_at_each_step(project: Project) -> None:
    tokens = np.random.default_rng(0).integers(0, 9, size=(20, 6, 1), dtype=np.int32)
    write(segue.Dataset(tokens, ["a", "b"] * 10), project.folder / "tokens")
    project.open("tokens")
    project.set_network("embedding(5) lstm(8)")
    assert [layer.shape for layer in project.plan().layers] == ["[6, 5]", "[8]", "[1]"]
    rows = [f'"{word} and more, {n}",{word}' for n, word in enumerate("ab" * 10)]
    (project.folder / "texts.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    project.open("texts.csv")
    project.set_network("lstm(8)")
    implied, lstm, head = project.plan().layers
    assert (implied.kind, implied.call, lstm.call, head.call) == ("embedding", None, 0, None)
    y = [np.arange(5) % 2 for _ in range(20)]
    steps = segue.Dataset(np.zeros((20, 5, 1)), y, classes=("a", "b"), task="label")
    write(steps, project.folder / "steps", format="arrow")
    project.open("steps")
    assert project.plan().layers[-1].shape == "[5, 2]"


def test_a_network_that_is_no_data_s_is_said_where_it_stands(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_network("embedding(3) lstm(3)")
    problem = project.plan().problem
    assert problem is not None
    assert problem.call == 0
    assert "embedding_1 takes tokens" in problem.message
