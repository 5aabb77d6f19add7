# SPDX-License-Identifier: BSD-3-Clause
"""A loss of the user's: a Python function of y_hat and Y, called once per batch."""

from __future__ import annotations

import copy
import os
import pickle
import re
import signal
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import _core, oracle
from deltarule.sparsity import Sparsity

Array = NDArray[Any]


def half_squares(y_hat: Array, Y: Array) -> tuple[Array, Array]:
    """(9), with the kernels' sum over up to two outputs."""
    d = Y.reshape(y_hat.shape) - y_hat
    return y_hat.dtype.type(0.5) * np.sum(d * d, axis=1), -d


def data(rows: int, outputs: int, dtype: str) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((rows, 5)).astype(dtype)
    return X, rng.random((rows, outputs)).astype(dtype)


def networks(outputs: int, dtype: str, output: str, **options: Any) -> list[dr.MLP]:
    losses: list[Any] = ["half_squared_error", half_squares]
    return [
        dr.MLP([5, 34, 7, outputs], "tanh", output, loss, dtype=dtype, seed=1, **options)
        for loss in losses
    ]


@pytest.mark.parametrize("output", ["identity", "logistic", "tanh", "relu", "softmax", "gelu"])
@pytest.mark.parametrize(
    ("rows", "batch_size"), [(90, 16), (700, 600), (20, 1), (1500, None), (2500, None)]
)
def test_half_squared_error_in_python_is_the_native_one(
    rows: int, batch_size: int | None, output: str, dtype: str
) -> None:
    """Weights of whole trainings bit for bit: chunks, short batches, threads, instruction sets."""
    X, Y = data(rows, 2, dtype)
    rule = dr.SGD(0.05, momentum=0.5)
    order = np.random.default_rng(3).permutation(rows)
    native, _ = networks(2, dtype, output, l2=1e-3)
    trainer = dr.Trainer(native, rule, batch_size)
    expected = [trainer.epoch(X, Y, order) for _ in range(2)]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3):
                _, mlp = networks(2, dtype, output, l2=1e-3)
                own = dr.Trainer(mlp, rule, batch_size, n_threads)
                losses = [own.epoch(X, Y, order) for _ in range(2)]
                assert mlp.w.tobytes() == native.w.tobytes()
                # The squares are summed by NumPy, each rounded; fma rounds once.
                assert_within(losses, expected, gamma(4, dtype) * np.array(expected))
    finally:
        _core.select_isa(before)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparsity", [None, Sparsity(1, "kl", 0.2, 0.1), Sparsity(2, "l1", 0.1)])
def test_with_everything_else(
    reduction: str, weighted: bool, sparsity: Sparsity | None, dtype: str
) -> None:
    """One output, where the loss has the native bits too: weights, a penalty on the code."""
    X, Y = data(600, 1, dtype)
    s = np.random.default_rng(1).choice([0.0, 1.0, 2.5], 600) if weighted else None
    results = []
    for loss in ("half_squared_error", half_squares):
        mlp = dr.MLP([5, 9, 3, 1], "logistic", "identity", loss, dtype=dtype, reduction=reduction,
                     seed=0)  # fmt: skip
        trainer = dr.Trainer(mlp, dr.SGD(1e-4), 290, 2, sparsity)
        losses = [trainer.epoch(X, Y[:, 0], None, s) for _ in range(2)]
        trace = mlp.forward(X)
        back = mlp.backward(trace, Y, sample_weight=s)
        gradient = mlp.gradient(X, Y, sample_weight=s)
        loss_now = mlp.loss(X, Y, sample_weight=s)
        assert back.gradient.tobytes() == gradient.tobytes()
        assert back.loss == loss_now
        assert mlp.evaluate(X, Y, sample_weight=s) == loss_now
        deltas = b"".join(d.tobytes() for d in back.delta[1:])  # type: ignore[union-attr]
        results.append((losses, mlp.w.tobytes(), loss_now, deltas, back.dX.tobytes()))
    assert results[0] == results[1]


