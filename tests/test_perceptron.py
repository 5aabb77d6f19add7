# SPDX-License-Identifier: BSD-3-Clause
"""Rosenblatt's rule: it converges exactly where a separating plane exists, and says so."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltarule.perceptron import Perceptron, mistake_bound

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def by_rows(X: Any, d: Any, W: Any, eta: float, epochs: int) -> tuple[np.ndarray, list[int]]:
    """The rule as it is printed: row after row, unit after unit."""
    W, mistakes = np.array(W, np.float64), []
    for _ in range(epochs):
        mistakes.append(0)
        for x, wanted in zip(X, d, strict=True):
            augmented = [*x, 1.0]
            y = [float(sum(map(np.multiply, w, augmented)) >= 0) for w in W]
            for k, w in enumerate(W):
                if y[k] != wanted[k]:
                    W[k] = [
                        v + eta * (wanted[k] - y[k]) * xi
                        for v, xi in zip(w, augmented, strict=True)
                    ]
                    mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return W, mistakes


@st.composite
def separable(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integer rows, and an integer plane that none of them lies on: nothing is rounded."""
    n_inputs = draw(st.integers(1, 4))
    small = st.integers(-6, 6)
    w = np.array(draw(st.lists(small, min_size=n_inputs + 1, max_size=n_inputs + 1)))
    row = st.lists(small, min_size=n_inputs, max_size=n_inputs)
    rows = draw(st.lists(row, min_size=1, max_size=30))
    X = np.array([x for x in rows if w[:-1] @ x + w[-1] != 0]).reshape(-1, n_inputs)
    if len(X) == 0:
        X, w[-1] = np.zeros((1, n_inputs), int), 1
    return X, (X @ w[:-1] + w[-1] > 0).astype(int), w


@given(separable(), st.sampled_from([1.0, 0.5, 8.0]))
def test_converges_on_every_separable_set_within_the_bound(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], eta: float
) -> None:
    X, d, w = data
    perceptron = Perceptron(X.shape[1])
    bound = mistake_bound(X, d, w)
    fit = perceptron.fit(X, d, epochs=int(bound) + 2, eta=eta)
    assert fit.converged
    assert fit.n_updates <= bound
    assert fit.mistakes[-1] == 0
    assert sum(fit.mistakes) == fit.n_updates
    assert len(fit.mistakes) == fit.n_epochs
    assert fit.period is None
    np.testing.assert_array_equal(perceptron.predict(X)[:, 0], d)


