# SPDX-License-Identifier: BSD-3-Clause
"""`minimize`: known minima, scikit-learn's trajectories, and what an exception leaves behind."""

import math
import signal
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import full_batch, oracle

pytest.importorskip("scipy")

METHODS = ["L-BFGS-B", "CG"]
N = 200


def regression(outputs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(N, 6))
    return X, np.sin(X @ rng.normal(size=(6, outputs))) + 0.1 * rng.normal(size=(N, outputs))


def classes() -> tuple[np.ndarray, np.ndarray]:
    X, y = regression()
    return X, (y[:, 0] > 0.1).astype(int)


def network(layers: list[int] | None = None, **options: Any) -> Any:
    return dr.MLP(layers or [6, 8, 1], "tanh", seed=1, dtype=options.pop("dtype", "float64"),
                  **options)  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_least_squares(method: str) -> None:
    """A quadratic: |w - w*| <= |gradient| / (least eigenvalue of its Hessian), exactly."""
    X, Y = regression(3)
    known = dr.linear_regression(X, Y, l2=0.01)
    mlp = dr.MLP([6, 3], output="identity", seed=1, dtype="float64", l2=0.01)
    found = dr.minimize(mlp, X, Y, method, tol=1e-9, options=_to_the_end(method))
    A = np.hstack([X, np.ones((N, 1))])
    hessian = A.T @ A / N + 0.01 * np.diag([1] * 6 + [0])
    least = np.linalg.eigvalsh(hessian)[0]
    rounding = gamma(10 * N) * np.abs(found.w).max() / least
    distance = np.linalg.norm(mlp.w - known.W.ravel())
    assert distance <= np.linalg.norm(found.gradient) / least + rounding
    assert np.linalg.norm(found.gradient) < 1e-7
    assert np.array_equal(mlp.w, found.w)


