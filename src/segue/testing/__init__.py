"""Contract checks for any layer, network, estimator or reader.

    >>> from segue.layers import LSTM
    >>> from segue.testing import check_layer
    >>> report = check_layer(LSTM(4))
    >>> report.largest("padding") <= 1
    True

Each returns a `Report` with the largest differences, and raises `CheckError`, an `AssertionError`
that names the contract that is broken, by how much, and with which lengths. Neither
pytest nor Hypothesis is needed; `segue.testing.strategies` loads Hypothesis when it is touched.
"""

from __future__ import annotations

from segue.extras import lazy_names
from segue.testing.data import check_reader, tiny_dataset
from segue.testing.estimators import EXPECTED_FAILED_CHECKS, check_estimator
from segue.testing.network_checks import check_layer, check_network
from segue.testing.report import CheckError, Finding, Report

__all__ = [
    "EXPECTED_FAILED_CHECKS",
    "CheckError",
    "Finding",
    "Report",
    "check_estimator",
    "check_layer",
    "check_network",
    "check_reader",
    "strategies",
    "tiny_dataset",
]

__getattr__ = lazy_names(__name__, {"strategies": "segue.testing.strategies"})
