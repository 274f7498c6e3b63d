"""Running checks: the largest difference of each contract, or an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from segue.errors import renamed_arguments, warn_user

# |difference| <= tolerance * max(1, largest |reference|), against a reference in float64.
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


class CheckError(AssertionError):
    """A contract that is broken: which one, by whom, by how much, with which lengths."""


class DoesNotApplyError(Exception):
    """A contract that the subject cannot make; the text has the reason."""


@dataclass(frozen=True)
class Finding:
    """The largest difference of one contract.

    Attributes:
        contract: such as "padding", "stream" or "gradient".
        dtype: "float32" or "float64".
        difference: the largest |difference| / max(1, largest |reference|).
        tolerance: the largest difference that is allowed.
    """

    contract: str
    dtype: str
    difference: float
    tolerance: float

    @property
    def promise(self) -> str:
        """The former name of `contract`, for one release."""
        warn_user("Finding.promise is now Finding.contract.", DeprecationWarning)
        return self.contract


@dataclass(frozen=True)
class Report:
    """The results of the checks of one subject.

    Attributes:
        subject: the layer, network, estimator or reader as text.
        findings: one for each contract and precision that has a number.
        passed: the contracts that are kept or broken without a number between, such as round trips.
        skipped: the contracts that do not apply, each with the reason.
    """

    subject: str
    findings: tuple[Finding, ...] = ()
    passed: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)

    @renamed_arguments(promise="contract")
    def largest(self, contract: str | None = None, dtype: str | None = None) -> float:
        """The largest share of its tolerance that any finding used: 1 is just allowed."""
        shares = [
            f.difference / f.tolerance
            for f in self.findings
            if contract in (None, f.contract) and dtype in (None, f.dtype)
        ]
        return max(shares, default=0.0)

    @renamed_arguments(promise="contract")
    def difference(self, contract: str, dtype: str) -> float:
        """The largest difference in one precision, relative to max(1, reference)."""
        found = {(f.contract, f.dtype): f.difference for f in self.findings}
        return found.get((contract, dtype), 0.0)

    def __str__(self) -> str:
        lines = [self.subject]
        lines += [
            f"  {f.contract:<10} {f.dtype}  {f.difference:.1e}  (allowed {f.tolerance:.0e})"
            for f in self.findings
        ]
        lines += [f"  {', '.join(self.passed)}: kept"] if self.passed else []
        lines += [f"  {contract}: does not apply, {why}" for contract, why in self.skipped.items()]
        return "\n".join(lines)


class Recorder:
    """Collects results while the checks of one subject run, and raises where one fails.

    Args:
        subject: the layer, network, estimator or reader as text.

    Attributes:
        contract: the one that is checked, where no other is named.
    """

    def __init__(self, subject: str) -> None:
        self.subject, self.contract = subject, ""
        self.findings: dict[tuple[str, str], Finding] = {}
        self.passed: dict[str, None] = {}
        self.skipped: dict[str, str] = {}

    def compare(
        self,
        got: Iterable[npt.ArrayLike],
        reference: Iterable[npt.ArrayLike],
        where: str,
        *,
        dtype: str = "float32",
        tolerance: float | None = None,
    ) -> None:
        """Compare arrays pair by pair; all of them share the largest |reference|.

        Raises:
            CheckError: another number or shape of arrays, values that are not finite, or a
                difference above the tolerance.
        """
        tolerance = TOLERANCE[dtype] if tolerance is None else tolerance
        pairs = [
            (np.asarray(a, np.float64), np.asarray(b, np.float64))
            for a, b in zip(got, reference, strict=True)
        ]
        scale = max([1.0, *(float(np.abs(b).max(initial=0)) for _, b in pairs)])
        worst, place = 0.0, 0
        for number, (a, b) in enumerate(pairs):
            if a.shape != b.shape:
                self.fail(f"{where}: entry {number} has shape {a.shape}, not {b.shape}")
            difference = float(np.abs(a - b).max(initial=0)) / scale
            if not np.isfinite(difference):
                self.fail(f"{where}: entry {number} is not finite")
            if difference > worst:
                worst, place = difference, number
        if worst > tolerance:
            self.fail(
                f"{where}: entry {place} differs by {worst * scale:.3g} in {dtype}, where the "
                f"largest value is {scale:.3g} and {tolerance * scale:.1g} is allowed",
            )
        key = (self.contract, dtype)
        if key not in self.findings or worst > self.findings[key].difference:
            self.findings[key] = Finding(*key, worst, tolerance)

    def require(self, kept: bool, otherwise: str, contract: str = "") -> None:
        """Note that a contract is kept; else raise `CheckError` with the text."""
        if not kept:
            self.fail(otherwise, contract)
        self.passed[contract or self.contract] = None

    def fail(self, text: str, contract: str = "") -> None:
        """Raise `CheckError`: who breaks which contract, and how."""
        name = contract or self.contract
        raise CheckError(f"{self.subject} breaks the contract `{name}`. {text}.")

    def report(self) -> Report:
        """The results so far."""
        findings = tuple(self.findings.values())
        kept = {*self.passed, *(finding.contract for finding in findings)}
        skipped = {contract: why for contract, why in self.skipped.items() if contract not in kept}
        return Report(self.subject, findings, tuple(self.passed), skipped)


class Subject(Protocol):
    """Protocol of what is checked: a layer, a network, an estimator or a reader."""

    def lacks(self, need: str) -> str:
        """Why something is not there that a check needs; empty if it is there."""


class Check(NamedTuple):
    """A row in a table of checks.

    Attributes:
        contracts: that it is about.
        function: compares and records.
        needs: what the subject must have, as its `lacks` knows it; else the check does not apply.
    """

    contracts: tuple[str, ...]
    function: Callable[[Any, Recorder], None]
    needs: tuple[str, ...] = ()


def run_checks(checks: Iterable[Check], subject: Subject, recorder: Recorder) -> Report:
    """Run the checks that apply.

    Raises:
        CheckError: a contract is broken, a check raises another error, or it neither kept a
            contract nor had a reason to pass over it.
    """
    for contracts, function, needs in checks:
        recorder.contract = contracts[0]
        reason = next(filter(None, map(subject.lacks, needs)), "")
        try:
            if not reason:
                function(subject, recorder)
        except DoesNotApplyError as error:
            reason = str(error)
        except CheckError:
            raise
        except Exception as error:
            text = f"{recorder.subject} breaks the contract `{recorder.contract}`. It raises "
            raise CheckError(f"{text}{type(error).__name__}: {error}.") from error
        seen = {*recorder.passed, *recorder.skipped, *(name for name, _ in recorder.findings)}
        for contract in contracts:
            if contract not in seen and reason:
                recorder.skipped[contract] = reason
            elif contract not in seen:
                recorder.fail("It was not looked at: the check did not come to it", contract)
    return recorder.report()
