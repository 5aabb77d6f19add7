# SPDX-License-Identifier: BSD-3-Clause
"""Sample and class weights: a row of weight s counts as if it stood there s times."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tolerances import FD_USEFUL, assert_within, gamma
from trainings import TRAININGS, Training

import deltarule as dr
from deltarule import _core, oracle
from deltarule.oracle import literal
from deltarule.sparsity import Sparsity

Array = NDArray[Any]
named = pytest.mark.parametrize("training", TRAININGS, ids=lambda training: training.name)


def weights(n: int, seed: int = 5) -> Array:
    """Some 0, some whole, some not."""
    rng = np.random.default_rng(seed)
    return rng.choice([0.0, 0.0, 1.0, 2.0, 0.3, 7.7], n)


def with_some(n: int) -> Array:
    s = weights(n)
    s[n // 2] = 1.5
    return s


@named
def test_every_bit_is_the_literal_reference_s(training: Training, dtype: str) -> None:
    """Whole trainings with weights, on every instruction set, by any number of threads."""
    X, Y = training.data(dtype)
    s = with_some(len(X))
    start = training.network(dtype)
    reference = literal.MLP(start.architecture, start.w, dtype)
    loops = literal.Trainer(reference, training.optimizer, training.batch_size)
    expected = [loops.epoch(X, Y, order, s) for order in training.orders()]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3, 5):
                trainer = dr.Trainer(
                    training.network(dtype), training.optimizer, training.batch_size, n_threads
                )
                losses = [trainer.epoch(X, Y, order, s) for order in training.orders()]
                assert losses == expected
                assert trainer.mlp.w.tobytes() == np.asarray(reference.w).tobytes()
    finally:
        _core.select_isa(before)


@named
def test_one_gradient(training: Training, dtype: str) -> None:
    """backward, gradient, loss and the literal loops agree on every bit; delta has no weight."""
    mlp = training.network(dtype)
    X, Y = training.data(dtype)
    s = with_some(len(X))
    trace = mlp.forward(X)
    plain, back = mlp.backward(trace, Y), mlp.backward(trace, Y, sample_weight=s)
    reference = literal.MLP(mlp.architecture, mlp.w, dtype)
    expected = reference.backward(reference.forward(X), Y, None, s)
    for n_threads in (1, 3):
        gradient = mlp.gradient(X, Y, n_threads, s)
        assert gradient.tobytes() == back.gradient.tobytes() == expected.gradient.tobytes()
        assert mlp.loss(X, Y, n_threads, s) == back.loss == expected.loss
    assert back.dX.tobytes() == plain.dX.tobytes()
    for with_weights, without in zip(back.delta[1:], plain.delta[1:], strict=True):
        assert with_weights.tobytes() == without.tobytes()  # type: ignore[union-attr]


@named
def test_all_weights_one_changes_no_bit(training: Training, dtype: str) -> None:
    X, Y = training.data(dtype)
    results = []
    for s in (None, np.ones(len(X))):
        trainer = dr.Trainer(training.network(dtype), training.optimizer, training.batch_size, 2)
        losses = [trainer.epoch(X, Y, order, s) for order in training.orders()]
        mlp = trainer.mlp
        back = mlp.backward(mlp.forward(X), Y, sample_weight=s)
        results.append((losses, mlp.w.tobytes(), back.gradient.tobytes(), back.loss))
    assert results[0] == results[1]


@pytest.mark.parametrize("batch_size", [None, 40, 7, 1])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weight_zero_is_the_row_left_out(
    batch_size: int | None, reduction: str, dtype: str
) -> None:
    """Bit for bit, whatever the row holds; batches that keep no row make no step."""
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((700, 5)).astype(dtype), rng.random((700, 3)).astype(dtype)
    s = np.where(rng.random(700) < 0.5, 0.0, 1.0 + rng.random(700))
    s[200:300] = 0
    kept = np.flatnonzero(s)
    X[s == 0] = [np.nan, np.inf, 0, 1e30, -1]
    Y[s == 0] = -np.inf
    start = dr.MLP([5, 20, 3], "tanh", dtype=dtype, seed=0, reduction=reduction)
    rule = dr.Adam(1e-3)
    with_zeros = dr.Trainer(copy.deepcopy(start), rule, batch_size, 2)
    order = rng.permutation(700)
    loss = with_zeros.epoch(X, Y, order, s)
    without = dr.Trainer(copy.deepcopy(start), rule, None, 2)
    size = batch_size or 700
    batches = [order[at : at + size] for at in range(0, 700, size)]
    batches = [batch[s[batch] > 0] for batch in batches]
    losses = [(s[b].sum(), without.epoch(X, Y, b, s)) for b in batches if len(b)]
    assert with_zeros.mlp.w.tobytes() == without.mlp.w.tobytes()
    assert with_zeros.state["steps"] == without.state["steps"] == len(losses)
    counts, values = np.array(losses).T
    assert_within(loss, np.average(values, weights=counts), gamma(2000, dtype) * loss)
    mlp = with_zeros.mlp
    assert mlp.loss(X, Y, sample_weight=s) == mlp.loss(X[kept], Y[kept], sample_weight=s[kept])
    gradients = [
        mlp.gradient(X, Y, sample_weight=s),
        mlp.gradient(X[kept], Y[kept], sample_weight=s[kept]),
    ]
    assert gradients[0].tobytes() == gradients[1].tobytes()
    y = mlp.predict(X[kept])
    assert mlp.evaluate(X, Y, lambda _, y_hat, s: float((s @ y_hat).sum()), None, s) == float(
        (s[kept] @ y).sum()
    )


def gradient_bound(mlp: dr.MLP, X: Array, Y: Array, s: Array, more: int) -> Array:
    """What rounding can do to sum_i s_i delta_i o_i / S, by its terms' magnitudes."""
    trace = mlp.forward(X)
    back = mlp.backward(trace, Y)
    S = s.sum() if mlp.architecture.reduction == "mean" else 1.0
    terms = [
        (s[:, None] * np.abs(delta)).T @ np.abs(np.concatenate([o, np.ones((len(o), 1))], axis=1))
        for delta, o in zip(back.delta[1:], trace.o[:-1], strict=True)  # type: ignore[arg-type]
    ]
    magnitude = np.concatenate([t.ravel() for t in terms]) / S
    return np.asarray(gamma(len(X) + more, mlp.dtype) * magnitude)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weight_two_is_the_row_twice(reduction: str, dtype: str) -> None:
    """Loss and gradient of one batch, and full-batch training, to the error bound."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((90, 6)).astype(dtype), rng.random((90, 2)).astype(dtype)
    s = rng.choice([1.0, 2.0], 90)
    twice = np.repeat(np.arange(90), s.astype(int))
    mlp = dr.MLP([6, 12, 2], "tanh", dtype=dtype, seed=0, reduction=reduction, l2=0.01)
    more = 8 + np.count_nonzero(s == 2)
    weighted = mlp.gradient(X, Y, sample_weight=s)
    repeated = mlp.gradient(X[twice], Y[twice])
    assert_within(weighted, repeated, 2 * gradient_bound(mlp, X, Y, s, more))
    loss = mlp.loss(X, Y, sample_weight=s)
    assert_within(loss, mlp.loss(X[twice], Y[twice]), 2 * gamma(200) * loss)
    eta, steps = 0.05 / (1 if reduction == "mean" else s.sum()), 20
    growth = 1 + eta * curvature(mlp, X, Y, s)
    trainers = [dr.Trainer(copy.deepcopy(mlp), dr.SGD(eta), None) for _ in range(2)]
    bound = np.zeros(mlp.n_weights)  # a step multiplies a deviation by at most `growth`
    for _ in range(steps):
        w = trainers[0].mlp.w
        step = 2 * eta * gradient_bound(trainers[0].mlp, X, Y, s, more) + gamma(3, dtype) * abs(w)
        bound = bound * growth + np.linalg.norm(step)
        trainers[0].epoch(X, Y, None, s)
        trainers[1].epoch(X[twice], Y[twice])
    assert_within(trainers[0].mlp.w, trainers[1].mlp.w, bound)
    assert np.abs(trainers[0].mlp.w - mlp.w).max() > 100 * bound.max(), "the bound proves little"


def curvature(mlp: dr.MLP, X: Array, Y: Array, s: Array) -> float:
    """Twice the largest singular value of the loss's Hessian here."""
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    return float(2 * np.linalg.norm(hessian(twin, X, Y, s), 2))


