"""Which instrument? From sounds to a classifier, as in a MATLAB course, and better.

    python recipes/instruments.py [DATA] [--quick] [--full] [--out FOLDER]

DATA is a folder with train/ and test/, and in each a folder of sounds for each instrument; without
it, $SEGUE_DATA/instruments. None of the notes in the test has been trained on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

import segue
from segue.sonify import draw, make_clip, pitch

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="instruments", help="a folder of sounds")
arguments.add_argument("--quick", action="store_true", help="few sounds: only to see that it runs")
arguments.add_argument("--full", action="store_true", help="all 200 epochs of the course's network")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/instruments"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)
quiet = segue.TrainingOptions(progress="none")
table: list[tuple[str, str, str]] = []

# -- 1. Look and listen ---------------------------------------------------------------------------
#   segue view instruments --out sounds.png
#   segue listen instruments --samples 5 --join --out joined.wav --picture .png
#   segue listen instruments --samples 5 --mix --out mixed.wav --picture .png
data = segue.read(asked.data, limit=24 if asked.quick else None)
train, test = data.part("train"), data.part("test")
print(data.summary(), end="\n\n")
segue.plots.plot_sequences(train)[0, 0].figure.savefig(asked.out / "sounds.png")

drawn = draw(len(train), 5, seed=3)
for name, mix in (("joined", False), ("mixed", True)):
    clip = make_clip(train, drawn, mix=mix)
    clip.write(asked.out / f"{name}.wav")
    segue.plots.plot_clip(clip).figure.savefig(asked.out / f"{name}.png")

# -- 2. The course's network ----------------------------------------------------------------------
# 3,528 samples one after the other, in both directions: slow on any machine, and hard to learn. So
# there is a limit of time, unless --full. Its layers as a picture, and as a module of PyTorch.
#
#   segue fit instruments --network "bilstm(100)" --prepare none --epochs 200 --time-limit 120
#       --learning-rate 0.001 --schedule constant --option clip_norm=none --validation none
seconds = None if asked.full else 1 if asked.quick else 120
course = segue.SequenceClassifier(
    "bilstm(100)",
    prepare="none",
    epochs=200,
    learning_rate=0.001,
    validation=None,
    options=segue.TrainingOptions(
        schedule="constant", clip_norm=None, time_limit_seconds=seconds, progress="lines"
    ),
).fit(train[::6] if asked.quick else train)
course.network_.diagram(asked.out / "network.png")
(asked.out / "network.py").write_text(course.network_.to_python("torch"), encoding="utf-8")
course.history_.plot().figure.savefig(asked.out / "history_course.png")
raw = segue.evaluate(course, test)
table += [
    ("course's network: epochs reached", f"{len(course.history_)}", "200"),
    ("course's network: test accuracy", f"{raw.accuracy:.4f}", f"baseline {raw.baseline:.4f}"),
]

# -- 3. Validation that is as hard as the test ----------------------------------------------------
# A note that occurs twice, once learnt and once watched, says nothing about notes never heard. So
# notes of one pitch (to the nearest key of a piano, 69 for a' = 440 Hz) of one instrument are a
# group, and groups stay together.
keys = [round(69 + 12 * np.log2(pitch(x, 8000.0) / 440)) for x in train.x]
notes = [f"{instrument} {key}" for instrument, key in zip(train.y, keys, strict=True)]
train = replace(train, groups=np.array(notes))
print(f"{len(set(notes))} groups of notes of one pitch and one instrument")


def folds() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    cut = StratifiedGroupKFold(2 if asked.quick else 5, shuffle=True, random_state=0)
    yield from cut.split(train.y, train.y, train.groups)


# -- 4. What works better, and why ----------------------------------------------------------------
# Frames shorten a sequence. A spectrum shows what the ear hears, with loudness on a scale of its
# own. But another pitch moves the whole pattern up or down, and a network that has a weight for
# each frequency must learn every pitch anew. So let the sequence go over frequency, not over time:
# a convolution then meets the same pattern at another step. (The steps are 24 to an octave, where
# every pitch has the same distance between its harmonics; the channels are five stretches of time.)
mel = "logmel(32, frame=256, hop=128) standardize"
across = "dropout(0.2) conv(64, 25, relu) conv(64, 5, relu) pool(max)"
candidates = {
    "frames, bilstm": ("frame(32) standardize", "bilstm(32)"),
    "log-mel, convolution": (mel, "conv(32, 5, relu) pool(mean)"),
    "log-mel, rocket": (mel, "rocket(2000)"),
    "over frequency, convolutions": ("logfrequency standardize", across),
}


def make(prepare: str, network: str, **more: object) -> segue.SequenceClassifier:
    given = {"epochs": 2 if asked.quick else 30, "validation": None, "options": quiet, **more}
    return segue.SequenceClassifier(network, prepare=prepare, **given)


def watched(prepare: str, network: str) -> float:
    """The mean accuracy on the groups that were held out."""
    right = [
        make(prepare, network, seed=fold).fit(train[learnt]).score(train[held])
        for fold, (learnt, held) in enumerate(folds())
    ]
    return float(np.mean(right))


found = {name: watched(*candidate) for name, candidate in candidates.items()}
table += [(f"held-out notes: {name}", f"{share:.4f}", "") for name, share in found.items()]

# -- 5. The best one: a curve to watch, then everything -------------------------------------------
# A fifth of the groups is watched and the best epoch found; then a new network learns all notes for
# as long. The test is asked once, of three seeds. On the command line (which knows no groups here):
#
#   segue fit instruments --prepare "logfrequency standardize" --epochs 30 --refit --seeds 3
#       --network "dropout(0.2) conv(64, 25, relu) conv(64, 5, relu) pool(max)"
best = max(found, key=found.__getitem__)
prepare, network = candidates[best]
print(f"chosen on held-out notes: {best}; {prepare}; {network}", end="\n\n")
fitted = [
    make(
        prepare,
        network,
        validation=0.2,
        seed=seed,
        options=segue.TrainingOptions(refit=True, progress="none"),
    ).fit(train)
    for seed in range(1 if asked.quick else 3)
]
scores = [segue.evaluate(one, test) for one in fitted]
table += [
    (f"chosen: test accuracy, seed {seed}", f"{one.accuracy:.4f}", "at least 0.97")
    for seed, one in enumerate(scores)
]
print(scores[0].report(), end="\n\n")
fitted[0].history_.plot().figure.savefig(asked.out / "history.png")
scores[0].plot_confusion().figure.savefig(asked.out / "confusion.png")

# -- 6. What is believed while the note sounds ----------------------------------------------------
# Some forty times in each note: what would the network say if it ended here? It has learnt from
# whole notes only. Where the preparation makes frames, it is asked after each of so many frames.
listener, samples = fitted[0], len(test.x[0])
every = max(1, len(listener.preparation_.prefix_lengths(samples)) // 40)
beliefs = listener.anytime(test.x, every)
axes = segue.plots.plot_anytime(
    test.x[0],
    beliefs[0],
    listener.classes_.tolist(),
    prefix_lengths=listener.preparation_.prefix_lengths(samples, every),
    rate_hz=test.rate_hz,
    target=test.y[0],
)
axes[0].figure.savefig(asked.out / "anytime.png")

shares = np.arange(1, 11) / 10
right = []
for share in shares:
    said = [belief[max(0, int(share * len(belief)) - 1)] for belief in beliefs]
    right.append(float(np.mean(listener.classes_[np.argmax(said, axis=1)] == test.y)))
table += [
    ("... after a tenth of the note", f"{right[0]:.4f}", ""),
    ("... after half of the note", f"{right[4]:.4f}", ""),
]
axes = segue.plots.plot_lines(
    shares,
    {"right": right, "always the same": [scores[0].baseline] * len(shares)},
    xlabel="share of the note heard",
    ylabel="test accuracy",
    dots=True,
)
axes.set_ylim(0, 1.02)
axes.figure.savefig(asked.out / "heard.png")

# -- 7. Padding -----------------------------------------------------------------------------------
# The course asks which side to pad, and how much. Here it makes no difference, to the last digits:
# Japanese Vowels alone, side by side, with zeros on the left, and with 100 more on the right.
vowels = segue.read("japanese-vowels")
speakers = segue.SequenceClassifier("bilstm(100)", epochs=2, validation=None, options=quiet)
speakers.fit(vowels.part("train"))
some = vowels.part("test").x[:100]
alone = np.concatenate([speakers.predict_proba([x]) for x in some])
left, mask = some.to_padded(side="left")
right_side, _ = some.to_padded()
wider = np.pad(right_side, ((0, 0), (0, 100), (0, 0)))
differences = {
    "in one batch": speakers.predict_proba(some),
    "padded on the left": speakers.predict_proba(segue.Sequences.from_padded(left, mask)),
    "100 more zeros": speakers.predict_proba(segue.Sequences.from_padded(wider, some.lengths)),
}
for name, probabilities in differences.items():
    largest = np.abs(probabilities - alone).max()
    table.append((f"padding, {name}: difference", f"{largest:.1e}", "at most 1e-05"))

# -- 8. The figures -------------------------------------------------------------------------------
print(f"{'':<46} {'measured':>10}   reference")
for name, measured, reference in table:
    print(f"{name:<46} {measured:>10}   {reference}".rstrip())
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
