"""What trainings, commands and recipes come to, before a change of the code and after it.

Sixty trainings (networks, tasks, preparations, ways of training), ten commands and the quick runs
of the recipes are run with two versions of the source, each in a process of its own, and compared:
predictions, weights and histories to the bit, the numbers of `metrics.json` and of reports, the
lines that are printed. Both run on this machine, for another processor rounds otherwise.

    python bench/same.py REV          this source beside that of a commit
    python bench/same.py REV --only fits commands
    python bench/same.py --show fits  what is recorded of this source, without a comparison

What differs is printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("fits", "commands", "recipes")

# -- trainings ------------------------------------------------------------------------------------

CLASSIFIERS = [
    "lstm(8) dense(5, relu)",
    "bilstm(6) dense(8, relu) dropout(0.3)",
    "gru(5) gru(4) dense(3, tanh)",
    "bilstm(3, merge=none) bigru(4, merge=none) birnn(2)",
    "dense(6, tanh) lstm(5, output=every) pool(mean)",
    "bigru(4, merge=sum) pool(max) dense(4, gelu)",
    "rnn(5, activation=relu) dense(4) gru(4, reset=before, initial_state=learnt)",
    "conv(3, 3, relu) parallel(pool(mean), pool(max, 2)) dense(3)",
    "bigru(8, recurrent_dropout=0.2)",
    "rocket(20)",
    "inception_time(2, 4, 10)",
    "lstm_fcn(3, 0) dense(4, mish)",
    "repeat(2, residual(conv(4, 5) batchnorm relu conv(4, 3) batchnorm, activation=relu)) pool",
    "conv(6, 5, relu, stride=2) maxpool(2) conv(4, 3, relu) maxpool(3, 2) pool(max)",
    "conv(4, 4) batchnorm leaky_relu(0.1) dropout(0.2) bigru(3)",
    "dense(8) position attention(2) attention(4, causal=true) layernorm pool",
    "parallel(lstm(4), pool(attention), gru(3, output=every) pool(max)) dense(4, selu)",
    "lstm(5) batchnorm dense(4, hard_sigmoid) log_softmax",
    "parallel(random_conv(8), conv(3, 3) pool(max)) batchnorm dense(4, relu)",
    "residual(bilstm(3)) layernorm attention(1) pool(max)",
]
CAUSAL = [
    "gru(4)",
    "bilstm(3)",
    "conv(4, 3, causal=true) conv(4, 3, tanh, 1, 2, true)",
    "maxpool(3, causal=true, stride=1) batchnorm gru(3) batchnorm",
    "conv(6, 3, causal=true) glu prelu gru(3)",
]
PREPARATIONS = [
    "none",
    "interpolate standardize",
    "mask standardize",
    "scale(2) frame(3, 2)",
    "standardize jitter(0.1) crop(0.8)",
    "timewarp(0.2) timemask(0.2) standardize",
]
TRAINING: list[dict[str, Any]] = [
    {"options": {"optimizer": "sgd", "schedule": "constant"}},
    {"options": {"optimizer": "adamw", "schedule": "cosine", "clip_norm": None}},
    {"options": {"truncate": 4}},
    {"options": {"accumulate": 2, "patience": 1}},
    {"options": {"refit": True}, "validation": 0.3},
    {"options": {"monitor": "accuracy"}, "validation": 0.3},
    {"class_weight": "balanced", "validation": None},
    {"head": "sigmoid"},
    {"seed": 7, "batch_size": 5},
]


def series(n: int = 30, lengths: tuple[int, int] = (6, 15), channels: int = 2) -> list[Any]:
    """Sequences whose level and trend tell their classes."""
    draw = np.random.default_rng(5)
    made = []
    for i in range(n):
        steps = np.linspace(0, 1, int(draw.integers(lengths[0], lengths[1] + 1)))[:, None]
        noise = 0.3 * draw.standard_normal((len(steps), channels))
        made.append((i % 3 + (i % 2) * steps + noise).astype(np.float32))
    return made


def gaps(sequences: list[Any]) -> list[Any]:
    """The same sequences, with a value in seven missing."""
    draw = np.random.default_rng(6)
    return [np.where(draw.random(x.shape) < 1 / 7, np.nan, x) for x in sequences]


TEXTS = [
    " ".join("the cat sat on a mat and saw two dogs who ran".split()[i % 5 : i % 5 + 3 + i % 4])
    for i in range(30)
]
CLASSES = ["low", "mid", "high"]


def fits() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names of the trainings, and what trains and records each."""
    import segue

    x, missing = series(), gaps(series())
    y = [CLASSES[i % 3] for i in range(len(x))]
    steps = [np.where(s[:, 0] > 1, "up", "down") for s in x]
    several = np.array([[i % 2, i % 3 == 0, 1 - i % 2] for i in range(len(x))])
    numbers = [float(s.mean()) for s in x]

    def case(name: str, kind: str, data: tuple[Any, Any], **given: Any) -> Any:
        options = segue.TrainingOptions(progress="none", **given.pop("options", {}))
        estimator = getattr(segue, kind)(**{"epochs": 2, "options": options, **given})
        return f"{kind} {name}", lambda: trained(estimator, *data)

    for network in CLASSIFIERS:
        yield case(network, "SequenceClassifier", (x, y), network=network)
    for prepare in PREPARATIONS:
        data = missing if prepare in PREPARATIONS[1:3] else x
        yield case(prepare, "SequenceClassifier", (data, y), network="gru(4)", prepare=prepare)
        yield case(prepare, "SequenceRegressor", (data, numbers), network="gru(4)", prepare=prepare)
    for way in TRAINING:
        yield case(str(way), "SequenceClassifier", (x, y), network="lstm(4)", **way)
    for name in ("spectrogram(8)", "standardize mask"):
        yield case(name, "SequenceClassifier", (series(), y), network="gru(4)", prepare=name)
    two = [label if label != "mid" else "low" for label in y]
    yield case("two classes", "SequenceClassifier", (x, two), network="gru(4)")
    yield case("multilabel", "SequenceClassifier", (x, several), network="gru(4)", head="sigmoid")
    yield case("texts", "SequenceClassifier", (TEXTS, y), network="embedding(4) lstm(3)")
    for network in CAUSAL:
        yield case(network, "SequenceLabeler", (x, steps), network=network)
    for network in ("bilstm(3) pool(mean)", "conv(4, 3) pool(max)"):
        yield case(network, "SequenceRegressor", (x, numbers), network=network)
    pairs = np.stack([numbers, [len(s) for s in x]], axis=1)
    yield case("two numbers", "SequenceRegressor", (x, pairs), network="gru(3)")
    long = [s[:, :1] for s in series(8, (30, 40))]
    for strategy in ("recursive", "direct"):
        given = {"size": 5, "horizon": 3, "strategy": strategy}
        yield case(strategy, "Forecaster", (long, None), network="gru(4)", **given)
    yield case("perceptron", "Forecaster", (long, None), network="flatten dense(8, relu)", size=6)
    yield case("words", "LanguageModel", (TEXTS, None), network="gru(4)")
    yield "ensemble", lambda: ensemble(segue, x, y)
    yield case("characters", "LanguageModel", (TEXTS, None), network="gru(4)", prepare="characters")