def test_oracle_calls_it_too() -> None:
    X, Y = data(40, 2, "float64")
    for package, trainer in ((dr, dr.Trainer), (oracle, oracle.Trainer)):
        twins = [
            package.MLP([5, 6, 2], "tanh", "logistic", loss, dtype="float64", seed=0)
            for loss in ("half_squared_error", half_squares)
        ]
        for s in (None, np.arange(40) % 3):  # a third of the rows takes no part
            trainers = [trainer(mlp, dr.Adam(0.01), 16) for mlp in twins]
            losses = [each.epoch(X, Y, sample_weight=s) for each in trainers]
            assert_within(losses[0], losses[1], gamma(50) * losses[0])
            assert_within(twins[0].w, twins[1].w, gamma(1000))
        a, b = (mlp.gradient(X, Y) for mlp in twins)
        assert_within(a, b, gamma(1000) * np.abs(a).max())


def test_gradient_check_judges_it() -> None:
    """check_gradient sees a right derivative and a wrong one."""
    X, Y = data(20, 2, "float64")

    def cosh(y_hat: Array, y: Array, factor: float = 1.0) -> tuple[Array, Array]:
        return np.log(np.cosh(y_hat - y)).sum(axis=1), factor * np.tanh(y_hat - y)

    def wrong(y_hat: Array, y: Array) -> tuple[Array, Array]:
        return cosh(y_hat, y, 1.1)

    for package in (dr, oracle):
        assert dr.check_gradient(package.MLP([5, 6, 2], "tanh", loss=cosh, seed=0), X, Y).ok
        assert not dr.check_gradient(package.MLP([5, 6, 2], "tanh", loss=wrong, seed=0), X, Y).ok


def test_what_the_function_is_given() -> None:
    """y_hat of the batch's rows in T, Y of any shape; once per batch, rows of weight > 0."""
    seen: list[tuple[Array, Array, int]] = []

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        seen.append((y_hat, Y, threading.get_ident()))
        return np.zeros(len(y_hat)), np.zeros_like(y_hat)

    X = np.random.default_rng(0).standard_normal((10, 3))
    Y = np.arange(40).reshape(10, 2, 2)
    mlp = dr.MLP([3, 4, 2], output="softmax", loss=loss, seed=0)
    order, s = [9, 0, 3, 4, 5, 1, 8], np.where(np.arange(10) == 3, 0.0, 1.0)
    dr.Trainer(mlp, batch_size=3, n_threads=2).epoch(X, Y, order, s)
    assert [len(y_hat) for y_hat, _, _ in seen] == [2, 3, 1]
    assert [Y_[:, 0, 0].tolist() for _, Y_, _ in seen] == [[36, 0], [16, 20, 4], [32]]
    w = mlp.w.copy()  # derivative 0: nothing moved
    for y_hat, _, ident in seen:
        assert y_hat.dtype == np.float32
        assert ident == threading.get_ident()
    assert seen[0][0].tobytes() == mlp.predict(X[[9, 0]]).tobytes()
    assert w.tobytes() == mlp.w.tobytes()
    labels = np.array(["no", "labels"])
    with pytest.raises(TypeError, match="Y: dtype <U6; expected real numbers"):
        mlp.loss(X[:2], labels)


def test_fit_validation_metrics_and_names() -> None:
    X, Y = data(60, 2, "float32")
    mlp = dr.MLP([5, 8, 2], loss=half_squares, seed=0)
    twin = dr.MLP([5, 8, 2], seed=0)
    histories = [net.fit(X, Y, epochs=3, seed=0, validation=(X, Y)) for net in (mlp, twin)]
    assert mlp.w.tobytes() == twin.w.tobytes()
    assert_within(histories[0].validation_loss, histories[1].validation_loss, gamma(8, "float32"))
    for metric in ("mean_squared_error", "r2", lambda y, y_hat: float(np.sum(y * y_hat))):
        assert mlp.evaluate(X, Y, metric) == twin.evaluate(X, Y, metric)
    assert mlp.architecture.loss is half_squares
    assert "half_squares" in repr(mlp)
    assert "half_squares" in mlp.summary()
    for copied in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):
        assert copied.architecture == mlp.architecture
        assert copied.loss(X, Y) == mlp.loss(X, Y)
    with pytest.raises(ValueError, match="save: the loss is the function half_squares"):
        mlp.save("nowhere")
    with pytest.raises(ValueError, match="compare: the loss is the function half_squares"):
        dr.compare(mlp, X, Y)


