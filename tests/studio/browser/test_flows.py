"""From a file to a trained model and its mistakes, with the mouse alone."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.readers import write

pytestmark = pytest.mark.slow

Studio = Callable[..., str]
EVIL = "<img src=x onerror=alert(1)>"


def expect(locator: Any) -> Any:
    """Wait for what is expected; here, because Playwright may not be installed."""
    from playwright.sync_api import expect as wait_for

    wait_for.set_options(timeout=60_000)
    return wait_for(locator)


def test_from_data_to_mistakes(
    studio: Studio, page: Any, folder: Path, accessible: Callable[[], None]
) -> None:
    """The course's network: opened, designed, trained, scored; a cell seen, heard, explained."""
    waves = segue.synth.waves(80, test=20, length=60, phase="random")
    write(replace(waves, rate_hz=1000.0), folder / "waves", format="arrow")
    page.goto(studio())
    page.get_by_role("button", name="waves/").click()
    page.get_by_role("button", name="open this folder").click()
    expect(page.get_by_text("80 (80%)").or_(page.get_by_text("train 80, test 20"))).to_be_visible()
    expect(page.locator(".chart[data-points]")).to_be_visible()
    page.get_by_role("button", name="spectrogram").click()
    expect(page.locator(".chart[data-points]")).to_be_visible()
    accessible()

    page.get_by_role("link", name="Next: design a network").click()
    text, form = page.get_by_label("the network as text"), page.get_by_role("region", name="Layer")
    expect(page.locator('[data-path="network/0"]')).to_be_visible()
    text.fill("")
    expect(page.locator('[data-path="network/0"]')).to_have_count(0)
    page.get_by_text("Activations", exact=True).click()
    for number, kind in enumerate(("bilstm", "softmax", "dense")):
        chip, last = page.get_by_role("button", name=kind, exact=True), min(number, 1)
        expect(page.locator(f'[data-place="network/{last}"]')).to_be_visible()
        chip.drag_to(page.locator(f'[data-place="network/{last}"]'))
        expect(page.locator(f'[data-path="network/{number}"]')).to_be_visible()
    expect(text).to_have_value("bilstm(64) dense(64) softmax")
    wrong = page.get_by_role("listitem").filter(has_text="write 1 or 2 there")
    expect(wrong).to_contain_text("softmax")
    for call, units in (("bilstm(64)", "100"), ("dense(64)", "2")):
        page.get_by_role("button", name=call, exact=True).click()
        expect(form).to_contain_text(call)
        form.get_by_label("units").fill(units)
        expect(text).to_have_value(re.compile(rf"\({units}\)"))
    expect(page.get_by_role("listitem").filter(has_text="bilstm(100)")).to_contain_text("[200]")
    expect(page.get_by_label("Python", exact=True)).to_contain_text("dense(2) softmax")
    expect(page.get_by_label("PyTorch", exact=True)).to_contain_text("nn.Module")
    with page.expect_download() as picture:
        page.get_by_label("diagram as SVG").click()
    assert b"bilstm_1" in Path(picture.value.path()).read_bytes()
    accessible()

    page.get_by_role("link", name="Next: train it").click()
    before = page.get_by_role("region", name="Before the start")
    expect(before).to_contain_text("80 sequences, none to validate")
    page.get_by_label("epochs", exact=True).fill("3")
    expect(page.get_by_text("--epochs 3")).to_be_attached()
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".state")).to_have_text("done")
    expect(page.locator(".chart.small").first).to_have_attribute("data-points", "3")
    accessible()

    page.get_by_role("link", name="Results →").click()
    name = "waves-bilstm-100-dense-2-softmax-1"
    metrics = json.loads((folder / "runs" / name / "metrics.json").read_text())
    expect(page.locator(".big")).to_have_text(f"{metrics['accuracy']:.4f}")
    before = page.locator(".sequence").element_handles()
    page.get_by_role("button", name=re.compile("taken for.*: [1-9]")).first.click()
    for element in before:  # what was shown is gone, so that nothing of it is heard
        page.wait_for_function("element => !element.isConnected", arg=element)
    expect(page.locator(".sequence .chart[data-points]")).to_be_visible()
    # Its sound, with a cursor over the curves; and on the same time axis when and why.
    sequence, shown = page.locator(".sequence"), partial(page.get_by_role, "img")
    expect(sequence).to_have_attribute("data-tracks", "2")
    page.locator(".sequence audio").evaluate("audio => audio.play()")
    expect(sequence).to_have_attribute("data-step", re.compile("[1-9]"))
    assert page.locator(".sequence audio").evaluate("audio => audio.currentTime") > 0
    page.get_by_label("explanation").select_option("integrated gradients")
    expect(shown(name="integrated gradients")).to_be_visible()
    page.get_by_label("gates").select_option("bilstm_1 backward")
    expect(shown(name="forget gate")).to_be_visible()
    page.get_by_role("button", name="Draw the map").click()
    point = page.locator(".map circle").first
    name_of_point = str(point.text_content()).partition(":")[0]
    opened = page.get_by_role("heading", name=name_of_point, exact=True)
    point.click()
    expect(opened).to_be_visible()
    expect(sequence).to_have_attribute("data-tracks", "8")
    accessible()

    page.get_by_role("link", name="Use", exact=True).click()
    page.get_by_label("numbers or a text to try").fill("0 1 0 -1 0 1 0 -1 0 1 0")
    page.get_by_role("button", name="Answer", exact=True).click()
    expect(page.get_by_text("probabilities after each step")).to_be_visible()
    page.get_by_label("take Exact script").click()
    with page.expect_download() as script:
        page.get_by_role("link", name="script.py").click()
    assert "'bilstm(100) dense(2) softmax'" in Path(script.value.path()).read_text()
    page.get_by_label("take PyTorch", exact=True).click()
    expect(page.get_by_text("largest difference")).to_be_visible()
    expect(page.get_by_role("link", name="↓ pytorch.py", exact=True)).to_be_visible()
    accessible()


