# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers: what all of them take, numbers that move, native against literal reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import _core
from deltarule.optimizers import Optimizer
from deltarule.oracle import literal

RULES = [dr.SGD(0.05), dr.SGD(0.05, momentum=0.9), dr.Adam(0.01)]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.kernel))
SIZES = (9, 33, 18, 3)
STEPS = {None: 1, 1: 40, 16: 3}


def changed(rule: Optimizer, **options: Any) -> Optimizer:
    from dataclasses import replace

    return replace(rule, **options)


def data(dtype: str, n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, SIZES[0])).astype(dtype), rng.normal(size=(n, 3)).astype(dtype)


def both(
    rule: Optimizer,
    dtype: str,
    batch_size: int | None,
    numbers: dict[str, Any] | None = None,
    epochs: int = 2,
    n_threads: int = 2,
    sizes: tuple[int, ...] = SIZES,
    **options: Any,
) -> tuple[bytes, bytes]:
    """The weights after some epochs, native and by the literal reference."""
    X, Y = data(dtype)
    mlp = dr.MLP(sizes, "tanh", "identity", dtype=dtype, seed=1, **options)
    reference = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, batch_size)
    trainer = dr.Trainer(mlp, rule, batch_size, n_threads)
    for _ in range(epochs):
        loss = trainer._trainer.epoch(X, Y, None, None, numbers)
        assert loss == reference.epoch(X, Y, numbers=numbers)
    for slot, expected in zip(trainer.state["slots"], reference.state.slots, strict=True):
        assert slot.tobytes() == expected.tobytes()
    return mlp.w.tobytes(), np.asarray(reference.mlp.w).tobytes()


OPTIONS: list[dict[str, Any]] = [
    {"weight_decay": 0.1},
    {"clip_value": 1e-3},
    {"eta_factors": (1, 0, 0.3)},
    {"weight_decay": 0.5, "clip_value": 0.01, "eta_factors": (0.5, 2, 1)},
]


@every_rule
@pytest.mark.parametrize("batch_size", [1, 16, None])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "+".join(options))
def test_what_all_rules_take_has_the_literal_bits(
    rule: Optimizer, batch_size: int | None, options: dict[str, Any], isa: str, dtype: str
) -> None:
    ours, expected = both(changed(rule, **options), dtype, batch_size, l2=1e-3, l1=1e-4)
    plain, _ = both(rule, dtype, batch_size, l2=1e-3, l1=1e-4)
    assert ours == expected != plain


@every_rule
@pytest.mark.parametrize("batch_size", [1, 16, None])
def test_moving_numbers_have_the_literal_bits(
    rule: Optimizer, batch_size: int | None, dtype: str
) -> None:
    steps = STEPS[batch_size]
    numbers = {
        "eta": np.linspace(0.01, 0.002, steps),
        "momentum": np.linspace(0.5, 0.9, steps),
        "weight_decay": np.linspace(0, 0.1, steps),
    }
    ours, expected = both(rule, dtype, batch_size, numbers)
    assert ours == expected
    constant = {"eta": np.full(steps, rule.eta)}
    assert both(rule, dtype, batch_size, constant) == both(rule, dtype, batch_size)


@every_rule
@pytest.mark.parametrize("batch_size", [1, 16, None])
def test_options_that_change_nothing_change_no_bit(
    rule: Optimizer, batch_size: int | None, dtype: str
) -> None:
    plain, _ = both(rule, dtype, batch_size)
    for options in (
        {"eta_factors": (1, 1, 1)},
        {"weight_decay": 0},
        {"clip_value": 1e30},
        {"weight_decay": 1e-300},
    ):
        assert both(changed(rule, **options), dtype, batch_size)[0] == plain


@every_rule
def test_a_factor_of_0_leaves_a_layer_as_it_is(rule: Optimizer) -> None:
    X, Y = data("float32")
    mlp = dr.MLP(SIZES, seed=1)
    before = [np.array(W) for W in mlp.W]
    mlp.fit(X, Y, changed(rule, eta_factors=(1, 0, 1), weight_decay=0.1), epochs=2)
    same = [np.array_equal(a, b) for a, b in zip(before, mlp.W, strict=True)]
    assert same == [False, True, False]


def test_decay_leaves_biases_alone() -> None:
    """From a gradient of 0: weights shrink by eta weight_decay, biases stay."""
    mlp = dr.MLP([3, 2], output="identity", dtype="float64", seed=0)
    w = np.array(mlp.w)
    w[[3, 7]] = 0.25, -0.5
    mlp.w = w
    X = np.zeros((4, 3))
    dr.Trainer(mlp, dr.SGD(0.5, weight_decay=0.25), None).epoch(X, np.tile([0.25, -0.5], (4, 1)))
    assert np.array_equal(mlp.W[0][:, -1], [0.25, -0.5])
    np.testing.assert_array_equal(mlp.W[0][:, :-1], w.reshape(2, 4)[:, :-1] * (1 - 0.125))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"eta": np.ones(2)}, "eta: expected 3 float64, one for each step"),
        ({"eta": [0.1] * 3}, "eta: expected 3 float64"),
        ({"momentum": np.array([0.1, np.nan, 0])}, "momentum: -?nan in step 2"),
    ],
)
def test_refused_numbers(numbers: dict[str, Any], message: str) -> None:
    X, Y = data("float32")
    mlp = dr.MLP(SIZES, seed=1)
    before = mlp.w.tobytes()
    with pytest.raises(ValueError, match=message):
        dr.Trainer(mlp, dr.SGD(), 16)._trainer.epoch(X, Y, None, None, numbers)
    assert mlp.w.tobytes() == before


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weight_decay": -1}, ValueError, "weight_decay: -1; expected a finite number >= 0"),
        ({"weight_decay": None}, TypeError, "weight_decay: None of type NoneType"),
        ({"clip_value": 0}, ValueError, "clip_value: 0; expected a finite number > 0"),
        ({"clip_norm": np.nan}, ValueError, "clip_norm: nan"),
        ({"max_norm": "1"}, TypeError, "max_norm: '1' of type str"),
        ({"eta_factors": 2}, TypeError, "eta_factors: 2 of type int; expected a sequence"),
        ({"eta_factors": "111"}, TypeError, "eta_factors: '111'; expected a sequence"),
        ({"eta_factors": (1, -1, 0)}, ValueError, r"eta_factors\[1\]: -1; expected .* >= 0"),
        ({"eta_factors": (1, 1)}, ValueError, "eta_factors: 2 numbers; expected 3, one per layer"),
        ({"clip_value": 1e-60}, ValueError, r"clip_value: 1e-60 is 0\.0 as float32"),
    ],
)
def test_refused_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dr.Trainer(dr.MLP(SIZES, seed=1), dr.SGD(**options))


def test_eta_factors_are_as_many_as_layers_below_python() -> None:
    mlp = dr.MLP(SIZES, seed=1)
    with pytest.raises(ValueError, match="eta_factors: got 1, expected 3"):
        _core.Trainer(mlp._network, "sgd", {"eta": 0.1}, 0, 0, None, (1.0,))
