"""Windows of series and of labelled recordings: examples of one length that know where they lie.

A window knows its series and its span there (`Dataset.spans`), so no split lets two windows that
share a step come to different sides, unless it is told to.

    a series                        windows and what follows them, for a forecast
    a recording, a label each step  windows with one label each, for a classifier
"""

from segue.windowing.cutting import as_series, cut_in_time, cut_recordings, is_one_series, windows

__all__ = ["as_series", "cut_in_time", "cut_recordings", "is_one_series", "windows"]
