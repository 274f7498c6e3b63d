"""Fingerprints of a training: hashes of its sequences, and of everything its result depends on.

A sequence is known by the 16-byte hash of its values (`Sequences.digests`). A model keeps 8 bytes
of each, keyed with a salt of its own (`salted_hashes`), so that the sequences of two models cannot
be matched and nothing can be looked up in a table made beforehand. Whoever has a sequence can look
up whether the model was fitted on it; the values themselves cannot be had from the hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Sequences
from segue.estimators.splitting import EstimatorArguments, TrainValidationSplit
from segue.layers import LayerSpec
from segue.spec import to_text
from segue.training.options import WITHOUT_EFFECT

Digests = npt.NDArray[np.uint8]  # [n, 16]
Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Of more sequences than this nothing is kept: a model file would grow by more than 8 MB.
LIMIT = 1_000_000

SALT_BYTES = 16


@dataclass(frozen=True)
class SeenSequences:
    """Salted hashes of the sequences of a model's training.

    They are computed when they are first asked for: mostly when the model is saved.

    Attributes:
        salt: the key of the hashes.
        of_train: the digests, or already the hashes, of the training sequences.
        of_validation: likewise.
    """

    salt: bytes
    of_train: Digests | Hashes
    of_validation: Digests | Hashes

    @cached_property
    def train(self) -> Hashes:
        """Hashes of the sequences that the weights were fitted on, sorted, each once."""
        return _hashes(self.of_train, self.salt)

    @cached_property
    def validation(self) -> Hashes:
        """Those of the sequences that the best epoch was chosen by."""
        return _hashes(self.of_validation, self.salt)

    def __reduce__(self) -> Any:  # a copy has no digests either
        return SeenSequences, (self.salt, self.train, self.validation)

    def find(self, given: Digests) -> tuple[Mask, Mask, float]:
        """Look sequences up.

        Returns:
            `[n]` whether each is equal to one of the training, `[n]` whether it is equal to one of
            the validation, and the share of all that was seen which is among them.
        """
        hashes = salted_hashes(given, self.salt)
        seen = np.union1d(self.train, self.validation)
        share = float(np.isin(seen, hashes).mean()) if len(seen) else 0.0
        return np.isin(hashes, self.train), np.isin(hashes, self.validation), share


def example_digests(data: Dataset) -> Digests:
    """`[n, 16]`, a hash of each example: values, targets, static features."""
    columns: list[Any] = [data.x.digests()]
    if isinstance(data.y, Sequences):
        columns.append(data.y.digests())
    elif data.y is not None:
        columns.append([repr(target).encode() for target in data.y.tolist()])
    if data.static is not None:
        columns.append(np.add(data.static, 0.0, dtype="<f4"))
    if len(columns) == 1:
        return np.asarray(columns[0])
    rows = [
        hashlib.blake2b(b"".join(bytes(value) for value in row), digest_size=16).digest()
        for row in zip(*columns, strict=True)
    ]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 16)


def combined_digest(given: Iterable[Digests | bytes]) -> str:
    """One digest of several, in their order; 32 hexadecimal digits."""
    whole = hashlib.blake2b(digest_size=16)
    for part in given:
        whole.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()


def salted_hashes(given: Digests, salt: bytes) -> Hashes:
    """`[n]`, a hash of 8 bytes of each digest, keyed with a salt."""
    found = bytearray()
    for one in given:
        found += hashlib.blake2b(one, key=salt, digest_size=8).digest()
    return np.frombuffer(bytes(found), "<i8").astype(np.int64)


def _hashes(given: Digests | Hashes, salt: bytes) -> Hashes:
    if given.dtype == np.int64:
        return given.astype(np.int64)
    return np.unique(salted_hashes(given.astype(np.uint8), salt))


# -- of a training -------------------------------------------------------------------------------


def fingerprint(
    estimator: EstimatorArguments,
    specs: tuple[LayerSpec, ...],
    split: TrainValidationSplit,
    values: Digests,
) -> dict[str, Any]:
    """The fingerprint of a training: equal for two if one can resume from the other.

    Args:
        estimator: its parameters.
        specs: of the network that is trained.
        split: what it is trained on.
        values: the hashes of these sequences.
    """
    data = split.train
    digest = hashlib.blake2b(data.x.lengths.tobytes(), digest_size=8)
    targets = data.y.values if isinstance(data.y, Sequences) else data.y
    digest.update(str(np.asarray(targets).tolist()).encode())
    groups = {}
    if data.groups is not None:
        groups["groups"] = combined_digest([repr(np.asarray(data.groups).tolist()).encode()])
    return {
        **_settings(estimator),
        **groups,
        "network": to_text(specs),
        "data": digest.hexdigest(),
        # Lengths and targets alone once stood for the data: a checkpoint of then has no such line.
        "set of values": combined_digest([values, *_beside(split)]),
    }


def seen_by(
    estimator: EstimatorArguments,
    split: TrainValidationSplit,
    values: Digests,
    before: tuple[SeenSequences, ...],
) -> tuple[SeenSequences, ...] | None:
    """The hashes of the sequences of a training; `None` of more than a million.

    The salt is a hash of the settings and of all values, not a random draw: the same training
    writes the same file (its weights are the same anyway, so the salt tells nothing that they do
    not), while another training, also on the same data, has another salt.

    Args:
        estimator: its parameters.
        split: what it was trained on, and validated with.
        values: the hashes of the sequences of the training.
        before: what the weights that the training began with had been fitted on.
    """
    validation = split.validation
    if len(values) + (0 if validation is None else len(validation)) > LIMIT:
        return None
    theirs = values[:0] if validation is None else validation.x.digests()
    text = repr(sorted(_settings(estimator).items())).encode()
    salt = bytes.fromhex(combined_digest([values, theirs, text]))[:SALT_BYTES]
    own = SeenSequences(salt, values, theirs)
    return (own, *(one for one in before if one.salt != salt))


def _settings(estimator: EstimatorArguments) -> dict[str, str]:
    """The arguments that change the weights, as text."""
    others = {"options", *(f"options__{name}" for name in WITHOUT_EFFECT)}
    return {n: str(value) for n, value in estimator.get_params().items() if n not in others}


def _beside(split: TrainValidationSplit) -> Iterable[bytes]:
    """Digests beside those of values and targets: static features and weights."""
    if split.train.static is not None:
        yield split.train.static.tobytes()
    if split.weights is not None:
        weights = getattr(split.weights, "values", split.weights)  # of each step: `Sequences`
        yield np.asarray(weights, np.float64).tobytes()
