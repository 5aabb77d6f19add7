# SPDX-License-Identifier: BSD-3-Clause
"""Inputs of 0 in batches of one row: plain SGD passes over their rows of W[0], bits unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import deltarule as dr
from deltarule.oracle import literal
from deltarule.schedules import Exponential

ROWS = 12
SIZES = [(64, 1), (65, 16), (95, 17), (255, 33), (257, 3), (300, 70), (513, 30)]
still = Exponential(0.3, 1.0)  # moves to the core, which then passes over nothing


def sparse(n: int, m: int, share: float, dtype: str, seed: int = 0) -> NDArray[Any]:
    """Numbers, some of them 0, one row all of them; some 0 are -0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, m)) * rng.choice([1.0, -0.0, 0.0], p=[1 - share, share / 2, share / 2],
                                             size=(n, m))  # fmt: skip
    X[n // 2] = 0
    return X.astype(dtype)


def network(layers: tuple[int, ...], dtype: str, activation: str = "relu", **more: Any) -> dr.MLP:
    """With weights of 0, -0, the smallest ones and large ones."""
    mlp = dr.MLP(layers, activation, "tanh", "half_squared_error", dtype=dtype, seed=1, **more)
    w, rng = mlp.w.copy(), np.random.default_rng(2)
    tiny = np.finfo(dtype).smallest_subnormal
    special = rng.choice([0.0, -0.0, tiny, -tiny, 7 * tiny], size=w.shape)
    mlp.w = np.where(rng.random(w.shape) < 0.3, special, w)
    return mlp


def trained(mlp: Any, rule: Any, data: Any, trainer: Any, **more: Any) -> list[Any]:
    """Weights and losses after each of three epochs, each in an order of its own."""
    X, Y, weights = data
    one, rng = trainer(mlp, rule, 1, **more), np.random.default_rng(3)
    seen: list[Any] = []
    for _ in range(3):
        seen.append(one.epoch(X, Y, rng.permutation(len(X)), weights))
        seen.append(np.asarray(mlp.w).tobytes())
    return seen


def both(mlp: dr.MLP, rule: Any, data: Any, **more: Any) -> Iterator[list[Any]]:
    """By the literal loops, and by the core."""
    loops = literal.MLP(mlp.architecture, mlp.w, mlp.dtype)
    yield trained(loops, rule, data, literal.Trainer, **more)
    yield trained(mlp, rule, data, dr.Trainer, **more)


def data(m: int, outputs: int, share: float, dtype: str) -> Any:
    Y = np.random.default_rng(5).uniform(-1, 1, (ROWS, outputs)).astype(dtype)
    return sparse(ROWS, m, share, dtype), Y, None


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
@pytest.mark.parametrize(("m", "out"), SIZES)
def test_literal_bits(m: int, out: int, share: float, dtype: str, isa: str) -> None:
    """Dead units too, whose deltas are 0; panels, their ends and blocks of k."""
    for layers in ((m, out, 2), (m, out)):
        loops, native = both(network(layers, dtype), dr.SGD(0.3), data(m, layers[-1], share, dtype))
        assert native == loops


@pytest.mark.parametrize(
    "rule",
    [
        dr.SGD(1e-30), dr.SGD(still), dr.SGD(Exponential(0.5, 0.1)),
        dr.SGD(0.3, eta_factors=(0, 1)), dr.SGD(0.3, eta_factors=(2, 1)),
        dr.SGD(0.3, weight_decay=0.1), dr.SGD(0.3, clip_value=0.01), dr.SGD(0.3, momentum=0.5),
        dr.Adam(0.1),
    ],
    ids=repr,
)  # fmt: skip
def test_rules(rule: Any, dtype: str) -> None:
    """What passes over zeros, and what must not; steps that underflow."""
    loops, native = both(network((130, 20, 2), dtype), rule, data(130, 2, 0.6, dtype))
    assert native == loops


@pytest.mark.parametrize(
    "more",
    [{"average": dr.EMA(0.9)}, {"dropout": dr.Dropout(0.3, input=0.4), "seed": 3},
     {"noise": 0.1, "seed": 3}],
    ids=str,
)  # fmt: skip
def test_beside_other_parts(more: Any, dtype: str) -> None:
    loops, native = both(
        network((130, 20, 2), dtype), dr.SGD(0.3), data(130, 2, 0.6, dtype), **more
    )
    assert native == loops


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weighted_rows(reduction: str, dtype: str) -> None:
    """Some of weight 0, which make no step, in the order's end too."""
    mlp, (X, Y, _) = network((130, 20, 2), dtype, reduction=reduction), data(130, 2, 0.6, dtype)
    weights = np.where(np.arange(ROWS) % 3, 0.5, 0.0)
    loops, native = both(mlp, dr.SGD(0.1), (X, Y, weights))
    assert native == loops


def test_in_parts_and_many_epochs(dtype: str) -> None:
    """Each part's last step sees all weights; so does each epoch's."""
    X, Y, _ = data(130, 2, 0.6, dtype)
    mlp, parts, many = (network((130, 20, 2), dtype) for _ in range(3))
    trainer = dr.Trainer(mlp, dr.SGD(0.3), 1)
    for _ in range(3):
        trainer.epoch(X, Y)
    other = dr.Trainer(parts, dr.SGD(0.3), 1)
    for _ in range(3):
        with other.in_parts(ROWS) as epoch:
            for at in range(0, ROWS, 4):
                epoch.part(X[at : at + 4], Y[at : at + 4])
    many.fit(X, Y, dr.SGD(0.3), 1, 3, shuffle=False)
    assert mlp.w.tobytes() == parts.w.tobytes() == many.w.tobytes()


def test_a_weight_that_overflows_where_later_rows_are_0() -> None:
    """Its product with 0 is found in the next step, not in the end."""
    X, Y = np.zeros((6, 70), "float32"), np.zeros((6, 1), "float32")
    X[0, 3] = -4
    said = []
    for rule in (dr.SGD(3e38), dr.SGD(Exponential(3e38, 1.0))):
        mlp = dr.MLP([70, 1], loss="binary_cross_entropy", seed=0)
        with pytest.raises(FloatingPointError) as error:
            dr.Trainer(mlp, rule, 1).epoch(X, Y)
        said.append(str(error.value))
    assert said[0] == said[1]
    assert "step 2" in said[0]


@pytest.mark.parametrize("eta", [1e6, 1e30, 1e38])
@pytest.mark.parametrize("size", [1.0, 1e30, 3e38])
@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_weights_that_overflow(eta: float, size: float, activation: str) -> None:
    """0 times infinity is no number: the same step diverges, or the same bits come out."""
    X, Y, _ = data(130, 2, 0.6, "float32")
    said = []
    for rule in (dr.SGD(eta), dr.SGD(Exponential(eta, 1.0))):
        mlp = network((130, 20, 2), "float32", activation)
        w = mlp.w.copy()
        w[::7] = size
        mlp.w = w
        trainer = dr.Trainer(mlp, rule, 1)
        try:
            losses: Any = [trainer.epoch(X, Y) for _ in range(2)]
        except FloatingPointError as error:
            losses = str(error)
        said.append((losses, mlp.w.tobytes()))
    assert said[0] == said[1]
