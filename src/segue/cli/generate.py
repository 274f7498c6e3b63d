"""`segue generate`: made-up data to learn with, written as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from segue.cli.shared import Debug, Json, print_json, print_table


def generate(
    family: Annotated[
        str,
        typer.Argument(metavar="FAMILY", help="waves, random-series or toy.", show_default=False),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new or empty folder.", show_default=False)
    ],
    count: Annotated[int | None, typer.Option(metavar="N", help="Training sequences.")] = None,
    test: Annotated[int | None, typer.Option(metavar="N", help="Test sequences.")] = None,
    length: Annotated[int | None, typer.Option(metavar="N", help="Steps of a sequence.")] = None,
    noise: Annotated[
        float | None, typer.Option(metavar="X", help="Standard deviation of added noise.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(metavar="A,B", help="Of waves: sine,square,triangle,sawtooth.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option(metavar="fixed|random", help="Of waves: where they begin.")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(metavar="N", help="Of random-series: how many series.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Another seed, other data.")] = None,
    format: Annotated[  # noqa: A002 - the name of the option
        str, typer.Option(metavar="dat|ts|npz|arrow", help="The files' format.")
    ] = "dat",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a data set that lies in DIR.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write made-up data to learn with.

    `segue fit DIR` reads them.

    Example: segue generate waves data/waves --count 200 --phase random
    """
    from segue import synth
    from segue.readers import check_free, write

    check_free(folder, overwrite=overwrite)
    given: dict[str, Any] = {
        "count": count,
        "test": test,
        "length": length,
        "noise": noise,
        "kinds": None if kinds is None else tuple(kinds.split(",")),
        "phase": phase,
        "classes": classes,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    data = synth.generate(family, **given)
    write(data, folder, format=format, overwrite=overwrite)
    if json:
        print_json({"folder": str(folder), **asdict(data.summary())})
        return
    print_table([*data.summary().rows(), ("folder", str(folder))])
