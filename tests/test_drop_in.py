# SPDX-License-Identifier: BSD-3-Clause
"""Our estimators beside scikit-learn's, with the same random_state: the same numbers.

Sums run in another order, so equality is to rounding: a few units in the last place of what is
summed, times the steps that were taken. L-BFGS-B branches on what it sees, so it gets few steps.
"""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.9")
from scipy.sparse import csc_array, csr_array
from sklearn import neural_network as theirs
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_multilabel_classification,
    make_regression,
)

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore")

DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS[:200] / 16
LABELS = LABELS[:200]
X, Y = make_regression(150, 8, n_targets=3, random_state=0)
Y /= 100
COUNTS = np.random.RandomState(2).poisson(np.exp(Y))
MANY = make_multilabel_classification(200, 10, n_classes=4, random_state=0)
S = np.random.RandomState(1).rand(200) * 3
S[::7] = 0

TOLERANCE = {"float64": 2e-12, "float32": 2e-5}  # of curves and predictions


def both(kind: str, **parameters: Any) -> tuple[Any, Any]:
    return getattr(dr, kind)(**parameters), getattr(theirs, kind)(**parameters)


def assert_alike(ours: Any, other: Any, rows: Any, dtype: str = "float64") -> None:
    near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    for name in (
        "n_iter_", "t_", "n_outputs_", "n_layers_", "out_activation_", "n_features_in_",
    ):  # fmt: skip
        assert getattr(ours, name) == getattr(other, name), name
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_"):
        assert hasattr(ours, name) == hasattr(other, name), name
        mine, expected = getattr(ours, name, None), getattr(other, name, None)
        if expected is None:
            assert mine is None, name
        else:
            np.testing.assert_allclose(mine, expected, **near, err_msg=name)
    for mine, expected in zip(
        ours.coefs_ + ours.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        assert mine.shape == expected.shape
        np.testing.assert_allclose(mine, expected, **near)
    method = "predict_proba" if hasattr(other, "classes_") else "predict"
    np.testing.assert_allclose(
        getattr(ours, method)(rows), getattr(other, method)(rows), **near, err_msg=method
    )


def check(kind: str, X: Any, y: Any, sample_weight: Any = None, **parameters: Any) -> Any:
    parameters = {"random_state": 3, "max_iter": 12, "hidden_layer_sizes": 9} | parameters
    ours, other = both(kind, **parameters)
    ours.fit(X, y, sample_weight)
    other.fit(X, y, sample_weight)
    assert_alike(ours, other, X, str(X.dtype))
    return ours, other


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "adam"},
        {"solver": "sgd", "learning_rate_init": 0.02},
        {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
        {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.1, "power_t": 0.3},
        {"solver": "lbfgs", "max_iter": 7},
    ],
    ids=lambda solver: "-".join(map(str, solver.values())),
)
def test_solvers_and_activations(solver: Any, activation: str) -> None:
    settings = {**solver, "activation": activation, "hidden_layer_sizes": (9, 7)}
    check("MLPClassifier", DIGITS, LABELS, batch_size=64, alpha=0.3, **settings)
    check("MLPRegressor", X, Y, batch_size=64, alpha=0.3, **settings)


@pytest.mark.parametrize("alpha", [0, 0.01, 30])
@pytest.mark.parametrize("weights", [None, S], ids=["", "weighted"])
@pytest.mark.parametrize("batch_size", ["auto", 1, 37, 10**6])
def test_batches_penalty_and_weights(batch_size: Any, weights: Any, alpha: float) -> None:
    if batch_size == 1 and weights is not None:
        weights = weights + 0.1  # theirs divides by a batch's weight
    for kind, rows, y in (
        ("MLPClassifier", DIGITS[:50], LABELS[:50]),
        ("MLPClassifier", DIGITS[:50], LABELS[:50] < 5),
        ("MLPRegressor", X[:50], Y[:50]),
        ("MLPRegressor", X[:50], Y[:50, 0]),
    ):
        s = None if weights is None else weights[:50]
        check(kind, rows, y, s, batch_size=batch_size, alpha=alpha, max_iter=4)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weights", [None, S[:150]], ids=["", "weighted"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_poisson(solver: str, weights: Any, shuffle: bool) -> None:
    for y in (COUNTS, COUNTS[:, 1]):
        check(
            "MLPRegressor", X, y, weights, loss="poisson", solver=solver, shuffle=shuffle,
            batch_size=33, max_iter=6,
        )  # fmt: skip


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_multilabel(solver: str) -> None:
    ours, other = check("MLPClassifier", *MANY, solver=solver, max_iter=9)
    np.testing.assert_array_equal(ours.predict(MANY[0]), other.predict(MANY[0]))


@pytest.mark.parametrize("weights", [None, S], ids=["", "weighted"])
@pytest.mark.parametrize("tol", [1e-4, 0.05])
def test_early_stopping(tol: float, weights: Any) -> None:
    settings = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 25, "tol": tol}
    for y in (LABELS, LABELS < 5, np.array(list("abcdefghij"))[LABELS]):
        ours, other = check("MLPClassifier", DIGITS, y, weights, **settings)
        assert ours.best_validation_score_ == pytest.approx(other.best_validation_score_)
    s = None if weights is None else weights[:150]
    check("MLPRegressor", X, Y, s, learning_rate_init=0.05, **settings)
    check("MLPClassifier", *MANY, **settings)


