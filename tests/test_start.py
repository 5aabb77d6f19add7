# SPDX-License-Identifier: BSD-3-Clause
"""Starts that look at the data, and the NTK parametrisation against one written out."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma, unit_roundoff

import deltarule as dr
from deltarule import chunks, oracle

N, LAYERS = 300, [12, 30, 20, 5]


def data() -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.normal(size=(N, LAYERS[0])) @ rng.normal(size=(LAYERS[0], LAYERS[0])) + 3


def network(make: Any = dr.MLP, **options: Any) -> Any:
    return make(LAYERS, ["relu", "tanh"], **{"seed": 1, "dtype": "float64", **options})


def nets(mlp: Any, X: np.ndarray) -> list[np.ndarray]:
    return [net.astype(np.float64) for net in mlp.forward(X).net[1:]]


def bounds(mlp: Any, X: np.ndarray) -> list[float]:
    """How far a variance near 1 may be off: twice the error of net, which is that of its sums.

    Its own weights and the outputs before it are rounded, to the dtype, once each.
    """
    result = []
    for W, o in zip(mlp.W, mlp.forward(X).o, strict=False):
        size = np.abs(o) @ np.abs(W[:, :-1]).T + np.abs(W[:, -1])
        error = gamma(W.shape[1] + 4, mlp.dtype) * size.max()
        result.append(4 * error * np.abs(np.hstack([o @ W[:, :-1].T + W[:, -1]])).max() + 8 * error)
    return result


@pytest.mark.parametrize("make", [dr.MLP, oracle.MLP])
@pytest.mark.parametrize("zero_mean", [False, True])
@pytest.mark.parametrize("by", ["layer", "unit"])
def test_unit_variance(by: str, zero_mean: bool, make: Any, dtype: str) -> None:
    X, mlp = data(), network(make, dtype=dtype)
    before = mlp.W[0].copy()
    dr.unit_variance(mlp, X, by=by, zero_mean=zero_mean)
    for net, bound in zip(nets(mlp, X), bounds(mlp, X), strict=True):
        variances = net.var(axis=0)
        claimed = variances if by == "unit" else variances.mean()
        assert_within(claimed, np.ones_like(claimed), bound)
        if zero_mean:
            assert_within(net.mean(axis=0), np.zeros(net.shape[1]), bound)
        elif make is oracle.MLP:
            assert np.abs(net.mean(axis=0)).max() > 0.1
    # Rows of W keep their directions, and by layer their proportions.
    factors = mlp.W[0][:, 0] / before[:, 0]
    assert_within(mlp.W[0][:, :-1], factors[:, None] * before[:, :-1],
                  4 * unit_roundoff(dtype) * np.abs(mlp.W[0][:, :-1]))  # fmt: skip
    if by == "layer":
        assert_within(factors, np.full(30, factors[0]), 4 * unit_roundoff(dtype) * abs(factors[0]))


def test_learned_slopes_are_left_alone() -> None:
    X, mlp = data(), dr.MLP(LAYERS, ["prelu(0.3)", "blend(mish)"], seed=1, dtype="float64")
    before = [None if a is None else a.copy() for a in mlp.alpha]
    dr.unit_variance(mlp, X, by="unit")
    for net, bound in zip(nets(mlp, X), bounds(mlp, X), strict=True):
        assert_within(net.var(axis=0), np.ones(net.shape[1]), bound)
    for a, b in zip(mlp.alpha, before, strict=True):
        assert a is b is None or np.array_equal(a, b)


def test_chunks_of_rows_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    X, whole, parts = data(), network(), network()
    dr.unit_variance(whole, X, zero_mean=True)
    monkeypatch.setattr(chunks, "TRACE_NUMBERS", 2 * sum(LAYERS) * 7)  # 7 rows at a time, 6 at last
    dr.unit_variance(parts, X, zero_mean=True)
    assert_within(parts.w, whole.w, gamma(50 * N) * np.abs(whole.w).max())


def test_a_layer_may_have_idle_units_but_not_consist_of_them() -> None:
    X, mlp = data(), network()
    W = [matrix.copy() for matrix in mlp.W]
    W[1][3] = 0
    mlp.W, before = W, None
    before = mlp.w.copy()
    with pytest.raises(ValueError, match=r"net\[2\] of unit 3 has mean 0, variance 0 over 300"):
        dr.unit_variance(mlp, X, by="unit")
    assert np.array_equal(mlp.w, before)
    dr.unit_variance(mlp, X)
    assert_within(nets(mlp, X)[1].var(axis=0).mean(), 1.0, bounds(mlp, X)[1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: dr.unit_variance(m, np.ones((5, 12))), ValueError, r"X: net\[1\] of unit 0 has"),
        (lambda m: dr.unit_variance(m, np.ones((1, 12))), ValueError, r"at least two rows"),
        (lambda m: dr.unit_variance(m, np.ones((5, 3))), ValueError, r"X: shape \(5, 3\)"),
        (
            lambda m: dr.unit_variance(m, data(), by="row"),
            ValueError,
            r"by: 'row'; expected 'layer'",
        ),
        (
            lambda m: dr.unit_variance(m, data(), zero_mean=1),
            TypeError,
            r"zero_mean: 1 of type int",
        ),
        (lambda m: dr.unit_variance(m.W, data()), TypeError, r"mlp: .*tuple; expected an MLP"),
        (lambda m: dr.unit_variance(m, 1e300 * data()), FloatingPointError, r"net\[1\] leaves"),
        (lambda m: dr.ntk_factors("net"), TypeError, r"mlp: .*str; expected an MLP"),
    ],
)
def test_refused(call: Any, error: type[Exception], message: str) -> None:
    mlp = network()
    before = mlp.w.copy()
    with pytest.raises(error, match=message):
        call(mlp)
    assert np.array_equal(mlp.w, before)


def explicit_ntk(
    V: list[np.ndarray], X: np.ndarray, Y: np.ndarray, order: np.ndarray, batch: int,
    eta: float, momentum: float, velocity: list[np.ndarray],
) -> None:  # fmt: skip
    """One epoch of net = V [o; 1] / sqrt(H) with tanh, 1/2 squared error and an identity output.

    Momentum SGD on V itself, written out; nothing of the package.
    """
    scales = [1 / np.sqrt(matrix.shape[1] - 1) for matrix in V]
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        o = [np.hstack([X[rows], np.ones((len(rows), 1))])]
        for k, (matrix, scale) in enumerate(zip(V, scales, strict=True)):
            net = scale * (o[k] @ matrix.T)
            out = net if k == len(V) - 1 else np.tanh(net)
            o.append(np.hstack([out, np.ones((len(rows), 1))]))
        delta = o[-1][:, :-1] - Y[rows]
        for k in range(len(V) - 1, -1, -1):
            gradient = scales[k] * delta.T @ o[k] / len(rows)
            if k:
                delta = scales[k] * (delta @ V[k][:, :-1]) * (1 - o[k][:, :-1] ** 2)
            velocity[k] = momentum * velocity[k] + gradient
            V[k] = V[k] - eta * velocity[k]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("batch", [32, N])
def test_ntk_is_the_explicit_parametrisation(batch: int, momentum: float) -> None:
    """W = V / sqrt(H) before and after every epoch, where V ~ N(0, 1) is trained by plain SGD."""
    layers, eta, epochs = [12, 40, 30, 2], 0.5, 8
    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(N, 12)), rng.normal(size=(N, 2))
    mlp = dr.MLP(layers, "tanh", seed=3, init="ntk", dtype="float64")
    V, draws = [], np.random.default_rng(3)
    for n_in, n_out in pairwise(layers):
        V.append(np.hstack([draws.standard_normal((n_out, n_in)), np.zeros((n_out, 1))]))
    velocity = [np.zeros_like(matrix) for matrix in V]
    factors = dr.ntk_factors(mlp)
    assert factors == (1 / 12, 1 / 40, 1 / 30)
    trainer = dr.Trainer(mlp, dr.SGD(eta, momentum, eta_factors=factors), batch)
    start, steps = mlp.w.copy(), 0
    for _ in range(epochs + 1):
        W = mlp.architecture.flatten(
            [matrix / np.sqrt(matrix.shape[1] - 1) for matrix in V], alpha=None
        )
        # Each step adds the rounding of its sums; with a small eta errors don't grow.
        bound = gamma(100 + steps * (N + sum(layers))) * np.abs(W).max()
        assert_within(mlp.w, W, bound)
        order = rng.permutation(N)
        trainer.epoch(X, Y, order)
        explicit_ntk(V, X, Y, order, batch, eta, momentum, velocity)
        steps += -(-N // batch)
    assert np.abs(mlp.w - start).max() > 0.01, "nothing was trained"


def test_ntk_without_its_factors_is_another_training() -> None:
    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(N, 12)), rng.normal(size=(N, 5))
    mlp = network(init="ntk")
    plain = network(init="ntk")
    dr.Trainer(mlp, dr.SGD(0.5, eta_factors=dr.ntk_factors(mlp)), None).epoch(X, Y)
    dr.Trainer(plain, dr.SGD(0.5), None).epoch(X, Y)
    assert np.abs(mlp.w - plain.w).max() > 1e-3
