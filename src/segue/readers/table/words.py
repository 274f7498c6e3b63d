"""The words by which columns are known, and those that stand for a missing value."""

from __future__ import annotations

import re

ROLES = ("label", "id", "time", "group", "parts")

# A column of one of these names has the role, in the order of preference; values that cannot have
# it are an error. Behind the bar stand words that have other meanings too: such a column has the
# role only if its values can have it, and is like any other column if not.
_WORDS = {
    "label": """
        label labels class classes target targets classname classlabel labelname targetclass
        activity activityname category gesture outcome diagnosis condition klasse etikett
        aktivitaet classe etiquette clase sentiment | y
    """,
    "id": """
        id sequenceid seqid seriesid sampleid recordingid trialid caseid segmentid windowid
        instanceid episodeid runid uid filename filepath fname
        | sequence series seq recording trial case segment episode sample instance instances record
        run file path versuch messung sequenz
    """,
    "time": """
        timestamp datetime time date timems timesec zeit zeitstempel datum temps tiempo fecha
        timepoint timepoints uhrzeit
        | t timestep times seconds secs sec milliseconds msec ms step elapsed elapsedtime frame tick
        sampleindex
    """,
    "group": """
        group groups groupid subject subjectid user userid person personid participant participantid
        patient patientid speaker speakerid device deviceid session sessionid gruppe teilnehmer
        proband sujet
    """,
    "parts": "part parts split | set subset partition dataset",
}
CLAIMS = {role: tuple(words.partition("|")[0].split()) for role, words in _WORDS.items()}
WORDS = {role: tuple(words.replace("|", " ").split()) for role, words in _WORDS.items()}
# Columns that make a date together, and a clock time with it.
CALENDAR = {
    "year": ("year", "jahr", "annee"),
    "month": ("month", "monat", "mois"),
    "day": ("day", "tag", "jour"),
    "hour": ("hour", "stunde", "heure"),
    "minute": ("minute", "minutes"),
    "second": ("second", "sekunde"),
}
# What a column of texts is called.
TEXTS = frozenset("text review message sentence tweet comment content body document".split())
_UNITS = re.compile(r"[\[(](.*)[\])]$")

# Pyarrow's own, and those of R, pandas, Weka and spreadsheets.
MISSING = frozenset(
    [
        *["", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "null", "NULL", "None", "none"],
        *["?", "-", "#N/A", "#NA", "<NA>", "missing", "NaT"],
    ]
)
# Of these a text column says "no value"; the others may be the name of a class.
NO_TEXT = ("", "NA", "N/A", "n/a", "NaN", "nan", "?", "#N/A", "<NA>", "NaT")


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


def calendar_part(name: str) -> str | None:
    """Which part of a date or a clock time a column of this name holds.

    >>> calendar_part("Month"), calendar_part("months")
    ('month', None)
    """
    return next((part for part, names in CALENDAR.items() if plain(name) in names), None)


def claims(name: str, role: str) -> bool:
    """Whether a column of this name must have the role.

    >>> claims("Date", "time"), claims("step", "time")
    (True, False)
    """
    return plain(name) in CLAIMS[role]


def plain(name: str) -> str:
    """A name without its unit, and with nothing but lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]", "", _UNITS.sub("", name.strip()).lower())


def unit_of(name: str) -> str:
    """The unit in brackets behind a name, or nothing.

    >>> unit_of("time [ms]"), unit_of("time")
    ('ms', '')
    """
    match = _UNITS.search(name.strip())
    return match[1].strip() if match else ""