def hessian(twin: oracle.MLP, X: Array, Y: Array, s: Array | None) -> Array:
    """By differences of the oracle's gradient."""
    w, h = twin.w.copy(), 2.0**-12
    columns = []
    for at in range(len(w)):
        ends = []
        for sign in (1, -1):
            moved = w.copy()
            moved[at] += sign * h
            twin.w = moved
            ends.append(twin.gradient(X, Y, sample_weight=s))
        columns.append((ends[0] - ends[1]) / (2 * h))
    return np.array(columns)


def test_units_so_many_that_their_rows_come_in_pieces() -> None:
    """More numbers than lie between two looks for Ctrl-C; a unit has the bits it has among few."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(256, 1)), rng.normal(size=(256, 5)).astype(np.float32)
    s = rng.uniform(0.5, 2, 256)
    many, few = (
        dr.MLP([1, units], (), "tanh", "half_squared_error", seed=0) for units in (40_000, 5)
    )
    few.w = many.w[-10:]
    of_many = many.gradient(X, np.tile(Y, 8000), 1, s)[-10:]
    assert of_many.tobytes() == few.gradient(X, Y, 1, s).tobytes()


@given(power=st.integers(-20, 20), batch_size=st.sampled_from([None, 1, 8, 50]))
@settings(max_examples=20)
def test_a_common_factor_changes_nothing_under_the_mean(power: int, batch_size: int | None) -> None:
    """A power of two is exact: not one bit."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((60, 4)), rng.integers(0, 3, 60)
    s = with_some(60)
    results = []
    for factor in (1.0, 2.0**power):
        mlp = dr.MLP([4, 9, 3], loss="cross_entropy", seed=0)
        trainer = dr.Trainer(mlp, dr.Adam(0.01), batch_size)
        results.append(([trainer.epoch(X, Y, None, factor * s) for _ in range(3)], mlp.w.tobytes()))
    assert results[0] == results[1]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 300),
    batch_size=st.one_of(st.none(), st.integers(1, 300)),
    n_threads=st.integers(1, 3),
    dtype=st.sampled_from(["float32", "float64"]),
    reduction=st.sampled_from(["mean", "sum"]),
    sparsity=st.sampled_from(
        [None, Sparsity(1, "kl", 0.3, 0.1), Sparsity(1, "l1", 0.3), Sparsity(2, "kl", 1.0, 0.4)]
    ),
    seed=st.integers(0, 1000),
)
def test_any_weights_equal_the_literal_loops(
    rows: int, batch_size: int | None, n_threads: int, dtype: str, reduction: str,
    sparsity: Sparsity | None, seed: int,
) -> None:  # fmt: skip
    """Weights, penalties on a code, short batches, batches of one row and of none."""
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((rows, 4)).astype(dtype), rng.random((rows, 2)).astype(dtype)
    s = rng.choice([0.0, 1.0, 2.0, 0.1], rows) * rng.choice([1.0, rng.random()], rows)
    s[rng.integers(rows)] = 1.25
    mlp = dr.MLP([4, 7, 3, 2], "logistic", dtype=dtype, seed=seed, reduction=reduction)
    rule = dr.SGD(0.01, momentum=0.5)
    reference = literal.MLP(mlp.architecture, mlp.w, dtype)
    loops = literal.Trainer(reference, rule, batch_size, sparsity)
    trainer = dr.Trainer(mlp, rule, batch_size, n_threads, sparsity)
    for _ in range(2):
        order = rng.permutation(rows)
        assert trainer.epoch(X, Y, order, s) == loops.epoch(X, Y, order, s)
    assert mlp.w.tobytes() == np.asarray(reference.w).tobytes()
    assert trainer.state["steps"] == loops.steps


