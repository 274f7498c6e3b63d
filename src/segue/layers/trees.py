"""The layer `trees`: extremely randomised trees, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from segue.data.arrays import Array
from segue.errors import DataError, SpecError
from segue.layers.base import BuildContext, LayerSpec, Shape, TorchSource
from segue.layers.inference import PointwiseInference, WeightShapes
from segue.layers.initial import Initializers, zeros
from segue.onnx_graph import Value
from segue.spec import Count, Name

MOST_TRIED = 1000  # features that are tried at a split
_ROWS = 2_000_000  # pairs of a case and a tree that are followed at once


def leaf_of_each(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """-1, the first leaf."""
    return np.full(shape, -1, np.float32)


def even_shares(shape: tuple[int, ...], generator: Generator) -> Array:  # noqa: ARG001
    """The same share for each class."""
    return np.full(shape, 1 / shape[1], np.float32)


class TreesInference(PointwiseInference):
    """Weights, not trained by gradients: they are grown from the training sequences.

    `feature` and `threshold` [node], what is compared; `below` [node]: the node to go to where the
    feature is not above its threshold, the one behind it where it is; or -1 and less, a leaf; and
    `leaf` [leaf, class], the shares of the classes there. The first nodes are the roots.
    """

    fixed = ("feature", "threshold", "below", "leaf")
    is_untrained = True
    initializers: ClassVar[Initializers] = {
        "feature": zeros,
        "threshold": zeros,
        "below": leaf_of_each,
        "leaf": even_shares,
    }

    @classmethod
    def weight_shapes(cls, spec: Any, context: BuildContext) -> WeightShapes:  # noqa: ARG003
        nodes = spec.nodes or spec.trees
        shapes: WeightShapes = dict.fromkeys(("feature", "threshold", "below"), (nodes,))
        return {**shapes, "leaf": (spec.leaves or 1, spec.classes or 1)}

    def __init__(self, spec: Any, context: BuildContext, weights: Mapping[str, Array]) -> None:
        super().__init__(spec, context, weights)
        self._feature, self._below = (weights[n].astype(np.int64) for n in ("feature", "below"))
        self._threshold, self._leaf = weights["threshold"], weights["leaf"]
        self._check()

    def _check(self) -> None:
        """Raise unless each node leads on to a later one, or to a leaf."""
        numbers, inner = np.arange(len(self._below)), self._below >= 0
        onward = (self._below > numbers) & (self._below < len(numbers) - 1)
        to_leaf = (self._below < 0) & (self._below >= -len(self._leaf))
        seen = (self._feature >= 0) & (self._feature < self.inputs)
        shares = (self._leaf >= 0).all() and np.allclose(self._leaf.sum(1), 1, atol=1e-3)
        leads = np.where(inner, onward, to_leaf).all()
        if not (leads and seen.all() and shares) or self._depth() > (self.spec.depth or 0):
            raise DataError(f"{self.name}: the trees are damaged.")

    def transform(self, values: Array) -> Array:
        flat = values.reshape(-1, values.shape[-1])
        at_once = max(1, _ROWS // self.spec.trees)
        found = [self._shares(flat[i : i + at_once]) for i in range(0, len(flat), at_once)]
        classes = self._leaf.shape[1]
        shares = np.concatenate([np.empty((0, classes)), *found])
        return log_shares(shares, self.spec.trees).reshape(*values.shape[:-1], classes)

    def _shares(self, x: Array) -> Array:
        """`[n, class]`, the mean of the shares at the leaves."""
        rows = np.arange(len(x))[:, None]
        node = np.broadcast_to(np.arange(self.spec.trees), (len(x), self.spec.trees))
        below = self._below[node]
        while (below >= 0).any():
            above = x[rows, self._feature[node]] > self._threshold[node]
            node = np.where(below >= 0, below + above, node)
            below = self._below[node]
        return np.asarray(self._leaf[-1 - below].mean(1, dtype=np.float64))

    def _depth(self) -> int:
        """The most comparisons from a root to a leaf."""
        depth, nodes = 0, np.arange(self.spec.trees)
        while len(nodes := nodes[self._below[nodes] >= 0]):
            nodes, depth = np.concatenate([self._below[nodes], self._below[nodes] + 1]), depth + 1
        return depth

    def transform_onnx(self, x: Value) -> Value:
        graph, trees = x.graph, self.spec.trees
        feature, below, threshold, leaf = map(
            graph.constant, (self._feature, self._below, self._threshold, self._leaf)
        )
        node = x.slice(0, 1, -1).cast(np.int64) * 0 + graph.constant(np.arange(trees))
        for _ in range(self.spec.depth or 0):
            next_node = below.gather(node)
            above = x.take_along(feature.gather(node), -1) > threshold.gather(node)
            node = (next_node >= 0).where(next_node + above.cast(np.int64), node)
        shares = leaf.gather(-1 - below.gather(node)).mean(-2)
        found: Value = ((trees * shares + 1 / self._leaf.shape[1]) / (trees + 1)).op("Log")
        return found


def log_shares(shares: Array, trees: int) -> Array:
    """The logarithms of mean shares of so many trees, and of one more without an opinion.

    >>> np.exp(log_shares(np.array([[1.0, 0.0]]), 9)).astype(float).round(3).tolist()
    [[0.95, 0.05]]
    """
    smooth = (trees * shares + 1 / shares.shape[1]) / (trees + 1)
    return np.asarray(np.log(smooth), np.float32)


@dataclass(frozen=True)
class Trees(LayerSpec, kind="trees", input_kind="either", is_causal=True, inference=TreesInference):
    """`trees`: the logarithms of the shares of the classes in extremely randomised trees.

    It stands last, behind features that are not trained: `quant trees`. The trees are grown when
    the network is fitted, by scikit-learn, by entropy, with a tenth of the features, 1,000 at most,
    tried at each split. How sure they may be is learnt from five more forests, each grown without a
    fifth of the sequences, which it then answers. What stands behind `trees` is then filled in.

    Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006; with the
    numbers of Dempster, Schmidt & Webb, "QUANT", Data Mining and Knowledge Discovery 38, 2024.

    Args:
        trees: how many.
        nodes: of all trees together.
        leaves: likewise.
        classes: how many.
        depth: the most comparisons from a root to a leaf.
        name: the layer's own name.
    """

    trees: Count = 200
    nodes: Count | None = None
    leaves: Count | None = None
    classes: Count | None = None
    depth: Count | None = None
    name: Name | None = None

    def output_shape(self, context: BuildContext) -> Shape:
        return context.shape.with_features(self.classes or 1)

    def write_torch(self, source: TorchSource, context: BuildContext) -> None:
        leaf = f"{self.leaves or 1}, {self.classes or 1}"
        sizes = f"{self.trees}, {self.nodes or self.trees}, {leaf}, {self.depth or 0}"
        name = source.module(context.name, f"Trees({sizes})", "copy_named")
        source.steps.append(f"x = self.{name}(x)")


def grown(specs: tuple[LayerSpec, ...], classes: int) -> tuple[LayerSpec, ...]:
    """The layers of a network, whose trees are about to be grown for so many classes.

    Raises:
        SpecError: trees that are not the last layer.
    """
    *before, last = specs
    if any(isinstance(spec, Trees) and spec.nodes is None for spec in before):
        raise SpecError("trees stand last, behind features that are not trained: 'quant trees'.")
    if isinstance(last, Trees) and last.nodes is None:
        return (*before, replace(last, classes=classes))
    return specs
