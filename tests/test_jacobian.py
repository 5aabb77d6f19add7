# SPDX-License-Identifier: BSD-3-Clause
"""`jacobian` against differences of the outputs, dense products, and what `backward` returns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tolerances import FD_STEP, FD_USEFUL, assert_within, fd_bound, gamma

import deltarule as dr
from deltarule import chunks
from deltarule.activations import TABLE
from deltarule.jacobian import NOT_DIFFERENTIABLE, jacobian
from deltarule.oracle.activations import DERIVATIVES, activate, softmax_jacobian
from deltarule.oracle.losses import descent
from deltarule.oracle.network import affine

# Those of docs/derivation.md; the others: test_activations.py.
SMOOTH = [
    name for name, f in TABLE.items() if f.from_output and name not in NOT_DIFFERENTIABLE
]  # fmt: skip
MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])
N = 5
SCALING = {"input_shift": [0.5, -1.0, 0.25], "input_scale": [2.0, -0.5, 1.5]}


def network(hidden: Any, output: str, module: Any = dr, dtype: str = "float64", **options: Any):  # type: ignore[no-untyped-def]
    """A 3-5-4-4 network, biases too, where no net of a relu is near its kink."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        mlp = module.MLP([3, 5, 4, 4], hidden, output, dtype=dtype, **options)
        mlp.w = rng.normal(0, 0.8, mlp.n_weights)
        X = rng.normal(size=(N, 3))
        trace = mlp.forward(X)
        kinked = [
            trace.net[k + 1] for k, f in enumerate(mlp.architecture.activations) if f == "relu"
        ]
        if all(np.min(np.abs(net)) > 40 * FD_STEP and np.any(net > 0) for net in kinked):
            return mlp, X
    raise AssertionError("no seed keeps relu away from its kink")


def difference(f: Callable[[Any], Any], x: np.ndarray, i: int, h: float) -> np.ndarray:
    """Fourth-order difference of f(x), (N, K), with respect to column i of x."""
    step = np.zeros_like(x)
    step[:, i] = h
    near, far = f(x + step) - f(x - step), f(x + 2 * step) - f(x - 2 * step)
    return np.asarray((8 * near - far) / (12 * h))


def rounding(mlp: Any, X: np.ndarray) -> float:
    """What rounding can do to y_hat: to every net, carried on by |dy_hat/dnet|, and to the last."""
    trace = mlp.forward(X)
    total = gamma(32) * max(1.0, float(np.max(np.abs(trace.y_hat))))
    for k, W in enumerate(mlp.W):
        magnitude = np.abs(trace.o[k]) @ np.abs(W[:, :-1]).T + np.abs(W[:, -1]) + 1
        carried = np.abs(jacobian(mlp, X, k + 1)) @ magnitude[:, :, None]
        total += gamma(W.shape[1] + 32) * float(np.max(carried))
    return total


def assert_is_jacobian(
    claimed: np.ndarray, f: Callable[[Any], Any], x: np.ndarray, f_rounding: float
) -> None:
    for i in range(x.shape[1]):
        at_h, at_2h = difference(f, x, i, FD_STEP), difference(f, x, i, 2 * FD_STEP)
        bound = fd_bound(at_h, at_2h, x[:, i : i + 1], f_rounding)
        assert np.max(bound) < FD_USEFUL * max(1.0, np.max(np.abs(claimed)))
        assert_within(claimed[:, :, i], at_h, bound)


