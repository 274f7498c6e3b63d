"""`embedding`: the map is reproducible, its numbers agree with scikit-learn's, and it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segue import SequenceClassifier, TrainingOptions
from segue.errors import DataError, OptionError, SpecError
from segue.evaluation import embedding
from segue.testing.data import tiny_dataset

DATA = tiny_dataset(48, classes=("a", "b", "c"), lengths=(3, 9), seed=2)


@pytest.fixture(scope="module")
def classifier() -> SequenceClassifier:
    options = TrainingOptions(progress="none")
    return SequenceClassifier("gru(6, name=memory) dense(4)", epochs=20, options=options).fit(DATA)


def blobs(n: int = 60) -> tuple[object, object]:
    """Three far clouds in five dimensions."""
    draws = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return draws.normal(0, 0.1, (n, 5)) + 4 * labels[:, None], labels


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_far_clouds_are_found(method: str) -> None:
    """Clusters without labels are the classes, in space and in the plane; centres lie in them."""
    found = embedding(*blobs(), method=method)  # type: ignore[arg-type]
    assert (found.rand_index, found.plane_rand_index) == (1.0, 1.0)
    for number, name in enumerate(found.classes):
        mean = found.plane[found.labels == name].mean(axis=0)
        np.testing.assert_allclose(found.centres[number], mean, atol=1e-9)


def test_a_classifier_s_layer(classifier: SequenceClassifier) -> None:
    """Its features are those of `embed`, by the user's own name or the one before the head."""
    found = embedding(classifier, DATA, layer="memory", method="pca")
    np.testing.assert_allclose(found.features, classifier.embed(DATA, "memory"), atol=1e-6)
    assert embedding(classifier, DATA, method="pca").layer == "dense_1"
    clusters = KMeans(3, n_init=10, random_state=0).fit_predict(found.features)
    assert found.rand_index == pytest.approx(adjusted_rand_score(DATA.y, clusters))
    with pytest.raises(SpecError, match='Did you mean "memory"'):
        embedding(classifier, DATA, layer="memori")


def test_the_seed_decides() -> None:
    """The same seed gives the same plane to the bit."""
    points, labels = blobs(30)
    first, second = embedding(points, labels, seed=1), embedding(points, labels, seed=1)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.plane, second.plane)
    np.testing.assert_array_equal(first.clusters, second.clusters)


def test_edges() -> None:
    """One feature, few sequences, all points the same."""
    labels = ["a", "b"] * 4
    assert embedding(np.arange(8.0)[:, None], labels).plane.shape == (8, 2)
    same = embedding(np.ones((8, 3)), labels)
    assert (same.rand_index, np.ptp(same.plane)) == (0.0, 0.0)
    assert embedding(np.random.default_rng(0).normal(size=(5, 3)), ["a"] * 5).plane.shape == (5, 2)


def test_what_cannot_be_mapped() -> None:
    """Too few, no labels, other counts, no numbers, another method."""
    points = np.zeros((6, 2))
    with pytest.raises(DataError, match="4 sequences make no map; expected 5"):
        embedding(points[:4], ["a"] * 4)
    with pytest.raises(DataError, match=r"shape \(6, 2\) and the labels \(5,\)"):
        embedding(points, ["a"] * 5)
    with pytest.raises(DataError, match="no finite numbers"):
        embedding(points + np.nan, ["a"] * 6)
    with pytest.raises(OptionError, match="expected 'tsne' or 'pca'"):
        embedding(points, ["a"] * 6, method="umap")  # type: ignore[arg-type]


def test_report_and_picture(classifier: SequenceClassifier) -> None:
    """Both indices in words; a dot for each sequence, a centre and a name for each class."""
    found = embedding(classifier, DATA, layer="memory", method="pca")
    assert f"in the plane (PCA)   {found.plane_rand_index:.4f}" in found.report()
    axes = found.plot()
    assert isinstance(axes.figure, Figure)
    axes.figure.canvas.draw()
    dots = [len(collection.get_offsets()) for collection in axes.collections]
    assert dots == [16, 16, 16, 3]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]
    assert axes.get_title(loc="left") == "layer memory in the plane of PCA"