def test_what_ends_a_fit() -> None:
    ours, _ = check("MLPClassifier", DIGITS, LABELS, max_iter=200, tol=0.02, n_iter_no_change=2)
    assert ours.n_iter_ < 200
    ours, other = check(
        "MLPRegressor", X, Y, solver="sgd", learning_rate="adaptive", tol=0.05, max_iter=300,
        learning_rate_init=0.05, n_iter_no_change=2,
    )  # fmt: skip
    assert ours.n_iter_ < 300
    assert ours._optimizer.learning_rate == other._optimizer.learning_rate < 1e-6


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_warm_start(solver: str) -> None:
    ours, other = both(
        "MLPClassifier", warm_start=True, solver=solver, max_iter=4, random_state=0,
        early_stopping=solver == "adam",
    )  # fmt: skip
    for _ in range(3):
        assert_alike(ours.fit(DIGITS, LABELS), other.fit(DIGITS, LABELS), DIGITS)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit(solver: str) -> None:
    ours, other = both("MLPRegressor", solver=solver, random_state=0, learning_rate="invscaling")
    for rows in (slice(0, 150), slice(0, 40), slice(30, 150), slice(3, 4)):
        for estimator in (ours, other):
            estimator.partial_fit(X[rows], Y[rows])
        assert_alike(ours, other, X)
        ours = pickle.loads(pickle.dumps(ours))
    ours, other = both("MLPClassifier", solver=solver, random_state=np.random.RandomState(5))
    for one in (ours, other):
        one.random_state = np.random.RandomState(5)
        for _ in range(3):
            one.partial_fit(DIGITS, LABELS, classes=np.arange(11))
    assert_alike(ours, other, DIGITS)
    assert ours.predict(DIGITS).tolist() == other.predict(DIGITS).tolist()


@pytest.mark.parametrize("kind", [csr_array, csc_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows(kind: Any, solver: str) -> None:
    settings = {"solver": solver, "max_iter": 6, "batch_size": 64, "alpha": 0.5}
    check("MLPClassifier", kind(DIGITS), LABELS, S, **settings)
    check("MLPRegressor", kind(X), Y, S[:150], **settings)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_float32(solver: str) -> None:
    for kind, rows, y in (
        ("MLPClassifier", DIGITS, LABELS), ("MLPRegressor", X, Y.astype(np.float32)),
    ):  # fmt: skip
        ours, _ = check(kind, rows.astype(np.float32), y, solver=solver)
        assert all(a.dtype == np.float32 for a in ours.coefs_ + ours.intercepts_)


def test_the_words_of_verbose(capsys: Any) -> None:
    settings = {"max_iter": 40, "verbose": True, "random_state": 0, "n_iter_no_change": 1}
    for more in (
        {"early_stopping": True},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1},
    ):
        ours, other = both("MLPClassifier", **settings, **more)
        ours.fit(DIGITS, LABELS)
        said = capsys.readouterr().out
        other.fit(DIGITS, LABELS)
        assert said == capsys.readouterr().out
        assert "consecutive epochs" in said


def test_parameters_and_defaults() -> None:
    for kind in ("MLPClassifier", "MLPRegressor"):
        ours, other = both(kind)
        expected = other.get_params()
        assert {name: ours.get_params()[name] for name in expected} == expected
        import inspect

        names = list(inspect.signature(type(ours)).parameters)
        assert names[: len(expected)] == list(inspect.signature(type(other)).parameters)


def test_messages() -> None:
    for parameters, y in (
        ({"alpha": -1}, LABELS), ({"tol": -1}, LABELS),
        ({"hidden_layer_sizes": (3, 0)}, LABELS),
        ({"early_stopping": True}, np.arange(len(LABELS)) == 0),
        ({"batch_size": 0}, LABELS),
        ({}, np.column_stack([LABELS, LABELS])), ({"momentum": 1.5}, LABELS),
    ):  # fmt: skip
        said = []
        for estimator in both("MLPClassifier", **parameters):
            with pytest.raises((ValueError, TypeError)) as refused:
                estimator.fit(DIGITS, y)
            said.append((type(refused.value), str(refused.value)))
        assert said[0] == said[1]


def test_convergence_is_warned_of() -> None:
    for solver in ("adam", "lbfgs"):
        said = []
        for estimator in both("MLPClassifier", max_iter=1, solver=solver, batch_size=1000):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                estimator.fit(DIGITS, LABELS)
            said.append([(w.category, str(w.message)) for w in caught])
        if solver == "adam":
            assert said[0] == said[1]
        assert said[0][-1][0] is said[1][-1][0]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_probabilities_are_clipped_in_stated_losses(solver: str) -> None:
    """A table that nobody scaled: some rows' losses are beyond -log(eps)."""
    X, y = load_wine(return_X_y=True)
    epochs = 3 if solver == "lbfgs" else 12
    ours, _ = check(
        "MLPClassifier", X, y, solver=solver, max_iter=epochs, random_state=0, hidden_layer_sizes=20
    )  # fmt: skip
    start = dr.MLPClassifier(hidden_layer_sizes=20, random_state=0).initialize(X, y)
    net = start._network().mlp
    clipped = net.loss(X, np.searchsorted(ours.classes_, y))
    net._network.loss_limit = np.inf
    assert net.loss(X, np.searchsorted(ours.classes_, y)) > clipped


def test_two_classes_are_clipped_too() -> None:
    """To scikit-learn's rounding of 1 - p: at 8 eps that is some 0.06 of a row's loss."""
    X, y = load_breast_cancer(return_X_y=True)
    for epochs in (1, 6):
        ours, other = both("MLPClassifier", max_iter=epochs, random_state=0)
        ours.fit(X, y)
        other.fit(X, y)
        np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_, rtol=1e-3)
        np.testing.assert_allclose(ours.coefs_[0], other.coefs_[0], atol=1e-12)