def trained(estimator: Any, x: Any, y: Any) -> dict[str, Any]:
    """Fit, and what comes of it."""
    estimator.fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        estimator.save(Path(folder, "model.segue"))
        import segue

        loaded = segue.load(Path(folder, "model.segue"))
    found = {
        "weights": [digest(w.numpy()) for w in estimator.network_.state_dict().values()],
        "history": [{k: row[k] for k in row if k != "seconds"} for row in estimator.history_.rows],
        "best epoch": estimator.history_.best_epoch,
        "predictions": digest_all(estimator.predict(x)),
        "loaded": digest_all(loaded.predict(x)),
    }
    if hasattr(estimator, "predict_proba"):
        found["probabilities"] = digest_all(estimator.predict_proba(x))
    if y is not None:
        found["score"] = estimator.score(x, y)
    return found


def ensemble(segue: Any, x: Any, y: Any) -> dict[str, Any]:
    """Three seeds, as one estimator."""
    options = segue.TrainingOptions(progress="none")
    one = segue.SequenceClassifier("gru(4)", epochs=2, options=options)
    together = segue.fit_seeds(one, x, y, seeds=3).ensemble()
    return {"probabilities": digest_all(together.predict_proba(x)), "score": together.score(x, y)}


def digest_all(values: Any) -> list[str]:
    """The bits of what is predicted for each sequence, or of the whole array."""
    whole = isinstance(values, np.ndarray) and values.dtype != object
    return [digest(np.asarray(value)) for value in ([values] if whole else values)]


def digest(values: Any) -> str:
    array = np.ascontiguousarray(values)
    bits = array.tobytes() if array.dtype.kind != "O" else repr(array.tolist()).encode()
    return f"{array.dtype}{list(array.shape)} {hashlib.sha256(bits).hexdigest()[:12]}"


# -- commands -------------------------------------------------------------------------------------

MAIN = "from segue.cli import main; main()"
TINY = "--network gru(4) --epochs 2"
SHORT = "--epochs 2 --limit 60 --out run"
COMMANDS = [
    f"fit japanese-vowels --network gru(8) {SHORT}",
    f"fit japanese-vowels --network bilstm(4) --seeds 2 {SHORT}",
    f"fit steps.csv --task label --network gru(4) {SHORT}",
    f"fit numbers.csv --task regress --network gru(4) {SHORT}",
    "fit series.csv --task forecast --window 8 --horizon 2 --network gru(4) --epochs 2 --out run",
    f"fit texts.csv --network embedding(4)lstm(3) {SHORT}",
    "evaluate run japanese-vowels --all",
    "predict run japanese-vowels --out answers.csv",
    "data show japanese-vowels",
    f"study learning-curve japanese-vowels --sizes 20,40 --seeds 2 {TINY} --out study",
]


