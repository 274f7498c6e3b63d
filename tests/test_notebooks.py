"""What a notebook shows of data, networks, estimators, evaluations, figures and of a training."""

from __future__ import annotations

import math
import queue
import sys
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import segue
from segue.layers import Shape
from segue.networks import Network, as_specs
from segue.progress import Progress
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
    return read(thing._repr_html_())  # type: ignore[attr-defined]


def read(page: str) -> _Words:
    words = _Words()
    words.feed(page)
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


def test_curves_have_their_names_and_the_ends_of_their_scale() -> None:
    page = html_card("x", [], [("loss", [[3.0, 2.5], [1.5, 2.0]])], ["training", "validation"])
    assert read(page).text.split() == ["x", "1.5", "3", "loss", "▬", "training", "▬", "validation"]
    assert html_card("x", [], [("loss", [[math.nan]])]).count("<text") == 0


def test_a_long_curve_is_thinned() -> None:
    curve = np.sin(np.arange(1e5) / 1e4)
    assert len(html_card("x", [], [("loss", [curve])])) < 5000


def test_values_stand_below_one_another() -> None:
    """Jupyter and Colab lay the cells of a table to the right, unless they are told."""
    page = html_card("x", [("layer", "[8]", "3 parameters")])
    assert page.count("text-align:left") == 3


def test_axes_are_shown_as_their_figure(fitted: segue.SequenceClassifier) -> None:
    axes: Any = fitted.history_.plot()
    assert axes._repr_png_ == axes.figure._repr_png_


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
    evaluation = segue.evaluate(fitted, data)
    assert "accuracy" in shown(evaluation).text
    # JupyterLab writes `<pre>` within HTML in the letters of text.
    assert "font-family:monospace" in evaluation._repr_html_()


def test_names_cannot_command_the_page() -> None:
    data = segue.Dataset(np.zeros((2, 3, 1)), ["<script>x</script>", "b"])
    assert "<script>" not in data._repr_html_()


# -- a training -----------------------------------------------------------------------------------


class _Notebook:
    """What a kernel gives to IPython: pages of displays, each in the place of that before."""

    def __init__(self) -> None:
        self.displays = list[list[dict[str, str]]]()

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        pages = [bundle]
        self.displays.append(pages)

        def update(bundle: dict[str, str], *, raw: bool) -> None:
            pages.append(bundle)

        return SimpleNamespace(update=update)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> _Notebook:
    notebook, shell = _Notebook(), type("ZMQInteractiveShell", (), {})()
    modules = {"IPython": ModuleType("IPython"), "IPython.display": ModuleType("IPython.display")}
    modules["IPython"].__dict__["get_ipython"] = lambda: shell
    modules["IPython.display"].__dict__["display"] = notebook.display
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return notebook


def waves_classifier(epochs: int = 3, **more: Any) -> segue.SequenceClassifier:
    return segue.SequenceClassifier("gru(2)", epochs=epochs, validation=0.2, **more)


WAVES = segue.synth.waves(40, test=0, length=12)


def test_a_training_is_one_display_that_ends_with_its_curves(
    notebook: _Notebook, capfd: pytest.CaptureFixture[str]
) -> None:
    classifier = waves_classifier(40)
    began = time.monotonic()
    classifier.fit(WAVES)
    (pages,) = notebook.displays
    assert len(pages) <= 6 + (time.monotonic() - began) / 0.3, "a few a second"
    last = read(pages[-1]["text/html"])
    assert last.curves == 4
    for word in ("epoch 40/40", "loss", "validation", "training: 40 sequences"):
        assert word in last.text
    assert f"{classifier.history_['accuracy'][-1]:.4f}" in last.text
    assert "<progress" in pages[-2]["text/html"]
    assert "<progress" not in pages[-1]["text/html"]
    assert "left" not in last.text
    assert "epoch 40/40" in pages[-1]["text/plain"]
    assert capfd.readouterr() == ("", "")


def test_a_training_that_stops_early_says_so_in_its_display(notebook: _Notebook) -> None:
    options = segue.TrainingOptions(schedule="constant", patience=1, min_delta=1.0)
    waves_classifier(9, options=options).fit(WAVES)
    assert "stopped early" in notebook.displays[0][-1]["text/html"]


def test_an_error_leaves_what_there_was(notebook: _Notebook) -> None:
    class Stop(segue.Callback):
        def on_epoch(self, row: dict[str, float], state: Any) -> None:
            if row["epoch"] == 2:
                raise KeyboardInterrupt if self.interrupts else RuntimeError("mine")

        def __init__(self, interrupts: bool) -> None:
            self.interrupts = interrupts

    with pytest.warns(UserWarning, match="interrupted after 2 of 3 epochs"):
        waves_classifier().fit(WAVES, callbacks=[Stop(interrupts=True)])
    with pytest.raises(RuntimeError, match="mine"):
        waves_classifier().fit(WAVES, callbacks=[Stop(interrupts=False)])
    interrupted, failed = (pages[-1]["text/html"] for pages in notebook.displays)
    assert "epoch 2/3" in interrupted
    assert "<progress" not in interrupted + failed
    assert "failed" in failed