def test_a_mistake_in_the_network_stands_at_its_layer(
    studio: Studio, page: Any, folder: Path
) -> None:
    write(segue.synth.waves(20, test=5, length=30), folder / "waves")
    page.goto(studio())
    page.get_by_role("button", name="waves/").click()
    page.get_by_role("button", name="open this folder").click()
    expect(page.get_by_role("heading", name="Sequences")).to_be_visible()
    page.get_by_role("link", name="Designer", exact=True).click()
    text, canvas = page.get_by_label("the network as text"), page.locator(".canvas")
    text.fill("pool(mean) lstm(8)")
    wrong = page.get_by_role("listitem").filter(has_text="lstm_1 needs a sequence")
    expect(wrong).to_contain_text("lstm(8)")
    page.get_by_role("button", name="lstm(8) up").click()
    expect(text).to_have_value("lstm(8) pool(mean)")
    page.get_by_role("button", name="pool(mean) out").click()
    expect(text).to_have_value("lstm(8)")
    expect(page.locator(".layer.wrong")).to_have_count(0)
    expect(canvas.get_by_role("listitem")).to_have_count(3)  # standardize, lstm, head
    page.get_by_role("button", name="Undo").click()
    expect(text).to_have_value("lstm(8) pool(mean)")
    # With the keys alone: a layer behind another, moved into a branch, taken out, and undone.
    page.get_by_role("button", name="Undo").click()
    expect(text).to_have_value("pool(mean) lstm(8)")
    text.fill("lstm(8) residual(relu)")
    first = page.locator('[data-path="network/0"]')
    expect(page.locator('[data-path="network/1/layers/0/0"]')).to_be_visible()
    first.press("Alt+ArrowDown")
    expect(text).to_have_value("residual(lstm(8) relu)")
    moved = page.locator('[data-path="network/0/layers/0/0"]')
    expect(moved).to_be_focused()
    moved.press("Alt+ArrowUp")
    expect(text).to_have_value("lstm(8) residual(relu)")
    expect(first).to_be_focused()
    first.press("Delete")
    expect(text).to_have_value("residual(relu)")
    first.press("Control+z")
    expect(text).to_have_value("lstm(8) residual(relu)")
    page.get_by_text("Activations", exact=True).click()
    page.get_by_role("button", name="tanh", exact=True).press("Enter")
    expect(text).to_have_value("lstm(8) tanh residual(relu)")
    # What each step of the preparation gives; and on a small screen the arguments are near.
    page.get_by_label("the preparation as text").fill("standardize frame(5)")
    expect(page.locator('[data-path="prepare/1"]')).to_contain_text("frame(5)")
    for row, shape in (("standardize", "[30, 1]"), ("frame(5)", "[6, 5]")):
        expect(canvas.get_by_role("listitem").filter(has_text=row)).to_contain_text(shape)
    page.set_viewport_size({"width": 390, "height": 844})
    first.click()
    form = page.get_by_role("region", name="Layer")
    form.get_by_label("units").fill("9")
    expect(text).to_have_value("lstm(9) tanh residual(relu)")
    expect(first).to_be_in_viewport()
    expect(form.get_by_label("units")).to_be_in_viewport()
    form.get_by_label("close").click()
    expect(form.get_by_label("units")).to_have_count(0)