def newton(X: np.ndarray, y: np.ndarray, l2: float) -> tuple[np.ndarray, float]:
    """The minimum of the mean log-loss + l2/2 |w without its bias|^2; least eigenvalue there."""
    A, w = np.hstack([X, np.ones((len(X), 1))]), np.zeros(X.shape[1] + 1)
    penalty = l2 * np.append(np.ones(X.shape[1]), 0)
    for _ in range(30):
        p = 1 / (1 + np.exp(-A @ w))
        hessian = (A * (p * (1 - p))[:, None]).T @ A / len(X) + np.diag(penalty)
        w = w - np.linalg.solve(hessian, A.T @ (p - y) / len(X) + penalty * w)
    return w, float(np.linalg.eigvalsh(hessian)[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_logistic_regression(method: str, l2: float) -> None:
    """Within |gradient| / lambda of Newton's minimum, and as much again for lambda's change."""
    X, y = classes()
    known, least = newton(X, y, l2)
    mlp = dr.MLP([6, 1], loss="binary_cross_entropy", init="zeros", dtype="float64", l2=l2)
    found = dr.minimize(mlp, X, y, method, tol=1e-8, options=_to_the_end(method))
    rounding = gamma(10 * N) * np.abs(known).max() / least
    assert np.linalg.norm(found.gradient) < 1e-6
    distance = np.linalg.norm(mlp.w - known)
    assert distance <= 2 * np.linalg.norm(found.gradient) / least + rounding
    assert abs(found.history.loss[0] - math.log(2)) <= gamma(N)


def _to_the_end(method: str) -> dict[str, Any] | None:
    return {"ftol": 0.0} if method == "L-BFGS-B" else None


def flat(estimator: Any) -> list[np.ndarray]:
    pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    return [np.hstack([coef.T, bias[:, None]]) for coef, bias in pairs]


@pytest.mark.parametrize("iterations", [3, 10, 25])
@pytest.mark.parametrize("kind", ["regression", "two classes", "five classes"])
def test_trajectory_of_scikit_learn(kind: str, iterations: int) -> None:
    """The same start, the same SciPy: equal but for roundings, and for what they grow to.

    How they grow is measured: trajectories from starts that differ in their last bits.
    """
    sklearn = pytest.importorskip("sklearn.neural_network")
    settings = {"activation": "tanh", "solver": "lbfgs", "alpha": 0.02, "tol": 1e-12,
                "hidden_layer_sizes": (8, 5), "warm_start": True, "random_state": 0}  # fmt: skip
    X, Y = regression()
    loss, outputs = "half_squared_error", 1
    if kind == "regression":
        Y = Y[:, 0]
        peer = sklearn.MLPRegressor(**settings)
    else:
        loss = "binary_cross_entropy" if kind == "two classes" else "cross_entropy"
        cuts = [0.1] if kind == "two classes" else [-0.8, -0.3, 0.2, 0.7]
        Y = np.digitize(Y[:, 0], cuts)
        outputs = 1 if kind == "two classes" else 5
        peer = sklearn.MLPClassifier(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it did not converge
        start = flat(peer.set_params(max_iter=1).fit(X, Y))
        end = flat(peer.set_params(max_iter=iterations).fit(X, Y))

    def ours(relative: np.ndarray | float) -> tuple[np.ndarray, float]:
        mlp = network([6, 8, 5, outputs], loss=loss, l2=0.02 / N)
        mlp.w = mlp.architecture.flatten(start, alpha=None) * (1 + relative)
        found = dr.minimize(mlp, X, Y, max_iter=iterations, tol=1e-12)
        return found.w, found.loss

    w, value = ours(0.0)
    rng = np.random.default_rng(0)
    spread = max(
        float(np.abs(ours(gamma(100) * rng.choice([-1, 1], len(w)))[0] - w).max()) for _ in range(4)
    )
    bound = 10 * spread + gamma(1000)
    assert bound < 1e-3, "proves little"
    theirs = np.concatenate([matrix.ravel() for matrix in end])
    assert_within(w, theirs, bound)
    assert abs(value - peer.loss_) <= bound
    assert peer.n_iter_ == iterations


@pytest.mark.parametrize("method", METHODS)
def test_history(method: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, Y = regression()
    mlp = network(dtype=dtype)
    before = mlp.loss(X, Y)
    calls, evaluate = [], dr.MLP.loss_and_gradient

    def counted(self: dr.MLP, *given: Any) -> tuple[float, np.ndarray]:
        calls.append(1)
        return evaluate(self, *given)

    monkeypatch.setattr(dr.MLP, "loss_and_gradient", counted)
    found = dr.minimize(mlp, X, Y, method, max_iter=30)
    assert found.n_evaluations == len(calls)
    history = found.history
    assert found.n_iterations == 30
    assert not found.success
    assert "ITERATIONS" in found.message.upper()
    assert {len(history), len(history.gradient_norm), len(history.seconds)} == {31}
    assert history.loss[0] == before
    assert history.loss[-1] == found.loss == mlp.loss(X, Y)
    assert history.gradient_norm[-1] == np.abs(mlp.gradient(X, Y)).max()
    assert np.array_equal(found.gradient, mlp.gradient(X, Y).astype(np.float64))
    assert all(b <= a for a, b in zip(history.loss, history.loss[1:], strict=False))
    assert history.evaluations[0] == 1
    assert history.evaluations[-1] <= found.n_evaluations
    assert 0 < found.seconds_in_kernels <= found.seconds
    assert np.array_equal(found.w.astype(dtype), mlp.w)
    assert found.w.dtype == found.gradient.dtype == np.float64
    assert "n_iterations=30" in repr(found)


@pytest.mark.parametrize("method", METHODS)
def test_tol(method: str) -> None:
    X, Y = regression()
    mlp = network(l2=0.01)
    found = dr.minimize(mlp, X, Y, method, tol=1e-3)
    assert found.success
    assert found.history.gradient_norm[-1] <= 1e-3 < min(found.history.gradient_norm[:-1])


@pytest.mark.parametrize("method", METHODS)
def test_weights_of_rows_and_classes(method: str) -> None:
    """Weight 2 is the row twice and weight 0 no row; balanced classes are rows with weights."""
    X, y = classes()
    times = np.arange(N) % 3
    rows = np.repeat(np.arange(N), times)
    counts = np.bincount(y)

    def arrive(X: np.ndarray, y: np.ndarray, **weights: Any) -> tuple[np.ndarray, Any]:
        mlp = dr.MLP([6, 1], loss="binary_cross_entropy", init="zeros", dtype="float64", l2=0.01)
        found = dr.minimize(mlp, X, y, method, tol=1e-8, options=_to_the_end(method), **weights)
        return mlp.w.copy(), found

    for one, other, data in (
        ({"sample_weight": times}, {}, (X[rows], y[rows])),
        ({"class_weight": "balanced"}, {"sample_weight": N / (2 * counts[y])}, (X, y)),
    ):
        (w, found), (v, same) = arrive(X, y, **one), arrive(*data, **other)
        # The Hessian is at least the penalty's, but for the bias, and that of newton() below it.
        _, least = newton(data[0], data[1], 0.01)
        slope = np.linalg.norm(found.gradient) + np.linalg.norm(same.gradient)
        assert np.linalg.norm(w - v) <= 4 * slope / least + gamma(10 * N) * np.abs(w).max() / least
        assert np.linalg.norm(w - arrive(X, y)[0]) > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_threads_and_instruction_sets_change_no_bit(method: str, dtype: str, isa: str) -> None:
    X, y = classes()
    weights = []
    for threads in (1, 2):
        mlp = network([6, 8, 2], loss="cross_entropy", dtype=dtype)
        dr.minimize(mlp, X, y, method, max_iter=6, n_threads=threads)
        weights.append(mlp.w.copy())
    assert all(np.array_equal(w, weights[0]) for w in weights)
    assert _first(method, dtype, weights[0].tobytes()) == weights[0].tobytes()


def _first(method: str, dtype: str, bits: bytes, seen: dict[Any, bytes] = {}) -> bytes:  # noqa: B006
    """What the first instruction set arrived at."""
    return seen.setdefault((method, dtype), bits)


@pytest.mark.parametrize("method", METHODS)
def test_oracle_goes_the_same_way(method: str) -> None:
    X, Y = regression()
    native, reference = network(), oracle.MLP([6, 8, 1], "tanh", seed=1, dtype="float64")
    ours = dr.minimize(native, X, Y, method, max_iter=10)
    theirs = dr.minimize(reference, X, Y, method, max_iter=10)
    shifted = network()
    shifted.w = shifted.w * (1 + gamma(100))
    dr.minimize(shifted, X, Y, method, max_iter=10)
    bound = 10 * np.abs(shifted.w - native.w).max() + gamma(1000)
    assert_within(native.w, reference.w, bound)
    assert abs(ours.loss - theirs.loss) <= bound
    assert np.array_equal(theirs.w, reference.w)


@pytest.mark.parametrize("method", METHODS)
def test_learned_slopes_are_minimised_too(method: str) -> None:
    X, Y = regression()
    mlp = dr.MLP([6, 8, 1], "prelu", seed=1, dtype="float64", l2=0.01)
    start = mlp.alpha[0].copy()
    found = dr.minimize(mlp, X, Y, method, max_iter=20)
    assert found.w.shape == (8 * 7 + 9 + 8,)
    assert np.abs(mlp.alpha[0] - start).max() > 1e-3
    assert found.loss < 0.5 * found.history.loss[0]
    assert np.array_equal(found.gradient, mlp.gradient(X, Y))


def test_float32_arrives_where_float64_does() -> None:
    X, y = classes()
    known, least = newton(X, y, 0.01)
    mlp = dr.MLP([6, 1], loss="binary_cross_entropy", init="zeros", l2=0.01)
    found = dr.minimize(mlp, X, y, tol=0, options={"ftol": 0.0})
    # The gradient is as small as the roundings of its sums.
    rounding = gamma(N + 20, "float32") * np.abs(X).max()
    assert np.linalg.norm(mlp.w - known) <= 2 * math.sqrt(7) * rounding / least
    assert found.history.gradient_norm[-1] <= rounding


def test_callback_sees_every_iteration_and_may_stop() -> None:
    X, Y = regression()
    mlp, seen = network(), []

    def look(history: Any) -> bool:
        seen.append(mlp.w.copy())
        assert mlp.loss(X, Y) == history.loss[-1]
        return len(history) == 6

    found = dr.minimize(mlp, X, Y, callback=look)
    assert len(seen) == found.n_iterations == 5
    assert not found.success
    assert np.array_equal(mlp.w, seen[-1])
    again = network()
    assert dr.minimize(again, X, Y, max_iter=5).n_iterations == 5
    assert np.array_equal(again.w, mlp.w)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("at", [1, 2, 9])
@pytest.mark.parametrize("method", METHODS)
def test_an_exception_leaves_the_last_point_that_was_reached(
    monkeypatch: pytest.MonkeyPatch, method: str, at: int, error: type[BaseException]
) -> None:
    X, Y = regression()
    plain: Callable[..., Any] = dr.MLP.loss_and_gradient
    calls = 0

    def fails(self: Any, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise error("now")
        return plain(self, *arguments)

    mlp = network()
    start = mlp.w.copy()
    monkeypatch.setattr(dr.MLP, "loss_and_gradient", fails)
    with pytest.raises(error, match="now") as caught:
        dr.minimize(mlp, X, Y, method)
    monkeypatch.undo()
    history = caught.value.history
    assert len(history) == 0 if at == 1 else mlp.loss(X, Y) == history.loss[-1]
    if at <= 2:
        assert np.array_equal(mlp.w, start)
    else:
        same = network()
        dr.minimize(same, X, Y, method, max_iter=len(history) - 1)
        assert np.array_equal(mlp.w, same.w)


def test_ctrl_c_in_the_core() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40_000, 32)), rng.normal(size=(40_000, 4))
    mlp = network([32, 128, 128, 4])
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.4)
        with pytest.raises(KeyboardInterrupt) as caught:
            dr.minimize(mlp, X, Y, max_iter=10**6, tol=0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    history = caught.value.history  # type: ignore[attr-defined]
    assert not history or mlp.loss(X, Y) == history.loss[-1]


def test_steps_out_of_range_are_refused_to_the_method() -> None:
    """A trial that float32 cannot hold has an infinite loss; the weights stay finite."""
    mlp = network(dtype="float32")
    X, Y = regression()
    descent = full_batch._Descent(mlp, (X, Y, None, None), None)
    loss, gradient = descent.loss_and_gradient(np.full(mlp.n_weights, 1e39))
    assert loss == math.inf
    assert not gradient.any()
    assert descent.n_evaluations == 0


def test_start_must_be_finite() -> None:
    mlp = dr.MLP([2, 1], output="identity", init="constant(1e200)", dtype="float64")
    with pytest.raises(FloatingPointError, match=r"at the start the loss is inf"):
        dr.minimize(mlp, np.ones((3, 2)), np.ones(3))
    assert np.all(mlp.W[0][:, :-1] == 1e200)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r'needs SciPy: pip install "deltarule\[scipy\]"'):
        dr.minimize(network(), *regression())


def test_without_threadpoolctl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert dr.minimize(network(), *regression(), max_iter=3).n_iterations == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mlp": "net"}, TypeError, r"mlp: an object of type str; expected an MLP"),
        ({"X": np.ones((N, 5))}, ValueError, r"X: shape \(200, 5\); expected \(n, 6\)"),
        ({"Y": np.ones(7)}, ValueError, r"expected as many rows"),
        ({"X": np.full((N, 6), np.nan)}, ValueError, r"X: row 0 holds nan"),
        ({"method": "BFGS"}, ValueError, r"method: 'BFGS'; expected 'L-BFGS-B' or 'CG'"),
        ({"max_iter": 0}, ValueError, r"max_iter: 0; expected an integer >= 1"),
        ({"max_iter": 2.0}, TypeError, r"max_iter: 2.0 of type float"),
        ({"tol": -1}, ValueError, r"tol: -1; expected a number >= 0"),
        ({"n_threads": 0}, ValueError, r"n_threads: 0"),
        ({"callback": 3}, TypeError, r"callback: 3; expected a function"),
        ({"sample_weight": -np.ones(N)}, ValueError, r"sample_weight: row 0 holds -1"),
        ({"class_weight": "even"}, ValueError, r"class_weight|Y"),
        ({"options": 3}, TypeError, r"options: 3 of type int; expected a dict with any of 'ftol'"),
        ({"options": {"gtol": 1}}, ValueError, r"options: 'gtol'; expected .*'maxcor'"),
        ({"options": {"c1": 1}}, ValueError, r"options: 'c1'; expected .* for L-BFGS-B"),
        ({"mlp": dr.MLP([6, 2, 1], "threshold")}, ValueError, r"threshold"),
    ],
)
def test_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    X, Y = regression()
    mlp = network()
    before = mlp.w.copy()
    with pytest.raises(error, match=message):
        dr.minimize(**{"mlp": mlp, "X": X, "Y": Y, **arguments})
    assert np.array_equal(mlp.w, before)


