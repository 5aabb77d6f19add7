# SPDX-License-Identifier: BSD-3-Clause
"""An epoch in parts of whole batches has the bits of one call over all rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from trainings import TRAININGS, Training

import deltarule as dr
from deltarule import _core

Make = Callable[[], dr.Trainer]
X = np.random.default_rng(0).standard_normal((103, 6)).astype("f4")
Y = np.random.default_rng(1).random((103, 3)).astype("f4")
S = np.random.default_rng(2).integers(0, 4, 103) * 0.75
S[20:50] = 0  # whole batches


def cuts(rows: int, batch: int) -> list[slice]:
    """Parts of 1, 2, 3, 1 ... batches."""
    bounds, at, n = [0], 0, 0
    while at < rows:
        at, n = min(rows, at + (n % 3 + 1) * batch), n + 1
        bounds.append(at)
    return [slice(*pair) for pair in pairwise(bounds)]


def result(trainer: dr.Trainer, losses: list[float]) -> list[bytes]:
    state = trainer.state
    arrays = [trainer.mlp.w, *state.pop("slots"), np.array(losses)]
    if state.get("average") is not None:
        arrays.append(state.pop("average"))
    return [*(a.tobytes() for a in arrays), repr(state).encode()]


def both_ways(
    make: Make, x: Any, y: Any, orders: list[Any], s: Any = None, visible: bool = False
) -> tuple[list[bytes], list[bytes]]:
    whole = make()
    expected = result(whole, [whole.epoch(x, y, order, s) for order in orders])
    trainer, losses = make(), []
    rows, batch = len(orders[0]), trainer.batch_size
    assert batch is not None
    for order in orders:
        with trainer.in_parts(rows, visible) as epoch:
            for cut in cuts(rows, batch):
                epoch.part(x, y, order[cut], s)
        losses.append(epoch.loss)
    return result(trainer, losses), expected


@pytest.mark.parametrize(
    "training", [t for t in TRAININGS if t.batch_size], ids=lambda training: training.name
)
@pytest.mark.parametrize("n_threads", [1, 3])
def test_every_training(training: Training, dtype: str, n_threads: int) -> None:
    x, y = training.data(dtype)

    def make() -> dr.Trainer:
        return dr.Trainer(
            training.network(dtype), training.optimizer, training.batch_size, n_threads
        )

    found, expected = both_ways(make, x, y, training.orders())
    assert found == expected


OPTIONS: list[dict[str, Any]] = [
    {"optimizer": dr.Adam(dr.schedules.Cosine(0.01, over=3)), "dropout": 0.3, "noise": 0.1},
    {"dropout": dr.Dropout(0.2, input=0.1), "noise": dr.schedules.Linear(0.2, 0.1, over=2)},
    {"optimizer": dr.NAdam(), "average": dr.EMA(0.9)},
    {"optimizer": dr.SGD(0.1, clip_norm=0.05, max_norm=1.0), "average": dr.SWA(2)},
    {"optimizer": dr.Adam(0.01, amsgrad=True), "sparsity": dr.Sparsity(1, "kl", 0.1, 0.2)},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options))
@pytest.mark.parametrize("weights", [None, S])
@pytest.mark.parametrize("visible", [False, True])
@pytest.mark.parametrize("batch", [1, 10])
def test_what_counts_on_from_part_to_part(
    options: dict[str, Any], weights: Any, visible: bool, batch: int
) -> None:
    """Schedules, masks and noise by row, the optimizer's powers, averages, weights of rows."""

    def make() -> dr.Trainer:
        mlp = dr.MLP([6, 20, 3], ["logistic"], "logistic", seed=1)
        return dr.Trainer(mlp, batch_size=batch, seed=5, **options)

    rng = np.random.default_rng(3)
    found, expected = both_ways(
        make, X, Y, [rng.permutation(103) for _ in range(4)], weights, visible
    )
    assert found == expected


def test_rows_are_numbered_through_the_blocks() -> None:
    """Blocks without an order, whose arrays begin anew: masks are drawn by the epoch's row."""
    a, b = (
        dr.Trainer(dr.MLP([6, 20, 3], seed=1), batch_size=10, dropout=0.5, seed=5) for _ in range(2)
    )
    loss = a.epoch(X, Y)
    with b.in_parts() as epoch:
        for cut in cuts(103, 10):
            epoch.part(X[cut], Y[cut])
    assert result(a, [loss]) == result(b, [epoch.loss])


