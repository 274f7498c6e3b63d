"""`segue data list`, `show`, `convert`: named data sets and other sources; `segue generate`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import typer

from segue.cli.options import Form, Parameters, add_command, options_of
from segue.cli.shared import Columns, check_output, print_json, print_table, read_source, tell
from segue.errors import counted
from segue.progress import Progress
from segue.text_table import text_table

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


app = typer.Typer(
    name="data", help="Data sets: names, what they hold, mapped files.", no_args_is_help=True
)

_ARCHIVES = ("ucr/", "uea/")
_HEADINGS = ("column", "kind", "role", "examples")
_SHOWN = 6  # columns with one kind and role that follow one another


def list_(*, all_: bool = False, json: bool = False) -> None:
    """List the data sets that `segue.read` and SOURCE know by name.

    Example: segue data list --all

    Options:
        all_: also each set of the UCR and UEA archives.
    """
    from segue.readers import describe, names

    if json:
        print_json({name: describe(name).about for name in names()})
        return
    own = [name for name in names() if not name.startswith(_ARCHIVES)]
    print_table((name, describe(name).about) for name in (names() if all_ else own))
    if not all_:
        print(f"and {len(names()) - len(own)} of the UCR and UEA archives: --all shows them")


def show(
    source: str, *, limit: int | None = None, columns: Columns = None, json: bool = False
) -> None:
    """Show where a data set comes from, what it holds, and what to look at first.

    Of a table also each column, with its kind and its role.

    Example: segue data show japanese-vowels
    """
    from segue.readers.read_options import columns_of

    origin = _origin(source)
    data = read_source(source, columns, limit=limit)
    summary, found = data.summary(), data.check()
    columns_there = [dict(column) for column in columns_of(data.reading)]
    if json:
        facts = {**origin, **asdict(summary), "checks": [asdict(one) for one in found]}
        print_json({**facts, "columns": columns_there} if columns_there else facts)
        return
    print_table([*origin.items(), *summary.rows()])
    for line in column_table(columns_there):
        print(line)
    for one in found:
        print(f"look at  {one}")


def convert(
    source: str,
    file: Path,
    *,
    part: str | None = None,
    limit: int | None = None,
    overwrite: bool = False,
    columns: Columns = None,
    json: bool = False,
) -> None:
    """Write a source to a mapped file, which may be larger than memory when it is trained on.

    Example: segue data convert recordings.csv recordings.arrow --overwrite

    Folders of sounds, texts and images are read file by file, large tables batch by batch, and
    large NumPy arrays row by row.

    Options:
        file (FILE.arrow): what is written.
    """
    from segue.readers.arrow import convert as write

    check_output(file, overwrite=overwrite, option="FILE", endings=(".arrow",))
    with Progress() as progress:

        def report(done: int, share: float | None) -> None:
            text = "" if share is None else f"{share:.0%}"
            progress.show(f"writing {counted(done, 'sequence')}", text, share=share)

        data = write(source, file, progress=report, part=part, limit=limit, **(columns or {}))
    tell(data.notes)
    size = file.stat().st_size
    if json:
        print_json({"file": str(file), "sequences": len(data), "bytes": size})
        return
    print(f"{counted(len(data), 'sequence')}  {file}  {size / 1e6:,.1f} MB")


add_command(app, list_, name="list")
add_command(app, show)
add_command(app, convert)


def column_table(columns: list[dict[str, Any]]) -> list[str]:
    """Lines with a column of a table each: name, kind, role, examples; none where none is known.

    Of many columns that follow one another with the same kind and role, the first and the last are
    shown.

    >>> x = [{"name": f"x{i}", "kind": "number", "role": "channel"} for i in range(9)]
    >>> column_table([{"name": "who", "kind": "text", "role": "group"}, *x])[1:]
    ['who            text    group', 'x0 ... x8 (9)  number  channel']
    """
    rows: list[dict[str, str]] = []
    for (kind, role), those in groupby(columns, key=itemgetter("kind", "role")):
        alike = list(those)
        if len(alike) > _SHOWN:
            name = f"{alike[0]['name']} ... {alike[-1]['name']} ({len(alike):,})"
            rows.append({"column": name, "kind": kind, "role": role})
            continue
        for one in alike:
            examples = ", ".join(map(str, one.get("examples", ())))
            rows.append({"column": one["name"], "kind": kind, "role": role, "examples": examples})
    names = [name for name in _HEADINGS if any(row.get(name) for row in rows)]
    cells = [names, *([row.get(name, "") for name in names] for row in rows)]
    return text_table(filter(None, cells), "<").splitlines()


def _origin(source: str) -> dict[str, Any]:
    """Name, description, source and licence of a named data set; of a file only its name."""
    from segue.readers import describe, names

    if source not in names():
        return {"name": source}
    entry = describe(source)
    return {"name": source, **{n: getattr(entry, n) for n in ("about", "source", "licence")}}
