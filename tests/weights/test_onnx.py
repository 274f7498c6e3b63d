"""A model in an ONNX file answers as the model does: all tasks, all preparations, real data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import segue
from segue.cli import main
from segue.data.sequences import Array
from segue.errors import (
    DataError,
    DataNotFoundError,
    MissingPackageError,
    ModelFileError,
    NotCausalError,
    OptionError,
    SpecError,
    WriteError,
)
from segue.prepare import STEPS
from segue.weights import OnnxModel, onnx_check, to_onnx
from segue.weights.onnx_check import TOLERANCE
from segue.weights.onnx_digest import KEY

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "where-your-model-can-go.md"
OPTIONS = segue.TrainingOptions(progress="none")
LABELS = np.array(["high", "low"] * 20)
FAST = {"epochs": 1, "options": OPTIONS}


def sequences(
    *, channels: int = 3, longest: int = 30, gaps: bool = False, level: float = 0.0
) -> list[Array]:
    draws, found = np.random.default_rng(0), []
    for _ in range(40):
        values = draws.normal(size=(draws.integers(4, longest), channels)) + level
        values[(draws.random(values.shape) < 0.2) & gaps] = np.nan
        found.append(values)
    return found


def classifier(network: str = "gru(4)", **arguments: Any) -> Any:
    return segue.SequenceClassifier(network, **{**FAST, **arguments})


# -- preparations ---------------------------------------------------------------------------------

# A preparation, whether the data have gaps, and whether it can go step by step.
PREPARATIONS = [
    ("standardize", False, True),
    ("standardize", True, True),
    ("interpolate standardize", True, False),
    ("mask", True, True),
    ("frame(4)", False, True),
    ("standardize frame(4, 2)", False, True),
    ("frame(4, 6)", False, True),
    ("frame(4, 2, pad)", False, False),
    ("frame(4, 6, pad)", False, False),
    ("spectrogram(8, 4) standardize", False, True),
    ("spectrogram(8, 4, hamming, power)", False, True),
    ("spectrogram(9, 4, blackman, magnitude, true)", False, False),
    ("logmel(4, 16, 8, rate=100) standardize", False, True),
    ("logmel(4, 16, 8, mel=htk, rate=100) cepstrum(2)", False, True),
    ("logfrequency(6, 4, low=5, frame=16, frames=3, rate=100)", False, False),
    ("logfrequency(6, 4, low=5, frame=9, frames=1, rate=100) standardize", False, False),
    ("jitter(0.1) scale(0.1) timemask(0.1) standardize", False, True),
    ("timewarp(0.1) crop(0.5) standardize", False, True),
]


def test_every_step_of_preparation_is_in_the_table() -> None:
    """Those of texts stand below."""
    written = " ".join(text for text, _, _ in PREPARATIONS)
    assert all(
        re.search(rf"\b{kind}\b", written)
        for kind in STEPS.keys() - {"words", "characters", "ngrams"}
    )


@pytest.mark.filterwarnings("ignore:Values are missing")  # of all of a channel of a short one
@pytest.mark.parametrize(("prepare", "gaps", "causal"), PREPARATIONS)
def test_the_preparation_is_in_the_graph(
    prepare: str, gaps: bool, causal: bool, tmp_path: Path
) -> None:
    """Checked with drawn sequences and with others than were trained on, some of one step."""
    model = classifier(prepare=prepare).fit(sequences(gaps=gaps), LABELS)
    others = [
        one[:n] for one, n in zip(sequences(gaps=gaps, longest=60), range(1, 41), strict=True)
    ]
    for data in (None, others):
        report = to_onnx(model, tmp_path / "model.onnx", step=causal, data=data)
        assert 0 < report.largest() <= 1
        assert {row.graph for row in report.rows} == {"whole", *(["step"] if causal else [])}
    assert json.loads((tmp_path / "model.onnx.json").read_text())["largest_share"] <= 1
    if not causal:
        with pytest.raises(NotCausalError, match="looks ahead"):
            to_onnx(model, tmp_path / "other.onnx", step=True)
        assert not (tmp_path / "other.onnx").exists()


def test_gaps_that_training_did_not_have_are_interpolated(tmp_path: Path) -> None:
    model = classifier("bilstm(4)").fit(sequences(), LABELS)
    with pytest.warns(UserWarning, match="they are interpolated"):
        assert to_onnx(model, tmp_path / "model.onnx", data=sequences(gaps=True)).largest() <= 1


def test_values_that_float32_is_too_coarse_for_come_in_as_float64(tmp_path: Path) -> None:
    model = classifier().fit(sequences(level=1e9), LABELS)
    assert to_onnx(model, tmp_path / "model.onnx", data=sequences(level=1e9)).largest() <= 1
    assert OnnxModel(tmp_path / "model.onnx").session.get_inputs()[0].type == "tensor(double)"


# -- tasks ----------------------------------------------------------------------------------------


def step_labels() -> list[Array]:
    return [np.where(one[:, 0] > 0, "up", "down") for one in sequences()]


def tokens() -> list[Array]:
    draws = np.random.default_rng(0)
    return [draws.integers(0, 9, (draws.integers(2, 9), 1)) for _ in range(40)]


def texts() -> list[str]:
    words = "the cat sat on a mat and saw two dogs who ran".split()
    return [" ".join(words[(5 * n + k) % 11] for k in range(1 + n % 9)) for n in range(40)]


def series() -> list[Array]:
    draws = np.random.default_rng(0)
    return [np.cumsum(draws.normal(size=(60, 2)), axis=0) for _ in range(4)]


def numbers() -> Array:
    return 1e6 + 100 * np.random.default_rng(0).normal(size=(40, 2))


EMBEDDED = "embedding(4) gru(4)"
TASKS: dict[str, tuple[Any, Any, Any, bool]] = {
    "two classes": (classifier(), sequences(), LABELS, True),
    "four classes": (classifier(), sequences(), list("abcd") * 10, True),
    "sigmoid": (classifier(head="sigmoid"), sequences(), list("abcd") * 10, True),
    "labels": (classifier(head="sigmoid"), sequences(), np.eye(4, dtype=int)[[0, 1] * 20], True),
    "labeler": (segue.SequenceLabeler("bilstm(4)", **FAST), sequences(), step_labels(), False),
    "causal labeler": (segue.SequenceLabeler("gru(4)", **FAST), sequences(), step_labels(), True),
    "a number": (segue.SequenceRegressor("gru(4)", **FAST), sequences(), numbers()[:, 0], True),
    "numbers": (segue.SequenceRegressor("gru(4)", **FAST), sequences(), numbers(), True),
    "forecast": (segue.Forecaster("gru(4)", size=8, **FAST), series(), None, True),
    "direct": (
        segue.Forecaster("gru(4)", size=8, horizon=3, strategy="direct", **FAST),
        series(), None, True,
    ),
    "texts": (classifier(EMBEDDED), texts(), LABELS, True),
    "characters": (classifier(EMBEDDED, prepare="characters"), texts(), LABELS, True),
    "ngrams": (classifier(EMBEDDED, prepare="ngrams"), texts(), LABELS, False),
    "tokens": (classifier(EMBEDDED), tokens(), LABELS, True),
    "language": (segue.LanguageModel(EMBEDDED, **FAST), texts(), None, True),
    "rocket": (classifier("rocket(50)"), sequences(), LABELS, True),
    "features": (
        classifier("parallel(multirocket(84), hydra(2, 3, 20), quant(2, 9, 30), rdst(9, 5, 20))"),
        sequences(), LABELS, False,
    ),
    "trees": (classifier("quant(2, 9, 30) trees(7)"), sequences(), LABELS, False),
    "one length": (classifier("flatten dense(3)"), np.ones((40, 7, 2)), LABELS, False),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The forecast is not clearly better")
@pytest.mark.parametrize("name", TASKS)
def test_every_task_leaves_whole(name: str, tmp_path: Path) -> None:
    """What the file answers is what the model answers, and so it is when it is read again."""
    estimator, x, y, causal = TASKS[name]
    model = estimator.fit(x, y)
    for data in (x, None):
        assert to_onnx(model, tmp_path / "model.onnx", step=causal, data=data).largest() <= 1
    if name == "language":
        return
    read = OnnxModel(tmp_path / "model.onnx")
    came, wanted = read.predict(x), model.predict(x)
    if hasattr(model, "classes_"):
        assert read.classes_.tolist() == model.classes_.tolist()
        found, expected = read.predict_proba(x), model.predict_proba(x)
        if hasattr(found, "values"):
            found, expected = found.values, expected.values
        assert np.abs(found - expected).max() <= TOLERANCE
        assert all(np.array_equal(a, b) for a, b in zip(came, wanted, strict=True))
    else:
        assert came.shape == wanted.shape
        assert np.abs(came - wanted).max() <= TOLERANCE * max(1, np.abs(wanted).max())
    if name == "forecast":
        assert np.allclose(read.predict(x, 5), model.predict(x, 5), rtol=1e-4)


def test_static_features_are_an_input(tmp_path: Path) -> None:
    static = np.random.default_rng(0).normal(size=(40, 2)) * 5 + 3
    model = classifier().fit(sequences(), LABELS, static=static)
    assert to_onnx(model, tmp_path / "model.onnx", step=True).largest() <= 1
    data = segue.Dataset(segue.Sequences.from_list(sequences()), static=static)
    found = OnnxModel(tmp_path / "model.onnx").predict_proba(data)
    assert np.abs(found - model.predict_proba(data)).max() <= TOLERANCE
    with pytest.raises(DataError, match=r"takes 2 static features of each sequence; here are 0"):
        OnnxModel(tmp_path / "model.onnx").predict(sequences())


def test_sequences_that_the_network_does_not_take_are_refused(tmp_path: Path) -> None:
    model = classifier("flatten dense(3)").fit(np.ones((40, 7, 2)), LABELS)
    to_onnx(model, tmp_path / "model.onnx")
    with pytest.raises(DataError, match=r"does not take sequences of 7 to 8 steps: it learnt"):
        OnnxModel(tmp_path / "model.onnx").predict([np.ones((7, 2)), np.ones((8, 2))])


def test_an_ensemble_is_one_file(tmp_path: Path) -> None:
    members = [classifier(seed=seed).fit(sequences(), LABELS) for seed in range(3)]
    ensemble = segue.SequenceEnsemble(members)
    assert to_onnx(ensemble, tmp_path / "model.onnx").largest() <= 1
    with pytest.raises(OptionError, match=r"write one graph of each"):
        to_onnx(ensemble, tmp_path / "model.onnx", step=True)


# -- what a user does with the file ---------------------------------------------------------------


def scripts() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def run_script(script: str, before: str, after: str, folder: Path) -> str:
    """Run an example of the page in a process that has ONNX Runtime and NumPy, and no segue."""
    alone = "import sys\nassert not {'segue', 'torch', 'onnx'} & set(sys.modules)\n"
    whole = f"import numpy as np\n{before}\n{script}\n{after}\n{alone}"
    done = subprocess.run(
        [sys.executable, "-c", whole], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_script(model: Any, data: segue.Dataset, folder: Path) -> None:
    """The script of the page gives the probabilities of the model, from raw values."""
    assert to_onnx(model, folder / "model.onnx", data=data.x).largest() <= 1
    for number, values in enumerate(data.x):
        np.save(folder / f"{number:03}.npy", values)
    before = "from pathlib import Path\npaths = sorted(Path().glob('[0-9]*.npy'))"
    out = run_script(scripts()[0], before, "np.save('found', probabilities)", folder)
    wanted = model.predict_proba(data.x)
    assert np.abs(np.load(folder / "found.npy") - wanted).max() <= TOLERANCE
    assert out.strip() == str(model.predict(data.x).tolist())


def test_ten_lines_give_what_segue_gives_on_japanese_vowels(tmp_path: Path) -> None:
    """So does `segue predict`, of the model and of the file, to the digits that it prints."""
    data = segue.read("japanese-vowels")
    model = classifier("bilstm(20)", epochs=3).fit(data)
    model.save(tmp_path / "model.safetensors")
    check_script(model, data.part("test"), tmp_path)
    found = []
    for name in ("model.safetensors", "model.onnx"):
        out = tmp_path / f"{name}.jsonl"
        words = ["predict", str(tmp_path / name), "japanese-vowels", "--out", str(out)]
        assert main(words) == 0
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        assert len(rows) == len(data)
        found.append([list(row["probabilities"].values()) for row in rows])
    assert np.abs(np.subtract(*found)).max() <= TOLERANCE


@pytest.mark.filterwarnings("ignore:Only one sequence belongs to class")  # of so few
@pytest.mark.parametrize(
    ("source", "network", "prepare"),
    [
        ("mnist-rows", "lstm(16)", "standardize"),
        ("instruments", "gru(8)", "frame(32) standardize"),
        ("instruments", "lstm(8)", "logmel(32) standardize"),
        ("instruments", "rocket(100)", "logmel(32) standardize"),
    ],
)
def test_ten_lines_give_what_segue_gives_on_data_of_the_tutorials(
    source: str, network: str, prepare: str, tmp_path: Path, data_folder: Any
) -> None:
    data_folder({"mnist-rows": "mnist"}.get(source, source))
    data = segue.read(source, limit=24)
    model = classifier(network, prepare=prepare, validation=None).fit(data)
    check_script(model, data[:12], tmp_path)


# What stands before the script of the page where the data are a table: empty cells are no numbers.
READ_TABLE = """
table = dict(delimiter=",", skip_header=1)
names = np.genfromtxt("table.csv", usecols=0, dtype=str, **table)
values = np.genfromtxt("table.csv", usecols=(1, 2), **table)
paths = [f"{name}.npy" for name in dict.fromkeys(names)]
for path in paths:
    np.save(path, values[names == path[:-4]].astype(np.float32))
