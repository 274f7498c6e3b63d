"""`segue stream`: a step per line in, the probabilities after it out, as the whole would give."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import DONE, FAILED, INTERRUPTED, WRONG_USE, main, stream_state
from segue.data.dataset import Dataset
from segue.errors import WriteError
from segue.training import TrainingOptions

QUIET = TrainingOptions(progress="none")
STEPS = np.random.default_rng(5).normal(size=(6, 2)).round(3)
Stream = Callable[..., tuple[int, str, str]]


def trained(folder: Path, network: str = "gru(3)", **more: Any) -> Path:
    """A model of the channels ax and ay."""
    draws = np.random.default_rng(0)
    data = Dataset(
        segue.Sequences.from_list([draws.normal(size=(5, 2)) for _ in range(24)]),
        np.array(["up", "down"] * 12),
        channels=("ax", "ay"),
    )
    options = {"epochs": 1, "validation": None, "options": QUIET, **more}
    segue.SequenceClassifier(network, **options).fit(data).save(folder / "model.safetensors")
    return folder / "model.safetensors"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("stream"))


@pytest.fixture
def stream(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Stream:
    """Give lines to the command; its exit code, and what it writes on both streams."""

    def call(text: str | bytes, *words: object, of: Path = model) -> tuple[int, str, str]:
        content = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        capsys.readouterr()
        code = main(["stream", str(of), *map(str, words)])
        return code, *capsys.readouterr()

    return call


def wanted(model: Path, steps: Any = STEPS) -> np.ndarray[Any, Any]:
    """`[time, class]` of one sequence, by the model in Python."""
    found: Any = segue.load(model).anytime([np.asarray(steps)])
    return np.asarray(found[0])


def csv_of(steps: Any, header: str = "ax,ay") -> str:
    rows = "".join(",".join(map(str, row)) + "\n" for row in np.asarray(steps).tolist())
    return f"{header}\n{rows}" if header else rows


def shares(out: str, last: int = 2) -> np.ndarray[Any, Any]:
    """The last columns of the rows of CSV."""
    rows = [line.split(",")[-last:] for line in out.splitlines()[1:]]
    return np.array(rows, float).reshape(len(rows), -1)


# -- forms of lines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        csv_of(STEPS),
        csv_of(STEPS, ""),
        csv_of(STEPS[:, ::-1], "ay,ax"),
        csv_of(np.column_stack([range(6), STEPS]), "time,ax,ay"),
        csv_of(STEPS).replace("\n", "\r\n"),
        "\ufeff" + csv_of(STEPS).rstrip("\n"),
        csv_of(STEPS).replace(",", ";").replace(".", ","),
        csv_of(STEPS).replace(",", "\t"),
        csv_of(STEPS).replace("ax,ay", '"ax","ay"'),
    ],
    ids="header none order more crlf bom semicolon tab quotes".split(),
)
def test_csv_of_any_dialect_gives_csv(text: str, stream: Stream, model: Path) -> None:
    code, out, err = stream(text)
    assert code == DONE, err
    assert out.splitlines()[0] == "step,prediction,probability_down,probability_up"
    np.testing.assert_allclose(shares(out), wanted(model), atol=1e-5)
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == list("012345")


@pytest.mark.parametrize(
    "row",
    [
        lambda ax, ay: [ax, ay],
        lambda ax, ay: {"ay": ay, "ax": ax, "battery": 0.5},
        lambda ax, ay: {"x": [ax, ay]},
        lambda ax, ay: {"values": [ax, ay], "time": 3},
    ],
)
def test_json_gives_json(row: Any, stream: Stream, model: Path) -> None:
    code, out, err = stream("".join(json.dumps(row(*step)) + "\n" for step in STEPS.tolist()))
    assert code == DONE, err
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["step"] for one in found] == list(range(6))
    values = [list(one["probabilities"].values()) for one in found]
    np.testing.assert_allclose(values, wanted(model), atol=1e-5)
    best = ["down" if one[0] > one[1] else "up" for one in values]
    assert [one["prediction"] for one in found] == best


def test_a_channel_called_x_takes_a_number_or_a_list(stream: Stream, tmp_path: Path) -> None:
    data = Dataset(
        segue.Sequences.from_list([[0.0, 1.0], [1.0, 0.0]] * 6), ["a", "b"] * 6, channels=("x",)
    )
    path = tmp_path / "m.safetensors"
    segue.SequenceClassifier("gru(2)", epochs=1, options=QUIET).fit(data).save(path)
    answers = {stream(line, of=path)[1] for line in ('{"x": 0.5}\n', '{"x": [0.5]}\n')}
    assert len(answers) == 1
    assert "probabilities" in answers.pop()


def test_csv_becomes_json_with_an_option(stream: Stream) -> None:
    _, out, _ = stream(csv_of(STEPS), "--json")
    assert set(json.loads(out.splitlines()[0])) == {"step", "prediction", "probabilities"}


def test_what_was_recognised_is_said(stream: Stream) -> None:
    _, _, err = stream(csv_of(np.column_stack([STEPS, range(6)]), "ax,ay,id"))
    assert "CSV with a header; channels ax, ay; a stream for each 'id'" in err


def test_nothing_in_gives_nothing_out(stream: Stream) -> None:
    assert stream("")[:2] == (DONE, "")


@pytest.mark.parametrize(
    ("network", "prepare"),
    [
        ("conv(3, 2, causal=true) batchnorm pool(mean)", "standardize"),
        ("lstm(3)", "frame(2) standardize"),
        ("random_conv(6) dense(4, relu)", "none"),
    ],
)
def test_causal_networks_and_preparations_answer_as_the_whole(
    network: str, prepare: str, stream: Stream, tmp_path: Path
) -> None:
    """As `predict --per-step`, or what the model says of each prefix."""
    path = trained(tmp_path, network, prepare=prepare)
    _, out, _ = stream(csv_of(STEPS), of=path)
    prefixes = [STEPS[: n + 1] for n in range(len(STEPS))]
    expected = segue.load(path).predict_proba(prefixes)
    np.testing.assert_allclose(shares(out), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "prepare", "said"),
    [
        ("bilstm(2)", "standardize", "bilstm_1 needs the whole sequence"),
        ("bilstm(2)", "standardize", "a unidirectional lstm"),
        ("conv(3, 3) pool(mean)", "standardize", "with causal=true it can"),
        ("attention(2) pool", "standardize", "attention_1 looks at the whole sequence"),
        ("gru(2)", "interpolate standardize", "`interpolate` looks ahead"),
        ("gru(2)", "interpolate standardize", "--prepare standardize"),
    ],
)
def test_what_looks_ahead_is_named_with_what_does_not(
    network: str, prepare: str, said: str, stream: Stream, tmp_path: Path
) -> None:
    code, out, err = stream("1,2\n", of=trained(tmp_path, network, prepare=prepare))
    assert (code, out) == (FAILED, "")
    assert said in err.replace("\n ", "")


def test_a_model_without_classes_has_no_stream(stream: Stream, tmp_path: Path) -> None:
    regressor = segue.SequenceRegressor("gru(2)", epochs=1, options=QUIET)
    regressor.fit([[0.0, 1.0], [1.0, 2.0]] * 5, [0.0, 1.0] * 5).save(tmp_path / "m.safetensors")
    code, _, err = stream("1\n", of=tmp_path / "m.safetensors")
    assert code == WRONG_USE
    assert "A SequenceRegressor has no streams" in err


# -- several sequences ----------------------------------------------------------------------------


def test_a_blank_line_begins_a_sequence(stream: Stream, model: Path) -> None:
    text = csv_of(STEPS[:2], "") + "\n" + csv_of(STEPS[:3], "")
    _, out, _ = stream(text)
    assert [line[0] for line in out.splitlines()[1:]] == list("01012")
    np.testing.assert_allclose(shares(out)[2:], wanted(model, STEPS[:3]), atol=1e-5)
    _, out, _ = stream(text, "--reset-on", "never")
    assert [line[0] for line in out.splitlines()[1:]] == list("01234")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_column_begins_a_sequence(form: str, stream: Stream) -> None:
    """Each change of it, or each time that it has a value."""
    trips = ["a", "a", "b", "a", "start", "start"]
    rows = [{"ax": 1.0, "ay": 2.0, "trip": trip} for trip in trips]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if form == "csv":
        text = "ax,ay,trip\n" + "".join(f"1,2,{trip}\n" for trip in trips)
    for option, steps in (("trip", "010001"), ("trip=start", "012300")):
        _, out, _ = stream(text, "--reset-on", option, "--json")
        assert [json.loads(line)["step"] for line in out.splitlines()] == list(map(int, steps))


def test_named_streams_are_as_they_are_alone(stream: Stream, model: Path) -> None:
    """Whatever order they come in; with a header, without one, and in JSON."""
    rows = [(name, *step) for step in STEPS.tolist() for name in ("b", "a")]
    table = "".join(f"{name},{ax},{ay}\n" for name, ax, ay in rows)
    objects = "".join(json.dumps({"machine": n, "x": [ax, ay]}) + "\n" for n, ax, ay in rows)
    for text, key in (
        ("machine,ax,ay\n" + table, "machine"),
        (table, "1"),
        (objects, "machine"),
    ):
        code, out, err = stream(text, "--key", key, "--json")
        assert code == DONE, err
        found = [json.loads(line) for line in out.splitlines()]
        for name in "ab":
            own = [list(o["probabilities"].values()) for o in found if o[key] == name]
            np.testing.assert_allclose(own, wanted(model), atol=1e-5)


def test_a_column_id_names_the_streams_unless_told_otherwise(stream: Stream) -> None:
    text = "id,ax,ay\na,1,2\nb,1,2\n"
    _, out, _ = stream(text)
    assert [line[:4] for line in out.splitlines()] == ["id,s", "a,0,", "b,0,"]
    _, out, _ = stream(text, "--key", "none")
    assert [line[:2] for line in out.splitlines()[1:]] == ["0,", "1,"]


def recorded(folder: Path) -> Path:
    """A model of a table whose sequences have the ids of a column `unit`, with gaps in ax."""
    draws = np.random.default_rng(1).normal(size=(120, 2)).round(3)
    rows = [f"u{n // 6},{a if n % 3 else ''},{b},{n // 6 % 2}\n" for n, (a, b) in enumerate(draws)]
    (folder / "train.csv").write_text("unit,ax,ay,label\n" + "".join(rows))
    data = segue.read(folder / "train.csv", id="unit")
    model = segue.SequenceClassifier("gru(3)", epochs=1, options=QUIET).fit(data)
    model.save(folder / "model.safetensors")
    return folder / "model.safetensors"


def test_steps_without_the_id_of_training_are_one_stream_and_this_is_said(
    stream: Stream, tmp_path: Path
) -> None:
    path, rows = recorded(tmp_path), csv_of(STEPS)
    said = "There is no 'unit', which told the sequences apart in training: all steps are one"
    for text in (rows, csv_of(STEPS, ""), "[1, 2]\n", '{"ax": 1, "ay": 2}\n'):
        code, _, err = stream(text, of=path)
        assert code == DONE
        shown = " ".join(err.split())
        assert shown.count(said) == 1
        assert "--key NAME" in shown
        assert "--key none" in shown
    _, _, err = stream(csv_of(np.column_stack([STEPS, range(6)]), "ax,ay,Unit"), of=path)
    assert 'Did you mean "Unit"?' in " ".join(err.split())
    for words in (("--key", "none"), ("--reset-on", "never"), ("--reset-on", "ax")):
        assert said not in " ".join(stream(rows, *words, of=path)[2].split())
    with_ids = csv_of(np.column_stack([STEPS, range(6)]), "ax,ay,unit")
    assert said not in " ".join(stream(with_ids, of=path)[2].split())


@pytest.mark.parametrize(
    ("header", "gap", "name"),
    [("unit,ax,ay", "", "u1"), ("unit , ax, ay ", "#N/A", " u1 "), ("unit,ax,ay", " - ", "u1 ")],
)
def test_names_and_gaps_are_read_as_predict_reads_them(
    header: str, gap: str, name: str, stream: Stream, tmp_path: Path
) -> None:
    path, new, out = recorded(tmp_path), tmp_path / "new.csv", tmp_path / "out.csv"
    text = f"{header}\n{name},1,2\n{name},{gap},3\n{name},2,3\n"
    new.write_text(text)
    assert main(["predict", str(path), str(new), "--out", str(out)]) == DONE
    unit, _, *whole = out.read_text().splitlines()[1].split(",")
    _, streamed, _ = stream(text, of=path)
    last = streamed.splitlines()[-1].split(",")
    assert last[0].strip('"') == unit.strip('"') == name
    assert [*map(float, last[3:])] == pytest.approx([*map(float, whole)], abs=1e-5)


def test_there_is_a_limit_of_streams(stream: Stream) -> None:
    text = "id,ax,ay\n" + "".join(f"{name},1,2\n" for name in "abca")
    _, out, err = stream(text, "--limit", 2)
    assert [line[:4] for line in out.splitlines()[1:]] == ["a,0,", "b,0,", "c,0,", "a,0,"]
    assert err.count("more than 2 streams") == 1


# -- states ---------------------------------------------------------------------------------------


def test_the_states_are_kept_in_a_file(stream: Stream, model: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for part, said in ((STEPS[:2], "is not there yet"), (STEPS[2:], "goes on with 1 stream of")):
        code, out, err = stream(csv_of(part), "--state", state)
        assert code == DONE, err
        assert said in " ".join(err.split())
    np.testing.assert_allclose(shares(out), wanted(model)[2:], atol=1e-5)
    other = trained(tmp_path, seed=3)
    code, _, err = stream(csv_of(STEPS), "--state", state, of=other)
    assert code == FAILED
    assert "has the streams of another model" in err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_wrong_line_leaves_the_state_of_those_before(stream: Stream, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert stream("1,2\n3\n", "--state", state)[0] == FAILED
    _, out, _ = stream("3,4\n", "--state", state)
    assert out.splitlines()[1].startswith("1,")


# -- wrong lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ax,ay\n1,2\n1,two\n", "line 3: a value is 'two'; expected ax, ay, and nothing where"),
        ("1,2\n1,2,3\n", "line 2: '1,2,3' has 3 cells; expected 2"),
        ("1,2,3\n", "line 1: there are 3 columns of values ('1', '2', '3'); expected ax, ay"),
        ("time,ax\n1,2\n", "line 1: there is no column 'ay'; the columns are 'time', 'ax'"),
        ("ax,ay\n1,\n", "line 2: Step 0 has no value (NaN) in channel ay"),
        ('1,2\n"1"\r2,3\n', "is no line of CSV"),
        ("1,2\n1,inf\n", "line 2: Step 1 has a value in channel ay that is infinite, or too large"),
        ("ax,ay\n1,Null\n", "line 2: a value is 'Null'; expected ax, ay, and nothing where one"),
        ("time,ax,Ay\n1,2,3\n", "are 'time', 'ax', 'Ay'. Did you mean \"Ay\"?"),
        ('{"ax": 1, "Ay": 2}\n', 'or a list "x" of them. Did you mean "Ay"?'),
        ("id,ax,ay\n ,1,2\n", "line 2: 'id' is empty: whose step is this?"),
        ("id,ax,ay\nNA,1,2\n", "line 2: 'id' is empty: whose step is this?"),
        ('{"id": "", "ax": 1, "ay": 2}\n', "line 1: 'id' is empty: whose step is this?"),
        ("[1, 2]\n[1]\n", "line 2: [1] has 1 value; expected ax, ay"),
        ("[1, 2]\n[1, true]\n", "line 2: a value is true; expected ax, ay"),
        ("[1, 2]\n{]\n", "line 2: '{]' is no JSON"),
        ('{"ax": 1}\n', "line 1: there is no field 'ay'; expected ax, ay, or a list"),
        (b"1,2\n\xff\xfe,2\n", "line 2: byte 0 is no UTF-8"),
        (b"1,2\n" + b"1" * 1_000_002, "line 2 has more than 1,000,000 bytes"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(
    text: str | bytes, said: str, stream: Stream
) -> None:
    code, _, err = stream(text)
    assert code == FAILED
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "jsn"), 'Did you mean "json"?'),
        (("--key", "machine"), "there is no column 'machine'; they are 'ax', 'ay'"),
        (("--reset-on", "trip"), "there is no column 'trip'"),
        (("--reset-on", "AX"), "they are 'ax', 'ay'. Did you mean \"ax\"?"),
        (("--limit", "0"), "--limit is '0'; expected a whole number from 1 on"),
        (("--state", "nowhere/state"), "there is no folder 'nowhere'"),
    ],
)
def test_a_wrong_option_is_named(words: tuple[str, ...], said: str, stream: Stream) -> None:
    code, _, err = stream("ax,ay\n1,2\n", *words)
    assert code in (FAILED, WRONG_USE)
    assert said in " ".join(err.split())


# -- pipes and interrupts -------------------------------------------------------------------------


def started(model: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "segue", "stream", str(model), *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_live_pipe_gets_each_answer_at_once(model: Path, tmp_path: Path) -> None:
    """Before the next step is there; a Ctrl-C ends it, with the states in their file."""
    state = tmp_path / "state"
    with started(model, "--state", str(state)) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write("1,2\n")
            process.stdin.flush()
            if number == 0:
                assert process.stdout.readline().startswith("step,")
            assert process.stdout.readline().startswith(f"{number},")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == INTERRUPTED
        assert process.stderr
        assert "interrupted: the same command goes on with" in process.stderr.read()
    streams = segue.estimators.Streams(segue.load(model))
    streams.load(state)
    assert streams.steps() == 3


def test_another_program_ends_it_with_the_states_too(model: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with started(model, "--state", str(state)) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("1,2\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) == INTERRUPTED
    assert state.exists()


@pytest.mark.slow
def test_a_kill_leaves_the_states_of_a_moment_ago(model: Path, tmp_path: Path) -> None:
    """They are written now and then while steps come, and once more where none follow."""
    state = tmp_path / "state"
    script = (
        "import sys\nfrom segue.cli import main, stream_state\n"
        "stream_state.EVERY = 0.2\nmain(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, "stream", str(model), "--state", str(state)]
    streams, pipe = segue.estimators.Streams(segue.load(model)), subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("1,2\n1,2\n3,4\n")
        process.stdin.flush()
        for _ in range(4):
            process.stdout.readline()
        for _ in range(200):
            time.sleep(0.05)
            if state.exists():
                streams.load(state)
            if streams.steps() == 3:
                break
        written = state.stat().st_mtime_ns
        time.sleep(0.5)  # nothing came, nothing is written
        assert state.stat().st_mtime_ns == written
        process.kill()
        assert process.stderr
        assert f"state   {state} is not there yet: everything begins anew" in process.stderr.read()
    assert streams.steps() == 3


def test_where_the_states_cannot_be_written_for_a_while_the_steps_go_on(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_state, "EVERY", 0.0)
    monkeypatch.setattr(stream_state, "_SHARE", 0)
    save, failures = segue.estimators.Streams.save, [True, True]

    def failing(self: segue.estimators.Streams, path: Path) -> None:
        if failures:
            failures.pop()
            raise WriteError(f"{path} could not be written (No space left on device).")
        save(self, path)

    monkeypatch.setattr(segue.estimators.Streams, "save", failing)
    code, out, err = stream(csv_of(STEPS), "--state", tmp_path / "state")
    assert (code, len(out.splitlines())) == (DONE, 7)
    assert err.count("No space left on device") == 1


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_it_quietly(model: Path) -> None:
    read, write = os.pipe()
    lines = "1,2\n" * 20_000
    command = [sys.executable, "-m", "segue", "stream", str(model)]
    os.close(read)
    done = subprocess.run(command, input=lines, stdout=write, stderr=-1, text=True, check=False)
    os.close(write)
    assert done.returncode == FAILED
    assert done.stderr == "read as CSV without a header\n"


# -- other models ---------------------------------------------------------------------------------


def test_words_and_tokens_stream_too(stream: Stream, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    texts, labels = ["so good", "so bad", "good", "bad"] * 6, ["yes", "no"] * 12
    options: Any = {"epochs": 1, "validation": None, "options": QUIET}
    clf = segue.SequenceClassifier("embedding(3) gru(3)", **options).fit(texts, labels)
    clf.save(path)
    for text in ("so\ngood\n", '"so"\n"good"\n', '["so"]\n["good"]\n'):
        code, out, err = stream(
            text, *(() if "[" in text else ("--format", "csv-no-header")), "--json", of=path
        )
        assert code == DONE, err
        last = json.loads(out.splitlines()[-1])["probabilities"]
        np.testing.assert_allclose(
            list(last.values()), clf.predict_proba(["so good"])[0], atol=1e-5
        )
    said = " ".join(stream("so good\n", of=path)[2].split())
    assert said.endswith("is 'so good', 2 words; expected one at a time.")
    tokens = [np.array(row) for row in ([1, 2], [2, 1], [3, 2, 1], [1, 1])] * 6
    segue.SequenceClassifier("embedding(3) gru(3)", **options).fit(tokens, labels).save(path)
    assert stream("3\n1\n", of=path)[0] == DONE
    assert "line 1: a value is '1.5'; expected a token" in " ".join(
        stream("1.5\n", of=path)[2].split()
    )


def test_labels_of_steps_and_several_labels(stream: Stream, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    x = [[0.0, 1.0, 3.0], [3.0, 0.0], [1.0, 3.0, 0.0]] * 6
    y = [["no" if v < 2 else "yes" for v in row] for row in x]
    labeler = segue.SequenceLabeler("gru(4)", epochs=2, options=QUIET).fit(x, y)
    labeler.save(path)
    _, out, _ = stream("0\n1\n3\n", of=path)
    np.testing.assert_allclose(shares(out), labeler.predict_proba([x[0]])[0], atol=1e-5)
    several = segue.SequenceClassifier("gru(3)", epochs=1, head="sigmoid", options=QUIET)
    several.fit(x, np.array([[0, 1], [1, 1], [1, 0]] * 6)).save(path)
    _, out, _ = stream("0\n", of=path)
    assert out.splitlines()[0].split(",")[1:3] == ["prediction_0", "prediction_1"]


def test_an_ensemble_streams_too(stream: Stream, tmp_path: Path) -> None:
    members = []
    for seed in (0, 1):
        members.append(segue.load(trained(tmp_path, seed=seed)))
    segue.SequenceEnsemble(members).save(tmp_path / "both.safetensors")
    _, out, err = stream(csv_of(STEPS), of=tmp_path / "both.safetensors")
    each = [np.asarray(member.anytime([STEPS])[0]) for member in members]
    np.testing.assert_allclose(shares(out), np.mean(each, axis=0), atol=1e-5, err_msg=err)


def test_a_language_model_says_what_comes_next(stream: Stream, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    segue.LanguageModel("embedding(4) gru(4)", epochs=1, options=QUIET).fit(
        ["to be or not to be"] * 8
    ).save(path)
    _, out, err = stream("to\nbe\n", of=path)
    assert out.splitlines()[0] == "step,prediction,probability", err
    assert len(out.splitlines()) == 3
