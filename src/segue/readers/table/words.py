"""The words by which columns are known, and those that stand for a missing value."""

from __future__ import annotations

import re

ROLES = ("label", "id", "time", "group", "parts")

# In the order of preference, where a table has several of them.
WORDS: dict[str, tuple[str, ...]] = {
    role: tuple(words.split())
    for role, words in {
        "label": """
            label labels class classes target targets classname classlabel labelname targetclass
            activity activityname category gesture outcome diagnosis condition klasse etikett
            aktivitaet classe etiquette clase y
        """,
        "id": """
            id sequenceid seqid seriesid sampleid recordingid trialid caseid segmentid windowid
            instanceid episodeid runid sequence series seq recording trial case segment episode uid
            sample instance record run filename file path filepath fname versuch messung sequenz
        """,
        "time": """
            timestamp datetime time date t timestep times timesec timems seconds secs sec
            milliseconds msec ms step elapsed elapsedtime frame tick sampleindex zeit zeitstempel
            datum temps tiempo fecha
        """,
        "group": """
            group groups subject subjectid user userid person personid participant participantid
            patient patientid speaker speakerid device deviceid session sessionid gruppe
            teilnehmer proband sujet
        """,
        "parts": "part parts split set subset partition dataset",
    }.items()
}
_UNITS = re.compile(r"[\[(].*[\])]$")

# Pyarrow's own, and those of R, pandas, Weka and spreadsheets.
MISSING = frozenset(
    [
        *["", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "null", "NULL", "None", "none"],
        *["?", "-", "#N/A", "#NA", "<NA>", "missing"],
    ]
)
# Of these a text column says "no value"; the others may be the name of a class.
NO_TEXT = ("", "NA", "N/A", "n/a", "NaN", "nan", "?", "#N/A", "<NA>")


def role_of(name: str) -> str | None:
    """Return what a column of this name usually is, or None.

    >>> role_of("Subject_ID"), role_of("time [s]"), role_of("acc_x")
    ('group', 'time', None)
    """
    word = plain(name)
    return next((role for role in ROLES if word in WORDS[role]), None)


def rank(name: str, role: str) -> int | None:
    """How good a name is for a role, 0 the best; None: it is another's."""
    word = plain(name)
    return WORDS[role].index(word) if word in WORDS[role] else None


def plain(name: str) -> str:
    """A name without its unit, and with nothing but lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", _UNITS.sub("", name.strip()).lower())
