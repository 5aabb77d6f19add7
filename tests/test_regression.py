# SPDX-License-Identifier: BSD-3-Clause
"""The closed form and the notes' gradient ascent: exact, and what one native unit arrives at."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from example import load, run
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import regression
from deltarule.regression import linear_regression, logistic_regression


@pytest.fixture(scope="module")
def shown() -> ModuleType:
    return load("regression")


def augmented(X: np.ndarray) -> np.ndarray:
    return np.column_stack([X, np.ones(len(X))])


def normal_equations_hold(X: np.ndarray, Y: np.ndarray, W: np.ndarray, l2: float = 0) -> None:
    """X^T (X w - y) + n l2 w = 0 but for what a backward stable solver may leave."""
    A, n = augmented(X), len(X)
    penalty = n * l2 * np.append(np.ones(X.shape[1]), 0)[:, None] * W.T
    size = np.linalg.norm(A) * (np.linalg.norm(A) * np.linalg.norm(W) + np.linalg.norm(Y))
    size += n * l2 * np.linalg.norm(W)
    assert_within(A.T @ (A @ W.T - Y) + penalty, np.zeros_like(W.T), gamma(10 * A.size) * size)


@given(
    n=st.integers(1, 40), m=st.integers(1, 6), K=st.integers(1, 3), seed=st.integers(0, 99),
    rank=st.integers(1, 6), l2=st.sampled_from([0.0, 0.01, 3.0]),
)  # fmt: skip
def test_normal_equations(n: int, m: int, K: int, seed: int, rank: int, l2: float) -> None:
    rng = np.random.default_rng(seed)
    # Small integers: a product of lower rank has exactly that rank.
    factors = rng.integers(-3, 4, (n, rank)), rng.integers(-3, 4, (rank, m))
    X, Y = (factors[0] @ factors[1]).astype(float), rng.normal(size=(n, K))
    fit = linear_regression(X, Y, l2)
    normal_equations_hold(X, Y, fit.W, l2)
    if l2 == 0:
        assert fit.rank == np.linalg.matrix_rank(augmented(X))
    assert fit.unique == (l2 > 0 or fit.rank == m + 1)


@pytest.mark.parametrize("m", [3, 30])
def test_of_many_solutions_the_shortest(m: int, rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(10, m)), rng.normal(size=10)
    X[:, 2] = 2 * X[:, 0] - X[:, 1]
    fit, A = linear_regression(X, y), augmented(X)
    U, s, V = np.linalg.svd(A, full_matrices=False)
    assert fit.rank == (3 if m == 3 else 10)
    assert not fit.unique
    nothing = np.eye(m + 1) - V[: fit.rank].T @ V[: fit.rank]
    scale = gamma(100 * A.size) * s[0] / s[fit.rank - 1] * np.linalg.norm(fit.W)
    assert_within(nothing @ fit.W[0], np.zeros(m + 1), scale)  # W lies in the rows' space
    shortest = V[: fit.rank].T @ (U[:, : fit.rank].T @ y / s[: fit.rank])
    assert_within(fit.W[0], shortest, scale)


def test_units_of_the_features_do_not_matter(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    units = np.array([2.0**-60, 1.0, 2.0**60])  # a plain solver takes the first column for nothing
    fit, scaled = linear_regression(X, y), linear_regression(X * units, y)
    assert scaled.rank == 4
    condition = np.linalg.cond(augmented(X)) ** 2
    bound = gamma(1000) * condition * np.linalg.norm(fit.W)
    assert_within(scaled.W[0, :3] * units, fit.W[0, :3], bound)


def test_a_long_table_in_blocks(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(100, 4)), rng.normal(size=(100, 2))
    whole = linear_regression(X, Y)
    monkeypatch.setattr(regression, "ROWS", 3)  # fewer than there are columns
    blocks = linear_regression(X, Y)
    condition = np.linalg.cond(augmented(X)) ** 2
    assert_within(blocks.W, whole.W, gamma(1000) * condition * np.linalg.norm(whole.W))


def test_the_result_is_a_network(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    fit = linear_regression(X, Y, l2=0.1)
    assert fit.W.shape == (2, 4)
    assert fit.mlp.layers == (3, 2)
    assert np.array_equal(fit.mlp.W[0], fit.W)
    assert_within(fit.predict(X), augmented(X) @ fit.W.T, gamma(10) * 100)
    # The native gradient of the loss that it minimises: nothing but rounding is left.
    assert_within(fit.mlp.gradient(X, Y), np.zeros(8), gamma(1000) * 10)
    moved = dr.MLP.from_architecture(fit.mlp.architecture, fit.mlp.w + 1e-3)
    assert moved.loss(X, Y) > fit.mlp.loss(X, Y)


def test_gradient_descent_arrives_there(shown: ModuleType) -> None:
    result = shown.descent()
    distance, rate = result["distance"], result["rate"]
    X, y = shown.linear_data()
    A, w = augmented(X), linear_regression(X, y).W[0]
    step = np.abs(A).T @ (np.abs(A) @ np.abs(w) + np.abs(y)) / len(X)
    rounding = gamma(2 * len(X)) * np.linalg.norm(step + np.abs(w))
    floor = rounding / (1 - rate)  # each step adds `rounding` to a share `rate` of what was there
    assert distance[-1] <= floor < 1e-9 * distance[0]
    assert np.all(distance[1:] <= rate * distance[:-1] + rounding)


def literal(X: list[list[float]], y: list[int], eta: float, epochs: int) -> list[list[float]]:
    """The notes' loops, example by example and parameter by parameter; x_0 stands last."""
    m = len(X[0])
    theta, thetas = [0.0] * (m + 1), []
    rows = [[*x, 1.0] for x in X]
    for _ in range(epochs):
        gradient = [0.0] * (m + 1)
        for x, label in zip(rows, y, strict=True):
            z = 0.0
            for j in range(m + 1):
                z += theta[j] * x[j]
            error = label - 1 / (1 + float(np.exp(-z)))
            for j in range(m + 1):
                gradient[j] += x[j] * error
        for j in range(m + 1):
            theta[j] += eta * gradient[j]
        thetas.append(list(theta))
    return thetas


