"""Fifteen tables of the shapes that public data sets have, made small, and what they read to.

    python bench/intake.py [--fit]

Each is written to a temporary folder and read without an option. Printed is what was understood, or
the question, and then what its option reads to. With --fit the command line trains on each for two
epochs: printed is all that a user sees before the first epoch; where it asks, the option that its
message names is pasted behind the command.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import segue
from segue.errors import DataError

R = random.Random(0)
Files = dict[str, str]


def lines(head: str, rows: Any) -> str:
    return head + "\n" + "\n".join(rows) + "\n"


def noise() -> str:
    return f"{R.gauss(0, 1):.3f}"


KINDS = ("walk", "sit", "stairs")
TABLES: dict[str, tuple[Files, dict[str, Any]]] = {
    "phones, UCI HAR: X, y and subject in text files": (
        {
            f"{part}/{what}_{part}.txt": "".join(
                (
                    "  ".join(f"{R.gauss(0, 1): .7e}" for _ in range(16))
                    if what == "X"
                    else str(1 + i % 3)
                )
                + "\n"
                for i in range(count)
            )
            for part, count in (("train", 18), ("test", 9))
            for what in ("X", "y", "subject")
        }
        | {"activity_labels.txt": "1 WALKING\n2 SITTING\n3 STAIRS\n"},
        {},
    ),
    "robots, CareerCon: steps, labels by id, unlabelled test, a sample to hand in": (
        {
            "X_train.csv": lines(
                "row_id,series_id,measurement_number,angular_velocity_X,linear_acceleration_X",
                (f"{i}_{j},{i},{j},{noise()},{noise()}" for i in range(8) for j in range(5)),
            ),
            "y_train.csv": lines(
                "series_id,group_id,surface", (f"{i},{i // 2},{KINDS[i % 2]}" for i in range(8))
            ),
            "X_test.csv": lines(
                "row_id,series_id,measurement_number,angular_velocity_X,linear_acceleration_X",
                (f"{i}_{j},{i},{j},{noise()},{noise()}" for i in range(4) for j in range(5)),
            ),
            "sample_submission.csv": "series_id,surface\n0,walk\n",
        },
        {},
    ),
    "spam: two names and three empty columns": (
        {
            "spam.csv": lines(
                "v1,v2,,,",
                (f'{("ham", "spam")[i % 2]},"message {i}, as it came",,,' for i in range(30)),
            )
        },
        {},
    ),
    "film reviews: a text and a sentiment": (
        {
            "reviews.csv": lines(
                "review,sentiment",
                (
                    f'"A film, number {i}, that I saw.",{("positive", "negative")[i % 2]}'
                    for i in range(30)
                ),
            )
        },
        {},
    ),
    "ECG5000 as on Kaggle: names 0 to 140 over numbers": (
        {
            "ecg.csv": lines(
                ",".join(map(str, range(25))),
                (",".join([*(noise() for _ in range(24)), str(i % 2)]) for i in range(30)),
            )
        },
        {},
    ),
    "series of an archive in ARFF": (
        {
            "Waves_TRAIN.arff": "@relation waves\n"
            + "".join(f"@attribute att{j} numeric\n" for j in range(6))
            + "@attribute target {0,1}\n@data\n"
            + "".join(
                ",".join([*(noise() for _ in range(6)), str(i % 2)]) + "\n" for i in range(12)
            )
        },
        {},
    ),
    "epileptic seizures: X1 to X24 and y, with a name for each row": (
        {
            "seizures.csv": lines(
                '"","' + '","'.join(f"X{j + 1}" for j in range(24)) + '","y"',
                (
                    ",".join([f"X{i}.V1.{i}", *(noise() for _ in range(24)), str(1 + i % 5)])
                    for i in range(30)
                ),
            )
        },
        {},
    ),
    "household power: date and time, semicolons": (
        {
            "power.txt": lines(
                "Date;Time;Global_active_power;Voltage",
                (
                    f"{16 + i // 24}/12/2006;{i % 24:02d}:24:00;{noise()};{234 + i % 5}.84"
                    for i in range(60)
                ),
            )
        },
        {},
    ),
    "occupancy: row names without a name above them, a label of 0 and 1": (
        {
            "occupancy.txt": '"date","Temperature","Humidity","Occupancy"\n'
            + "".join(
                f'"{i + 1}","2015-02-04 17:{i:02d}:00",{20 + i % 3}.18,'
                f"{noise()},{int(20 < i < 40)}\n"
                for i in range(60)
            )
        },
        {"label": "Occupancy"},
    ),
    "air quality: decimal commas and empty columns": (
        {
            "air.csv": lines(
                "Date;Time;CO(GT);T;RH;;",
                (
                    f"10/03/2004;{i % 24:02d}.00.00;{2 + i % 3},6;13,{i % 10};48,9;;"
                    for i in range(48)
                ),
            )
        },
        {"dates": "dmy"},
    ),
    "a logger: text above, a line of units, seconds": (
        {
            "logger.csv": "Logger 7\nSerial: 00123\n\n"
            + lines(
                "Time,Acc X,Acc Y,Label",
                ["s,m/s2,m/s2,"]
                + [f"{i * 0.02:.2f},{noise()},{noise()},{KINDS[i // 20 % 3]}" for i in range(120)],
            )
        },
        {},
    ),
    "a spreadsheet: sep=;, AM and PM, percent, thousands": (
        {
            "sheet.csv": "sep=;\n"
            + lines(
                "Patient;Timestamp;Dose;Saturation;Outcome",
                (
                    f"P{i:03d};03/{13 + j}/2024 {9 + j}:30:00 AM;{1 + i}.{200 + j},5;{90 + j}%;"
                    f"{('ill', 'well')[i % 2]}"
                    for i in range(8)
                    for j in range(3)
                ),
            )
        },
        {},
    ),
    "users of an app: Spark's parts, epoch milliseconds": (
        {
            f"part-0000{p}-c000.csv": lines(
                "user_id,timestamp,clicks,churned",
                (
                    f"{i:05d},{1700000000000 + 60000 * j},{R.randint(0, 9)},{('no', 'yes')[i % 2]}"
                    for i in range(8)
                    for j in range(3 * p, 3 * p + 3)
                ),
            )
            for p in (0, 1)
        },
        {},
    ),
    "sales by month: a row a shop": (
        {
            "sales.csv": lines(
                "shop_id,"
                + ",".join(f"{y}-{m:02d}" for y in (2022, 2023) for m in range(1, 13))
                + ",region",
                (
                    ",".join(
                        [
                            f"{i:04d}",
                            *(f"{100 + R.randint(0, 50)}" for _ in range(24)),
                            ("N", "S")[i % 2],
                        ]
                    )
                    for i in range(20)
                ),
            )
        },
        {},
    ),
    "the old UCR files: blanks, the label first, no ending": (
        {
            f"Coffee_{part}": "".join(
                f"   {i % 2:.7e}" + "".join(f"  {R.gauss(0, 1): .7e}" for _ in range(20)) + "\n"
                for i in range(14)
            )
            for part in ("TRAIN", "TEST")
        },
        {},
    ),
}


def shown(data: segue.Dataset) -> None:
    rate = data.rate_hz or 0
    every = (
        f" at {rate:g} Hz" if rate >= 0.1 else f", a step every {1 / rate:,.0f} s" if rate else ""
    )
    print(f"   {data!r}{every}")
    print(f"   classes {data.classes}" if data.classes else "   no classes")
    for note in data.notes:
        print(f"   | {note}")


def train(source: Path, *options: str) -> bool:
    """Whether `segue fit` trains on a source unasked; if not, the option of its message is pasted.

    Printed is what a user sees, but for the epochs and the scores.
    """
    program = Path(sys.executable).with_name("segue")
    command = [program, "fit", source.name, *options, "--epochs", "2", "--out", "run"]
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    print("   $ segue fit " + " ".join([source.name, *options]))
    for line in done.stderr.partition("\nepoch")[0].splitlines():
        print(f"   {line}")
    message = done.stderr.rpartition("error: ")[2]
    pasted = re.search(r"(--[a-z-]+ [^\s,;:.()]+ ?)+", message)
    if done.returncode and pasted and len(options) < 8:
        train(source, *options, *pasted[0].split())
    return done.returncode == 0


def main() -> None:
    arguments = argparse.ArgumentParser(description="Read 15 tables of the usual shapes.")
    arguments.add_argument("--fit", action="store_true", help="train on each")
    fit = arguments.parse_args().fit
    warnings.simplefilter("ignore")
    unasked = 0
    for name, (files, option) in TABLES.items():
        print(f"\n{name}")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "data"
            for file, text in files.items():
                path = folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            source = folder / next(iter(files)) if len(files) == 1 else folder
            if fit:
                unasked += train(source)
                continue
            try:
                shown(segue.read(source))
                unasked += 1
            except DataError as error:
                print("   ? " + str(error).replace(str(folder), "data"))
                print(f"   with {option}:")
                shown(segue.read(source, **option))
    print(f"\n{unasked} of {len(TABLES)} without a question")


if __name__ == "__main__":
    main()