def test_a_training_is_stopped_and_another_page_sees_it(
    studio: Studio, page: Any, folder: Path, accessible: Callable[[], None]
) -> None:
    """The page is closed, the studio is killed and started anew: nothing is lost."""
    write(segue.synth.waves(40, test=20, length=30), folder / "waves")
    page.goto(studio())
    page.get_by_role("button", name="waves/").click()
    page.get_by_role("button", name="open this folder").click()
    expect(page.get_by_role("heading", name="Sequences")).to_be_visible()
    page.get_by_role("link", name="Designer", exact=True).click()
    page.get_by_label("the network as text").fill("gru(4)")
    expect(page.get_by_role("button", name="gru(4)", exact=True)).to_be_visible()
    page.get_by_role("link", name="Next: train it").click()
    page.get_by_label("epochs", exact=True).fill("100000")
    expect(page.get_by_text("--epochs 100000")).to_be_attached()
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".state")).to_have_text("training")
    page.goto("about:blank")
    page.goto(studio(kills=True))
    page.get_by_role("link", name="Training", exact=True).click()
    expect(page.locator(".state")).to_have_text("training")
    expect(page.locator(".chart.small").first).to_have_attribute("data-points", re.compile(r"\d\d"))
    page.get_by_role("button", name="Stop, keep the best").click()
    expect(page.locator(".state")).to_have_text("stopped")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert (folder / "runs" / "waves-gru-4-1" / "model.safetensors").is_file()

    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="waves/").click()
    page.get_by_role("button", name="open this folder").click()
    expect(page.get_by_role("heading", name="Sequences")).to_be_visible()
    page.get_by_role("link", name="Training", exact=True).click()
    page.get_by_label("seeds", exact=True).fill("x")  # several, whose curves lie over each other
    expect(page.get_by_role("alert").filter(has_text="`seeds` is 0")).to_be_visible()
    page.get_by_label("seeds", exact=True).fill("2")
    page.get_by_label("epochs", exact=True).fill("3")
    expect(page.get_by_text("--epochs 3 --seeds 2")).to_be_attached()
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".state")).to_have_text("done")
    expect(page.locator(".u-legend").filter(has_text="seed 1").first).to_be_visible()
    page.get_by_label("epochs", exact=True).fill("100000")
    expect(page.get_by_text("--epochs 100000")).to_be_attached()
    page.get_by_role("link", name="Experiments", exact=True).click()
    row = page.get_by_role("row").filter(has_text="waves-gru-4-1")
    expect(row).to_contain_text("stopped")
    page.get_by_label("note on waves-gru-4-1").click()
    page.get_by_label("note", exact=True).fill(EVIL)
    page.get_by_role("button", name="Save the note").click()
    expect(row).to_contain_text(EVIL)
    page.get_by_label("star waves-gru-4-1").click()
    expect(row).to_contain_text("★")
    page.get_by_label("delete waves-gru-4-1").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo deleting").click()
    expect(row).to_contain_text(EVIL)
    page.get_by_label("beside others: waves-gru-4-1").check()
    expect(page.locator(".chart.small[data-points]").first).to_be_visible()
    page.get_by_label("networks, one a line").fill("gru(2)\ngru(3)")
    page.get_by_role("button", name="Start the study").click()
    study = page.get_by_role("region", name="Studies", exact=True)
    expect(study).to_contain_text(re.compile(r"6: 0 done.* [1-9]\d* running"))
    accessible()
    for button, state in (("Stop", "stopped"), ("Go on", "running"), ("Stop", "stopped")):
        study.get_by_role("button", name=button, exact=True).click()
        expect(study.locator(".state")).to_have_text(state)
        if state == "running":  # and not only about to: its first moments hear no Ctrl-C
            expect(study).to_contain_text(re.compile(r"[1-9]\d* running"))