"""


@pytest.mark.parametrize(
    ("network", "step"),
    [("gru(4)", ["--step"]), ("parallel(multirocket(84), hydra(4, longest=20)) batchnorm", [])],
)
@pytest.mark.slow
def test_a_table_with_gaps_is_answered_by_the_file(
    network: str, step: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a CSV with empty cells to the same answers, in the command line alone."""
    lines = ["id,a,b,label"]
    for number, values in enumerate(sequences(channels=2, gaps=True)):
        for row in values:
            cells = ["" if np.isnan(value) else f"{value:.4f}" for value in row]
            lines.append(f"s{number},{','.join(cells)},{LABELS[number]}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n")
    table, run, file = (str(tmp_path / name) for name in ("table.csv", "run", "model.onnx"))
    words = ["fit", table, "--network", network, "--epochs", "2", "--out", run]
    assert main(words) == 0
    capsys.readouterr()
    assert main(["export", run, file, "--to", "onnx", *step, "--data", table]) == 0
    out = capsys.readouterr().out
    assert re.search(r"whole +12 +40 .*\n" + r"step +12 +40 " * len(step), out)
    names = [file, *(file.replace(".onnx", ".step.onnx") for _ in step)]
    assert out.endswith("\n" + "".join(f"written  {name}\n" for name in names))
    answers = []
    for model in (run, file):
        assert main(["predict", model, table, "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    for here, there in zip(*answers, strict=True):
        assert (here["id"], here["prediction"]) == (there["id"], there["prediction"])
        shares = [list(one["probabilities"].values()) for one in (here, there)]
        assert np.abs(np.subtract(*shares)).max() <= TOLERANCE
    run_script(scripts()[0], READ_TABLE, "np.save('found', probabilities)", tmp_path)
    shares = [list(one["probabilities"].values()) for one in answers[0]]
    assert np.abs(np.load(tmp_path / "found.npy") - shares).max() <= TOLERANCE


def test_the_example_of_a_stream_gives_what_the_whole_gives(tmp_path: Path) -> None:
    data = segue.read("japanese-vowels")
    model = classifier("lstm(8) attention(2, causal=true) pool(mean)").fit(data)
    to_onnx(model, tmp_path / "model.onnx", step=True)
    np.save(tmp_path / "steps.npy", data.x[0])
    after = "np.save('found', found['probabilities'])"
    run_script(scripts()[1], "steps = np.load('steps.npy')", after, tmp_path)
    wanted = model.predict_proba(data.x[:1])
    assert np.abs(np.load(tmp_path / "found.npy") - wanted).max() <= TOLERANCE


def test_the_metadata_say_what_the_numbers_mean(tmp_path: Path) -> None:
    data = segue.read("japanese-vowels")
    model = classifier("gru(4)").fit(data)
    to_onnx(model, tmp_path / "model.onnx")
    texts = OnnxModel(tmp_path / "model.onnx").texts
    assert json.loads(texts["classes"]) == model.classes_.tolist()
    assert json.loads(texts["channels"]) == (data.channels and list(data.channels))
    assert texts["segue_version"] == segue.__version__
    assert (texts["segue_format"], texts["task"], texts["network"]) == ("1", "classify", "gru(4)")
    assert texts["prepare"] == "standardize"


def test_the_vocabulary_stands_beside_the_file(tmp_path: Path) -> None:
    model = classifier(EMBEDDED).fit(texts(), LABELS)
    to_onnx(model, tmp_path / "model.onnx")
    facts = json.loads((tmp_path / "model.vocabulary.json").read_text())
    assert facts["tokens"][:2] == ["<end>", "<unknown>"]
    assert "cat" in facts["tokens"]
    (tmp_path / "model.vocabulary.json").unlink()
    with pytest.raises(DataNotFoundError, match="is the model's vocabulary, and is not there"):
        OnnxModel(tmp_path / "model.onnx").predict(texts())


ALONE = """
import sys
class Blocker:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Blocker())
from segue.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_it_leaves_and_predicts_without_pytorch(tmp_path: Path) -> None:
    """What predicts has no need of `onnx` either."""
    model, file = str(tmp_path / "model.safetensors"), str(tmp_path / "model.onnx")
    classifier().fit(segue.read("japanese-vowels")).save(model)
    train = "torch,sklearn,scipy,loky,matplotlib,jinja2,pooch,pandas"
    for blocked, words in (
        (train, ["export", model, file, "--step"]),
        (f"{train},onnx", ["predict", file, "japanese-vowels", "--json"]),
    ):
        command = [sys.executable, "-c", ALONE, blocked, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 640


# -- what is refused ------------------------------------------------------------------------------


def test_a_file_that_answers_otherwise_gets_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because next to nothing is allowed."""
    model = classifier().fit(sequences(), LABELS)
    monkeypatch.setattr(onnx_check, "TOLERANCE", 1e-12)
    with pytest.raises(DataError, match=r"otherwise than the model, so nothing is written.\ngraph"):
        to_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_lies_beside_gets_its_name_first(tmp_path: Path) -> None:
    """So that a model never stands beside the vocabulary or the report of another, or none."""
    (tmp_path / "model.vocabulary.json").mkdir()
    model = classifier(EMBEDDED).fit(texts(), LABELS)
    with pytest.raises(WriteError):
        to_onnx(model, tmp_path / "model.onnx", step=True)
    assert [one.name for one in tmp_path.iterdir()] == ["model.vocabulary.json"]


def test_a_graph_that_nothing_was_compared_with_gets_no_name(tmp_path: Path) -> None:
    """No sequences, or none of a whole frame; those that are too short leave the others in."""
    model = classifier(prepare="frame(8, 4)").fit(sequences(), LABELS)
    short, long = np.ones((5, 3)), np.ones((21, 3))
    with pytest.raises(DataError, match="no sequences to check the file with"):
        to_onnx(model, tmp_path / "model.onnx", data=segue.Sequences.from_list([long])[:0])
    with pytest.raises(DataError, match="compared with no sequence.*fewer than 8 steps"):
        to_onnx(model, tmp_path / "model.onnx", step=True, data=[short] * 4)
    assert list(tmp_path.iterdir()) == []
    report = to_onnx(model, tmp_path / "model.onnx", step=True, data=[short, long, long[:9]] * 2)
    rows = [row for row in report.rows if row.graph == "step"]
    assert (sum(row.batch for row in rows), max(row.longest for row in rows)) == (4, 20)


def test_data_that_the_model_refuses_are_refused_by_the_file(tmp_path: Path) -> None:
    """Another rate, other channels; and of data in parts it answers the same part."""
    x = segue.Sequences.from_list(sequences(longest=60))
    given: Any = {"rate_hz": 100.0, "channels": ("ax", "ay", "az")}
    data = segue.Dataset(x, LABELS, **given)
    model = classifier(prepare="logmel(4, 16, 8) standardize").fit(data)
    to_onnx(model, tmp_path / "model.onnx")
    file = OnnxModel(tmp_path / "model.onnx")
    for wrong in ({"rate_hz": 200.0}, {"channels": ("ay", "ax", "az")}):
        other = segue.Dataset(x, **{**given, **wrong})
        with pytest.raises(DataError) as said:
            model.predict(other)
        with pytest.raises(DataError, match=re.escape(str(said.value))):
            file.predict(other)
    parted = segue.Dataset(x, LABELS, parts=np.array(["train", "test"] * 20), **given)
    assert file.predict(parted).tolist() == model.predict(parted).tolist()
    assert len(file.predict(parted)) == 20


@pytest.mark.parametrize(
    "content",
    [b"", b'{"step', b"\xff\xfe{}", b"{}", b"[]", b'{"step": {"kind": "words"}, "fitted": 5}',
     b'{"step": {"kind": "standardize"}, "fitted": {}}', b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_vocabulary_is_named(content: bytes, tmp_path: Path) -> None:
    to_onnx(classifier(EMBEDDED).fit(texts(), LABELS), tmp_path / "model.onnx")
    (tmp_path / "model.vocabulary.json").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.vocabulary\.json: is not the vocabulary"):
        OnnxModel(tmp_path / "model.onnx").predict(texts())


@pytest.mark.parametrize(
    ("name", "text"),
    [("channels", "5"), ("channels", "[5]"), ("classes", "3"), ("classes", "[[1]]"),
     ("reading", "[]"), ("size", '"a"'), ("targets", "nothing"), ("prepare", "nothing(3)"),
     ("classes", "[" * 100_000)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The forecast is not clearly better")
def test_damaged_metadata_are_refused(name: str, text: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    to_onnx(segue.Forecaster("gru(2)", size=8, **FAST).fit(series()), path)
    with pytest.raises(DataError, match="There are no sequences"):
        OnnxModel(path).predict(segue.Sequences.from_list(series())[:0])
    model = onnx.load(path)
    next(one for one in model.metadata_props if one.key == name).value = text
    next(one for one in model.metadata_props if one.key == KEY).key = "none"  # as by older versions
    onnx.save(model, path)
    with pytest.raises(ModelFileError, match="is not the ONNX file of whole sequences"):
        OnnxModel(path)


def test_a_layer_of_ones_own_is_refused_by_name(tmp_path: Path) -> None:
    from torch import nn

    model = segue.SequenceClassifier([segue.layers.LSTM(3), nn.Linear(3, 2)], **FAST)
    model.fit(sequences(), LABELS)
    with pytest.raises(SpecError, match=r"own_1 is own\(Linear\), which has no form in ONNX"):
        to_onnx(model, tmp_path / "model.onnx")


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    model = classifier("bilstm(3)").fit(sequences(), LABELS)
    with pytest.raises(OptionError, match=r"does not end in \.onnx"):
        to_onnx(model, tmp_path / "model.bin")
    with pytest.raises(NotCausalError, match=r"bilstm_1 needs the whole sequence"):
        to_onnx(model, tmp_path / "model.onnx", step=True)
    with pytest.raises(DataNotFoundError, match=r"there is no such ONNX file"):
        OnnxModel(tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"not ONNX at all")
    with pytest.raises(ModelFileError, match=r"is no ONNX file"):
        OnnxModel(tmp_path / "model.onnx")
    to_onnx(classifier().fit(sequences(), LABELS), tmp_path / "model.onnx", step=True)
    with pytest.raises(
        ModelFileError, match=r"is the graph of one step, which ONNX Runtime runs by"
    ):
        OnnxModel(tmp_path / "model.step.onnx")
    with pytest.raises(ModelFileError, match=r"`segue stream` takes the run that it was exported"):
        segue.load(tmp_path / "model.step.onnx")
    with pytest.raises(OptionError, match=r"takes numbers, 3 channels; these are numbers, 2"):
        OnnxModel(tmp_path / "model.onnx").predict(sequences(channels=2))


def test_a_file_predicts_in_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "model.onnx")
    to_onnx(classifier().fit(segue.read("japanese-vowels")), path)
    words = ["predict", path, "japanese-vowels", "--workers", "2", "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "leave out --workers" in capsys.readouterr().err
    assert main(["predict", path, "japanese-vowels", "--per-step"]) == 2
    assert "--per-step needs more than an ONNX file has" in capsys.readouterr().err
    assert main(["evaluate", path, "japanese-vowels"]) == 1
    assert "is an ONNX file: `segue predict` and `segue info` take it" in capsys.readouterr().err
    assert main(["info", path]) == 0
    assert re.search(r"^network +gru\(4\)$", capsys.readouterr().out, re.MULTILINE)


def test_without_the_packages_the_line_that_installs_them_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier().fit(sequences(), LABELS)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'segue\[onnx\]'"):
        to_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "model.bin"], "expected one of .onnx, .keras, .safetensors, .py, or --to onnx|"),
        (["run", "model.bin", "--to", "onnx"], "expected a file ending in .onnx"),
        (["run", "model.onnx", "--to", "onix"], "--to is 'onix'. Did you mean \"onnx\"?"),
        (["nothing", "model.onnx"], "there is no such model"),
        (["run", "taken.onnx", "--step"], "taken.step.onnx: exists already"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken.step.onnx").touch()
    assert main(["export", *words]) != 0
    assert message in " ".join(capsys.readouterr().err.split())
