# SPDX-License-Identifier: BSD-3-Clause
"""fit(record=...): the norm of dW and the share of saturated units, epoch by epoch."""

import math
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import chunks
from deltarule.records import gradient_norms, saturated, saturation

BOTH = ("gradient_norm", "saturation")
MODULES = pytest.mark.parametrize("module", [dr, dr.oracle], ids=["native", "oracle"])


def problem(module: Any = dr, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    settings = {"activation": ["relu", "tanh"], "loss": "cross_entropy", "seed": 1, **options}
    return module.MLP([5, 7, 6, 3], **settings), X, Y


@MODULES
def test_gradient_norm_by_hand(module: Any, dtype: str) -> None:
    """e = w + b halves each epoch, and dL/dw = dL/db = e: the norm is sqrt(2) e."""
    mlp = module.MLP([1, 1], dtype=dtype)
    mlp.w = [1.0, 0.0]
    history = mlp.fit([[1.0]], [0.0], dr.SGD(0.25), None, 4, record="gradient_norm")
    expected = [[math.sqrt(2) / 2**t] for t in (1, 2, 3, 4)]
    assert_within(history.gradient_norm, expected, gamma(2))
    assert history.saturated == []


@MODULES
@pytest.mark.parametrize("options", [{}, {"l2": 0.1, "reduction": "sum", "input_shift": 0.5}])
def test_records_are_of_the_weights_after_each_epoch(
    module: Any, options: dict[str, Any], dtype: str
) -> None:
    mlp, X, Y = problem(module, dtype=dtype, **options)
    by_hand = problem(module, dtype=dtype, **options)[0]
    history = mlp.fit(X, Y, dr.SGD(0.01), 16, epochs=4, seed=7, record=BOTH)
    trainer, rng = module.Trainer(by_hand, dr.SGD(0.01), 16), np.random.default_rng(7)
    for norms, shares in zip(history.gradient_norm, history.saturated, strict=True):
        trainer.epoch(X, Y, rng.permutation(len(X)))
        dW = by_hand.architecture.views(by_hand.gradient(X, Y))
        exact = [math.sqrt(math.fsum(float(g) ** 2 for g in matrix.flat)) for matrix in dW]
        assert_within(norms, exact, gamma(max(map(np.size, dW))) * np.array(exact))
        trace = by_hand.forward(X)
        assert shares[0] == np.mean(trace.o[1] == 0) > 0
        assert shares[1] == np.mean(1 - trace.o[2].astype(float) ** 2 < 0.01)
    assert len(history.gradient_norm) == len(history.saturated) == 4
    assert mlp.w.tobytes() == by_hand.w.tobytes()  # looking changes nothing


def test_nothing_is_computed_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    mlp, X, Y = problem()

    def refuse(*_: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(dr.MLP, "gradient", refuse)
    history = mlp.fit(X, Y, epochs=2, record="saturation")
    assert (len(history.saturated), history.gradient_norm) == (2, [])
    monkeypatch.setattr(dr.MLP, "forward", refuse)
    for record in (None, (), []):
        history = mlp.fit(X, Y, epochs=2, record=record)
        assert history.gradient_norm == history.saturated == []
    with pytest.raises(AssertionError, match="computed"):
        mlp.fit(X, Y, epochs=1, record=["saturation"])


@pytest.mark.parametrize(
    ("activation", "outputs", "expected"),
    [
        ("identity", [0.0, 1e9, -1e9], [0, 0, 0]),
        ("relu", [0.0, 1e-30, 3.0], [1, 0, 0]),
        # o (1 - o) < 1/400 where o < (1 - sqrt(0.99)) / 2 = 0.0025063 or o > 0.9974937
        ("logistic", [0.0, 0.002506, 0.002507, 0.5, 0.997493, 0.997494, 1.0],
         [1, 1, 0, 0, 0, 1, 1]),
        # 1 - o^2 < 1/100 where |o| > sqrt(0.99) = 0.9949874
        ("tanh", [-1.0, -0.994988, -0.994987, 0.0, 0.994987, 0.994988], [1, 1, 0, 0, 0, 1]),
    ],
)  # fmt: skip
def test_what_is_saturated(
    activation: str, outputs: list[float], expected: list[int], dtype: str
) -> None:
    o = np.array([outputs], dtype)
    np.testing.assert_array_equal(saturated(activation, o), [expected])


def test_softmax_saturates_by_rows() -> None:
    rows = np.array([[0.997494, 0.002506, 0.0], [0.997493, 0.002507, 0.0], [0.0, 0.0, 1.0]])
    np.testing.assert_array_equal(saturated("softmax", rows), [[1] * 3, [0] * 3, [1] * 3])
    uniform = np.full((2, 1000), 1e-3)  # all probabilities are small, and no unit is stuck
    assert not saturated("softmax", uniform).any()


def test_no_entry_of_a_saturated_jacobian_is_large() -> None:
    from deltarule.oracle.activations import softmax_jacobian

    rng = np.random.default_rng(0)
    o = rng.dirichlet(np.full(4, 0.05), 4000)
    stuck = saturated("softmax", o)[:, 0]
    assert 0.1 < stuck.mean() < 0.9
    assert np.max(np.abs(softmax_jacobian(o[stuck]))) < 0.01 / 4


@MODULES
def test_extremes(module: Any, dtype: str) -> None:
    X = np.ones((3, 2))
    for activation, share in (("tanh", 1.0), ("logistic", 1.0), ("relu", 0.5), ("identity", 0.0)):
        mlp = module.MLP([2, 4, 1], activation, dtype=dtype)
        mlp.W = [np.array([[50.0, 50, 0], [-50, -50, 0]] * 2), np.ones((1, 5))]
        assert saturation(mlp, X) == (share, 0.0)
        mlp.w = np.zeros(mlp.n_weights)
        assert saturation(mlp, X) == (1.0 if activation == "relu" else 0.0, 0.0)


@MODULES
def test_memory_is_bounded_by_chunks(
    module: Any, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlp, X, Y = problem(module, dtype=dtype)
    whole = saturation(mlp, X), gradient_norms(mlp, X, Y)
    seen: list[int] = []
    forward = module.MLP.forward

    def counted(self: Any, X: Any, n_threads: Any = None) -> Any:
        seen.append(len(X))
        return forward(self, X, n_threads)

    monkeypatch.setattr(module.MLP, "forward", counted)
    monkeypatch.setattr(chunks, "TRACE_NUMBERS", 2 * sum(mlp.layers) * 7)
    assert saturation(mlp, X) == whole[0]
    assert seen == [7] * 12 + [6]


def test_with_stopping_and_validation() -> None:
    mlp, X, Y = problem()
    history = mlp.fit(
        X, Y, epochs=200, seed=0, record={*BOTH}, stop_tol=1e-3, validation=(X[:9], Y[:9])
    )
    assert history.stopped_by == "stop_tol"
    lists = (history.gradient_norm, history.saturated, history.validation_loss, history.loss)
    assert {len(entries) for entries in lists} == {len(history)}
    assert len(history.gradient_norm[0]) == len(history.saturated[0]) == 3


@MODULES
def test_rows_of_weight_0_may_hold_anything(module: Any, dtype: str) -> None:
    mlp, X, Y = problem(module, dtype=dtype)
    again = problem(module, dtype=dtype)[0]
    s = np.where(np.arange(90) % 3, 1.0, 0.0)
    X[s == 0] = math.nan
    history = mlp.fit(X, Y, epochs=2, seed=0, record=BOTH, sample_weight=s, shuffle=False)
    rows = s > 0
    norms, shares = gradient_norms(mlp, X[rows], Y[rows]), saturation(mlp, X[rows])
    assert history.saturated[-1] == shares
    assert_within(history.gradient_norm[-1], norms, gamma(1000) * np.array(norms))
    class_weight = {0: 0.0}
    history = again.fit(X[rows], Y[rows], epochs=1, record=BOTH, class_weight=class_weight)
    assert history.saturated[-1] == saturation(again, X[rows][Y[rows] != 0])