@pytest.mark.parametrize(
    ("method", "options", "error", "message"),
    [
        (
            "L-BFGS-B",
            {"maxcor": 0},
            ValueError,
            r"options\['maxcor'\]: 0; expected an integer >= 1",
        ),
        ("L-BFGS-B", {"maxcor": -1}, ValueError, r"options\['maxcor'\]: -1"),
        ("L-BFGS-B", {"maxcor": 1001}, ValueError, r"maxcor'\]: 1001; .* an integer <= 1000"),
        ("L-BFGS-B", {"maxcor": 2.5}, TypeError, r"options\['maxcor'\]: 2\.5 of type float"),
        ("L-BFGS-B", {"maxcor": True}, TypeError, r"options\['maxcor'\]: True; expected"),
        ("L-BFGS-B", {"maxls": 0}, ValueError, r"options\['maxls'\]: 0"),
        ("L-BFGS-B", {"maxfun": 2**31}, ValueError, r"options\['maxfun'\]: 2147483648"),
        ("L-BFGS-B", {"ftol": -1}, ValueError, r"options\['ftol'\]: -1; expected a number >= 0"),
        ("L-BFGS-B", {"ftol": math.nan}, ValueError, r"options\['ftol'\]: nan"),
        ("L-BFGS-B", {"ftol": 1.5}, ValueError, r"options\['ftol'\]: 1\.5; .* and <= 1"),
        ("L-BFGS-B", {"ftol": math.inf}, ValueError, r"options\['ftol'\]: inf"),
        ("L-BFGS-B", {"ftol": "a"}, TypeError, r"options\['ftol'\]: 'a' of type str"),
        ("CG", {"c2": "x"}, TypeError, r"options\['c2'\]: 'x' of type str"),
        ("CG", {"c2": 1}, ValueError, r"options\['c2'\]: 1; expected a number > 0 and < 1"),
        ("CG", {"c1": 0.5}, ValueError, r"options: c1 0\.5 and c2 0\.4; expected c1 < c2"),
    ],
)
def test_every_option_is_judged(
    method: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    mlp = network()
    before = mlp.w.copy()
    with pytest.raises(error, match=message):
        dr.minimize(mlp, *regression(), method, options=options)
    assert np.array_equal(mlp.w, before)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("L-BFGS-B", {"maxcor": 1000, "ftol": 0, "maxls": 2**31 - 1, "maxfun": 2**31 - 1}),
        ("L-BFGS-B", {"maxcor": np.int32(1), "ftol": np.float32(0.5), "maxls": 1, "maxfun": 1}),
        ("L-BFGS-B", {"ftol": 1}),
        ("CG", {"c1": 1e-300, "c2": 1e-299}),
        ("CG", {"c1": 0.9, "c2": 0.99}),
    ],
)
def test_the_loss_is_that_of_the_point_at_the_ends_of_every_range(
    method: str, options: dict[str, Any]
) -> None:
    X, Y = regression()
    mlp = network()
    found = dr.minimize(mlp, X, Y, method, max_iter=5, options=options)
    assert found.loss == mlp.loss(X, Y)
    assert np.array_equal(found.w, mlp.w)
    assert np.array_equal(found.gradient, mlp.gradient(X, Y))


