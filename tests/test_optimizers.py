# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers: what all of them take, numbers that move, native against literal reference."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule import _core
from deltarule.optimizers import Optimizer
from deltarule.oracle import literal

RULES = [
    dr.SGD(0.05),
    dr.SGD(0.05, momentum=0.9),
    dr.SGD(0.05, momentum=0.9, nesterov=True),
    dr.SGD(0.05, momentum=0.9, eta_in_velocity=True),
    dr.SGD(0.05, momentum=0.9, nesterov=True, eta_in_velocity=True),
    dr.Adam(0.01),
    dr.Adam(0.01, eps=1e-3, eps_inside=True),
    dr.Adam(0.01, beta_2=0.5, amsgrad=True),
    dr.AdamW(0.01),
    dr.NAdam(0.01, momentum_decay=0.5),
    dr.AdaGrad(0.05, start=0.1),
    dr.RMSProp(0.01),
    dr.RMSProp(0.01, momentum=0.5),
    dr.RMSProp(0.01, momentum=0.5, centered=True),
    dr.Adadelta(1.0, eps=1e-4),
    dr.Lion(0.003, beta_2=0.9),
    dr.Rprop(0.01, least=1e-4, most=0.05),
]


def name_of(rule: Optimizer) -> str:
    more = [f for f in ("eta_in_velocity", "eps_inside") if getattr(rule, f, False)]
    return "+".join([type(rule).__name__, rule.kernel, *more])


every_rule = pytest.mark.parametrize("rule", RULES, ids=name_of)
every_batch = pytest.mark.parametrize(
    ("rule", "batch_size"),
    [
        pytest.param(rule, size, id=f"{name_of(rule)}-{size}")
        for rule in RULES
        for size in (1, 16, None)
        if size is None or not rule.full_batch
    ],
)
SIZES = (9, 33, 3)
N = 20
STEPS = {None: 1, 1: 20, 16: 2}


def data(dtype: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, SIZES[0])).astype(dtype), rng.normal(size=(N, 3)).astype(dtype)


def network(dtype: str, **options: Any) -> dr.MLP:
    return dr.MLP(SIZES, "tanh", "identity", dtype=dtype, seed=1, **options)


def native(
    rule: Optimizer, dtype: str, batch_size: int | None, numbers: Any = None, **options: Any
) -> list[Any]:
    """Weights, slots and losses of two epochs."""
    mlp = network(dtype, **options)
    trainer = dr.Trainer(mlp, rule, batch_size, n_threads=2)
    losses = [trainer._trainer.epoch(*data(dtype), None, None, numbers) for _ in range(2)]
    return [mlp.w.tobytes(), *(slot.tobytes() for slot in trainer.state["slots"]), losses]


@cache
def by_literal(
    rule: Optimizer, dtype: str, batch_size: int | None, moving: bool = False, l2: float = 0
) -> list[Any]:
    """The same by the literal reference: once for all instruction sets."""
    mlp = network(dtype, l2=l2)
    trainer = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, batch_size)
    numbers = numbers_of(rule, batch_size) if moving else None
    losses = [trainer.epoch(*data(dtype), numbers=numbers) for _ in range(2)]
    return [*(np.asarray(a).tobytes() for a in (trainer.mlp.w, *trainer.state.slots)), losses]


@every_batch
def test_every_rule_has_the_literal_bits(
    rule: Optimizer, batch_size: int | None, isa: str, dtype: str
) -> None:
    """Every path of a step, then every path of one with terms beside the rule."""
    plain = native(rule, dtype, batch_size)
    assert plain == by_literal(rule, dtype, batch_size)
    more = replace(rule, weight_decay=0.5, clip_value=0.01, eta_factors=(0.5, 2))
    assert native(more, dtype, batch_size, l2=1e-3) == by_literal(more, dtype, batch_size, l2=1e-3)


def numbers_of(rule: Optimizer, batch_size: int | None) -> dict[str, Any]:
    steps = STEPS[batch_size]
    numbers = {
        "momentum": np.linspace(0.5, 0.9, steps),
        "weight_decay": np.linspace(0.05, 0.1, steps),
    }
    if "eta" in rule.moving:
        numbers["eta"] = np.linspace(0.01, 0.002, steps)
    return numbers