def test_classes_of_a_given_loss() -> None:
    def entropy(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        hot = np.eye(3)[Y]
        return -np.log((y_hat * hot).sum(axis=1)), -hot / y_hat

    X, Y = data(30, 3, "float64")[0], np.arange(30) % 3
    twins = [
        dr.MLP([5, 3], output="softmax", loss=loss, dtype="float64", seed=0)
        for loss in (entropy, "cross_entropy")
    ]
    for mlp in twins:
        mlp.fit(X, Y, seed=0, class_weight={0: 3.0})
    assert_within(twins[0].w, twins[1].w, gamma(10**4))
    assert np.array_equal(twins[0].predict_labels(X), twins[1].predict_labels(X))


class Stop(Exception):
    """The user's own."""


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("rows", "batch_size"), [(40, 8), (2500, None), (20, 1)])
def test_an_exception_of_the_function(rows: int, batch_size: int | None, n_threads: int) -> None:
    """It comes out as it is; weights and state are the last finished epoch's; all goes on."""
    calls = {"left": 10**9}

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        calls["left"] -= 1
        if calls["left"] < 0:
            raise Stop("enough")
        return half_squares(y_hat, Y)

    X, Y = data(rows, 2, "float32")
    mlp, twin = (dr.MLP([5, 30, 2], loss=f, seed=0) for f in (loss, half_squares))
    trainer, other = (dr.Trainer(net, dr.Adam(), batch_size, n_threads) for net in (mlp, twin))
    other.epoch(X, Y)
    trainer.epoch(X, Y)
    calls["left"] = 3 if batch_size else 0
    with pytest.raises(Stop, match="enough"):
        trainer.epoch(X, Y)
    assert mlp.w.tobytes() == twin.w.tobytes()
    assert trainer.state["steps"] == other.state["steps"]
    calls["left"] = 0
    for call in (mlp.loss, mlp.gradient, lambda X, Y: mlp.backward(mlp.forward(X), Y)):
        with pytest.raises(Stop):
            call(X, Y)
    calls["left"] = 10**9
    assert trainer.epoch(X, Y) == other.epoch(X, Y)
    assert mlp.w.tobytes() == twin.w.tobytes()


BAD_RETURNS: list[Any] = [
    (lambda y_hat, Y: None, TypeError, "returned None of type NoneType; expected (losses, deriv"),
    (lambda y_hat, Y: y_hat, TypeError, "of type ndarray; expected (losses, derivative) of shapes"),
    (lambda y_hat, Y: (1.0, y_hat), ValueError, "losses of shape (); expected (losses, derivative"),
    (lambda y_hat, Y: (y_hat, y_hat), ValueError, "losses of shape (6, 2); expected"),
    (lambda y_hat, Y: (y_hat[:, 0], y_hat[:, 0]), ValueError, "derivative of shape (6,); expected"),
    (lambda y_hat, Y: (["a"] * 6, y_hat), TypeError, "losses are of <U1; expected real numbers"),
    (lambda y_hat, Y: (y_hat[:, 0], 1j * y_hat), TypeError, "derivative are of complex64; exp"),
    (lambda y_hat, Y: (y_hat[:, 0], [[1], [2, 3]]), ValueError, "derivative are ragged; expected"),
    (lambda y_hat, Y: (y_hat[:, 0] * np.nan, y_hat), FloatingPointError, "row 0 of its losses for"),
    (lambda y_hat, Y: (y_hat[:, 0], y_hat + np.inf), FloatingPointError, "row 0 of its derivative"),
    (lambda y_hat, Y: (np.full(6, 1e300), y_hat), FloatingPointError, "(as float32); expected fin"),
]