@pytest.mark.parametrize("n", [5, 256, 300])
@pytest.mark.parametrize("m", [1, 3, 20])
def test_the_algorithm_of_the_notes_bit_for_bit(n: int, m: int, rng: np.random.Generator) -> None:
    X = rng.normal(size=(n, m))
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(int)
    fit = logistic_regression(X, y, epochs=10, trajectory=True)
    assert fit.thetas is not None
    assert fit.thetas.shape == (11, m + 1)
    assert not fit.thetas[0].any()
    assert fit.thetas[1:].tolist() == literal(X.tolist(), y.tolist(), fit.eta, 10)
    assert np.array_equal(fit.theta, fit.thetas[-1])


@pytest.mark.parametrize("n", [5, 256, 300])
def test_the_same_trajectory_as_a_network(shown: ModuleType, n: int) -> None:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 4))
    y = (X @ [1, -1, 0.5, 0] + rng.logistic(size=n) > 0).astype(int)
    fit = logistic_regression(X, y, epochs=50, trajectory=True)
    w, LL = shown.native(X, y, fit.eta, 50)
    apart = np.linalg.norm(w - fit.thetas, axis=1)
    bound = shown.rounding_bound(X, y, fit)
    assert np.all(apart <= bound)
    assert bound[-1] < 1e-9 * np.linalg.norm(fit.theta)  # so that it proves something
    if n <= 256:  # at theta = 0 every product is exact, and a batch is one block of one sum
        assert np.array_equal(w[1], fit.thetas[1])
    assert_within(LL, fit.log_likelihood[:-1], gamma(3 * n) * np.abs(LL) + n * bound[:-1])


def test_log_likelihood(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    fit = logistic_regression(X, y, eta=0.01, epochs=7)
    assert fit.thetas is None
    p = 1 / (1 + np.exp(-augmented(X) @ fit.theta))
    by_definition = np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))
    assert_within(fit.log_likelihood[-1], by_definition, gamma(300) * 30)
    assert fit.log_likelihood[0] == pytest.approx(-30 * math.log(2), rel=gamma(100))
    assert_within(-fit.mlp.loss(X, y), by_definition, gamma(300) * 30)
    assert np.array_equal(fit.predict_labels(X), (fit.predict(X)[:, 0] >= 0.5).astype(int))
    # Ascent, at the default step: LL never falls by more than its rounding.
    LL = logistic_regression(X, y, epochs=300).log_likelihood
    assert np.all(np.diff(LL) >= -gamma(100) * 30)
    far = logistic_regression(X, y, eta=1e6, epochs=3)  # saturated, and still no warning
    assert np.isfinite(far.log_likelihood).all()


