"""Initial weights: transfer learning from another network, and warm start from this one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segue.data.sequences import Array
from segue.errors import DataError, DataNotFoundError, NotFittedError, first_few, warn_user
from segue.estimators.files import EnsembleDescription, read, seen_in, weights_in
from segue.estimators.fingerprint import SeenSequences
from segue.networks import Network, specs_from_json
from segue.prepare import Preparation
from segue.prepare.augmentation import Augmentation
from segue.prepare.steps import MissingIndicator
from segue.spec import to_text


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that texts become: words or characters, and the name of each number."""

    kind: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, preparation: Preparation) -> Vocabulary | None:
        """That of a fitted preparation; `None`: it is not for texts."""
        if preparation.vocabulary is None:
            return None
        step, fitted = preparation.vocabulary
        return cls(step.kind, tuple(step.names(fitted).tolist()))

    def shared(self, other: Vocabulary) -> Array:
        """`[token, 2]`, the numbers here and there of the tokens that both have."""
        there = {name: number for number, name in enumerate(other.names)}
        both = [(own, there[name]) for own, name in enumerate(self.names) if name in there]
        return np.array(both if self.kind == other.kind else [], np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class InitialWeights:
    """Weights by name.

    Attributes:
        weights: copies.
        classes: that the head was trained for; `None`: not known.
        vocabulary: whose tokens the vectors of an `embedding` stand for; `None`: not known.
        seen: what they were fitted on, as far as that is known.
        prepare: how the sequences were prepared that they were trained on; `None`: not known.
    """

    weights: Mapping[str, Array]
    classes: tuple[Any, ...] | None = None
    vocabulary: Vocabulary | None = None
    seen: tuple[SeenSequences, ...] = ()
    prepare: str | None = None

    @classmethod
    def of(cls, initial: Any) -> InitialWeights:
        """Copy the weights of what the user passes as `initial`.

        Args:
            initial: a fitted estimator, a `Network`, the path of a model file or of a run, or
                weights by name; what this has returned stays as it is.

        Raises:
            DataError: something else.
            DataNotFoundError: there is no such file.
            ModelFileError: a file that is not a model.
            NotFittedError: an estimator before `fit`.
        """
        if isinstance(initial, cls):
            return initial
        if isinstance(initial, Mapping):
            return cls({name: np.asarray(value) for name, value in initial.items()})
        if isinstance(initial, Network):
            return cls(initial.get_weights())
        if isinstance(initial, str | Path):
            return cls._from_file(Path(initial))
        if not hasattr(initial, "fit"):
            raise DataError(
                f"`initial` is {initial!r}; expected a fitted estimator, a network, a model file, "
                "or weights by name such as {'lstm_1/kernel': array}."
            )
        if not hasattr(initial, "history_"):
            raise NotFittedError("`initial` is an estimator that is not fitted: it has no weights.")
        vocabulary = Vocabulary.of(initial.preparation_)
        seen = getattr(initial, "seen_", None) or ()
        classes = _classes(initial.task_.to_json())
        prepare = _steps(initial.preparation_)
        return cls(initial.network_.get_weights(), classes, vocabulary, seen, prepare)

    @classmethod
    def _from_file(cls, path: Path) -> InitialWeights:
        path = path / "model.safetensors" if path.is_dir() else path
        if not path.is_file():
            raise DataNotFoundError(
                "there is no such model file to take `initial` from.", path=path
            )
        description, tensors = read(path)
        if isinstance(description, EnsembleDescription):
            raise DataError(
                f"`initial` is {path}, an ensemble of {len(description.members)} models. Take one "
                "of them: initial=segue.load(path).members[0]."
            )
        weights = weights_in(tensors)
        preparation = Preparation.from_json(description.preparation)
        seen, classes = seen_in(description, tensors), _classes(description.targets.model_dump())
        vocabulary = Vocabulary.of(preparation)
        return cls(weights, classes, vocabulary, seen or (), _steps(preparation))

    def transfer_weights(
        self, network: Network, target_state: Mapping[str, Any], preparation: Preparation
    ) -> list[tuple[str, str]]:
        """Set the weights of the layers of which every name and shape agrees.

        The weights of the head mean something for their own classes only: with others they stay
        as they are, and where the classes are the same in another order, each output is found by
        its class. So does the vector of a token that the other vocabulary does not have; the
        vectors of all others are found by their token.

        Args:
            network: whose weights are set.
            target_state: what the estimator keeps of its targets.
            preparation: of what the network reads.

        Returns:
            A heading with a text that says which were taken.

        Raises:
            DataError: none agrees.

        Warns:
            UserWarning: the head is of other classes, or the sequences were prepared otherwise.
        """
        weights, said = self._by_token(network, Vocabulary.of(preparation))
        classes = _classes(target_state)
        is_named = "class_counts" in target_state  # and no token of a vocabulary
        is_sorted = is_named and self._has_in_other_order(classes)
        if is_sorted:
            weights = _by_class(weights, self.classes or (), classes or ())
            said = ", ".join(filter(None, [said, "the head's outputs by their classes"]))
        wanted = {name: tuple(w.shape) for name, w in network.get_weights().items()}
        found = {name: np.shape(value) for name, value in weights.items()}
        strange = {_layer(name) for name, shape in wanted.items() if found.get(name) != shape}
        if self.classes is not None and self.classes != classes and not is_sorted:
            strange.add("head")
        taken = {name for name in wanted if _layer(name) not in strange}
        if not taken:
            raise DataError(
                f"`initial` has no layer that fits: it has {_shown(found)}; the network has "
                f"{_shown(wanted)}. Names and shapes must agree."
            )
        network.set_weights({name: weights[name] for name in taken})
        self._warn(classes if is_named and not is_sorted else None, preparation)
        left = wanted.keys() - taken
        text = f"{_layers(taken, wanted)} taken" + (f" ({said})" if said else "")
        return [("initial weights", text + (f"; {_layers(left, wanted)} new" if left else ""))]

    def _has_in_other_order(self, classes: tuple[Any, ...] | None) -> bool:
        """Whether these are the classes of the head, and not in its order."""
        theirs = self.classes
        if theirs is None or classes is None or theirs == classes:
            return False
        return len(theirs) == len(classes) and set(theirs) == set(classes)

    def _warn(self, classes: tuple[Any, ...] | None, preparation: Preparation) -> None:
        """Warn of what is mostly an oversight where a training is meant to go on."""
        if self.classes and classes and self.classes != classes:
            warn_user(
                f"The head begins anew: the classes of `initial` are {_listed(self.classes)}; "
                f"those of the data {_listed(classes)}. {_advice(self.classes, classes)}"
            )
        prepare = _steps(preparation)
        if preparation.kind == "numbers" and self.prepare not in (None, prepare):
            warn_user(
                f"The layers of `initial` were trained on sequences prepared by `{self.prepare}`, "
                f"and here these are prepared by `{prepare}`: they see other numbers than those "
                f"that they know. prepare='{self.prepare}' goes on as before."
            )

    def _by_token(
        self, network: Network, vocabulary: Vocabulary | None
    ) -> tuple[dict[str, Array], str]:
        """The weights, with vectors of another vocabulary sorted by this one's; what to say."""
        weights, theirs = dict(self.weights), self.vocabulary
        if vocabulary is None or theirs is None or vocabulary == theirs:
            return weights, ""
        pairs = vocabulary.shared(theirs)
        own = network.get_weights()
        layers = network.layers.values()
        names = [f"{layer.name}/{part}" for layer in layers for part in layer.token_weights]
        for name in names:
            given = weights.pop(name, None)
            if len(pairs) and given is not None and given.shape[1:] == own[name].shape[1:]:
                weights[name] = own[name].copy()
                weights[name][pairs[:, 0]] = given[pairs[:, 1]]
        if not any(name in weights for name in names):
            return weights, ""
        return weights, f"vectors of {len(pairs):,} tokens of {len(vocabulary.names):,}"


def settings_of(path: Path, given: Collection[str] = ()) -> dict[str, Any]:
    """What a training takes over that goes on from a model file: `network`, `prepare`, `classes`.

    Those that are given, or that the file does not have, are left out; of an ensemble all are.

    Raises:
        ModelFileError: no model; a network with layers of the user's own, where none is given.
    """
    description, _ = read(path)
    if isinstance(description, EnsembleDescription):
        return {}
    found: dict[str, Any] = {}
    if "network" not in given:
        found["network"] = to_text(specs_from_json(description.network))
    found["prepare"] = description.parameters.prepare
    found["classes"] = description.targets.classes
    return {name: v for name, v in found.items() if v is not None and name not in given}


def _steps(preparation: Preparation) -> str:
    """The steps that change what the network sees in a prediction too."""
    seen = [s for s in preparation.steps if not isinstance(s, Augmentation | MissingIndicator)]
    return " ".join(map(str, seen)) or "none"


def _by_class(
    weights: Mapping[str, Array], theirs: tuple[Any, ...], classes: tuple[Any, ...]
) -> dict[str, Array]:
    """Weights with the head's outputs in another order; of two classes one is that of the second.

    >>> weights = {"head/bias": np.array([1.0, 2.0, 3.0])}
    >>> _by_class(weights, ("a", "b", "c"), ("c", "a", "b"))["head/bias"]
    array([3., 1., 2.])
    >>> _by_class({"head/bias": np.array([0.5])}, ("a", "b"), ("b", "a"))["head/bias"]
    array([-0.5])
    """
    found = dict(weights)
    for name in {"head/kernel", "head/bias"} & found.keys():
        given = np.asarray(found[name])
        if given.shape[-1] == len(classes):
            found[name] = given[..., [theirs.index(one) for one in classes]]
        elif given.shape[-1] == 1:
            found[name] = -given
    return found


def _listed(classes: tuple[Any, ...]) -> str:
    return first_few(classes, 9, show=repr)


def _advice(theirs: tuple[Any, ...], classes: tuple[Any, ...]) -> str:
    """What to do where the classes differ."""
    if set(theirs) >= set(classes):
        return f"To keep the head give them in its order: classes={list(theirs)}."
    if set(map(str, theirs)) == set(map(str, classes)):
        return (
            "These are text on one side and numbers on the other: to keep the head give both "
            "alike (`segue import --classes` reads whole numbers as numbers)."
        )
    return (
        "Other classes need that. Where they are the same by other names, keep the head: import "
        "or train `initial` with the names that the data have, in the order of its outputs."
    )


def _classes(target_state: Mapping[str, Any]) -> tuple[Any, ...] | None:
    classes = target_state.get("classes")
    return None if classes is None else tuple(classes)


def _layers(names: Collection[str], order: Mapping[str, Any]) -> str:
    """The layers of these weights, in the network's order."""
    return ", ".join(dict.fromkeys(_layer(name) for name in order if name in names))


def _layer(name: str) -> str:
    """`bilstm_1/forward` of `bilstm_1/forward/kernel`."""
    return name.rpartition("/")[0]


def _shown(shapes: Mapping[str, tuple[int, ...]], at_most: int = 6) -> str:
    shown = [f"{name} {list(shape)}" for name, shape in shapes.items()]
    more = f" and {len(shown) - at_most} more" if len(shown) > at_most else ""
    return ", ".join(shown[:at_most]) + more
