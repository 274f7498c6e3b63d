"""What a check found: the largest difference of each promise, or an error that names it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segue.sequences import Array

# |difference| <= tolerance * max(1, largest |reference|), against a reference in float64.
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


class CheckError(AssertionError):
    """A promise that is broken: which one, by whom, by how much, with which lengths."""


@dataclass(frozen=True)
class Finding:
    """The largest difference of one promise.

    Attributes:
        promise: such as "padding", "stream" or "gradient".
        dtype: "float32" or "float64".
        difference: the largest |difference| / max(1, largest |reference|).
        tolerance: what it may be.
    """

    promise: str
    dtype: str
    difference: float
    tolerance: float


@dataclass(frozen=True)
class Report:
    """What was checked, on what, and what was seen.

    Attributes:
        subject: the layer, network, estimator or reader as text.
        findings: one for each promise and precision that has a number.
        passed: the promises that are kept or broken without a number between, such as round trips.
        skipped: the promises that do not apply, each with the reason.
    """

    subject: str
    findings: tuple[Finding, ...] = ()
    passed: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)

    def largest(self, promise: str | None = None, dtype: str | None = None) -> float:
        """The largest share of its tolerance that any finding used: 1 is just allowed."""
        return max((f.difference / f.tolerance for f in self._of(promise, dtype)), default=0.0)

    def difference(self, promise: str, dtype: str) -> float:
        """The largest difference of one promise in one precision, relative to max(1, reference)."""
        return max((f.difference for f in self._of(promise, dtype)), default=0.0)

    def _of(self, promise: str | None, dtype: str | None) -> list[Finding]:
        return [
            f
            for f in self.findings
            if (promise is None or f.promise == promise) and (dtype is None or f.dtype == dtype)
        ]

    def __str__(self) -> str:
        lines = [self.subject]
        lines += [
            f"  {f.promise:<10} {f.dtype}  {f.difference:.1e}  (allowed {f.tolerance:.0e})"
            for f in self.findings
        ]
        lines += [f"  {', '.join(self.passed)}: kept"] if self.passed else []
        lines += [f"  {promise}: does not apply, {why}" for promise, why in self.skipped.items()]
        return "\n".join(lines)


class Recorder:
    """Collects findings while the checks of one subject run, and raises where one fails.

    Args:
        subject: the layer, network, estimator or reader as text.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self._findings: dict[tuple[str, str], Finding] = {}
        self._passed: dict[str, None] = {}
        self._skipped: dict[str, str] = {}

    def compare(
        self,
        promise: str,
        got: Iterable[npt.ArrayLike],
        reference: Iterable[npt.ArrayLike],
        *,
        dtype: str,
        where: str,
        tolerance: float | None = None,
    ) -> None:
        """Compare arrays pair by pair; all of them share the largest |reference|.

        Raises:
            CheckError: another number or shape of arrays, values that are not finite, or a
                difference above the tolerance.
        """
        tolerance = TOLERANCE[dtype] if tolerance is None else tolerance
        pairs = list(zip(map(_wide, got), map(_wide, reference), strict=True))
        scale = max([1.0, *(float(np.abs(b).max(initial=0)) for _, b in pairs)])
        worst, place = 0.0, 0
        for number, (a, b) in enumerate(pairs):
            if a.shape != b.shape:
                self.fail(promise, f"{where}: entry {number} has shape {a.shape}, not {b.shape}")
            difference = float(np.abs(a - b).max(initial=0)) / scale
            if not np.isfinite(difference):
                self.fail(promise, f"{where}: entry {number} is not finite")
            if difference > worst:
                worst, place = difference, number
        if worst > tolerance:
            self.fail(
                promise,
                f"{where}: entry {place} differs by {worst * scale:.3g} in {dtype}, where the "
                f"largest value is {scale:.3g} and {tolerance * scale:.1g} is allowed",
            )
        key = (promise, dtype)
        before = self._findings.get(key)
        if before is None or worst > before.difference:
            self._findings[key] = Finding(promise, dtype, worst, tolerance)

    def require(self, promise: str, kept: bool, otherwise: str) -> None:
        """Note that a promise is kept; else raise `CheckError` with the text."""
        if not kept:
            self.fail(promise, otherwise)
        self._passed[promise] = None

    def skip(self, promise: str, reason: str) -> None:
        """Note that a promise does not apply, and why: "it has no `stream`"."""
        self._skipped[promise] = reason

    def require_looked_at(self, promises: Iterable[str]) -> None:
        """Raise `CheckError` for a promise that was neither checked nor skipped for a reason."""
        seen = {*self._passed, *self._skipped, *(promise for promise, _ in self._findings)}
        for promise in promises:
            if promise not in seen:
                self.fail(promise, "It was not looked at: the check did not come to it")

    def fail(self, promise: str, text: str) -> None:
        """Raise `CheckError`."""
        raise CheckError(self.message(promise, text))

    def message(self, promise: str, text: str) -> str:
        """Who breaks which promise, and how."""
        return f"{self.subject} breaks the promise `{promise}`. {text}."

    def report(self) -> Report:
        """What was found so far."""
        return Report(
            self.subject, tuple(self._findings.values()), tuple(self._passed), dict(self._skipped)
        )


def _wide(array: npt.ArrayLike) -> Array:
    return np.asarray(array, dtype=np.float64)
