# SPDX-License-Identifier: BSD-3-Clause
"""`Trainer.epoch(step_losses=)`: the loss of every step, and the penalty of the weights in it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tolerances import assert_within, gamma
from trainings import TRAININGS, Training

import deltarule as dr
from deltarule import oracle, schedules
from deltarule.oracle import literal

Array = NDArray[Any]
SOME = [t for t in TRAININGS if t.options or t.batch_size in (1, 1100, None)]


def steps_of(training: Training) -> int:
    return -(-training.rows // (training.batch_size or training.rows))


@pytest.mark.parametrize("training", SOME, ids=lambda t: t.name)
@pytest.mark.parametrize("over", ["loss", "batch"])
def test_each_is_that_of_its_batch_alone(training: Training, over: str, dtype: str) -> None:
    """Of an epoch in parts of a batch each, and gamma by the literal loops: no bit."""
    X, Y = training.data(dtype)
    order, size = training.orders()[0], training.batch_size or training.rows
    mlp = training.network(dtype)
    whole = dr.Trainer(with_penalty_over(mlp, over), training.optimizer, training.batch_size, 2)
    losses = np.zeros((steps_of(training), 2))
    epoch_loss = whole.epoch(X, Y, order, step_losses=losses)
    alone = dr.Trainer(with_penalty_over(mlp, over), training.optimizer, training.batch_size, 1)
    net, expected, shares = alone.mlp.architecture, [], []
    with alone.in_parts(training.rows, visible=True) as epoch:
        for at in range(0, training.rows, size):
            rows, W = order[at : at + size], [np.array(W_k) for W_k in alone.mlp.W]
            S = len(rows) if over == "batch" and net.reduction == "mean" else 1.0
            penalty = literal.penalty(W, net.l2 / S, net.l1 / S)
            expected.append([epoch.part(X, Y, rows), penalty])
            shares.append(len(rows))
    assert losses.tolist() == expected
    total = 0.0
    for share, (L, _) in zip(shares, expected, strict=True):
        total += share * L
    assert total / training.rows == epoch_loss
    assert whole.mlp.w.tobytes() == alone.mlp.w.tobytes()


def with_penalty_over(mlp: dr.MLP, over: str) -> dr.MLP:
    return dr.MLP.from_architecture(replace(mlp.architecture, penalty_over=over), mlp.w)


def trainer(**options: Any) -> dr.Trainer:
    mlp = dr.MLP([3, 5, 2], "tanh", dtype="float64", seed=0, l2=0.1)
    return dr.Trainer(mlp, options.pop("optimizer", dr.SGD(0.1)), 4, **options)


def data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(10, 3)), rng.normal(size=(10, 2))


def test_no_weight_no_step() -> None:
    X, Y = data()
    s = [1.0, 0, 2, 0, 0, 0, 0, 0, 0, 3.0]
    losses = np.zeros((3, 2))
    epoch_loss = trainer().epoch(X, Y, None, s, losses)
    assert np.isnan(losses).tolist() == [[False] * 2, [True] * 2, [False] * 2]
    assert (3 * losses[0, 0] + 3 * losses[2, 0]) / 6 == epoch_loss
    again = np.zeros((3, 2))
    mlp = oracle.MLP.from_architecture(trainer().mlp.architecture, trainer().mlp.w)
    oracle.Trainer(mlp, dr.SGD(0.1), 4).epoch(X, Y, None, s, again)
    assert_within(losses[[0, 2]], again[[0, 2]], gamma(500) * 10)
    assert np.isnan(again[1]).all()


def test_none_after_an_exception() -> None:
    X, Y = data()
    X[6] = np.nan
    losses = np.zeros((3, 2))
    with pytest.raises(ValueError, match="row 6"):
        trainer().epoch(X, Y, step_losses=losses)
    assert np.isnan(losses).any(axis=1).tolist() == [False, True, True]


def test_converted_arrays_and_schedules_write_the_same() -> None:
    X, Y = data()
    for rule in (dr.SGD(0.1), dr.SGD(schedules.Exponential(0.1, 0.5))):
        first, second = np.zeros((3, 2)), np.zeros((3, 2))
        trainer(optimizer=rule).epoch(X, Y, step_losses=first)
        trainer(optimizer=rule).epoch(X.tolist(), Y.tolist(), step_losses=second)
        assert first.tolist() == second.tolist() != np.zeros((3, 2)).tolist()


@pytest.mark.parametrize("rule", [dr.SGD(0.1), dr.SGD(schedules.Exponential(0.1, 0.5))])
def test_several_epochs_in_one_call(rule: Any) -> None:
    X, Y = data()
    orders = np.array([np.random.default_rng(i).permutation(10) for i in range(4)])
    together, one_by_one = np.zeros((4, 3, 2)), np.zeros((4, 3, 2))
    finished, *_, failed = trainer(optimizer=rule)._epochs(
        X, Y, orders, None, 4, 60.0, -1.0, np.inf, together
    )
    alone = trainer(optimizer=rule)
    losses = [
        alone.epoch(X, Y, order, step_losses=to)
        for order, to in zip(orders, one_by_one, strict=True)
    ]
    assert failed is None
    assert finished.tolist() == losses
    assert together.tolist() == one_by_one.tolist()


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ([[0.0, 0.0]] * 3, TypeError, "step_losses: .*list; expected an ndarray of float64"),
        (np.zeros((3, 2), np.float32), TypeError, "step_losses: dtype <f4; expected <f8"),
        (np.zeros(3), ValueError, r"step_losses: shape \(3,\); expected \(3, 2\)"),
        (np.zeros((2, 3)).T, ValueError, r"step_losses: strides .* C-contiguous"),
        (np.broadcast_to(0.0, (3, 2)), ValueError, "step_losses: "),
    ],
)
def test_bad_arrays(bad: Any, error: type[Exception], message: str) -> None:
    X, Y = data()
    native = trainer()
    mlp = oracle.MLP.from_architecture(native.mlp.architecture, native.mlp.w)
    peer = oracle.Trainer(mlp, None, 4)
    for some in (native, peer):
        before = some.mlp.w.tobytes()
        with pytest.raises(error, match=message):
            some.epoch(X, Y, step_losses=bad)
        assert some.mlp.w.tobytes() == before
    read_only = np.zeros((3, 2))
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="step_losses: a read-only array"):
        native.epoch(X, Y, step_losses=read_only)
