"""The picture of a network has a box for every layer, inside the page and not over each other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from segue.errors import OptionError, WriteError
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.plots.diagram import COLUMN, HEIGHT, block_of, columns_of

NESTED = "inception_time(8)"


def make(network: str) -> Network:
    return Network(as_specs(network), Shape(3), 4)


def boxes(network: Network) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of every box, in inches."""
    patches = network.diagram().axes[0].patches
    found = [patch.get_path().get_extents() for patch in patches if hasattr(patch, "get_boxstyle")]
    return [(b.x0, b.y0, b.x1, b.y1) for b in found]


@pytest.mark.parametrize(
    "network", ["gru(2)", "repeat(38, dense(3)) pool(mean)", NESTED, "lstm_fcn"]
)
def test_every_layer_has_a_box_on_the_page(network: str) -> None:
    """The input and all layers, those inside others too; none leaves the page."""
    built = make(network)
    found = boxes(built)
    assert len(found) == 1 + len(built.summary().rows)
    width, height = built.diagram().get_size_inches()
    for left, top, right, bottom in found:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


@pytest.mark.parametrize("network", ["repeat(38, dense(3)) pool(mean)", NESTED])
def test_boxes_do_not_lie_over_each_other(network: str) -> None:
    """Two boxes are apart, or one holds the other."""
    found = boxes(make(network))
    for number, (left, top, right, bottom) in enumerate(found):
        for l2, t2, r2, b2 in found[number + 1 :]:
            apart = right <= l2 or r2 <= left or bottom <= t2 or b2 <= top
            holds = left < l2 and top < t2 and r2 < right and b2 < bottom
            held = l2 < left and t2 < top and right < r2 and bottom < b2
            assert apart or holds or held


def test_names_shapes_and_counts_are_written() -> None:
    """What the summary says stands in the boxes."""
    texts = [
        t.get_text() for t in make("lstm(8, name=memory) dropout(0.1)").diagram().axes[0].texts
    ]
    for text in ("input", "[time, 3]", "memory", "[8]", "384 parameters", "head", "36 parameters"):
        assert text in texts
    assert "0 parameters" not in texts


def test_activations_are_written_where_the_name_does_not_say_them() -> None:
    """That of a dense layer, and of a layer of its own with another name; linear is nothing."""
    network = make("dense(8, relu) dense(4) tanh(name=bend) sigmoid pool")
    assert [block_of(layer).activation for layer in network.chain] == [
        "relu",
        "",
        "tanh",
        "",
        "",
        "",
    ]
    assert "relu" in [t.get_text() for t in network.diagram().axes[0].texts]


def test_branches_stand_side_by_side() -> None:
    """At the same height, with what becomes of them below; a way around is a line only."""
    block = block_of(make("residual(conv(3, 3) relu) pool(mean)").chain[0])
    assert [len(branch) for branch in block.branches] == [2, 0]
    assert block.join == "+"
    left, right = boxes(make("parallel(gru(2), lstm(2))"))[2:4]
    assert left[1] == right[1]
    assert left[2] < right[0]


def test_long_networks_go_on_in_the_next_column() -> None:
    """In order, and no column is much higher than the others."""
    blocks = [block_of(layer) for layer in make("repeat(38, dense(3)) pool(mean)").chain]
    columns = columns_of(blocks)
    assert [block for column in columns for block in column] == blocks
    assert 2 <= len(columns) <= 5
    heights = [len(column) for column in columns]
    assert max(heights) * HEIGHT < COLUMN
    assert all(abs(a - b) <= 3 for a, b in pairwise(heights))
    assert len(columns_of(blocks[:5])) == 1


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_files(tmp_path: Path, ending: str) -> None:
    """Written whole, and the same network gives the same bytes."""
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    make("bilstm(4)").diagram(first)
    make("bilstm(4)").diagram(second)
    assert len(first.read_bytes()) > 1000
    assert first.read_bytes() == second.read_bytes()


def test_other_endings_are_refused(tmp_path: Path) -> None:
    """Before anything is drawn, with those that there are."""
    with pytest.raises(OptionError, match=r"ending '.bmp'; expected .svg, .png, .pdf"):
        make("gru(2)").diagram(tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(full_disk: Path) -> None:
    """No half-written picture, and the error says so."""
    (full_disk / "filler").write_bytes(b"0" * 1_040_000)
    with pytest.raises(WriteError):
        make("gru(2)").diagram(full_disk / "a.png")
    assert [path.name for path in full_disk.iterdir()] == ["filler"]
