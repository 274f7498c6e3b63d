"""The report: one file, whole, safe, the same every time, and nothing fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.evaluation import evaluate
from segue.evaluation.report import render, templates

Make = Callable[..., Any]
LEVELS = ["low", "middle", "high"]
SECTIONS = "made data network history scores confusion classes calibration mistakes use".split()
WITHOUT_PICTURES = pytest.mark.usefixtures("empty_pictures")
FEW_PICTURES = pytest.mark.usefixtures("few_mistakes")
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page; remembers tags, identifiers and text, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str | None]:
        return [value for key, value in self.attributes if key == name]


@pytest.fixture
def few_mistakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes are drawn, not nine: enough where the pictures themselves are looked at."""
    monkeypatch.setattr("segue.evaluation.report.MISTAKES_SHOWN", 2)


@pytest.fixture(scope="module")
def page(fitted: Make, data: Make) -> str:
    whole = data(LEVELS, each=16).with_parts(0.5)
    return render(evaluate(fitted(LEVELS), whole), train=whole, model_path="my model/m.safetensors")


def test_all_sections_are_there(page: str) -> None:
    """Every section, in order, once."""
    assert re.findall(r'<section id="(\w+)"', page) == SECTIONS


def test_the_page_is_well_formed(page: str) -> None:
    """Tags close in order, and no identifier occurs twice."""
    read = Page(page)
    assert read.open == []
    identifiers = read.values("id")
    assert len(identifiers) == len(set(identifiers))


def test_references_inside_the_pictures_resolve(page: str) -> None:
    """Every href and clip path names something that is on the page."""
    identifiers = set(Page(page).values("id"))
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', page))
    assert used
    assert used <= identifiers


def test_nothing_is_fetched(page: str) -> None:
    """No address, no script, no style sheet, no picture outside the file."""
    read = Page(page)
    assert "http" not in page
    assert not {"script", "link", "img", "iframe", "object"} & set(read.tags)
    assert read.values("src") == []
    others = [
        value for value in read.values("href") if not (value or "").startswith(("#", "data:"))
    ]
    assert others == []


@WITHOUT_PICTURES
def test_headline_has_score_interval_and_baseline(fitted: Make, data: Make) -> None:
    """The three numbers stand before the first section."""
    found = evaluate(fitted(LEVELS), data(LEVELS))
    head = Page(render(found)).text.split("What was done")[0]
    low, high = found.interval
    assert f"{found.accuracy:.4f}" in head
    assert f"95 % interval {low:.4f} to {high:.4f}" in head
    assert "0.3333" in head


@FEW_PICTURES
def test_everything_is_escaped(fitted: Make, data: Make) -> None:
    """Names with markup in classes, channels, ids, title, summary and paths stay text."""
    evil = ['<script>alert("x")</script>', "a & b", "'quoted\" $x$"]
    shown = replace(
        data(evil, channels=2),
        name="<img src=x>",
        channels=("<b>up</b>", "down & out"),
        ids=np.array([f"<i>{i}</i>" for i in range(24)]),
    )
    text = render(evaluate(fitted(evil), shown), model_path="<u>/it's", source="<s>")
    read = Page(text)
    assert not {"script", "img", "b", "u", "s"} & set(read.tags)
    assert read.values("src") == []
    for name in (*evil, "<img src=x>", "<b>up</b>", "nearest <level> & co"):
        assert name in read.text
    assert "segue predict '<u>/it'\"'\"'s' '<s>'" in read.text
    assert read.open == []


@pytest.mark.slow
@FEW_PICTURES
def test_the_same_evaluation_gives_the_same_bytes(fitted: Make, data: Make, tmp_path: Path) -> None:
    """Two files of two evaluations of the same model and data are equal, byte by byte."""
    for name in ("one.html", "two.html"):
        whole = data(LEVELS, channels=9).with_parts(0.5)
        evaluate(fitted(LEVELS), whole).to_html(tmp_path / name, train=whole)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "two.html"]