def test_another_role_is_read_at_once_in_both_pages(
    studio: Studio, page: Any, folder: Path
) -> None:
    rows = [f"{n // 4},{n % 4},{n % 5},{n % 7},{'ab'[n // 4 % 2]}" for n in range(80)]
    table = "trip,second,x,y,mode\n" + "\n".join(rows) + "\n"
    page.goto(studio())
    other = page.context.new_page()
    other.goto(page.url)
    dropped = page.evaluate_handle(
        """text => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], "../../trips.csv", { type: "text/csv" }));
          return dropped;
        }""",
        table,
    )
    for name in ("dragover", "drop"):
        page.locator(".drop").dispatch_event(name, {"dataTransfer": dropped})
    expect(page.get_by_role("heading", name="uploads/1.csv")).to_be_visible()
    chosen = {"name": "../../trips.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator("input[type=file]").set_input_files(chosen)
    expect(page.get_by_role("heading", name="uploads/2.csv")).to_be_visible()
    for kept in ("1.csv", "2.csv"):
        assert (folder / "uploads" / kept).read_text() == table
    assert not list(folder.parent.glob("*.csv"))
    for each in (page, other):
        expect(each.get_by_role("row", name=re.compile("^channels 2"))).to_be_visible()
    page.get_by_label("role of y").select_option("left out")
    for each in (page, other):
        expect(each.get_by_role("row", name=re.compile("^channels 1"))).to_be_visible()
    page.get_by_label("role of mode").select_option("time")
    expect(page.get_by_role("alert")).to_contain_text("mode")
    expect(page.get_by_label("role of mode")).to_have_value("label")


def test_names_and_texts_with_markup_are_shown_as_they_are(
    studio: Studio, page: Any, folder: Path
) -> None:
    """Of files, columns, classes, ids: nothing is run, and nothing is loaded."""
    quoted = '"' + EVIL + '"'
    lines = [f"kind,{quoted},b"] + [f"{quoted if n % 2 else 'b'},{n},1" for n in range(20)]
    (folder / f"{EVIL.replace('/', '')}.csv").write_text("\n".join(lines) + "\n")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    many = "kind,t0,t1\n" + "".join(f"{n // 2},{n},{n % 7}\n" for n in range(20_000))
    (folder / "many.csv").write_text(many)  # 10,000 classes
    page.goto(studio())
    page.get_by_role("button", name="many.csv").click()
    expect(page.get_by_role("row", name=re.compile("^sequences 20,000"))).to_be_visible()
    page.get_by_role("link", name="Training", exact=True).click()
    expect(page.get_by_role("region", name="Before the start")).to_contain_text("updates")
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="onerror").click()
    expect(page.get_by_role("heading", name="Sequences")).to_be_visible()
    expect(page.get_by_role("heading", name="onerror")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    page.get_by_role("link", name="Designer", exact=True).click()
    page.get_by_label("the network as text").fill(f"lstm(8) {EVIL}")
    expect(page.locator(".layer.wrong")).to_contain_text("unexpected '<'")
    assert page.locator("img[src=x]").count() == 0
    assert dialogs == []


def test_nobody_else_is_answered(studio: Studio, page: Any) -> None:
    address = studio()
    bare, token = address.split("?token=")
    for url, headers in (
        (bare, {}),
        (f"{bare}?token=wrong", {}),
        (f"{bare}?token={token}", {"Host": "evil.example"}),
        (f"{bare}?token={token}", {"Origin": "http://evil.example"}),
        (f"{bare}training", {}),
        (f"{bare}diagram.svg", {}),
        (f"{bare}stretch?of=open&index=0&start=0&stop=9&width=9", {}),
        (f"{bare}_nicegui_ws/socket.io/?EIO=4&transport=polling", {}),
        (f"{bare}static/../../project.py", {}),
    ):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers))
        assert caught.value.code == 403
        caught.value.close()
    page.goto(address)
    expect(page.get_by_role("heading", name="No data are open")).to_be_visible()
    assert "token" not in page.url
    steps = "start=0&stop=9&width=9"
    for path in (
        f"stretch?of=../x&index=0&{steps}",
        f"stretch?of=open&index=..&{steps}",
        f"picture?of=../x&index=0&kind=image&{steps}",
        f"picture?of=open&index=0&kind=../x&{steps}",
        "sound?of=../x&index=0",
        "sound?of=open&index=../0",
        "diagram.svg",
        "diagram.gif",
        "file?run=..%2Fx&file=model.safetensors",
        "file?run=x&file=..%2F..%2Fsecret.csv",
        "static/../studio.css.bak",
    ):
        assert page.request.get(bare + path).status in (404, 422)
    for path in ("training", "results", "use"):
        page.goto(f"{bare}{path}?run=../../secret")
        expect(page.get_by_role("heading", name="segue studio")).to_be_visible()


def test_ten_million_steps_are_panned_at_thirty_frames(
    studio: Studio, page: Any, folder: Path
) -> None:
    """Frames are counted in the browser while the recording is dragged and zoomed."""
    rng = np.random.default_rng(0)
    long = rng.normal(size=(10_000_000, 1)).astype(np.float32)
    long[7_654_321] = 40
    data = segue.Dataset([long, long[:1000]], ["a", "b"])
    write(data, folder / "long", format="arrow")
    page.goto(studio())
    page.get_by_role("button", name="long/").click()
    page.get_by_role("button", name="open this folder").click()
    chart = page.locator(".chart[data-points]")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(6):
        page.mouse.wheel(0, -400)
    page.evaluate("""() => {
      window.frames_ = 0; window.began_ = performance.now();
      const count = () => { window.frames_++; requestAnimationFrame(count); };
      requestAnimationFrame(count);
    }""")
    page.mouse.down()
    for step in range(120):
        page.mouse.move(box["x"] + box["width"] / 2 + 3 * (step % 60), box["y"] + 100)
    page.mouse.up()
    rate = page.evaluate("() => 1000 * window.frames_ / (performance.now() - window.began_)")
    print(f"{rate:.0f} frames a second")
    assert rate >= 30