@pytest.mark.parametrize("sparsity", [None, Sparsity(1, "kl", 0.3, 0.1), Sparsity(1, "l1", 0.3)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("package", [dr, oracle])
def test_rows_given_several_times(package: Any, sparsity: Sparsity | None, reduction: str) -> None:
    """Weights are repetition, penalty on the code included."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((30, 4)), rng.random((30, 2))
    s = rng.choice([0.0, 1.0, 2.0, 3.0], 30)
    again = np.repeat(np.arange(30), s.astype(int))
    start = package.MLP([4, 6, 2], "logistic", seed=0, reduction=reduction, l2=0.1, dtype="float64")
    ways = []
    for rows, weight in ((None, s), (again, None)):
        trainer = package.Trainer(copy.deepcopy(start), dr.SGD(0.01), None, None, sparsity)
        loss = [trainer.epoch(X, Y, rows, weight) for _ in range(5)]
        ways.append(np.append(trainer.mlp.w, loss))
    assert_within(*ways, gamma(5000) * np.abs(ways[0]).max())


def test_oracle_bounds_the_native_training(dtype: str) -> None:
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((80, 4)).astype(dtype), rng.random((80, 2)).astype(dtype)
    s = with_some(80).astype(dtype)
    mlp = dr.MLP([4, 6, 2], "tanh", dtype=dtype, seed=0)
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    native, exact = mlp.gradient(X, Y, sample_weight=s), twin.gradient(X, Y, sample_weight=s)
    S = float(s.sum())
    bound = gradient_bound(mlp, X, Y, np.asarray(s, float), 60) + gamma(40, dtype) * s.max() / S
    assert_within(native, exact, bound)
    a, b = mlp.loss(X, Y, sample_weight=s), twin.loss(X, Y, sample_weight=s)
    assert_within(a, b, gamma(60, dtype) * (1 + b))
    losses = [
        trainer.epoch(X, Y, None, s)
        for trainer in (dr.Trainer(mlp, dr.SGD(0.1), 16), oracle.Trainer(twin, dr.SGD(0.1), 16))
    ]
    assert_within(losses[0], losses[1], gamma(2000, dtype) * losses[1])
    assert_within(mlp.w, twin.w, gamma(2000, dtype))


@pytest.mark.parametrize("kind", ["kl", "l1"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_penalised_gradient_is_the_difference_quotient(kind: str, reduction: str) -> None:
    """(W3) by differences of the oracle's loss: the mean over the batch is the weighted one."""
    from deltarule.oracle.network import backward, forward

    rng = np.random.default_rng(2)
    X, Y, s = rng.standard_normal((12, 3)), rng.random((12, 2)), with_some(12)
    mlp = oracle.MLP([3, 5, 2], "logistic", seed=0, reduction=reduction)
    net, penalty = mlp.architecture, Sparsity(1, kind, 0.7, 0.2)

    def result(w: Array) -> Any:
        return backward(net, w, forward(net, w, X), Y, sparsity=penalty, sample_weight=s)

    g, w, h = result(mlp.w).gradient, mlp.w.copy(), 2.0**-8
    for at in range(0, len(w), 3):
        moved = {k: w.copy() for k in (-2, -1, 1, 2)}
        for k, there in moved.items():
            there[at] += k * h
        L = {k: result(there).loss for k, there in moved.items()}
        near, far = (L[1] - L[-1]) / (2 * h), (L[2] - L[-2]) / (4 * h)
        bound = abs(near - far) + gamma(100) * abs(L[1]) / h
        assert_within(g[at], (4 * near - far) / 3, bound)


def test_fit_takes_weights_everywhere(dtype: str) -> None:
    """Validation with weights of its own, the recorded gradient, and evaluate's metrics."""
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((60, 4)), rng.integers(0, 3, 60)
    s, v = with_some(60), with_some(60)[::-1]
    mlp = dr.MLP([4, 8, 3], loss="cross_entropy", dtype=dtype, seed=0)
    hand = copy.deepcopy(mlp)
    history = mlp.fit(
        X, Y, epochs=3, seed=1, sample_weight=s, validation=(X, Y, v), record="gradient_norm"
    )
    shuffles, trainer = np.random.default_rng(1), dr.Trainer(hand)
    losses = [trainer.epoch(X, Y, shuffles.permutation(60), s) for _ in range(3)]
    assert history.loss == losses
    assert mlp.w.tobytes() == hand.w.tobytes()
    assert history.validation_loss[-1] == mlp.loss(X, Y, sample_weight=v)
    norms = [
        float(np.sqrt(np.sum(dW.astype(float) ** 2)))
        for dW in mlp.architecture.views(mlp.gradient(X, Y, sample_weight=s))
    ]
    assert list(history.gradient_norm[-1]) == norms
    assert mlp.evaluate(X, Y, sample_weight=s) == mlp.loss(X, Y, sample_weight=s)
    again = np.repeat(np.arange(60), (10 * s).round().astype(int))
    for metric in ("accuracy",):
        assert mlp.evaluate(X, Y, metric, None, s) == pytest.approx(
            mlp.evaluate(X[again], Y[again], metric)
        )
    regression = dr.MLP([4, 8, 3], dtype=dtype, seed=0)
    T = rng.random((60, 3))
    for metric in ("mean_squared_error", "mean_absolute_error", "r2"):
        assert regression.evaluate(X, T, metric, None, s) == pytest.approx(
            regression.evaluate(X[again], T[again], metric)
        )


def test_strided_weights_of_any_kind() -> None:
    rng = np.random.default_rng(3)
    X, Y = rng.standard_normal((20, 3)), rng.random((20, 2))
    mlp = dr.MLP([3, 2], seed=0)
    s = rng.integers(0, 3, 20)
    s[0] = 1
    expected = mlp.loss(X, Y, sample_weight=s.astype(float))
    wide = np.repeat(s, 2).astype(np.float32)
    for given_ in (s, list(s), wide[::2], s.astype(">f8"), s.astype(np.float16), s.astype(object)):
        assert mlp.loss(X, Y, sample_weight=given_) == expected
    mask = mlp.loss(X, Y, sample_weight=s > 0)
    assert mask == mlp.loss(X, Y, sample_weight=(s > 0).astype(float))


CALLS: list[Any] = [
    lambda mlp, trainer, X, Y, s: mlp.loss(X, Y, sample_weight=s),
    lambda mlp, trainer, X, Y, s: mlp.gradient(X, Y, sample_weight=s),
    lambda mlp, trainer, X, Y, s: mlp.backward(mlp.forward(X), Y, sample_weight=s),
    lambda mlp, trainer, X, Y, s: trainer.epoch(X, Y, None, s),
    lambda mlp, trainer, X, Y, s: mlp.evaluate(X, Y, "accuracy", sample_weight=s),
    lambda mlp, trainer, X, Y, s: mlp.fit(X, Y, sample_weight=s),
    lambda mlp, trainer, X, Y, s: mlp.fit(X, Y, validation=(X, Y, s)),
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("package", [dr, oracle])
@pytest.mark.parametrize(
    ("s", "error", "message"),
    [
        (np.ones(5), ValueError, "sample_weight: shape (5,); expected (6,), a number for each row"),
        (np.ones((6, 1)), ValueError, "sample_weight: shape (6, 1); expected (6,)"),
        (["a"] * 6, TypeError, "sample_weight: dtype <U1; expected real numbers"),
        (np.array([1, 1, -0.5, 1, 1, 1]), ValueError, "sample_weight: row 2 holds -0.5; expected"),
        ([1, 1, 1, np.nan, 1, 1], ValueError, "sample_weight: row 3 holds nan; expected"),
        ([1, np.inf, 1, 1, 1, 1], ValueError, "row 1 holds inf; expected numbers >= 0, finite"),
        ([1, 1e300, 1, 1, 1, 1], ValueError, "row 1 holds 1e+300; expected numbers"),
        ([1, 1e-40, 1, 1, 1, 1], ValueError, "row 1 holds 1e-40; expected numbers"),
        (np.zeros(6), ValueError, "sample_weight: 0 for every row; expected some numbers > 0"),
        (np.ma.masked_less(np.arange(6.0), 1), ValueError, "sample_weight: 1 masked entries"),
    ],
)  # fmt: skip
def test_bad_weights(package: Any, call: Any, s: Any, error: Any, message: str) -> None:
    X, Y = np.random.default_rng(0).standard_normal((6, 2)), np.arange(6) % 2
    mlp = package.MLP([2, 3, 2], loss="cross_entropy", seed=0)
    w = mlp.w.copy()
    with pytest.raises(error) as raised:
        call(mlp, package.Trainer(mlp), X, Y, s)
    assert message in str(raised.value)
    assert raised.value.__context__ is None or "validation" in str(raised.value)
    assert mlp.w.tobytes() == w.tobytes()


def test_only_weights_of_rows_that_are_taken_are_judged() -> None:
    X, Y = np.zeros((4, 2)), np.zeros((4, 1))
    for package in (dr, oracle):
        trainer = package.Trainer(package.MLP([2, 1], seed=0))
        s = np.array([1.0, -1.0, 0.0, 1.0])
        assert trainer.epoch(X, Y, [0, 3, 2], s) == 0.0
        with pytest.raises(ValueError, match=r"sample_weight: row 1 holds -1\.0"):
            trainer.epoch(X, Y, [0, 1], s)
        with pytest.raises(ValueError, match="0 for every row"):
            trainer.epoch(X, Y, [2, 2], s)


def logistic_data(labels: str) -> tuple[Array, Array, Array]:
    """Two thirds of the rows of class 0, and targets in each form that classes come in."""
    rng = np.random.default_rng(4)
    classes = (rng.random(240) < 0.3).astype(int)
    X = rng.standard_normal((240, 3)) + 0.7 * classes[:, None]
    forms = {"labels": classes, "one_hot": np.eye(2)[classes], "column": classes[:, None]}
    return X, forms[labels], classes


@pytest.mark.parametrize("labels", ["labels", "one_hot", "column"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.5, 1: 4.0}, {1: 3}])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weights_are_scikit_learn_s(labels: str, class_weight: Any, weighted: bool) -> None:
    """Converged full-batch training against LogisticRegression with the same class weights."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, Y, classes = logistic_data(labels)
    s = with_some(240) if weighted else None
    # Its C multiplies the sum of the losses, ours divides by S: l2 = 1 / (C S).
    if class_weight == "balanced":
        from sklearn.utils.class_weight import compute_class_weight

        kept = np.ones(240) if s is None else s
        counts = [kept[classes == c].sum() for c in (0, 1)]
        factors = dict(enumerate(kept.sum() / (2 * np.array(counts))))
        if s is None:
            found = compute_class_weight("balanced", classes=np.array([0, 1]), y=classes)
            assert_within(list(factors.values()), found, gamma(4) * 3)
    else:
        factors = {0: 1.0, 1: 1.0, **class_weight}
    C = 0.5
    peer = linear_model.LogisticRegression(C=C, class_weight=factors, tol=1e-12, max_iter=10**4)
    peer.fit(X, classes, s)
    S = sum((1.0 if s is None else s[i]) * factors[c] for i, c in enumerate(classes))
    if labels == "column":
        mlp = dr.MLP([3, 1], loss="binary_cross_entropy", dtype="float64", l2=1 / (C * S), seed=0)
    else:  # two logits of one difference: half of the penalty's strength on each
        mlp = dr.MLP([3, 2], loss="cross_entropy", dtype="float64", l2=2 / (C * S), seed=0)
        mlp.w = np.zeros(8)
    mlp.fit(
        X, Y, optimizer=dr.SGD(0.5, momentum=0.9), batch_size=None, epochs=1500, shuffle=False,
        sample_weight=s, class_weight=class_weight,
    )  # fmt: skip
    (W,) = mlp.W
    difference = W[0] if labels == "column" else W[1] - W[0]
    coefficients = np.append(peer.coef_[0], peer.intercept_)
    # Neither is at the minimum, but as near as its gradient is small and the loss curved there.
    twin = oracle.MLP([3, 1], loss="binary_cross_entropy", dtype="float64", l2=1 / (C * S))
    s = np.array([(1.0 if s is None else s[i]) * factors[c] for i, c in enumerate(classes)])
    distance = 0.0
    for w in (difference, coefficients):
        twin.w = w
        slope = np.linalg.norm(twin.gradient(X, classes, sample_weight=s))
        least = np.linalg.eigvalsh(hessian(twin, X, classes, s))[0]
        distance += 1.1 * (slope + gamma(1000)) / least
    assert_within(difference, coefficients, distance)
    assert distance < FD_USEFUL, "the bound proves little"


def test_class_weights_are_sample_weights() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((50, 4)), rng.integers(0, 3, 50)
    s = with_some(50)
    for class_weight, factors in (({0: 2.0, 2: 0.25}, [2.0, 1.0, 0.25]), ({1: 0}, [1.0, 0.0, 1.0])):
        twins = [dr.MLP([4, 6, 3], loss="cross_entropy", seed=0) for _ in range(2)]
        twins[0].fit(X, Y, epochs=2, seed=1, sample_weight=s, class_weight=class_weight)
        twins[1].fit(X, Y, epochs=2, seed=1, sample_weight=s * np.array(factors)[Y])
        assert twins[0].w.tobytes() == twins[1].w.tobytes()


def test_balanced_classes_weigh_the_same() -> None:
    """With weights and without, classes that no row has left out: every class sums to n / C."""
    from deltarule.class_weights import with_class_weights

    rng = np.random.default_rng(0)
    Y = rng.choice([0, 1, 3], 90, p=[0.1, 0.3, 0.6])
    net = dr.MLP([2, 4], loss="cross_entropy").architecture
    for s in (None, with_some(90)):
        weighted = with_class_weights("balanced", Y, net, s)
        n = 90 if s is None else s.sum()
        sums = [weighted[c == Y].sum() for c in (0, 1, 3)]
        assert_within(sums, np.full(3, n / 3), gamma(200) * n)
    signs = np.where(rng.random(20) < 0.3, -1.0, 1.0)
    single = dr.MLP([2, 1]).architecture
    weighted = with_class_weights({-1: 3.0}, signs, single, None)
    assert weighted.tolist() == [3.0 if y < 0 else 1.0 for y in signs]


@pytest.mark.parametrize(
    ("layers", "loss", "Y", "class_weight", "error", "message"),
    [
        ([2, 3], "cross_entropy", [0, 1, 2, 0], "even", ValueError, "class_weight: 'even'; exp"),
        ([2, 3], "cross_entropy", [0, 1, 2, 0], 3, TypeError, "class_weight: 3 of type int"),
        ([2, 3], "cross_entropy", [0, 1, 2, 0], {3: 1}, ValueError, "class 3; expected 0 ... 2"),
        ([2, 3], "cross_entropy", [0, 1, 2, 0], {"a": 1}, ValueError, "class 'a'; expected 0"),
        ([2, 3], "cross_entropy", [0, 1, 2, 0], {1: -1}, ValueError, "class_weight[1]: -1; exp"),
        ([2, 3], "cross_entropy", [0, 1, 2, 0], {1: "x"}, TypeError, "class_weight[1]: 'x' of"),
        ([2, 3], "cross_entropy", np.full((4, 3), 1 / 3), "balanced", ValueError,
         "class_weight: row 0 of Y is [0.333"),
        ([2, 3], "cross_entropy", np.zeros((4, 3)), "balanced", ValueError,
         "class_weight: row 0 of Y is [0.0, 0.0, 0.0]; expected labels or one-hot rows"),
        ([2, 1], "half_squared_error", [0, 1, 0.5, 1], "balanced", ValueError,
         "class_weight: row 2 of Y holds 0.5; expected two classes"),
        ([2, 1], "binary_cross_entropy", [0, 1, 0, 1], {2: 1}, ValueError, "class 2; expected -1"),
        ([2, 3], "cross_entropy", [0, 1, 2, 3], "balanced", ValueError, "Y: row 3 holds label 3"),
        ([2, 3], "cross_entropy", [0, 1, 0, 1], {0: 0, 1: 0}, ValueError, "0 for every row"),
    ],
)  # fmt: skip
def test_bad_class_weights(
    layers: list[int], loss: str, Y: Any, class_weight: Any, error: Any, message: str
) -> None:
    X = np.zeros((4, 2))
    for package in (dr, oracle):
        mlp = package.MLP(layers, loss=loss, seed=0)
        with pytest.raises(error) as raised:
            mlp.fit(X, Y, class_weight=class_weight)
        assert message in str(raised.value)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.0}, {1: 2.0}, {0: 0}])
@pytest.mark.parametrize(
    ("s", "message"),
    [
        ([-1, 1, -1, 1, -1, 1], "sample_weight: row 0 holds -1.0; expected numbers >= 0"),
        ([1, 1, -0.5, 1, 1, 1], "sample_weight: row 2 holds -0.5; expected numbers >= 0"),
        ([1, 1, 1, 1, np.nan, 1], "sample_weight: row 4 holds nan; expected numbers >= 0"),
        ([np.inf, 1, 1, 1, 1, 1], "sample_weight: row 0 holds inf; expected numbers >= 0"),
        (np.zeros(6), "sample_weight: 0 for every row; expected some numbers > 0"),
    ],
)
def test_sample_weights_are_judged_before_those_of_classes(
    class_weight: Any, s: Any, message: str
) -> None:
    """-1 times 0 is a 0, and n_c may be one of anything."""
    X, Y = np.zeros((6, 2)), np.arange(6) % 2
    for package in (dr, oracle):
        mlp = package.MLP([2, 2], loss="cross_entropy", seed=0)
        w = mlp.w.copy()
        with pytest.raises(ValueError, match="^" + re.escape(message)):
            mlp.fit(X, Y, sample_weight=s, class_weight=class_weight)
        assert mlp.w.tobytes() == w.tobytes()


@pytest.mark.parametrize(
    ("class_weight", "s", "message"),
    [
        ({0: 0, 1: 0}, None, "class_weight: 0 for every row"),
        ({1: 1e300}, None, "class_weight: row 1 holds 1e+300; expected"),
        ({0: 0}, [1, 0, 1, 0, 1, 0], "sample_weight times class_weight: 0 for every row"),
        ({0: 1e-30}, [1e-30] * 6, "sample_weight times class_weight: row 0 holds 1.0"),
    ],
)
def test_products_have_a_name_of_their_own(class_weight: Any, s: Any, message: str) -> None:
    X, Y = np.zeros((6, 2)), np.arange(6) % 2
    for package in (dr, oracle):
        mlp = package.MLP([2, 2], loss="cross_entropy", seed=0)
        with pytest.raises(ValueError, match="^" + re.escape(message)):
            mlp.fit(X, Y, sample_weight=s, class_weight=class_weight)


@pytest.mark.parametrize("s", [None, np.ones(6)])
def test_products_name_the_row_as_the_caller_counts(s: Any) -> None:
    """The only row of its class stays in training, as the third of three."""
    mlp = dr.MLP([2, 2], loss="cross_entropy", seed=0)
    with pytest.raises(ValueError, match="class_weight: row 5 holds 1e"):
        mlp.fit(
            np.zeros((6, 2)), [0, 0, 0, 0, 0, 1], sample_weight=s, class_weight={1: 1e300},
            validation=0.5, seed=0,
        )  # fmt: skip


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5}])
@pytest.mark.parametrize("form", ["labels", "one_hot", "column"])
def test_rows_of_weight_zero_are_of_no_class(form: str, class_weight: Any) -> None:
    rng = np.random.default_rng(0)
    X, labels, s = rng.standard_normal((30, 3)), rng.integers(0, 2, 30), with_some(30)
    Y = {"labels": labels, "one_hot": np.eye(2)[labels], "column": labels[:, None] * 1.0}[form]
    bad = Y.copy()
    bad[s == 0] = 99 if form == "labels" else np.nan
    for package in (dr, oracle):
        twins = []
        for given_ in (Y, bad):
            layers, loss = ([3, 1], "binary_cross_entropy") if form == "column" else (
                [3, 2], "cross_entropy")  # fmt: skip
            twins.append(package.MLP(layers, loss=loss, seed=0))
            twins[-1].fit(X, given_, epochs=2, seed=1, sample_weight=s, class_weight=class_weight)
        assert twins[0].w.tobytes() == twins[1].w.tobytes()


def test_truth_values_are_classes_too() -> None:
    X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 3 == 0
    results = set()
    for key in (True, np.True_, 1, np.int8(1), 1.0):
        mlp = dr.MLP([3, 1], loss="binary_cross_entropy", seed=0)
        mlp.fit(X, Y, epochs=1, seed=0, class_weight={key: 3})
        results.add(mlp.w.tobytes())
    assert len(results) == 1


@named
def test_compare_takes_weights(training: Training, dtype: str) -> None:
    mlp = training.network(dtype)
    X, Y = (a[:40] for a in training.data(dtype))
    s = with_some(len(X))
    found = dr.compare(mlp, X, Y, sample_weight=s)
    assert found, found
    kept = s > 0
    same = dr.compare(mlp, X[kept], Y[kept], sample_weight=s[kept])
    assert repr(same) == repr(found)


def test_check_gradient_sees_the_weights() -> None:
    """Rows of weight 0 may hold anything; another weight is another gradient."""
    rng = np.random.default_rng(0)
    X, Y, s = rng.standard_normal((30, 3)), rng.random((30, 2)), with_some(30)
    bad = X.copy()
    bad[s == 0] = np.nan
    for package in (dr, oracle):
        mlp = package.MLP([3, 4, 2], "prelu", dtype="float64", reduction="sum", seed=0)
        found = dr.check_gradient(mlp, bad, Y, sample_weight=s)
        assert found.ok
        assert (
            found.layers[0].gradient
            == dr.check_gradient(mlp, X, Y, sample_weight=s).layers[0].gradient
        )
        assert found.layers[0].gradient != dr.check_gradient(mlp, X, Y).layers[0].gradient
    with pytest.raises(ValueError, match=r"sample_weight: row 2 holds -1\.0"):
        dr.check_gradient(mlp, X, Y, sample_weight=np.where(np.arange(30) == 2, -1.0, 1.0))
    with pytest.raises(ValueError, match="sample_weight: shape"):
        dr.compare(dr.MLP([3, 2], seed=0), X, Y, sample_weight=s[:5])


@pytest.mark.parametrize(("dtype", "low", "high"), [("float32", -60, 60), ("float64", -900, 900)])
def test_range_of_a_common_power_of_two(dtype: str, low: int, high: int) -> None:
    """The range that docs/reference/weights.md states."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((60, 4)), rng.integers(0, 3, 60)
    s = with_some(60)
    mlp = dr.MLP([4, 9, 3], ["prelu"], loss="cross_entropy", dtype=dtype, seed=0)
    expected = mlp.loss(X, Y, None, s), mlp.gradient(X, Y, None, s).tobytes()
    for power in (low, -1, 1, high):
        found = mlp.loss(X, Y, None, s * 2.0**power), mlp.gradient(X, Y, None, s * 2.0**power)
        assert (found[0], found[1].tobytes()) == expected
