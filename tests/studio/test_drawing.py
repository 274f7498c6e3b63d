"""What is drawn: shapes and parameters at each call, mistakes where they stand, other words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from segue.errors import DataError, OptionError, SpecError
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.studio import Project
from segue.studio.drawing import Drawn, Node, draw
from segue.studio.planning import TEMPLATES, Ground
from segue.studio.tree import Design, Tree

GROUND = Ground(Shape(3), 4, every=False, static=0, head_forms=((4, "softmax"),), is_text=False)


def drawn(text: str, prepare: str = "standardize") -> Drawn:
    return draw(Design(text, prepare), GROUND)


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        for branch in node.branches:
            yield from walk(branch.nodes)


@pytest.mark.parametrize(
    "text",
    [*TEMPLATES, "residual(conv(8, 3) relu, shortcut=conv(8, 1)) repeat(2, gru(4)) dense(2)",
     "parallel(lstm(3), conv(3, 3) pool(mean)) dense(3)", "residual(parallel(relu, tanh)) gru(3)"],
)  # fmt: skip
def test_each_layer_has_the_shape_and_parameters_of_the_built_network(text: str) -> None:
    found, built = drawn(text), Network(as_specs(text), Shape(3), 4).summary()
    assert found.is_right
    assert found.parameters == built.total
    rows = {row.name: (row.shape, row.parameters) for row in built.rows}
    nodes = [node for node in walk(found.layers) if node.name]
    assert {node.name: (node.shape, node.parameters) for node in nodes}.items() <= rows.items()
    assert found.layers[-1].name == "head"
    assert sum(node.parameters or 0 for node in found.layers) == built.total
    paths = [node.path for node in walk(found.layers) if node.path]
    assert [str(Tree.read("network", text).at(path)) for path in paths]


def test_what_no_machine_could_hold_is_drawn_all_the_same() -> None:
    found = drawn("lstm(1000000) dense(1000000)")
    assert [node.parameters for node in found.layers[:2]] == [
        4 * 10**6 * (3 + 10**6 + 1), 10**12 + 10**6,
    ]  # fmt: skip


def test_a_head_that_is_written_out_is_shown_as_it_is_written() -> None:
    last, dense, softmax = drawn("bilstm(100) dense(4) softmax").layers
    assert (last.shape, last.is_head) == ("[200]", False)
    assert (dense.call, dense.name, dense.parameters, dense.is_head) == (
        "dense(4)",
        "head",
        804,
        True,
    )
    assert (softmax.call, softmax.shape, softmax.parameters) == ("softmax", "[4]", 0)
    implied = drawn("lstm(8)").layers[-1]
    assert (implied.path, implied.call, implied.is_head) == ("", "head", True)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("pool(mean) relu lstm(8)", "network/2", "lstm_1 needs a sequence"),
        ("residual(pool(mean) conv(3, 3)) gru(3)", "network/0/layers/0/1", "conv_1 needs a seq"),
        ("residual(parallel(relu, pool(mean) lstm(3))) lstm(3)",
         "network/0/layers/0/0/branches/1/1", "branch_2/lstm_1 needs a sequence"),
        ("parallel(lstm(3) relu, relu)", "network/0", "some branches end the sequence"),
        ("repeat(2, pool(mean)) relu", "network/0", "pool_2 needs a sequence"),
        ("repeat(2, pool(mean) lstm(2))", "network/0/layers/0/1", "lstm_1 needs a sequence"),
        ("conv(8, 3) relu", "network/1", "still holds a sequence before its head"),
        ("lstm(8) dense(3) softmax", "network/2", "its head has 4 outputs"),
        ("lstm(8) dens(3) relu", "", 'Did you mean "dense"'),
        ("lstm(8", "", "expected ',' or"),
    ],
)  # fmt: skip
def test_a_mistake_stands_at_the_innermost_layer(text: str, path: str, message: str) -> None:
    found = drawn(text)
    wrong = [node for node in walk(found.layers) if node.wrong]
    assert [node.path for node in wrong] == [path]
    assert message in wrong[0].wrong
    assert "\n  " not in wrong[0].wrong
    assert not found.is_right
    assert found.problem == ""


def test_what_cannot_be_read_is_shown_as_it_is() -> None:
    assert [node.call for node in drawn("lstm( 8 ) relu, dens(3) tanh").layers] == [
        "lstm( 8 )", "relu", "dens(3) tanh",
    ]  # fmt: skip
    step = drawn("lstm(8)", "standardize fram(4)").steps[1]
    assert (step.path, step.call) == ("", "fram(4)")
    assert 'Did you mean "frame"' in step.wrong
    assert drawn("").problem.startswith("the network has no layer")


def test_branches_say_where_something_can_be_put() -> None:
    parallel, residual, _ = drawn("parallel(relu, tanh) residual(gru(3)) gru(2)").layers[:3]
    assert parallel.grows == "network/0/branches/2/0"
    assert [branch.path for branch in residual.branches] == [
        "network/1/layers/0", "network/1/shortcut/0",
    ]  # fmt: skip
    assert (residual.call, residual.branches[1].nodes, residual.grows) == ("residual", (), "")
    assert drawn("repeat(3, relu) gru(2)").layers[0].call == "repeat(3)"


def test_without_data_the_calls_are_drawn_and_the_words_say_what_is_missing(
    project: Project,
) -> None:
    project.set_network("residual(relu) lstm(8)")
    found = project.drawn()
    assert [(node.call, node.shape) for node in found.layers] == [("residual", ""), ("lstm(8)", "")]
    assert (found.problem, found.is_right) == ("", False)
    assert {source.refused for source in project.sources()} == {"Open some data first."}
    with pytest.raises(DataError, match="No data are open"):
        project.diagram("svg")


def test_the_drawing_follows_the_data(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_network("lstm(8)")
    project.set_prepare("frame(4)")
    assert project.drawn().shape == "[3, 4]"
    project.set_prepare("standardize frame(4) spectrogram(8, hop=4)")
    found = project.drawn()
    shapes = [found.given, *(step.shape for step in found.steps)]
    assert shapes[:3] == ["[12, 1]", "[12, 1]", "[3, 4]"]
    assert shapes[-1] == found.shape
    project.set_prepare("standardize words frame(4)")
    found = project.drawn()
    assert [bool(step.wrong) for step in found.steps] == [False, True, False]
    assert "is for texts" in found.steps[1].wrong
    assert (found.problem, found.is_right, found.layers[0].shape) == ("", False, "")


def test_what_no_step_can_help_stands_below_the_drawing(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_task("label")
    found = project.drawn()
    assert found.problem
    assert not any(step.wrong for step in found.steps)


def test_a_network_in_other_words(project: Project, waves: str) -> None:
    """Each builds the same network; what there is none for is refused in its own words."""
    project.open(waves)
    project.set_network("bilstm(6) dropout(0.2) dense(2) softmax")
    found = {source.name: source for source in project.sources()}
    assert [*found] == ["Command line", "Python", "Python, layer by layer", "PyTorch"]
    assert not any(source.refused for source in found.values())
    assert found["Command line"].text.startswith("segue fit waves --network 'bilstm(6)")
    built: dict[str, object] = {}
    exec(found["Python, layer by layer"].text, built)
    assert [layer.parameters for layer in built["network"].chain] == [384, 0, 13]  # type: ignore[attr-defined]
    module: dict[str, object] = {}
    exec(found["PyTorch"].text, module)
    assert "bilstm_1" in found["PyTorch"].text
    project.set_network("lstm(8) dens(2)")
    wrong = {source.name: source.refused for source in project.sources()}
    assert 'Did you mean "dense"' in wrong["PyTorch"]
    assert "\n  " not in wrong["PyTorch"]


def test_a_diagram_is_a_file_of_its_kind(project: Project, waves: str) -> None:
    project.open(waves)
    project.set_network("lstm(8)")
    assert b"<svg" in project.diagram("svg")
    assert project.diagram("png").startswith(b"\x89PNG")
    with pytest.raises(OptionError, match="has the ending '.gif'"):
        project.diagram("gif")
    project.set_network("lstm(0)")
    with pytest.raises(SpecError, match="`units` is 0"):
        project.diagram("svg")