def commands() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Names of the commands, and what runs and records each."""
    first = COMMANDS[0]
    for command in COMMANDS:
        before = [first] if command.split()[0] in ("evaluate", "predict") else []
        yield command, lambda before=before, command=command: commanded([*before, command])


def commanded(lines: list[str]) -> dict[str, Any]:
    """Run commands in an empty folder; what the last one prints, and all that they write."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_tables(folder)
        before = set(folder.rglob("*"))
        for line in lines:
            words = [sys.executable, "-c", MAIN, *line.split()]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        written = sorted(path for path in folder.rglob("*") if path not in before)
        return {
            "exit": done.returncode,
            "printed": without_times(done.stdout + done.stderr, folder),
            **{
                str(path.relative_to(folder)): recorded(path, folder)
                for path in written
                if path.suffix in (".json", ".jsonl", ".csv", ".html")
            },
        }


def write_tables(folder: Path) -> None:
    """Small tables of four kinds of targets."""
    x = series()
    tables = {
        "steps.csv": ["id,t,a,b,label"],
        "numbers.csv": ["id,t,a,b,target"],
        "series.csv": ["t,value"],
        "texts.csv": ["text,label"],
    }
    for i, sequence in enumerate(x):
        for t, (a, b) in enumerate(sequence.tolist()):
            tables["steps.csv"].append(f"s{i},{t},{a},{b},{'up' if a > 1 else 'down'}")
            tables["numbers.csv"].append(f"s{i},{t},{a},{b},{sequence.mean():.4f}")
        tables["texts.csv"].append(f"{TEXTS[i]},{CLASSES[i % 3]}")
    tables["series.csv"] += [f"{t},{np.sin(t / 3):.5f}" for t in range(200)]
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def recorded(path: Path, folder: Path) -> Any:
    """What a file says, without times and places."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        reader = Words()
        reader.feed(text)
        text = "\n".join(reader.found)
    return without_times(text, folder)


class Words(HTMLParser):
    """The visible text of a page, pictures left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("svg", "style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("svg", "style", "script")

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.found.append(" ".join(data.split()))


_TIMES = re.compile(
    r"\d+(?:\.\d+)?(?:e-?\d+)? ?(?:s|ms|min|seconds|sequences/s|steps/s|GiB|GB|MB)\b"
    r"|\"(?:seconds|created|date|time)\": [^,}\n]+"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.+]\d+(?::\d\d)?)?|\d\d:\d\d:\d\d"
)


def without_times(text: str, folder: Path | None = None) -> list[str]:
    """The lines of a text, without what no two runs have in common."""
    text = text if folder is None else text.replace(str(folder), "FOLDER")
    lines = [re.sub(r"[━╸╺ ]+", " ", _TIMES.sub("TIME", line)).strip() for line in text.split("\n")]
    return [line for line in lines if line]


# -- recipes --------------------------------------------------------------------------------------


def recipes() -> Iterator[tuple[str, Callable[[], Any]]]:
    """The quick runs of the recipes: what they print."""
    for path in sorted((ROOT / "recipes").glob("*.py")):
        yield path.name, lambda path=path: cooked(path)


def cooked(path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        words = [sys.executable, "-W", "ignore", str(path), "--quick", "--out", place]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        pictures = sorted(p.name for p in Path(place).rglob("*.png"))
        printed = without_times(done.stdout, Path(place))
        return {"exit": done.returncode, "printed": printed, "pictures": pictures}


# -- comparing ------------------------------------------------------------------------------------


def record(parts: list[str]) -> None:
    """Run everything with the source on the path; a JSON line each."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for part in parts:
        for name, run in {"fits": fits, "commands": commands, "recipes": recipes}[part]():
            try:
                found = run()
            except Exception as error:  # a case that fails is a result, too
                found = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps({"name": f"{part}: {name}", "found": found}), flush=True)


def recorded_by(source: Path, parts: list[str]) -> dict[str, Any]:
    """What a source comes to, in a process of its own."""
    path = os.pathsep.join([str(source / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    words = [sys.executable, __file__, "--record", "--only", *parts]
    found = {}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            row = json.loads(line)
            found[row["name"]] = row["found"]
            print(f"\r{source.name}: {len(found)} recorded", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if process.returncode:
        raise SystemExit(f"{source}: recording ended with status {process.returncode}.")
    return found


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Each place where two records differ, with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from differences(before.get(key), after.get(key), f"{place} / {key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif before != after:
        yield f"{place}\n    before: {str(before)[:400]}\n    after:  {str(after)[:400]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("revision", nargs="?", help="the commit to be compared with")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--show", action="store_true", help="print what is recorded, and end")
    parser.add_argument("--record", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.only)
        return
    after = recorded_by(ROOT, arguments.only)
    if arguments.show or arguments.revision is None:
        print(json.dumps(after, indent=1))
        return
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "before")
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", source, arguments.revision], check=True)
        try:
            before = recorded_by(source, arguments.only)
        finally:
            subprocess.run([*git, "remove", "--force", source], check=True)
    found = list(differences(before, after))
    print("\n".join(found))
    print(f"{len(after)} records, {len(found)} differences from {arguments.revision}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