@pytest.mark.parametrize(("function", "error", "message"), BAD_RETURNS)
def test_bad_returns(function: Any, error: type[Exception], message: str) -> None:
    X, Y = data(6, 2, "float32")
    mlp = dr.MLP([5, 2], loss=function, seed=0)
    w = mlp.w.copy()
    calls = (mlp.loss, mlp.gradient, dr.Trainer(mlp).epoch, mlp.fit)
    for call in calls:
        with pytest.raises(error) as raised:
            call(X, Y)
        assert str(raised.value).startswith("loss ")
        assert message in str(raised.value)
    assert mlp.w.tobytes() == w.tobytes()


def test_lists_and_other_kinds_will_do() -> None:
    X, Y = data(6, 2, "float32")
    mlp = dr.MLP([5, 2], loss=lambda y_hat, Y: [[1] * 6, [[0, 1]] * 6], seed=0)
    assert mlp.loss(X, Y) == 1.0
    assert dr.Trainer(mlp).epoch(X, Y) == 1.0


@pytest.mark.parametrize(
    ("Y", "error", "message"),
    [
        (np.zeros((5, 2)), ValueError, "X, Y: shapes (6, 5) and (5, 2); expected as many rows"),
        (np.float64(1), ValueError, "Y: shape (); expected (n, ...), at least one row"),
        (np.zeros((0, 2)), ValueError, "Y: shape (0, 2); expected (n, ...), at least one row"),
    ],
)
def test_bad_targets(Y: Any, error: type[Exception], message: str) -> None:
    X = np.zeros((6, 5))
    mlp = dr.MLP([5, 2], loss=half_squares, seed=0)
    for call in (mlp.loss, mlp.gradient, dr.Trainer(mlp).epoch, mlp.fit):
        with pytest.raises(error) as raised:
            call(X, Y)
        assert message in str(raised.value)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_interrupt_inside_the_function(n_threads: int) -> None:
    """Ctrl-C while the user's function runs."""

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        os.kill(os.getpid(), signal.SIGINT)
        return half_squares(y_hat, Y)

    X, Y = data(400, 2, "float32")
    mlp = dr.MLP([5, 30, 2], loss=loss, seed=0)
    w = mlp.w.copy()
    with pytest.raises(KeyboardInterrupt) as raised:
        mlp.fit(X, Y, n_threads=n_threads)
    assert raised.value.history.loss == []  # type: ignore[attr-defined]
    assert mlp.w.tobytes() == w.tobytes()


def test_a_network_may_be_used_inside() -> None:
    """The function may predict and train other networks: it holds the GIL, and no lock."""
    X, Y = data(50, 2, "float32")
    inner = dr.MLP([5, 2], seed=3)

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        inner.fit(X, Y_all, epochs=1, seed=0)
        own.predict(X)
        with pytest.raises(RuntimeError):
            own.w = own.w
        return half_squares(y_hat, Y)

    Y_all = Y
    own = dr.MLP([5, 9, 2], loss=loss, seed=0)
    own.fit(X, Y, batch_size=25, epochs=2, n_threads=2)
    assert np.isfinite(own.w).all()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("rows", [40, 3000])