@pytest.mark.parametrize(("verbose", "displays"), [(0, 0), (1, 1), (2, 0)])
def test_verbose_means_what_it_means_elsewhere(
    verbose: int, displays: int, notebook: _Notebook, capfd: pytest.CaptureFixture[str]
) -> None:
    waves_classifier().fit(WAVES, verbose=verbose)
    assert len(notebook.displays) == displays
    assert ("epoch 3/3" in capfd.readouterr().err) == (verbose == 2)


def test_a_search_shows_nothing(notebook: _Notebook, capfd: pytest.CaptureFixture[str]) -> None:
    from sklearn.model_selection import cross_val_score

    cross_val_score(waves_classifier(1), WAVES.x, WAVES.y, cv=2)
    assert notebook.displays == []
    assert capfd.readouterr() == ("", "")


def test_what_is_transient_leaves_nothing(notebook: _Notebook) -> None:
    with Progress(is_transient=True) as progress:
        progress.show("drawing", share=None)
    assert [bool(page["text/html"]) for page in notebook.displays[0]] == [True, False]


def test_names_in_a_display_are_text(notebook: _Notebook) -> None:
    with Progress() as progress:
        progress.write("<b>\x1b[2J")
        progress.show("<i>", "<u>", share=0.5)
    for page in notebook.displays[0]:
        read(page["text/html"])
        assert not {"<b>", "<i>", "<u>", "\x1b"} & set(page["text/html"].split())
        assert "\x1b" not in page["text/html"] + page["text/plain"]


def test_ipython_in_a_terminal_is_a_terminal(
    notebook: _Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shell in (None, type("TerminalInteractiveShell", (), {})()):
        sys.modules["IPython"].__dict__["get_ipython"] = lambda shell=shell: shell
        assert Progress("bar").style == "bar"
    colab = type("Shell", (), {"__module__": "google.colab._shell"})()
    sys.modules["IPython"].__dict__["get_ipython"] = lambda: colab
    assert Progress("bar").style == "notebook"


def test_the_terminal_of_a_cell_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that runs `!segue fit` has a terminal, whose cursor cannot go back."""
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    assert Progress().style == "bar"
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    assert (Progress().style, Progress("bar").style) == ("lines", "bar")


# -- in a kernel ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """Run a cell in one fresh kernel, and interrupt it once its display has grown."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()

    def run(code: str, *, interrupt_at: int = 0) -> list[dict[str, Any]]:
        client.execute(code)
        found = list[dict[str, Any]]()
        while True:
            try:
                message = client.get_iopub_msg(timeout=120)
            except queue.Empty:
                pytest.fail(f"nothing came in two minutes: {code}")
            if message["content"].get("execution_state") == "idle":
                return found
            if message["msg_type"] not in ("status", "execute_input"):
                found.append({"type": message["msg_type"], **message["content"]})
            if interrupt_at and len(found) == interrupt_at:
                manager.interrupt_kernel()

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


TRAIN = """
import segue
classifier = segue.SequenceClassifier("gru(2)", epochs={epochs}, validation=0.2)
_ = classifier.fit(segue.synth.waves(40, test=0, length=12))
"""


@pytest.mark.slow
def test_a_kernel_updates_one_display(run: Callable[..., list[dict[str, Any]]]) -> None:
    first, *others = run(TRAIN.format(epochs=30))
    assert first["type"] == "display_data"
    assert {one["type"] for one in others} == {"update_display_data"}
    assert {one["transient"]["display_id"] for one in [first, *others]} == {
        first["transient"]["display_id"]
    }
    assert "epoch 30/30" in others[-1]["data"]["text/html"]


@pytest.mark.slow
def test_an_interrupted_cell_keeps_its_curves_and_its_model(
    run: Callable[..., list[dict[str, Any]]],
) -> None:
    *displays, warning = run(TRAIN.format(epochs=100_000), interrupt_at=6)
    assert {one["type"] for one in displays[1:]} == {"update_display_data"}
    last = displays[-1]["data"]["text/html"]
    assert "<path" in last
    assert "<progress" not in last
    assert "Training was interrupted" in warning["text"]
    (result,) = run("classifier.stopped_")
    assert result["data"]["text/plain"] == "'interrupted'"


@pytest.mark.slow
def test_a_fresh_kernel_shows_network_diagram_and_pictures(
    run: Callable[..., list[dict[str, Any]]],
) -> None:
    """Without `%matplotlib inline`, and without a state of pyplot."""
    run(TRAIN.format(epochs=2))
    (network,) = run("classifier.network_")
    assert "gru_1" in network["data"]["text/plain"]
    assert "gru_1" in network["data"]["text/html"]
    (printed,) = run("print(classifier.network_)")
    assert "total" in printed["text"]
    for code in ("classifier.network_.diagram()", "classifier.history_.plot()"):
        (figure,) = run(code)
        assert figure["data"]["image/png"].startswith("iVBOR")
    assert run("from segue.readers.fetching import cache_folder; _ = cache_folder()") == []
    (pyplot,) = run("import sys; 'matplotlib.pyplot' in sys.modules")
    assert pyplot["data"]["text/plain"] == "False"