def test_a_loss_of_the_user_s() -> None:
    def loss(y_hat: Any, y: Any) -> Any:
        return ((y_hat - y) ** 2).sum(axis=1), 2 * (y_hat - y)

    def make() -> dr.Trainer:
        return dr.Trainer(dr.MLP([6, 9, 3], loss=loss, seed=1), batch_size=10)

    found, expected = both_ways(make, X, Y, [np.arange(103)])
    assert found == expected


def feed(
    t: dr.Trainer, *parts: tuple[Any, ...], n_rows: int | None = None, visible: bool = False
) -> float:
    with t.in_parts(n_rows, visible) as epoch:
        for part in parts:
            epoch.part(*part)
    return epoch.loss


def rows(begin: int, end: int) -> tuple[Any, Any]:
    return X[begin:end], Y[begin:end]


def trainer() -> dr.Trainer:
    t = dr.Trainer(dr.MLP([6, 20, 3], seed=1), batch_size=10)
    t.epoch(X, Y)
    return t


@pytest.mark.parametrize("visible", [False, True])
def test_abandoned_as_if_it_had_not_begun(visible: bool) -> None:
    t, undisturbed = trainer(), trainer()
    before = result(t, [])

    def begun() -> None:
        with t.in_parts(visible=visible) as epoch:
            epoch.part(*rows(0, 20))
            assert (t.mlp.w.tobytes() != before[0]) == visible
            raise KeyError

    with pytest.raises(KeyError):
        begun()
    assert result(t, []) == before
    assert t.epoch(X, Y) == undisturbed.epoch(X, Y)
    assert result(t, []) == result(undisturbed, [])


@pytest.mark.parametrize("visible", [False, True])
def test_a_part_that_fails_abandons(visible: bool) -> None:
    bad = X.copy()
    bad[17, 2] = np.nan
    t, undisturbed = trainer(), trainer()
    before = result(t, [])
    with pytest.raises(ValueError, match="X: row 7 holds nan"):
        feed(t, rows(0, 10), (bad[10:20], Y[10:20]), visible=visible)
    assert result(t, []) == before
    with pytest.raises(FloatingPointError, match=r"in epoch 2, step 3; .* at the end of epoch 1"):
        feed(t, rows(0, 20), (X[20:40], Y[20:40] * 1e38), visible=visible)
    assert result(t, []) == before
    assert t.epoch(X, Y) == undisturbed.epoch(X, Y)
    assert result(t, []) == result(undisturbed, [])


def test_an_epoch_whose_last_step_diverges() -> None:
    """Its loss is a number, its weights are none: seen when it ends."""
    mlp = dr.MLP([1, 1], dtype="float64", seed=0)
    before = mlp.w.copy()
    t = dr.Trainer(mlp, dr.SGD(1e308), batch_size=2)
    with (
        pytest.raises(FloatingPointError, match="a weight is not finite in epoch 1, step 1"),
        t.in_parts() as epoch,
    ):
        epoch.part([[1e10], [1e10]], [[0.5], [0.5]])
    np.testing.assert_array_equal(mlp.w, before)


def test_weights_assigned_between_parts() -> None:
    """It goes on from them, with the optimizer's state as it was; also if no part follows."""
    t, by_hand = trainer(), trainer()
    w = np.linspace(-0.5, 0.5, t.mlp.w.size).astype("f4")
    with t.in_parts(visible=True) as epoch:
        loss = epoch.part(X[:10], Y[:10])
        assert loss == pytest.approx(by_hand.epoch(X[:10], Y[:10]), rel=1e-15)
        assert t.mlp.w.tobytes() == by_hand.mlp.w.tobytes()
        t.mlp.w = by_hand.mlp.w = w
        loss = epoch.part(X[10:20], Y[10:20])  # `epoch` multiplies by the rows and divides
        assert loss == pytest.approx(by_hand.epoch(X[10:20], Y[10:20]), rel=1e-15)
        assert t.mlp.w.tobytes() == by_hand.mlp.w.tobytes()
        t.mlp.w = 2 * w
    assert t.mlp.w.tobytes() == (2 * w).tobytes()
    for mine, theirs in zip(t.state["slots"], by_hand.state["slots"], strict=True):
        assert mine.tobytes() == theirs.tobytes()
    by_hand.mlp.w = 2 * w
    assert t.epoch(X[20:30], Y[20:30]) == by_hand.epoch(X[20:30], Y[20:30])
    assert t.mlp.w.tobytes() == by_hand.mlp.w.tobytes()