def test_the_example() -> None:
    pytest.importorskip("sklearn")
    result = run("regression")[0]
    assert result["linear: distance to the exact solution after 400 epochs"] < 1e-13
    assert result["logistic: share of the rounding bound, at most"] <= 1
    assert result["logistic: distance to scikit-learn after 400 epochs"] < 1e-12
    assert result["logistic: largest eigenvalue of the Hessian of LL"] < 0  # concave
    assert result["logistic: least rise of LL at a midpoint"] > 0


X = [[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]]


def scaled(by: float) -> list[list[float]]:
    return [[by * value for value in row] for row in X]


@pytest.mark.parametrize("by", [1e-200, 1e200])
def test_linear_regression_far_from_one(by: float) -> None:
    fit = linear_regression(scaled(by), [1.0, 2.0, 4.0])
    assert_within(fit.W[0] * [by, by, 1], [1.5, 0.5, 0.5], gamma(1000))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("by", "y"),
    [(1e-310, [1.0, 2.0, 4.0]), (1.0, [1e308, -1e308, 1e308]), (1e-300, [1e10, 2e10, 4e10])],
)
def test_weights_beyond_float64(by: float, y: list[float]) -> None:
    with pytest.raises(ValueError, match=r"^X, Y: their weights leave float64; expected columns"):
        linear_regression(scaled(by), y)


@pytest.mark.filterwarnings("error")
def test_logistic_regression_far_from_one() -> None:
    with pytest.raises(ValueError, match=r"^X: numbers too large for a default step; expected eta"):
        logistic_regression(scaled(1e200), [0, 1, 1])
    with pytest.raises(FloatingPointError, match=r"^LL is .* after 1 steps of eta = 1e\+308"):
        logistic_regression(scaled(10), [0, 1, 1], eta=1e308)
    with pytest.raises(FloatingPointError, match=r"^LL is .* after 1 steps of eta = 1; expected a"):
        logistic_regression(scaled(1e200), [0, 1, 1], eta=1.0)
    assert np.isfinite(logistic_regression(scaled(1e100), [0, 1, 1]).theta).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0, 2.0], [1, 2]), ValueError, r"X: shape \(2,\); expected \(n, m\)"),
        ((np.empty((0, 2)), []), ValueError, r"X: shape \(0, 2\); expected"),
        ((X, [1.0, 2.0]), ValueError, r"Y: shape \(2,\); expected \(3,\) or \(3, K\)"),
        ((X, np.empty((3, 0))), ValueError, r"Y: shape \(3, 0\); expected"),
        (([[math.nan, 1.0]], [1.0]), ValueError, r"X: row 0 holds nan or infinity"),
        ((X, [1.0, 2.0, math.inf]), ValueError, r"Y: row 2 holds nan or infinity"),
        ((X, ["a", "b", "c"]), TypeError, r"Y: dtype <U1; expected real numbers"),
        ((X, [1, 2, 3], -1.0), ValueError, r"l2: -1.0; expected a finite number >= 0"),
    ],
)
def test_linear_errors(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        linear_regression(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, [0, 1]), ValueError, r"X, y: 3 and 2 rows; expected as many in both"),
        ((X, [0, 1, 2]), ValueError, r"y: row 2 holds 2; expected 0 or 1"),
        ((X, [0, math.nan, 1]), ValueError, r"y: row 1 holds nan; expected 0 or 1"),
        ((X, [[0, 1]] * 3), ValueError, r"y: shape \(3, 2\); expected \(n,\) or \(n, 1\)"),
        ((X, [0, 1, 1], 0.0), ValueError, r"eta: 0.0; expected a finite number > 0"),
        ((X, [0, 1, 1], "big"), TypeError, r"eta: 'big' of type str"),
        ((X, [0, 1, 1], 0.1, 0), ValueError, r"epochs: 0; expected an integer >= 1"),
        ((X, [0, 1, 1], 0.1, 1, 1), TypeError, r"trajectory: 1 of type int; expected True"),
    ],
)
def test_logistic_errors(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        logistic_regression(*arguments)
