"""Print the largest difference seen of each contract, over the layers and networks of the tests.

    python bench/contracts.py

Differences are relative to max(1, largest |reference|), against a reference in float64. Contracts
without a number (same seed, groups, parts, files) are kept to the bit; those of whole estimators
are checked on a handful of them.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterable
from pathlib import Path

import segue
from segue.testing import Report, check_estimator, check_network

CONTRACT = Path(__file__).resolve().parents[1] / "tests" / "contract"
ESTIMATORS = [
    "bilstm(8)",
    "gru(8, output=every) pool(mean)",
    "lstm(6, dropout=0.2, recurrent_dropout=0.2) dense(5, relu)",
    "bigru(5, merge=none) birnn(4)",
]


def main() -> None:
    networks = runpy.run_path(str(CONTRACT / "test_networks.py"))["NETWORKS"]
    reports = [check_network(text, shape, every=every) for text, shape, every in networks]
    show(f"{len(reports)} composed networks", reports)
    options = segue.TrainingOptions(progress="none")
    fitted = [
        check_estimator(segue.SequenceClassifier(text, epochs=2, options=options))
        for text in ESTIMATORS
    ]
    show(f"{len(fitted)} estimators", fitted)


def show(title: str, reports: Iterable[Report]) -> None:
    reports = list(reports)
    print(title)
    kinds = dict.fromkeys((f.contract, f.dtype) for report in reports for f in report.findings)
    for contract, dtype in kinds:
        largest = max(report.difference(contract, dtype) for report in reports)
        count = sum(
            (contract, dtype) in {(f.contract, f.dtype) for f in report.findings}
            for report in reports
        )
        print(f"  {contract:<12} {dtype}  {largest:.1e}  over {count}")
    passed = dict.fromkeys(name for report in reports for name in report.passed)
    print(f"  kept to the bit: {', '.join(passed)}")


if __name__ == "__main__":
    main()
