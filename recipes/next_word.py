"""Which word comes next? A small language model, beside counted words.

    python recipes/next_word.py [DATA] [--quick] [--out FOLDER]

DATA is a folder with train/ and test/, and in each a folder of texts for each author; without it,
$SEGUE_DATA/authors: annual messages of four presidents of one generation, the last one of each is
the test. That is little text: 290,000 words are learnt from, 97,000 watch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from kneser_ney import ngram

import segue

arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
arguments.add_argument("data", nargs="?", default="authors", help="a folder of texts")
arguments.add_argument("--quick", action="store_true", help="little: only to see that it runs")
arguments.add_argument("--out", type=Path, default=Path("runs/recipes/next_word"))
asked = arguments.parse_args()
asked.out.mkdir(parents=True, exist_ok=True)

# -- 1. The texts ---------------------------------------------------------------------------------
# Whole messages. Of each author the last one but the test watches, to choose the epoch.
data = segue.read(asked.data, unit="file", limit=8 if asked.quick else None)
train, test = data.part("train"), data.part("test")
last = [np.flatnonzero(train.y == author)[-1] for author in data.classes or ()]
watching, learnt = train[last], np.delete(np.arange(len(train)), last)
learnt = train[learnt]
print(data.summary(), end="\n\n")

# -- 2. Learn -------------------------------------------------------------------------------------
# At every step the network says which word comes next. The 4,000 most frequent words of the texts
# that are learnt from are known; all others are one and the same, "<unknown>". A network that looks
# ahead, such as `bilstm`, would see the answer, and is refused.
#
#   segue fit authors --unit file --task language --prepare "words(4000)"
if asked.quick:
    network, prepare, epochs = "embedding(16) gru(16)", "words(500)", 1
else:
    network, prepare, epochs = "embedding(128) dropout(0.3) gru(160) dropout(0.3)", "words(4000)", 9
model = segue.LanguageModel(
    network, prepare=prepare, size=40, epochs=epochs, batch_size=16, seed=0
).fit(learnt, validation_data=watching)
model.history_.plot().figure.savefig(asked.out / "history.png")
model.save(asked.out / "model.safetensors")

# -- 3. How well is a new message foreseen? -------------------------------------------------------
# Perplexity k: as uncertain as a choice among k words alike. Beside the network stand counted words
# of the same texts and the same vocabulary: how frequent a word is (unigram), how frequent after
# the one before it (bigram), after the two before it (trigram), and so on.
scores = segue.evaluate(model, test)
print(scores.report(), end="\n\n")
names = {1: "unigram", 2: "bigram", 3: "trigram", 5: "5-gram"}
counted = {name: ngram(learnt, order, like=model) for order, name in names.items()}
logs = {name: np.concatenate(one.log_probability(test)) for name, one in counted.items()}
logs["network"] = scores.log_probability

# -- 4. Both together -----------------------------------------------------------------------------
# What one misses the other may know. How much each counts, the messages that watch say.
on_watching = [np.concatenate(one.log_probability(watching)) for one in (model, counted["5-gram"])]


def mixed(share: float, network: np.ndarray, words: np.ndarray) -> np.ndarray:
    return np.logaddexp(np.log(share) + network, np.log(1 - share) + words)


shares = np.linspace(0.1, 0.9, 9)
share = float(shares[np.argmax([mixed(one, *on_watching).mean() for one in shares])])
logs[f"network {share:.1f} + 5-gram {1 - share:.1f}"] = mixed(
    share, logs["network"], logs["5-gram"]
)

beside = {name: logs[name] for name in ("bigram", "5-gram")}
scores.plot_surprise(beside)[0].figure.savefig(asked.out / "surprise.png")
scores.plot_by_count(beside).figure.savefig(asked.out / "by_count.png")

# -- 5. What it says ------------------------------------------------------------------------------
# Word by word: after each of them, what may come next.
stream = model.stream()
words = np.array(stream.classes)
for word in "the government of the united".split():
    belief = stream.push(word)
    best = np.argsort(-belief)[:5]
    print(f"{word:<12}", "  ".join(f"{words[i]} {belief[i]:.2f}" for i in best))
print()
for seed in range(3):
    print(model.generate("The", 60, temperature=0.8, seed=seed), end="\n\n")

# -- 6. The figures -------------------------------------------------------------------------------
tokens, unknown = len(scores.tokens), scores.unknown
print(
    f"{tokens:,} words and ends of {len(test)} messages, {unknown / tokens:.1%} of them unknown\n"
)
print(f"{'perplexity':<36} {'all words':>10} {'known words':>12}")
for name, values in logs.items():
    of_all, of_known = np.exp(-values.mean()), np.exp(-values[scores.known].mean())
    print(f"{name:<36} {of_all:>10.1f} {of_known:>12.1f}")
print(
    f"pictures: {', '.join(sorted(path.name for path in asked.out.glob('*.png')))} in {asked.out}"
)
