"""Embeddings: the activations of a layer in the plane, with class centres and clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from segue.data.dataset import Dataset
from segue.data.sequences import Array
from segue.errors import DataError, OptionError
from segue.evaluation.model_info import require_classes, require_one_network
from segue.extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from segue.estimators import SequenceClassifier
    from segue.training.inference import How

Floats = npt.NDArray[np.float64]
_FEWEST = 5
_METHODS = {"tsne": "t-SNE", "pca": "PCA"}


@dataclass(frozen=True, eq=False)
class Embedding:
    """Sequences as points, in a layer's space and in the plane. Made by `embedding`.

    Attributes:
        features: `[n, feature]`, the output of the layer.
        plane: `[n, 2]`, the same in two dimensions.
        labels: `[n]`, the class of each sequence.
        classes: the class names, in the order of the centres.
        centres: `[class, 2]`, the mean of each class in the plane.
        clusters: `[n]`, k-means clusters in the layer's space, as many as there are classes.
        plane_clusters: `[n]`, k-means clusters in the plane.
        rand_index: adjusted Rand index of `clusters` against the labels: 1 the same, 0 by chance.
        plane_rand_index: that of `plane_clusters`.
        method: "tsne" or "pca".
        layer: the layer's name; empty where an array was given.
    """

    features: Floats = field(repr=False)
    plane: Floats = field(repr=False)
    labels: Array = field(repr=False)
    classes: tuple[Any, ...]
    centres: Floats = field(repr=False)
    clusters: npt.NDArray[np.int64] = field(repr=False)
    plane_clusters: npt.NDArray[np.int64] = field(repr=False)
    rand_index: float
    plane_rand_index: float
    method: str
    layer: str

    def report(self) -> str:
        """Return the numbers in a few lines: how far clusters found without labels are classes."""
        where = f"layer {self.layer}" if self.layer else "the features"
        count, width = self.features.shape
        return "\n".join(
            [
                f"{count:,} sequences, {width} features of {where}, {len(self.classes)} classes",
                "k-means against the classes (adjusted Rand index: 1 the same, 0 by chance)",
                f"  in {width} dimensions   {self.rand_index:.4f}",
                f"  in the plane ({_METHODS[self.method]})   {self.plane_rand_index:.4f}",
            ]
        )

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw the plane: a dot for each sequence in its class's colour, centres, a legend."""
        from segue import plots

        where = f"layer {self.layer}" if self.layer else "the features"
        title = f"{where} in the plane of {_METHODS[self.method]}"
        return plots.plot_plane(
            self.plane, self.labels, self.classes, self.centres, title=title, axes=axes
        )


def embedding(
    source: SequenceClassifier | npt.ArrayLike,
    data: Dataset | Sequence[Any] | npt.NDArray[Any],
    *,
    layer: str | None = None,
    how: How = "auto",
    method: Literal["tsne", "pca"] = "tsne",
    perplexity: float = 30.0,
    seed: int = 0,
) -> Embedding:
    """Map a layer's output for labelled sequences to the plane, and cluster it.

    Args:
        source: a fitted classifier, or an array `[n, feature]`.
        data: labelled sequences; for an array, its `[n]` labels or the `Dataset` that has them. Of
            a data set with parts, "test" is taken.
        layer: the layer's name, for a classifier; the one before the head if left out.
        how: of a layer that gives every step, as in `SequenceClassifier.embed`.
        method: "tsne" (van der Maaten & Hinton), which keeps neighbours together, or "pca".
        perplexity: of t-SNE, about how many neighbours count; less for few sequences.
        seed: of t-SNE and k-means.

    Returns:
        An `Embedding`: `.plane`, `.centres`, `.rand_index`, `.report()`, `.plot()`.

    Raises:
        DataError: fewer than 5 sequences, no labels, or labels that are not as many.
        OptionError: a method that does not exist.
        SpecError: there is no such layer.

    Source: L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", JMLR 9 (2008); L. Hubert,
    P. Arabie, "Comparing partitions", Journal of Classification 2 (1985).

    >>> points = [[0.0, 0.0], [0.1, 0.2], [0.2, 0.1], [5.0, 5.1], [5.2, 5.0], [5.1, 4.9]]
    >>> found = embedding(points, ["a", "a", "a", "b", "b", "b"], method="pca")
    >>> found.plane.shape, found.rand_index
    ((6, 2), 1.0)
    """
    rand_score = require("sklearn.metrics").adjusted_rand_score
    if method not in _METHODS:
        raise OptionError(f"`method` is {method!r}; expected 'tsne' or 'pca'.")
    if isinstance(data, Dataset) and "test" in data.part_names:
        data = data.part("test")
    if isinstance(data, Dataset) and data.labels is None:
        raise DataError(
            f"A map needs one label for each sequence; the task of this data set is {data.task!r}."
        )
    labels = np.asarray(data.labels if isinstance(data, Dataset) else data)
    estimator: Any = source
    values, name = source, ""
    require_one_network(estimator, "`embedding`")
    if hasattr(estimator, "fit"):
        require_classes(estimator, "`embedding`")
        names = estimator.network_.names
        name = layer or names[max(0, len(names) - 2)]  # the one before the head
        values = estimator.embed(data, name, how)
    features = np.asarray(values, np.float64)
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise DataError(
            f"The features have shape {features.shape} and the labels {labels.shape}; expected "
            "[n, feature] and [n]."
        )
    if len(features) < _FEWEST:
        raise DataError(f"{len(features)} sequences make no map; expected {_FEWEST} or more.")
    if not np.isfinite(features).all():
        raise DataError("The features hold values that are no finite numbers.")
    classes = tuple(np.unique(labels).tolist())
    plane = _plane(features, method, perplexity, seed)
    centres = np.stack([plane[labels == name].mean(axis=0) for name in classes])
    clusters, plane_clusters = (
        _clusters(points, len(classes), seed) for points in (features, plane)
    )
    index, plane_index = (float(rand_score(labels, found)) for found in (clusters, plane_clusters))
    return Embedding(
        features, plane, labels, classes, centres, clusters, plane_clusters, index, plane_index,
        method, name,
    )  # fmt: skip


def _plane(features: Floats, method: str, perplexity: float, seed: int) -> Floats:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if features.shape[1] == 1:  # a line is all there is
        return np.pad(features, ((0, 0), (0, 1)))
    if (features == features[0]).all():  # a layer with one and the same output: one point
        return np.zeros((len(features), 2))
    if method == "pca":
        return np.asarray(PCA(2, random_state=seed).fit_transform(features), np.float64)
    near = min(perplexity, (len(features) - 1) / 3)
    tsne = TSNE(2, perplexity=near, init="pca", learning_rate="auto", random_state=seed)
    # Several threads would sum in an order that changes from run to run, and for each of its
    # thousand small steps they wait for each other: on a busy machine many times longer.
    with threadpool_limits(1):
        return np.asarray(tsne.fit_transform(features), np.float64)


def _clusters(points: Floats, count: int, seed: int) -> npt.NDArray[np.int64]:
    """`[n]` k-means clusters, at most as many as there are different points."""
    from sklearn.cluster import KMeans

    count = min(count, len(np.unique(points, axis=0)))
    return np.asarray(KMeans(count, n_init=10, random_state=seed).fit_predict(points), np.int64)