def test_calls_out_of_turn() -> None:
    t = trainer()
    before = result(t, [])
    with pytest.raises(RuntimeError, match="ended with a short batch"):
        feed(t, rows(0, 15), rows(15, 25))
    with pytest.raises(ValueError, match="no rows"):
        feed(t)
    with pytest.raises(ValueError, match="n_rows: 30; the parts hold 40"):
        feed(t, rows(0, 40), n_rows=30)
    with pytest.raises(ValueError, match="n_rows: 30; the parts hold 20"):
        feed(t, rows(0, 20), n_rows=30)
    with pytest.raises(ValueError, match="0 for every row"):
        feed(t, (*rows(0, 20), None, np.zeros(20)))
    moving = dr.Trainer(t.mlp, dr.Adam(dr.schedules.Cosine(0.01, over=3)))
    with pytest.raises(ValueError, match="n_rows: None; expected the epoch's number of rows"):
        moving.in_parts()
    with pytest.raises(RuntimeError, match="no epoch is open"):
        t._trainer.part(X, Y)
    assert result(t, []) == before


def test_others_wait_for_its_end() -> None:
    t = trainer()
    with t.in_parts() as epoch:
        epoch.part(X[:10], Y[:10])
        with pytest.raises(RuntimeError, match="being trained"):
            t.mlp.w = np.zeros(t.mlp.w.size)
        for other in (t, dr.Trainer(t.mlp)):
            with pytest.raises(RuntimeError, match="being trained"):
                other.epoch(X, Y)
        with pytest.raises(RuntimeError, match="being trained"):
            t._trainer.state  # noqa: B018
        t.mlp.predict(X)
    with t.in_parts(visible=True) as epoch:
        epoch.part(X[:10], Y[:10])
        with pytest.raises(RuntimeError, match="being trained"):
            t.epoch(X, Y)
        with pytest.raises(RuntimeError, match="an epoch is open"):
            t._trainer.begin_epoch()
    t.epoch(X, Y)


def test_what_the_core_refuses_is_converted() -> None:
    t, other = trainer(), trainer()
    with t.in_parts() as epoch:
        epoch.part(X[:10].tolist(), Y[:10].tolist())
        epoch.part(X[10:20], Y[10:20], list(range(10)), first_row=10)
        with pytest.raises(_core.Refused):
            t._trainer.part(X[:, :2], Y)
    with other.in_parts() as expected:
        expected.part(X[:20], Y[:20])
    assert result(t, [epoch.loss]) == result(other, [expected.loss])


def test_the_oracle_takes_parts_too() -> None:
    """Its sums run on from part to part, so not a bit differs from a call of its own."""

    def make() -> Any:
        mlp = dr.oracle.MLP([6, 20, 3], ["logistic"], "logistic", seed=1)
        return dr.oracle.Trainer(
            mlp, dr.NAdam(), 10, average=dr.EMA(0.9), dropout=0.3, seed=5,
            noise=dr.schedules.Linear(0.2, 0.1, over=2),
        )  # fmt: skip

    orders = [np.random.default_rng(3).permutation(103) for _ in range(2)]
    for weights, visible in ((None, False), (S, True)):
        found, expected = both_ways(make, X, Y, orders, weights, visible)
        assert found == expected
    t = make()
    before = result(t, [])
    bad = X[10:20] * np.inf
    with pytest.raises((ValueError, FloatingPointError)):
        feed(t, rows(0, 10), (bad, Y[10:20]), n_rows=20, visible=True)
    with pytest.raises(RuntimeError, match="ended with a short batch"):
        feed(t, rows(0, 15), rows(15, 25), n_rows=25)
    assert result(t, []) == before
