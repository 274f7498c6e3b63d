"""Networks and preparations as trees of calls: what is put, moved, taken out, set, and undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.errors import OptionError, SpecError
from segue.networks import as_specs
from segue.studio import Project
from segue.studio.tree import Design, Tree

WHOLE = "lstm( 8 ) residual(conv(8, 3) relu) parallel(gru(2), relu, elu) dense(3)"


def tree(text: str = WHOLE) -> Tree:
    return Tree.read("network", text)


def test_a_tree_is_read_and_printed_as_it_was_written() -> None:
    assert tree().text == WHOLE
    assert str(tree().at("network/1/layers/0/1")) == "relu"
    assert str(tree().at("network/2/branches/0/0")) == "gru(2)"
    assert "network/2/branches/2/0" in tree()
    assert "network/2/branches/3/0" not in tree()
    assert Tree.read("prepare", "none").calls == ()
    assert Tree.read("prepare", "standardize").without("prepare/0").text == "none"


@pytest.mark.parametrize(
    ("call", "place", "text"),
    [
        ("tanh", None, "lstm( 8 ) residual(relu) tanh"),
        ("tanh", "network/0", "tanh lstm( 8 ) residual(relu)"),
        ("tanh", "network/1/layers/0/0", "lstm( 8 ) residual(tanh relu)"),
        ("conv(3,1)", "network/1/shortcut/0/0", "lstm( 8 ) residual(relu, shortcut=conv(3, 1))"),
        ("relu tanh", "network/1", "lstm( 8 ) relu tanh residual(relu)"),
    ],
)
def test_a_call_is_put_anywhere(call: str, place: str | None, text: str) -> None:
    found, path = tree("lstm( 8 ) residual(relu)").with_call(call, place)
    assert found.text.replace("relu tanh", "relu tanh") == text
    assert str(found.at(path)).startswith(call.partition("(")[0].split()[0])


def test_branches_come_and_go_with_their_layers() -> None:
    before = tree("parallel(gru(2), relu)")
    grown, path = before.with_call("elu", "network/0/branches/2/0")
    assert (grown.text, path) == ("parallel(gru(2), relu, elu)", "network/0/branches/2/0")
    assert grown.without("network/0/branches/1/0").text == "parallel(gru(2), elu)"
    # Two branches stay two: a signal that is left as it is. What is put there takes its place.
    less = before.without("network/0/branches/0/0")
    assert less.text == "parallel(linear, relu)"
    assert less.with_call("tanh", "network/0/branches/0/1")[0].text == "parallel(tanh, relu)"
    assert tree("residual(relu)").without("network/0/layers/0/0").text == "residual(linear)"
    around = tree("residual(relu, shortcut=conv(3, 1))")
    assert around.without("network/0/shortcut/0/0").text == "residual(relu)"


def test_a_call_is_moved_into_a_branch_and_out_of_it() -> None:
    inside, path = tree().moved("network/0", "network/1/layers/0/1")
    assert inside.text.startswith("residual(conv(8, 3) lstm(8) relu) parallel")
    assert path == "network/0/layers/0/1"
    back, path = inside.moved(path, "network/0")
    assert back.text.startswith("lstm(8) residual(conv(8, 3) relu)")
    assert path == "network/0"
    assert tree().moved("network/1", "network/2") == (tree(), "network/1")
    # The branch that it leaves goes, and the path counts that.
    moved, path = tree().moved("network/2/branches/0/0", "network/2/branches/2/1")
    assert moved.text.endswith("parallel(relu, elu gru(2)) dense(3)")
    assert path == "network/2/branches/1/1"
    with pytest.raises(OptionError, match="cannot be put into itself"):
        tree().moved("network/1", "network/1/layers/0/0")


def test_a_call_is_shifted_through_all_places_and_back() -> None:
    """One place after the other, into the branches and out of them."""
    now, path, seen = tree("tanh residual(conv(8, 3) relu) dense(3)"), "network/0", []
    for _ in range(6):
        now, path = now.shifted(path, 1)
        seen.append(now.text)
    assert seen == [
        "residual(tanh conv(8, 3) relu) dense(3)", "residual(conv(8, 3) tanh relu) dense(3)",
        "residual(conv(8, 3) relu tanh) dense(3)", "residual(conv(8, 3) relu) tanh dense(3)",
        "residual(conv(8, 3) relu) dense(3) tanh", "residual(conv(8, 3) relu) dense(3) tanh",
    ]  # fmt: skip
    for text in [*seen[3::-1], "tanh residual(conv(8, 3) relu) dense(3)"]:
        now, path = now.shifted(path, -1)
        assert now.text == text


def test_arguments_are_set_by_their_text() -> None:
    assert tree("lstm(8)").with_argument("network/0", "units", "5").text == "lstm(5)"
    assert tree("lstm(8, dropout=0.5)").with_argument("network/0", "dropout", "").text == "lstm(8)"
    deep = tree("relu parallel(gru(2), relu)")
    assert deep.with_argument("network/1", "merge", "sum").text == (
        "relu parallel(gru(2), relu, merge=sum)"
    )
    inner = deep.with_argument("network/1/branches/0/0", "units", "7")
    assert inner.text == "relu parallel(gru(7), relu)"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("units", "0", "`units` is 0: input should be greater than or equal to 1"),
        ("units", "", "lstm needs units"),
        ("unit", "3", 'lstm has no argument .unit.. Did you mean "units"'),
        ("output", "lasst", "`output` is 'lasst'"),
        ("units", "3) relu(", "takes one value"),
        ("units", "a b", "takes a value"),
    ],
)
def test_an_argument_that_means_nothing_is_refused_in_the_spec_s_words(
    name: str, text: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        tree("lstm(8)").with_argument("network/0", name, text)


@pytest.mark.parametrize(
    "path",
    ["", "network", "network/9", "network/-1", "network/x", "network/0/layers/0/0", "prepare/0",
     "network/1/layers/1/0", "network/1/layers/0", "network/1/../0", "network/²"],
)  # fmt: skip
def test_what_is_nowhere_is_refused(path: str) -> None:
    with pytest.raises(OptionError, match="no place|nothing at"):
        tree().at(path)
    with pytest.raises(OptionError, match="no place|nothing at"):
        tree().without(path)


def test_a_call_of_the_other_language_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown preparation step 'lstm'"):
        Tree.read("prepare", "standardize").with_call("lstm(8)")
    with pytest.raises(OptionError, match="holds layers: put them into it"):
        tree().with_argument("network/1", "layers", "relu")
    with pytest.raises(SpecError, match="nothing to be put"):
        tree().with_call(" ")


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=8))
def test_whatever_is_moved_every_call_is_there_and_the_text_can_be_read(
    moves: list[tuple[int, int]],
) -> None:
    """Calls are moved from anywhere to anywhere; only what fills an empty chain comes and goes."""
    now = tree()
    for of, to in moves:
        places = now.places()
        paths = [place for place in places if place in now]
        path, place = paths[of % len(paths)], places[to % len(places)]
        if place.startswith(f"{path}/"):
            continue
        call = str(now.at(path))
        now, path = now.moved(path, place)
        assert str(now.at(path)) == call
        assert as_specs(now.text) == now.calls
    kinds = [str(now.at(place)).partition("(")[0] for place in now.places() if place in now]
    wanted = ["lstm", "residual", "conv", "relu", "parallel", "gru", "relu", "elu", "dense"]
    assert sorted(kind for kind in kinds if kind != "linear") == sorted(wanted)


# -- the design -----------------------------------------------------------------------------------


def test_all_of_it_is_undone_network_and_preparation_alike(project: Project) -> None:
    design = project.design
    began = project.revision
    assert design.add("dense(4, relu)") == "network/1"
    assert design.insert("dropout(rate = 0.2)", "network/1") == "network/1"
    assert design.network == "bilstm(100) dropout(rate = 0.2) dense(4, relu)"
    assert design.move("network/2", "network/0") == "network/0"
    assert design.remove("network/1") == "network/1"
    assert design.network == "dense(4, relu) dropout(rate = 0.2)"
    assert design.add("frame(4)", "prepare") == "prepare/1"
    assert design.prepare == "standardize frame(4)"
    assert project.revision == began + 5
    design.undo()
    assert design.prepare == "standardize"
    for _ in range(9):
        design.undo()
    assert (design.network, design.can_undo) == ("bilstm(100)", False)
    design.redo()
    assert design.network == "bilstm(100) dense(4, relu)"
    project.set_network("gru(3)")
    assert not design.can_redo
    with pytest.raises(OptionError, match="There is nothing at network/4; the network has 1 call"):
        design.remove("network/4")
    with pytest.raises(OptionError, match="no place; expected one such as network/0"):
        design.add("relu", "elsewhere")


def test_a_text_with_a_mistake_stays_and_is_not_edited_as_a_tree() -> None:
    design = Design("gru(", "standardize")
    with pytest.raises(SpecError, match="expected a value"):
        design.add("relu")
    assert design.network == "gru("
    design.set("network", "gru(8)")
    design.set_argument("network/0", "units", "9")
    assert design.network == "gru(9)"
    assert design.remove("network/0") == ""
    assert design.network == ""
