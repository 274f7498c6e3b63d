"""`segue generate`: synthetic data, written as files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from segue.cli.options import Form, Parameters, options_of
from segue.cli.shared import print_json, print_table

FORMS = {
    "count": Form(least=None),
    "test": Form(least=None),
    "noise": Form("X"),
    "kinds": Form("A,B", "of waves: sine,square,triangle,sawtooth", kind=str),
    "phase": Form(help="of waves: where they begin"),
    "classes": Form(help="of random-series: how many series"),
}


def options() -> Parameters:
    """The options that fill arguments of the families."""
    from segue.synth import FAMILIES

    families = {name: FAMILIES[name] for name in ("waves", "random-series")}
    return options_of(families, "count test length noise kinds phase classes seed", **FORMS)


def generate(
    family: str,
    folder: Path,
    *,
    format: Literal["dat", "ts", "npz", "arrow"] = "dat",  # noqa: A002 - the name of the option
    overwrite: bool = False,
    json: bool = False,
    **given: Any,
) -> None:
    """Write made-up data to learn with.

    `segue fit DIR` reads them.

    Example: segue generate waves data/waves --count 200 --phase random

    Options:
        family (FAMILY): waves, random-series or toy.
        folder (DIR): a new or empty folder.
        format: the files' format.
        overwrite: replace a data set that lies in DIR.
    """
    from segue import synth
    from segue.readers import check_free, write

    check_free(folder, overwrite=overwrite)
    if "kinds" in given:
        given["kinds"] = tuple(given["kinds"].split(","))
    data = synth.generate(family, **given)
    write(data, folder, format=format, overwrite=overwrite)
    if json:
        print_json({"folder": str(folder), **asdict(data.summary())})
        return
    print_table([*data.summary().rows(), ("folder", str(folder))])