@every_batch
def test_moving_numbers_have_the_literal_bits(
    rule: Optimizer, batch_size: int | None, dtype: str
) -> None:
    moved = native(rule, dtype, batch_size, numbers_of(rule, batch_size))
    assert moved == by_literal(rule, dtype, batch_size, moving=True)
    plain = native(rule, dtype, batch_size)
    assert moved != plain
    constant = {"eta": np.full(STEPS[batch_size], rule.eta)}
    assert native(rule, dtype, batch_size, constant) == plain


@every_batch
def test_options_that_change_nothing_change_no_bit(
    rule: Optimizer, batch_size: int | None, dtype: str
) -> None:
    plain = native(replace(rule, weight_decay=0), dtype, batch_size)
    for options in ({"eta_factors": (1, 1)}, {"clip_value": 1e30}, {"weight_decay": 1e-300}):
        same = replace(rule, **{"weight_decay": 0, **options})
        assert native(same, dtype, batch_size) == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (dr.AdamW(0.01, weight_decay=0), dr.Adam(0.01)),
        (dr.SGD(0.05, nesterov=True), dr.SGD(0.05)),
        (dr.SGD(0.05, eta_in_velocity=True), dr.SGD(0.05)),
        # Powers of 2 for eta, where its place costs no rounding:
        (dr.SGD(2**-6, 0.5, eta_in_velocity=True), dr.SGD(2**-6, 0.5)),
        (dr.SGD(2**-6, 0.5, True, True), dr.SGD(2**-6, 0.5, True)),
        # beta_2 = 0: v_hat = v = g^2 either way, and only the last g counts.
        (dr.Adam(0.01, beta_2=0, eps_inside=True), dr.Adam(0.01, beta_2=0)),
    ],
    ids=str,
)
def test_rules_that_are_the_same(one: Optimizer, other: Optimizer, dtype: str) -> None:
    for batch_size in STEPS:
        a, b = (native(rule, dtype, batch_size) for rule in (one, other))
        assert (a[0], a[-1]) == (b[0], b[-1])


def test_a_momentum_of_0_is_none(dtype: str) -> None:
    """Moved to 0 it leaves SGD's bits; RMSProp's where eta, a power of 2, may multiply late."""
    zeros = {"momentum": np.zeros(2)}
    for plain in (dr.SGD(0.05), dr.RMSProp(0.25)):
        moved = native(replace(plain, momentum=0.5), dtype, 16, zeros)
        assert moved[0] == native(plain, dtype, 16)[0]


@every_rule
def test_a_factor_of_0_leaves_a_layer_as_it_is(rule: Optimizer) -> None:
    X, Y = data("float32")
    mlp = dr.MLP(SIZES, seed=1)
    before = [np.array(W) for W in mlp.W]
    mlp.fit(X, Y, replace(rule, eta_factors=(0, 1), weight_decay=0.1), None, epochs=2)
    same = [np.array_equal(a, b) for a, b in zip(before, mlp.W, strict=True)]
    assert same == [True, False]


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
        ({"eta": np.ones(3)}, "eta: expected 2 float64, one for each step"),
        ({"eta": [0.1] * 2}, "eta: expected 2 float64"),
        ({"momentum": np.array([0.1, np.nan])}, "momentum: -?nan in step 2"),
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
        (
            {"eta_factors": (1, 1, 1)},
            ValueError,
            "eta_factors: 3 numbers; expected 2, one per layer",
        ),
        ({"clip_value": 1e-60}, ValueError, r"clip_value: 1e-60 is 0\.0 as float32"),
    ],
)
def test_refused_options(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dr.Trainer(dr.MLP(SIZES, seed=1), dr.SGD(**options))


def test_eta_factors_are_as_many_as_layers_below_python() -> None:
    mlp = dr.MLP(SIZES, seed=1)
    with pytest.raises(ValueError, match="eta_factors: got 1, expected 2"):
        _core.Trainer(mlp._network, "sgd", {"eta": 0.1}, 0, 0, None, (1.0,))