@MODULES
@pytest.mark.parametrize("output", SMOOTH)
@pytest.mark.parametrize("hidden", SMOOTH)
def test_it_is_the_difference_quotient(hidden: str, output: str, module: Any) -> None:
    mlp, X = network(hidden, output, module, **SCALING)
    noise = rounding(mlp, X)
    claimed = jacobian(mlp, X)
    assert claimed.shape == (N, 4, 3)
    assert_is_jacobian(claimed, mlp.predict, X, 8 * noise)  # the input's scaling is rounded, too
    trace = mlp.forward(X)
    for k in range(1, 4):

        def onward(net: np.ndarray, k: int = k) -> np.ndarray:
            o = activate(mlp.architecture.activations[k - 1], net)
            for W, f in zip(mlp.W[k:], mlp.architecture.activations[k:], strict=True):
                o = activate(f, affine(o, W))
            return o

        claimed = jacobian(mlp, X, wrt=k)
        assert claimed.shape == (N, 4, mlp.layers[k])
        assert_is_jacobian(claimed, onward, trace.net[k], noise)


def dense(mlp: Any, X: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The product of all Jacobians as matrices, from the trace, and that of their magnitudes."""
    trace = mlp.forward(X)
    shape = (len(X), mlp.layers[-1], mlp.layers[-1])
    J = magnitude = np.broadcast_to(np.eye(mlp.layers[-1]), shape)
    for k in range(len(mlp.layers) - 1, 0, -1):
        f, o = mlp.architecture.activations[k - 1], trace.o[k].astype(np.float64)
        width = o.shape[1]
        if f == "softmax":
            inner = softmax_jacobian(o)
            size = o[:, :, None] * (np.eye(width) + o[:, None, :])
        else:
            slope = DERIVATIVES[f](o)
            inner = np.eye(width) * slope[:, :, None]
            size = np.eye(width) * (1 + o**2 if f in ("tanh", "logistic") else slope)[:, :, None]
        J, magnitude = J @ inner, magnitude @ size
        if k == first:
            return J, magnitude
        W = mlp.W[k - 1][:, :-1].astype(np.float64)
        J, magnitude = J @ W, magnitude @ np.abs(W)
    scale = np.array(mlp.architecture.input_scale or [1.0])
    return J * scale, magnitude * np.abs(scale)


@pytest.mark.parametrize("options", [{}, SCALING], ids=["plain", "scaled"])
@pytest.mark.parametrize("output", SMOOTH)
@pytest.mark.parametrize("hidden", [*SMOOTH, ["softmax", "relu"], ["tanh", "softmax"]], ids=str)
def test_it_is_the_product_of_the_layers(
    hidden: Any, output: str, options: Any, dtype: str
) -> None:
    """For float32 too: its trace is taken as it is, and everything behind it is float64."""
    mlp, X = network(hidden, output, dtype=dtype, **options)
    for first in range(4):
        claimed = jacobian(mlp, X, first or "X")
        assert claimed.dtype == np.float64
        expected, magnitude = dense(mlp, X, first)
        assert_within(claimed, expected, gamma(60) * magnitude)


@MODULES
@pytest.mark.parametrize("output", SMOOTH)
@pytest.mark.parametrize("hidden", SMOOTH)
def test_backward_is_it_with_the_loss_in_front(hidden: str, output: str, module: Any) -> None:
    """dX = dL_i/dy_hat J = -u J and delta[k] = u J, with u = -dL_i/dy_hat  (16)."""
    mlp, X = network(hidden, output, module, **SCALING)
    Y = np.random.default_rng(9).normal(size=(N, 4))
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    u = descent("half_squared_error", Y, trace.y_hat, 0.0)
    size = np.abs(Y) + np.abs(trace.y_hat)
    for first in range(4):
        product = np.einsum("nj,nji->ni", u, jacobian(mlp, X, first or "X"))
        bound = gamma(100) * np.einsum("nj,nji->ni", size, dense(mlp, X, first)[1])
        assert_within(back.delta[first] if first else -back.dX, product, bound)


def test_the_softmax_formula(dtype: str) -> None:
    """y_i (1 - y_i) on the diagonal, -y_i y_j beside it."""
    mlp = dr.MLP([3, 4], output="softmax", dtype=dtype, seed=0)
    X = np.random.default_rng(1).normal(size=(N, 3))
    J, y = jacobian(mlp, X, wrt=1), mlp.predict(X).astype(np.float64)
    for i in range(4):
        for j in range(4):
            formula = y[:, i] * (1 - y[:, i]) if i == j else -y[:, i] * y[:, j]
            assert_within(J[:, i, j], formula, gamma(4) * y[:, i])
    W = mlp.W[0][:, :-1].astype(np.float64)
    assert_within(jacobian(mlp, X), J @ W, gamma(8) * (np.abs(J) @ np.abs(W)))


def test_by_hand() -> None:
    """o[1] = relu(2 x_1 - x_2, x_2 - 3), y_hat = (o_1 + 4 o_2, -o_1); x = X / 2 - 1."""
    mlp = dr.MLP([2, 2, 2], input_shift=2.0, input_scale=0.5)
    mlp.W = [np.array([[2.0, -1, 0], [0, 1, -3]]), np.array([[1.0, 4, 0], [-1, 0, 0]])]
    X = [[4.0, 2.0], [2.0, 12.0], [2.0, 10.0], [2.0, 2.0]]  # x = (1, 0), (0, 5), (0, 4), (0, 0)
    np.testing.assert_array_equal(
        jacobian(mlp, X),
        [[[1, -0.5], [-1, 0.5]], [[0, 2], [0, 0]], [[0, 2], [0, 0]], np.zeros((2, 2))],
    )
    nets = jacobian(mlp, X, wrt=1)
    np.testing.assert_array_equal(nets[:2], [[[1, 0], [-1, 0]], [[0, 4], [0, 0]]])
    np.testing.assert_array_equal(nets[3], np.zeros((2, 2)))  # net = (0, -3): f' at 0 is 0
    np.testing.assert_array_equal(jacobian(mlp, X, wrt=2), [np.eye(2)] * 4)


def test_chunks_change_nothing(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mlp, X = network("tanh", "softmax", dtype=dtype)
    whole = jacobian(mlp, X)
    monkeypatch.setattr(chunks, "TRACE_NUMBERS", 1)  # row by row
    np.testing.assert_array_equal(jacobian(mlp, X), whole)
    np.testing.assert_array_equal(jacobian(mlp, X.tolist(), n_threads=2), whole)


@pytest.mark.parametrize(
    ("wrt", "error", "message"),
    [
        ("x", ValueError, "wrt: 'x'; expected 'X' or a layer 1 .. 3"),
        (0, ValueError, "wrt: 0; expected an integer >= 1"),
        (-1, ValueError, "wrt: -1"),
        (4, ValueError, "wrt: 4; expected 'X' or a layer 1 .. 3, whose net is meant"),
        (1.0, TypeError, "wrt: 1.0 of type float"),
        (True, TypeError, "wrt: True"),
        (None, TypeError, "wrt: None"),
    ],
)
def test_bad_wrt(wrt: Any, error: type[Exception], message: str) -> None:
    mlp, X = network("tanh", "identity")
    with pytest.raises(error, match=f"^{message}"):
        jacobian(mlp, X, wrt)


def test_bad_arguments() -> None:
    mlp, X = network("tanh", "identity", dtype="float32")
    with pytest.raises(TypeError, match=r"^mlp: an object of type str; expected an MLP"):
        jacobian("mlp", X)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^X: shape \(5, 2\); expected \(n, 3\)"):
        jacobian(mlp, X[:, :2])
    X[4, 1] = 1e300
    with pytest.raises(ValueError, match=r"^X: row 4 holds nan or infinity \(as float32\)"):
        jacobian(mlp, X)


@MODULES
def test_threshold_units_are_refused(module: Any) -> None:
    X = np.zeros((N, 3))
    mlp = module.MLP([3, 5, 4, 4], ["threshold", "tanh"], seed=0)
    for wrt in ("X", 1):
        with pytest.raises(ValueError, match=r"^mlp: layer 1 has activation 'threshold', which"):
            jacobian(mlp, X, wrt)
    assert jacobian(mlp, X, wrt=2).shape == (N, 4, 4)  # behind it all is smooth
