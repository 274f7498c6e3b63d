"""The members of an automatic choice as a table, from the lines that a training has of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from segue.metrics import UNDEFINED
from segue.tasks.outcome import Table

_MEMBER = re.compile(
    r"weight (?P<weight>\S+), held out (?P<scores>.+); (?P<size>[\d.]+ [MG]B): (?P<network>.+)"
)
_SCORE = re.compile(r"(?P<name>[^,]+?) (?P<value>[-\d.einf]+(?: ± \S+)?)(?:, |$)")
_LEFT_OUT = "left out: "


def is_member(text: str) -> bool:
    """Whether a line of a summary is of a candidate of an automatic choice.

    >>> is_member("left out: no time"), is_member("gru(8)")
    (True, False)
    """
    return text.startswith(_LEFT_OUT) or _MEMBER.fullmatch(text) is not None


def members_of(summary: Iterable[tuple[str, str]]) -> list[str]:
    """The names of the members of an automatic choice; none where nothing was chosen.

    Args:
        summary: as in `member_table`.
    """
    return [name for name, text in summary if _MEMBER.fullmatch(text)]


def member_table(summary: Iterable[tuple[str, str]]) -> Table | None:
    """A row for each candidate: weight, scores, size and time; `None`: nothing was chosen.

    Args:
        summary: pairs of a heading and a text, the `training_summary_` of an estimator. Times are
            not in a model's file.

    >>> lines = [("network", "auto: 1 of 2 candidates"),
    ...     ("rocket", "weight 0.80, held out accuracy 0.7 ± 0.1, log loss 0.5; 1.2 MB: rocket"),
    ...     ("rdst", "left out: no time"), ("time", "2.5 s: rocket 2.1 s")]
    >>> for row in [member_table(lines).headings, *member_table(lines).rows]: print(*row, sep=" | ")
    member | weight | accuracy | log loss | size | time | network
    rocket | 0.80 | 0.7 ± 0.1 | 0.5 | 1.2 MB | 2.1 s | rocket
    rdst | – | – | – | – | – | left out: no time
    """
    lines = list(summary)
    took = dict(lines).get("time", "").partition(": ")[2]
    found = {name: match for name, text in lines if (match := _MEMBER.fullmatch(text))}
    if not found:
        return None
    scores = {name: dict(_SCORE.findall(match["scores"])) for name, match in found.items()}
    columns = tuple(dict.fromkeys(column for own in scores.values() for column in own))
    rows = []
    for name, text in lines:
        if (match := found.get(name)) is not None:
            own = (scores[name].get(column, UNDEFINED) for column in columns)
            rows.append([name, match["weight"], *own, match["size"], _seconds(name, took)])
            rows[-1].append(match["network"])
        elif text.startswith(_LEFT_OUT):
            rows.append([name, *[UNDEFINED] * (len(columns) + 3), text])
    headings = ["member", "weight", *columns, "size", "time", "network"]
    if not took:
        for row in [headings, *rows]:
            del row[-2]
    note = (
        "Scores of training sequences that were held out, ± a standard error. The outputs of the "
        "members, of classes before they become probabilities, are added up by the weights."
    )
    return Table("The members", tuple(headings), tuple(map(tuple, rows)), note)


def _seconds(name: str, took: str) -> str:
    """How long a member took, of all times in one text.

    >>> _seconds("rdst", "rocket 2.1 s, rdst 1 min 3 s")
    '1 min 3 s'
    """
    found = re.search(rf"(?:^|, ){re.escape(name)} (\d[^,]*)", took)
    return found[1] if found else UNDEFINED