def test_the_network_it_judges_stays_as_it_is(rows: int, n_threads: int) -> None:
    """Assigning weights or training from inside is an error, in fit and in every other call."""
    X, Y = data(rows, 2, "float64")
    refused = []

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        for change in (
            lambda: setattr(own, "w", 2 * own.w),
            lambda: setattr(own, "W", own.W),
            lambda: dr.Trainer(own).epoch(X[:5], data(5, 2, "float64")[1]),
        ):
            with pytest.raises(RuntimeError) as raised:
                change()
            refused.append(str(raised.value))
        own.predict(X[:3])
        return half_squares(y_hat, Y)

    own = dr.MLP([5, 9, 2], "prelu", loss=loss, dtype="float64", l2=0.1, seed=0)
    twin = dr.MLP([5, 9, 2], "prelu", loss=half_squares, dtype="float64", l2=0.1, seed=0)
    calls: list[Any] = [
        lambda mlp: mlp.loss(X, Y, n_threads),
        lambda mlp: mlp.gradient(X, Y, n_threads).tobytes(),
        lambda mlp: mlp.backward(mlp.forward(X), Y, n_threads).gradient.tobytes(),
        lambda mlp: mlp.evaluate(X, Y, "loss", n_threads),
    ]
    for call in calls:
        refused.clear()
        assert call(own) == call(twin)
        assert len(refused) == 3
        assert set(refused) == {
            "the loss function of this network is running; try again when that is done"
        }
    own.w = own.w  # free again
    dr.Trainer(own, n_threads=n_threads).epoch(X, Y)
    assert (
        refused[-1] == "this network is being trained by another call; try again when that is done"
    )


def test_after_an_exception_the_network_is_free() -> None:
    X, Y = data(10, 2, "float32")

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        raise Stop("enough")

    mlp = dr.MLP([5, 2], loss=loss, seed=0)
    for call in (mlp.loss, mlp.gradient):
        with pytest.raises(Stop):
            call(X, Y)
    mlp.w = mlp.w


def test_targets_are_read_only() -> None:
    """A function that writes into Y would write into the caller's array."""
    X, Y = data(20, 2, "float32")
    kept = Y.copy()

    def loss(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        with pytest.raises(ValueError, match="read-only"):
            Y[...] = 9
        return half_squares(y_hat, Y)

    for package in (dr, oracle):
        mlp = package.MLP([5, 2], loss=loss, seed=0)
        mlp.loss(X, Y)
        mlp.gradient(X, Y)
        mlp.backward(mlp.forward(X), Y)
        mlp.fit(X, Y, epochs=1, seed=0, validation=(X, Y))
        package.Trainer(mlp, batch_size=7).epoch(X, Y)
    assert Y.tobytes() == kept.tobytes()
    assert Y.flags.writeable


@pytest.mark.parametrize(
    ("K", "Y", "message"),
    [
        (2, np.arange(6) % 2 * 7, "Y: row 1 holds label 7; expected 0 ... 1"),
        (2, np.zeros((6, 2, 2)), "class_weight: Y of shape (6, 2, 2); expected labels (n,) or row"),
        (2, np.eye(3)[[0, 1] * 3], "class_weight: Y of shape (6, 3); expected labels (n,) or row"),
        (1, np.zeros((6, 3)), "class_weight: Y of shape (6, 3); expected rows (n, 1)"),
        (2, np.zeros(6), "class_weight: Y of float64; expected integer labels or one-hot rows"),
        (1, np.full(6, np.nan), "class_weight: row 0 of Y holds nan; expected two classes"),
    ],
)
def test_classes_of_any_targets(K: int, Y: Array, message: str) -> None:
    def zeros(y_hat: Array, Y: Array) -> tuple[Array, Array]:
        return y_hat[:, 0] * 0, y_hat * 0

    for package in (dr, oracle):
        mlp = package.MLP([2, K], loss=zeros, seed=0)
        for class_weight in ("balanced", {1: 3}):
            with pytest.raises(ValueError, match="^" + re.escape(message)):
                mlp.fit(np.zeros((6, 2)), Y, class_weight=class_weight)


def test_a_bad_first_row_is_named() -> None:
    X, Y = np.ones((3, 2)), np.zeros((3, 2))
    X[0, 1] = np.nan
    mlp = dr.MLP([2, 2], loss=lambda y_hat, Y: (((y_hat - Y) ** 2).sum(1) / 2, y_hat - Y), seed=0)
    for call in (mlp.loss, mlp.gradient, mlp.fit):
        with pytest.raises(ValueError, match=r"X: row 0 holds nan"):
            call(X, Y)
