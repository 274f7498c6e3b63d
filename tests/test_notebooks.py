"""What a notebook shows of data sets, networks, estimators, histories, evaluations and figures."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

import segue
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.text_table import html_card


class _Words(HTMLParser):
    """Checks that tags close in order, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.text, self.curves = list[str](), "", 0

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.open.append(tag)
        self.curves += tag == "path"

    def handle_startendtag(self, tag: str, attributes: object) -> None:
        self.curves += tag == "path"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def shown(thing: object) -> _Words:
    words = _Words()
    words.feed(thing._repr_html_())  # type: ignore[attr-defined]
    assert words.open == []
    return words


@pytest.fixture(scope="module")
def fitted() -> segue.SequenceClassifier:
    options = segue.TrainingOptions(progress="none")
    data = segue.synth.waves(40, test=0, length=12)
    return segue.SequenceClassifier("gru(3)", epochs=3, validation=0.2, options=options).fit(data)


def test_a_data_set_has_its_sizes_and_small_pictures() -> None:
    data = segue.read("japanese-vowels")
    words = shown(data)
    assert "640" in words.text
    assert "7 to 29" in words.text
    assert "train, test" in words.text
    assert words.curves == 3 * 7
    assert shown(data[:0]).curves == 0
    texts = segue.Dataset(segue.Sequences.from_texts(["<b>", "b"]), ["<i>", "y"])
    assert "<i> (1)" in shown(texts).text


def test_gaps_are_no_lines() -> None:
    picture = html_card("x", [], [("gap", [[0.0, float("nan"), 1.0, 2.0]])])
    assert picture.count("M") == 2


def test_an_estimator_has_its_call_what_was_done_and_its_history(
    fitted: segue.SequenceClassifier,
) -> None:
    words = shown(fitted)
    assert "SequenceClassifier('gru(3)'" in words.text or "network='gru(3)'" in words.text
    assert "validation_loss" in words.text
    assert words.curves == 4
    assert "fitted no" in " ".join(shown(segue.SequenceClassifier()).text.split())


def test_a_network_is_its_summary(fitted: segue.SequenceClassifier) -> None:
    network = Network(as_specs("lstm(8)"), Shape(3), 2)
    assert repr(network) == str(network.summary())
    assert "lstm_1" in shown(network).text
    assert fitted.network_.diagram()._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_an_evaluation_is_its_report(fitted: segue.SequenceClassifier) -> None:
    data = segue.synth.waves(12, test=0, length=12, seed=5)
    assert "accuracy" in shown(segue.evaluate(fitted, data)).text


def test_names_cannot_command_the_page() -> None:
    data = segue.Dataset(np.zeros((2, 3, 1)), ["<script>x</script>", "b"])
    assert "<script>" not in data._repr_html_()
