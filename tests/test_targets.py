# SPDX-License-Identifier: BSD-3-Clause
"""One-hot classes, likes of movies and ranges of outputs, as docs/targets.md says."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from example import load, pictures, run

import deltarule as dr

example = load("targets")


@pytest.fixture(scope="module")
def numbers() -> dict[str, Any]:
    pytest.importorskip("matplotlib")
    return {**run("targets")[0], "pictures": pictures("targets")}


def test_one_hot_vectors_of_the_notes() -> None:
    rows = example.one_hot(np.arange(5))
    np.testing.assert_array_equal(rows.sum(axis=1), 1)
    np.testing.assert_array_equal(rows[example.CLASSES.index("camel")], [0, 0, 1, 0, 0])


def test_classes_and_their_probabilities(numbers: dict[str, Any]) -> None:
    y_hat = numbers["y_hat"]
    np.testing.assert_allclose(y_hat.sum(axis=1), 1, atol=1e-6)
    assert np.all(y_hat > 0)
    np.testing.assert_array_equal(y_hat.argmax(axis=1), np.arange(5))
    shown = [
        [0.650, 0.000, 0.000, 0.001, 0.349],
        [0.001, 0.990, 0.009, 0.000, 0.000],
        [0.000, 0.008, 0.990, 0.002, 0.000],
        [0.001, 0.000, 0.001, 0.924, 0.074],
        [0.001, 0.000, 0.000, 0.000, 0.999],
    ]
    np.testing.assert_allclose(y_hat, shown, atol=6e-4)
    assert numbers["accuracy"] == 0.95


def test_labels_are_one_hot_rows() -> None:
    X, labels = example.things(100)
    from_labels = example.classifier(X, labels)
    from_rows = example.classifier(X, example.one_hot(labels))
    np.testing.assert_array_equal(from_labels.w, from_rows.w)


def test_likes(numbers: dict[str, Any]) -> None:
    np.testing.assert_allclose(
        numbers["weights"], [1.98, -1.51, 0.99, -0.52, 0.0, 2.91, -1.35], atol=6e-3
    )
    # four standard errors of the estimate, from the curvature of the log-likelihood
    X, _, p = example.likes()
    A = np.hstack([X, np.ones((len(X), 1))])
    error = np.sqrt(np.diag(np.linalg.inv(A.T @ (A * (p * (1 - p))[:, None]))))
    assert np.all(np.abs(numbers["weights"] - [*example.TASTE, example.BIAS]) < 4 * error)
    assert numbers["likes"] == pytest.approx(numbers["best"], abs=0.005)
    assert numbers["likes"] == pytest.approx(0.791, abs=5e-4)


def test_likes_are_at_the_maximum_of_the_likelihood(numbers: dict[str, Any]) -> None:
    X, Y, _ = example.likes()
    unit = example.logistic_regression(X, Y)
    assert np.abs(unit.gradient(X, Y)).max() < 1e-5


def test_the_notes_three_users(numbers: dict[str, Any]) -> None:
    np.testing.assert_allclose(numbers["three"], [1, 0, 1], atol=0.01)


def test_letters_as_numbers_are_not_separable() -> None:
    """A and C like it, B does not: 1, 2, 3 has B in the middle, one-hot rows have no middle."""
    as_numbers = dr.Perceptron(1).fit([[1], [2], [3]], [1, 0, 1])
    assert as_numbers.period is not None
    for likes in product([0, 1], repeat=3):
        assert dr.Perceptron(3).fit(np.eye(3), likes).converged


RANGES = {  # low, high, and which ends are attained
    "threshold": (0, 1, True, True),
    "logistic": (0, 1, False, False),
    "tanh": (-1, 1, False, False),
    "relu": (0, np.inf, True, False),
    "identity": (-np.inf, np.inf, False, False),
    "softmax": (0, 1, False, False),
}


@pytest.mark.parametrize("output", RANGES)
def test_ranges_of_random_networks(output: str, dtype: str) -> None:
    low, high, low_attained, high_attained = RANGES[output]
    rng = np.random.default_rng(0)
    seen = []
    for seed in range(20):
        mlp = dr.MLP([4, 8, 3], "tanh", output, dtype=dtype, seed=seed)
        X = rng.normal(size=(100, 4)) * np.geomspace(1e-3, 1e3, 100)[:, None]
        trace = mlp.forward(X)
        assert np.all((trace.y_hat >= low) & (trace.y_hat <= high))
        seen.append(trace.y_hat.ravel())
        if output == "softmax":
            np.testing.assert_allclose(trace.y_hat.sum(axis=1), 1, atol=1e-6)
    o = np.concatenate(seen)
    assert low_attained == bool(np.any(o == low))
    assert high_attained == bool(np.any(o == high))
    # wider weights come as close to every end as one likes
    mlp.w = mlp.w * (1.0 if output == "identity" else 3.0)
    o = mlp.predict(rng.normal(size=(2000, 4)) * 10)
    if output == "identity":
        assert o.min() < -1
        assert o.max() > 1
    else:
        assert o.min() < low + 0.02
        assert o.max() > (high - 0.02 if np.isfinite(high) else 3)
    if output == "threshold":
        assert set(np.unique(o)) == {0, 1}


def test_values_of_the_page(numbers: dict[str, Any]) -> None:
    shown = {
        "threshold": (0, 1),
        "logistic": (0.005, 0.996),
        "tanh": (-1, 1),
        "relu": (0, 5.468),
        "identity": (-5.247, 5.468),
    }
    for name, ends in shown.items():
        o = numbers["ranges"][name]
        assert (o.min(), o.max()) == pytest.approx(ends, abs=6e-4)


def test_pictures(numbers: dict[str, Any]) -> None:
    names = ["targets_classes.png", "targets_likes.png", "targets_ranges.png"]
    assert sorted(numbers["pictures"]) == names
    assert max(numbers["pictures"].values()) < 150_000