@pytest.mark.slow
@pytest.mark.parametrize("channels", [6, 40])
def test_the_file_stays_small(fitted: Make, data: Make, channels: int) -> None:
    """60 classes, and long sequences of many channels, in less than 2 MB."""
    names = [f"word {i:02d}" for i in range(60)]
    draws = np.random.default_rng(0)
    shown = data(names, each=3)
    long = [draws.normal(size=(2_000, channels)) + steps.mean() for steps in shown.x]
    shown = replace(shown, x=type(shown.x).from_list(long))
    assert len(render(evaluate(fitted(names), shown)).encode()) < 2_000_000


def test_training_data_are_drawn_beside_the_scored(page: str) -> None:
    """With training data the summary has two columns and the pictures are of the training."""
    read = Page(page)
    assert "Lengths of the sequences (train)" in read.text
    assert "Some sequences of each class, drawn at random (train)." in read.text
    data = page[page.index('id="data"') : page.index('id="network"')]
    assert re.findall(r'scope="col">(\w*)<', data) == ["", "train", "test"]


@WITHOUT_PICTURES
def test_sections_without_content_are_left_out(fitted: Make, data: Make) -> None:
    """A model that says nothing of its making has a report of its scores."""
    model = fitted(LEVELS, history_=None, training_summary_=())
    type_of = type(model)
    bare = type("Bare", (type_of,), {"network_": None})(**vars(model))
    text = render(evaluate(bare, data(LEVELS)))
    assert re.findall(r'<section id="(\w+)"', text) == [
        name for name in SECTIONS if name not in ("made", "network", "history")
    ]


@WITHOUT_PICTURES
def test_numbered_classes_are_called_classes(fitted: Make, data: Make) -> None:
    """A class that is a number reads as "class 3" in a caption, not as a bare 3."""
    said = Page(render(evaluate(fitted([3, 5]), data([3, 5])))).text
    assert "always class 3" in said
    assert "class 3, taken for class 5" in said


@WITHOUT_PICTURES
def test_no_mistakes_are_said(fitted: Make, data: Make) -> None:
    """A perfect score has a sentence where the mistakes would be."""
    text = render(evaluate(fitted(LEVELS), data(LEVELS, noise=0.0)))
    assert "every sequence was given its class" in Page(text).text


def test_the_lines_to_use_the_model(page: str) -> None:
    """Python and shell lines name the model; without a source a placeholder is explained."""
    said = Page(page).text
    assert "model = segue.load('my model/m.safetensors')" in said
    assert "segue predict 'my model/m.safetensors' SOURCE --out predictions.csv" in said
    assert "segue evaluate 'my model/m.safetensors' SOURCE --report report.html" in said
    assert "SOURCE is a file" in said


@WITHOUT_PICTURES
def test_groups_widen_the_doubt(fitted: Make, data: Make) -> None:
    """Sequences that come from few groups are not independent; the report says so."""
    shown = replace(data(LEVELS), groups=np.tile(["ann", "bob"], 12))
    said = Page(render(evaluate(fitted(LEVELS), shown))).text
    assert "The sequences come from 2 groups; the interval draws whole groups: so few" in said


@WITHOUT_PICTURES
def test_a_training_score_is_not_a_test_score(fitted: Make, data: Make) -> None:
    """Scored on training sequences, the report says so and does not speak of the test part."""
    whole = data(LEVELS).with_parts(0.5)
    said = Page(render(evaluate(fitted(LEVELS), whole, part="train"), train=whole)).text
    assert "These are training sequences" in said
    assert "uses the test part for these scores only" not in said


@pytest.mark.slow
@FEW_PICTURES
def test_text_in_other_scripts_is_kept(fitted: Make, data: Make) -> None:
    """Class names that the measuring font lacks are drawn by the browser, and nothing warns."""
    names = ["ひらがな", "кириллица", "العربية"]
    text = render(evaluate(fitted(names), data(names)))
    assert text.count("ひらがな") > 3