@given(
    st.integers(1, 5), st.integers(1, 3), st.integers(1, 80), st.sampled_from([1.0, 0.25]),
    st.integers(0, 2**32),
)  # fmt: skip
def test_it_is_the_rule_row_by_row(
    n_inputs: int, n_outputs: int, n: int, eta: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X, d = rng.integers(-4, 5, (n, n_inputs)), rng.integers(0, 2, (n, n_outputs))
    start = rng.integers(-3, 4, (n_outputs, n_inputs + 1))
    perceptron = Perceptron(n_inputs, n_outputs, start)
    fit = perceptron.fit(X, d, epochs=7, eta=eta)
    W, mistakes = by_rows(X, d, start, eta, fit.n_epochs)
    np.testing.assert_array_equal(perceptron.W, W)
    assert list(fit.mistakes) == mistakes


def test_xor_never_converges_and_the_result_says_so() -> None:
    perceptron = Perceptron(2)
    fit = perceptron.fit(SQUARE, [0, 1, 1, 0], epochs=1000)
    assert not fit.converged
    assert fit.period is not None
    assert fit.n_epochs < 20
    # The proof: `period` epochs from here on lead here again, with mistakes in each.
    before = perceptron.W.copy()
    again = perceptron.fit(SQUARE, [0, 1, 1, 0], epochs=fit.period)
    assert min(again.mistakes) > 0
    np.testing.assert_array_equal(perceptron.W, before)
    assert str(fit).startswith("never converges: ")


@pytest.mark.parametrize("d", [[0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]])
@pytest.mark.parametrize("eta", [2.0**-20, 0.25, 8.0])
def test_a_power_of_two_only_scales(d: list[int], eta: float) -> None:
    one, scaled = Perceptron(2), Perceptron(2)
    assert scaled.fit(SQUARE, d, eta=eta) == one.fit(SQUARE, d)
    np.testing.assert_array_equal(scaled.W, eta * one.W)


def test_rounding_can_hide_a_plane() -> None:
    """XOR whose third feature tells its classes apart, by an amount that 1 + 1e-16 rounds away."""
    X = np.hstack([SQUARE, [[1e-16], [0], [0], [1e-16]]])
    X, d = np.vstack([X, [5, 5, -1]]), [0, 1, 1, 0, 1]
    assert mistake_bound(X, d, [0, 0, -2e16, 1]) < np.inf
    assert Perceptron(3).fit(X, d).period is not None
    X[:, 2] *= [2e16, 1, 1, 2e16, 1]
    assert Perceptron(3).fit(X, d).converged


@pytest.mark.parametrize(("n", "separable_functions"), [(1, 4), (2, 14), (3, 104)])
def test_exactly_the_threshold_functions_converge(n: int, separable_functions: int) -> None:
    """All functions of n bits: each converges or is proven to cycle, none is left open."""
    X = np.array(list(product([0, 1], repeat=n)))
    fits = [Perceptron(n).fit(X, d, epochs=10_000) for d in product([0, 1], repeat=2**n)]
    assert all(fit.converged != (fit.period is not None) for fit in fits)
    assert sum(fit.converged for fit in fits) == separable_functions


def test_the_period_is_that_of_the_weights() -> None:
    """Every function of three bits that cycles comes back after `period` epochs, not before."""
    X = np.array(list(product([0, 1], repeat=3)))
    periods = set()
    for d in product([0, 1], repeat=8):
        perceptron = Perceptron(3)
        fit = perceptron.fit(X, d, epochs=10_000)
        if fit.period is not None:
            W = perceptron.W.copy()
            back = []
            for _ in range(fit.period):
                perceptron.fit(X, d, epochs=1)
                back.append(np.array_equal(perceptron.W, W))
            assert back == [False] * (fit.period - 1) + [True]
            periods.add(fit.period)
    assert max(periods) > 1


def test_a_weight_that_overflows_is_an_error() -> None:
    perceptron = Perceptron(1)
    with pytest.raises(FloatingPointError, match="a weight is not finite"):
        perceptron.fit([[1e300], [-1e300]], [0, 0], eta=1e300)
    assert not perceptron.W.any()


def test_one_unit_per_column_of_d() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(-9, 10, (200, 3))
    X = X[(X != 0).all(axis=1)]
    d = (X > 0).astype(int)
    together = Perceptron(3, 3)
    assert together.fit(X, d).converged
    for k in range(3):
        alone = Perceptron(3)
        alone.fit(X, d[:, k])
        np.testing.assert_array_equal(together.W[k], alone.W[0])


def test_updates_only_where_wrong() -> None:
    perceptron = Perceptron(2, W=[1.0, 1.0, -1.5])
    fit = perceptron.fit(SQUARE, [0, 0, 0, 1])
    assert (fit.converged, fit.n_epochs, fit.n_updates) == (True, 1, 0)
    np.testing.assert_array_equal(perceptron.W, [[1.0, 1.0, -1.5]])


def test_fires_from_zero_on() -> None:
    perceptron = Perceptron(1, W=[1.0, -2.0])
    np.testing.assert_array_equal(perceptron.predict([[1.0], [2.0], [3.0]]), [[0], [1], [1]])
    below = np.nextafter(2.0, 0.0)
    assert perceptron.predict([[below]]) == 0


def test_goes_on_where_it_stopped() -> None:
    rng = np.random.default_rng(1)
    X = rng.integers(-5, 6, (50, 2))
    d = (3 * X[:, 0] - 2 * X[:, 1] + 1 > 0).astype(int)
    once, twice = Perceptron(2), Perceptron(2)
    first = twice.fit(X, d, epochs=1)
    assert not first.converged
    assert first.period is None
    assert "not converged yet: 1 epoch" in str(first)
    second = twice.fit(X, d)
    whole = once.fit(X, d)
    np.testing.assert_array_equal(once.W, twice.W)
    assert first.mistakes + second.mistakes == whole.mistakes
    assert str(whole).startswith("converged: ")


def test_to_mlp_is_a_network_of_its_own() -> None:
    perceptron = Perceptron(2)
    perceptron.fit(SQUARE, [0, 0, 0, 1])
    mlp = perceptron.to_mlp()
    assert mlp.layers == (2, 1)
    assert mlp.architecture.activations == ("threshold",)
    before = mlp.predict(SQUARE)
    perceptron.W = np.zeros((1, 3))
    np.testing.assert_array_equal(mlp.predict(SQUARE), before)
    np.testing.assert_array_equal(before[:, 0], [0, 0, 0, 1])


def test_the_same_on_every_instruction_set(isa: str) -> None:
    rng = np.random.default_rng(2)
    X, d = rng.normal(size=(300, 9)), rng.integers(0, 2, (300, 2))
    perceptron = Perceptron(9, 2)
    fit = perceptron.fit(X, d, epochs=3)
    assert fit.mistakes == (302, 288, 285)


def test_bound_needs_a_separating_plane() -> None:
    with pytest.raises(ValueError, match="row 3 is not strictly on its side"):
        mistake_bound(SQUARE, [0, 1, 1, 0], [1, 1, -0.5])
    with pytest.raises(ValueError, match=r"expected \(n, m\) and \(m \+ 1,\)"):
        mistake_bound(SQUARE, [0, 1, 1, 0], [1, 1])
    # AND: R^2 = 3, and the least margin of x + y - 1.5 is 0.5 / |(1, 1, -1.5)|.
    for scale in (1.0, 1e-300, 1e300):
        w = np.array([1, 1, -1.5]) * scale
        assert mistake_bound(SQUARE, [0, 0, 0, 1], w) == pytest.approx(3 * 4.25 / 0.25)


def test_the_bound_is_not_rounded_below_the_corrections() -> None:
    """One sample that must be silent takes one correction, and R = gamma if w is along it."""
    for x in product(range(-6, 7), repeat=2):
        assert mistake_bound([x], [0], [*np.negative(x), -1]) == 1
        assert Perceptron(2).fit([x], [0]).n_updates == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"d": [0, 1, 2, 0]}, ValueError, "d: row 2 holds [2]; expected 0 or 1"),
        ({"d": [0, 1, np.nan, 0]}, ValueError, "d: row 2 holds [nan]; expected 0 or 1"),
        ({"d": [-1, 1, 1, -1]}, ValueError, "d: row 0 holds [-1]; expected 0 or 1"),
        ({"d": [0, 1, 1]}, ValueError, "d: shape (3,); expected (4, 1) or (4,)"),
        ({"d": np.zeros((4, 2))}, ValueError, "d: shape (4, 2); expected (4, 1) or (4,)"),
        ({"d": ["0"] * 4}, TypeError, "d: dtype"),
        ({"X": np.zeros((4, 3))}, ValueError, "X: shape (4, 3); expected (n, 2)"),
        ({"X": SQUARE * np.nan}, ValueError, "X: row 0 holds nan or infinity"),
        ({"eta": 0.0}, ValueError, "eta: 0.0; expected a finite number > 0"),
        ({"eta": "1"}, TypeError, "eta: '1'"),
        ({"epochs": 0}, ValueError, "epochs: 0; expected an integer >= 1"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type, message: str) -> None:
    given = {"X": SQUARE, "d": [0, 1, 1, 1], **arguments}
    with pytest.raises(error) as caught:
        Perceptron(2).fit(**given)
    assert str(caught.value).startswith(message)


def test_bad_weights_and_sizes() -> None:
    with pytest.raises(ValueError, match=r"W: shape \(2,\); expected \(1, 3\)"):
        Perceptron(2, W=[1, 2])
    with pytest.raises(ValueError, match="nan or infinity"):
        Perceptron(2, W=[1, 2, np.inf])
    with pytest.raises(ValueError, match="n_inputs: 0"):
        Perceptron(0)
    with pytest.raises(TypeError, match="n_outputs"):
        Perceptron(2, 1.5)  # type: ignore[arg-type]
