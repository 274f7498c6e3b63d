"""Growing the trees of `trees`: by scikit-learn, into arrays.

Each sequence is also answered by trees that were grown without it, and without its group: by a
forest for each of five folds.
"""

from __future__ import annotations

import time
import warnings
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from segue.data.arrays import Array
from segue.deadline import check_time
from segue.extras import require
from segue.layers.trees import MOST_TRIED

FOLDS = 5  # each of which is held out by trees, or a network, of its own
_AT_ONCE = 10  # trees that grow between two looks at the clock
_MOST = 2000  # cases from which on a leaf has more than one of them, so that trees stay small


@dataclass(frozen=True)
class GrownTrees:
    """Trees as arrays.

    Attributes:
        weights: of `TreesInference`, by name.
        depth: the most comparisons from a root to a leaf.
        held_out: `[n, class]`, the shares of the classes by trees that were grown without the case.
    """

    weights: dict[str, Array]
    depth: int
    held_out: Array


def grow_trees(
    x: Array,
    classes: Array,
    *,
    trees: int,
    count: int,
    seed: int,
    weights: Array | None = None,
    groups: Array | None = None,
    threads: int = 1,
) -> GrownTrees:
    """Grow trees on features.

    Args:
        x: `[n, feature]` float32.
        classes: `[n]`, numbers.
        trees: how many.
        count: of the classes.
        seed: of all draws.
        weights: `[n]`, how much each case counts; `None`: all the same.
        groups: `[n]`, which cases are held out together; `None`: each alone.
        threads: that grow them.

    Raises:
        MissingPackageError: scikit-learn is not installed.
    """
    require("sklearn")
    from sklearn.base import clone
    from sklearn.ensemble import ExtraTreesClassifier

    tried = max(1, min(round(0.1 * x.shape[1]), MOST_TRIED))
    forest = ExtraTreesClassifier(
        trees, criterion="entropy", max_features=tried, warm_start=True,
        min_samples_leaf=max(1, len(x) // _MOST), random_state=seed, n_jobs=threads,
    )  # fmt: skip
    weights = np.ones(len(x)) if weights is None else weights
    held_out = np.full((len(x), count), 1 / count)
    fold = fold_of_each(FOLDS, classes, groups, np.random.default_rng(seed))
    for number in range(fold.max() + 1 if fold.any() else 0):
        held = fold == number
        other = _grow(clone(forest), x[~held], classes[~held], weights[~held])
        held_out[held] = 0
        held_out[np.ix_(held, other.classes_)] = other.predict_proba(x[held])
    _grow(forest, x, classes, weights)
    depth = max(1, *(int(tree.get_depth()) for tree in forest.estimators_))
    return GrownTrees(as_arrays(forest, count), depth, held_out)


def fold_of_each(
    folds: int, classes: Array, groups: Array | None, rng: np.random.Generator
) -> Array:
    """`[n]`, the number of the fold in which each case is held out.

    Groups are whole; else each fold has its share of each class.

    >>> fold_of_each(5, np.repeat([0, 1], 5), None, np.random.default_rng(0)).reshape(2, 5).sum(1)
    array([10, 10])
    """
    if groups is not None:
        _, number = np.unique(groups, return_inverse=True)
        return np.asarray(rng.permutation(number.max() + 1)[number] % folds)
    in_order = rng.permutation(len(classes))
    in_order = in_order[np.argsort(classes[in_order], kind="stable")]
    fold = np.empty(len(classes), np.int64)
    fold[in_order] = np.arange(len(classes)) % folds
    return fold


def _grow(forest: Any, x: Array, classes: Array, weights: Array) -> Any:
    """Fit a forest, some trees at a time, each of which has to be done in time."""
    trees, grown, began = forest.n_estimators, 0, time.perf_counter()
    while grown < trees:
        more = min(trees, grown + max(_AT_ONCE, forest.n_jobs))
        check_time((time.perf_counter() - began) / max(1, grown) * (more - grown))
        with warnings.catch_warnings():  # of few cases of many classes, for each tree
            warnings.filterwarnings("ignore", "The number of unique classes is greater")
            forest.set_params(n_estimators=more).fit(x, classes, weights)
        grown = more
    return forest


def as_arrays(forest: Any, count: int) -> dict[str, Array]:
    """The weights of `TreesInference`, of a forest of scikit-learn and so many classes.

    Two nodes below another stand one behind the other, and behind it.
    """
    roots = len(forest.estimators_)
    feature, threshold, below = ([0] * roots, [0.0] * roots, [-1] * roots)
    leaves: list[Array] = []
    for root, estimator in enumerate(forest.estimators_):
        tree, waiting = estimator.tree_, deque([(0, root)])
        lefts, rights = tree.children_left.tolist(), tree.children_right.tolist()
        features, thresholds = tree.feature.tolist(), tree.threshold.tolist()
        shares = tree.value[:, 0] / tree.value[:, 0].sum(1, keepdims=True)
        while waiting:
            theirs, own = waiting.popleft()
            if lefts[theirs] < 0:
                leaves.append(shares[theirs])
                below[own] = -len(leaves)
                continue
            first = len(below)
            feature[own], threshold[own] = features[theirs], thresholds[theirs]
            below[own] = first
            waiting += [(lefts[theirs], first), (rights[theirs], first + 1)]
            feature += [0, 0]
            threshold += [0.0, 0.0]
            below += [-1, -1]
    leaf = np.zeros((len(leaves), count), np.float32)
    leaf[:, forest.classes_] = leaves
    exact = np.asarray(threshold)
    rounded = exact.astype(np.float32)  # down: float32 features are above both or neither
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    whole = {"feature": np.asarray(feature, np.float32), "below": np.asarray(below, np.float32)}
    return {**whole, "threshold": rounded.astype(np.float32), "leaf": leaf}