@pytest.mark.parametrize("asked", [0, 7])
def test_a_method_that_gives_up_does_not_decide_the_loss(
    monkeypatch: pytest.MonkeyPatch, asked: int
) -> None:
    """SciPy's result as L-BFGS-B makes it of an option that it finds bad: fun 0, an ERROR."""

    def gives_up(function: Any, start: np.ndarray, **_: Any) -> Any:
        for _i in range(asked):
            function(start.copy())
        return SimpleNamespace(
            x=start, fun=0.0, jac=np.zeros_like(start), success=False, message="ERROR", nit=0
        )

    monkeypatch.setattr(full_batch, "_scipy_minimize", lambda: gives_up)
    X, Y = regression()
    mlp = network()
    found = dr.minimize(mlp, X, Y)
    assert found.loss == mlp.loss(X, Y) > 0
    assert np.array_equal(found.gradient, mlp.gradient(X, Y))
    assert len(found.history) == 1


@pytest.mark.parametrize("wish", [True, np.True_, np.bool_(1)])
def test_any_true_of_the_callback_stops(wish: object) -> None:
    X, Y = regression()
    assert dr.minimize(network(), X, Y, callback=lambda h: wish).n_iterations == 1
    assert dr.minimize(network(), X, Y, callback=lambda h: np.False_).n_iterations > 1