@WITHOUT_PICTURES
def test_sets_of_classes_are_scored_where_a_model_has_them(fitted: Make, data: Make) -> None:
    """Coverage and size of 90 % sets are those of `predict_set`, in the page, text and numbers."""
    whole = data(LEVELS, each=16).with_parts(0.5)
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("rocket(20)", options=options).fit(whole.part("train"))
    found, test = evaluate(model, whole), whole.part("test")
    sets = model.predict_set(test)
    coverage = np.mean([label in own for label, own in zip(test.y, sets, strict=True)])
    size = np.mean([len(own) for own in sets])
    assert found.metrics()["sets"] == {"wanted": 0.9, "coverage": coverage, "size": size}
    said = f"share with the true class, {size:.2f} classes each"
    assert re.search(rf"sets for 90 % +{coverage:.4f} +{said}", found.report())
    assert f"of 90 % hold that of {100 * coverage:.1f} %" in Page(render(found)).text
    nearest = evaluate(fitted(LEVELS), whole)
    assert nearest.sets is None
    assert "sets" not in nearest.metrics()


@WITHOUT_PICTURES
def test_a_class_that_was_never_seen_is_in_no_set(data: Make) -> None:
    """Its sequences count against the coverage."""
    options = segue.TrainingOptions(progress="none")
    model = segue.SequenceClassifier("rocket(20)", options=options).fit(data(LEVELS, noise=0.1))
    with pytest.warns(UserWarning, match="A class occurs"):
        found = evaluate(model, data([*LEVELS, "none"], noise=0.1), everything=True)
    assert found.sets.coverage <= 0.75


@WITHOUT_PICTURES
def test_members_of_an_automatic_choice_are_a_table(fitted: Make, data: Make) -> None:
    """A row for each candidate, in the page and in the text, in place of lines of what was done."""
    said = "held out accuracy 0.9 ± 0.1, log loss 0.5; 1.2 MB: rocket(9)"
    made = (("network", "auto: 1 of 2"), ("rocket", f"weight 0.80, {said}"))
    made += (("rdst", "left out: no time"), ("seed", "0"))
    found = evaluate(fitted(LEVELS, training_summary_=made), data(LEVELS))
    page = render(found)
    assert re.findall(r'<section id="(\w+)"', page) == [*SECTIONS[:2], "members", *SECTIONS[2:]]
    assert "weight 0.80" not in page
    section = page[page.index('id="members"') : page.index('id="network"')]
    cells = re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", section)
    assert cells == [
        "member", "weight", "accuracy", "log loss", "size", "network",
        "rocket", "0.80", "0.9 ± 0.1", "0.5", "1.2 MB", "rocket(9)",
        "rdst", "–", "–", "–", "–", "left out: no time",
    ]  # fmt: skip
    assert re.search(r"rocket +0\.80 +0\.9 ± 0\.1 +0\.5 +1\.2 MB +rocket\(9\)", found.report())


def test_pieces_of_html() -> None:
    """Nothing for nothing; cells are escaped; numbers are marked for alignment."""
    pieces: Any = templates().get_template("pieces.html").module
    assert str(pieces.grid([])) == str(pieces.items([])) == ""
    made = pieces.table(["a", "b"], [("<", 1)], [1])
    assert "&lt;" in made
    assert made.count('class="number"') == 2


@pytest.mark.slow
@FEW_PICTURES
def test_the_networks_diagram_is_there(data: Make) -> None:
    """Small, with branches, and of twenty layers: a box for each layer, in colours of the page."""
    whole = data(LEVELS, each=4)
    wide = "parallel(lstm(2), gru(2), conv(2, 3) relu) residual(conv(6, 3)) pool"
    for network, boxes in (
        ("gru(2)", 3),
        (wide, 10),
        (" ".join(["conv(2, 3)"] * 19 + ["pool"]), 22),
    ):
        options = segue.TrainingOptions(progress="none")
        model = segue.SequenceClassifier(network, epochs=1, options=options).fit(whole)
        text = render(evaluate(model, whole, everything=True))
        diagram = text[text.index('aria-label="From the input') : text.index('id="history"')]
        assert len(re.findall(r"fill: var\(--box-\d\)", diagram)) == boxes, network
        assert all(f"--box-{number}:" in text for number in re.findall(r"--box-(\d)\)", diagram))
        assert ">head<" in diagram
