"""Whether a run can go on, and for how long: the search of the network "auto" keeps its members."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from segue.errors import FileError, OptionError

if TYPE_CHECKING:
    from segue.runs.folder import Run


def goes_on(run: Run, seconds: float | None) -> bool:
    """Whether the search of a run is to try what it has not tried.

    Args:
        run: that was stopped, or whose time was up.
        seconds: for as long; `None`: nothing is said.

    Raises:
        OptionError: a time is given, and the network is not "auto", or there are several seeds.
    """
    network = run.record["settings"].get("network")
    several = run.record.get("seeds") is not None
    if seconds is not None and (network != "auto" or several):
        has = "several seeds" if several else repr(network)
        raise OptionError(
            "A time limit for what goes on is for one search of the network auto, and this run has "
            f"{has}: it goes on with the limit that it was begun with. Leave it out."
        )
    if not run.has_members:
        return False
    stopped = run.metrics.get("stopped") if run.is_complete else None
    return seconds is not None or stopped == "interrupted"


def refuse_finished(run: Run) -> None:
    """Raise `FileError` where a complete run has nothing to go on from."""
    if run.has_checkpoint:
        return
    more = ""
    if run.has_members and run.record.get("seeds") is None:
        more = " With a time limit, such as --time-limit 5m, it tries what it had no time for."
    raise FileError(f"has no checkpoint: the run has finished.{more}", path=run.folder)


def with_more_time(run: Run, estimator: Any, seconds: float | None) -> Any:
    """A copy that searches on for so many seconds; itself, where nothing is said of that.

    The limit of a search is that of all of it, before it was stopped and after.
    """
    if seconds is None:
        return estimator
    from segue.estimators.kept_members import seconds_of_members

    spent, found = seconds_of_members(run.folder), copy.copy(estimator)
    found.options = replace(estimator.training_options, time_limit_seconds=spent + seconds)
    return found
