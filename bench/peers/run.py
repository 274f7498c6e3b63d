"""segue beside its peers: how it starts, predicts and trains, by turns.

    python bench/peers/run.py [--part prediction training] [--turns 3] [--only pytorch keras]
                              [--cases toy waves] [--beside COMMIT]

Each peer has an environment of its own, made under build/bench/ when it is not there, and a script
as its users write it. The last run of each kind of machine stands in bench/results.md; of training,
the last one in which no peer and no case was left out. With another commit a whole command, `segue
fit mnist-rows`, runs by turns beside that (`bench/command.py`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import prediction
import training
from cases import CASES
from environments import FILES, HERE
from report import write


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parts = ["prediction", "training"]
    trained = [trainer.peer.name for trainer in training.TRAINERS if trainer.peer]
    peers = list(dict.fromkeys([*prediction.PEERS, *trained]))
    parser.add_argument("--part", nargs="+", choices=parts, default=parts)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=peers, default=peers, help="peers")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--beside", metavar="COMMIT", help="another state of the code")
    arguments = parser.parse_args()
    FILES.mkdir(parents=True, exist_ok=True)
    if "prediction" in arguments.part:
        prediction.run(arguments.only, arguments.turns)
    if "training" in arguments.part:
        whole = arguments.only == peers and arguments.cases == list(CASES)
        training.run(arguments.only, arguments.turns, arguments.cases, whole=whole)
    if arguments.beside:
        write("The whole command", command(arguments.beside, arguments.turns))


def command(commit: str, turns: int) -> list[str]:
    """What `bench/command.py` prints."""
    script = [sys.executable, str(HERE.parent / "command.py"), commit, "--turns", str(turns)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    print(done.stdout)
    return ["```", *done.stdout.splitlines(), "```"]


if __name__ == "__main__":
    main()
