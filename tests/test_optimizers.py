# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers: what all of them take, numbers that move, native against literal reference."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, gamma

import deltarule as dr
from deltarule import _core, oracle
from deltarule.optimizers import OPTIMIZERS, Optimizer
from deltarule.oracle import literal
from deltarule.oracle.steps import State
from deltarule.schedules import Exponential

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
    rule: Optimizer,
    dtype: str,
    batch_size: int | None,
    numbers: Any = None,
    n_threads: int = 1,
    **options: Any,
) -> list[Any]:
    """Weights, slots and losses of two epochs."""
    mlp = network(dtype, **options)
    trainer = dr.Trainer(mlp, rule, batch_size, n_threads)
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
    plain = native(rule, dtype, batch_size, n_threads=2)
    assert plain == by_literal(rule, dtype, batch_size)
    more = replace(rule, weight_decay=0.5, clip_value=0.01, eta_factors=(0.5, 2))
    assert native(more, dtype, batch_size, l2=1e-3) == by_literal(more, dtype, batch_size, l2=1e-3)


@every_rule
def test_literal_formulas_are_the_oracle_s(rule: Optimizer, dtype: str) -> None:
    """One step from numbers whose sums cancel nothing: a few roundings of each term apart."""
    net = dr.MLP([40, 5], dtype=dtype, seed=0).architecture
    rng = np.random.default_rng(5)
    w, g = rng.normal(size=net.n_weights), rng.uniform(0.1, 1, net.n_weights)
    v, rest = rng.uniform(2, 3, g.shape), [rng.uniform(0.1, 1, g.shape) for _ in range(2)]
    first = v if rule.kernel.startswith(("adagrad", "rmsprop", "adadelta")) else rest[0]
    slots = [first, v if first is not v else rest[0], rest[1]][: len(rule.slots)]
    results = []
    for formulas, kind in ((literal, dtype), (oracle.optimizers, "float64")):
        start = [a.astype(dtype).astype(kind) for a in (w, g, *slots)]
        state = State(start[2:], steps=3, beta_1_power=0.9**3, beta_2_power=0.99**3)
        state.mu_product = 0.2
        new = state.step(formulas, rule, net, start[0], start[1], {})
        results.append((new.astype(float), *(slot.astype(float) for slot in state.slots)))
    size = np.abs(w) + np.abs(results[1][0] - w)
    for ours, exact, scale in zip(*results, (size, *map(np.abs, results[1][1:])), strict=True):
        assert_within(ours, exact, gamma(24, dtype) * scale)


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


@every_rule
def test_pickled_trainers_go_on_with_the_same_bits(rule: Optimizer, dtype: str) -> None:
    """Mid-training, and before the first step: where slots start is a part of the state."""
    X, Y = data(dtype)
    trainer = dr.Trainer(network(dtype), rule, None)
    for _ in range(2):
        twin = pickle.loads(pickle.dumps(trainer))
        assert twin.optimizer == rule
        assert trainer.epoch(X, Y) == twin.epoch(X, Y)
        assert trainer.mlp.w.tobytes() == twin.mlp.w.tobytes()


def test_state_of_an_older_pickle_has_no_mu(dtype: str) -> None:
    trainer = dr.Trainer(network(dtype), dr.Adam(), None)
    state = trainer.__getstate__()
    for name in ("mu_power", "mu_product"):
        assert state["state"].pop(name) == 1.0
    state["optimizer"] = {"name": "Adam", "eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "eps": 1e-8}
    trainer.__setstate__(state)
    assert trainer.optimizer == dr.Adam(0.01, 0.9, 0.99)


@every_rule
def test_failed_epochs_leave_the_state_of_every_rule(rule: Optimizer) -> None:
    X, Y = data("float32")
    trainer = dr.Trainer(network("float32"), rule, None if rule.full_batch else 4)
    for _ in range(2):
        before = pickle.dumps(trainer.state)
        with pytest.raises(ValueError, match="X: row 19"):
            trainer.epoch(np.where(np.arange(N) == 19, np.nan, X.T).T, Y)
        assert pickle.dumps(trainer.state) == before
        trainer.epoch(X, Y)


@pytest.mark.parametrize("kind", ["trainer", "oracle", "fit", "radial"])
def test_rprop_takes_no_minibatches(kind: str) -> None:
    X, Y = data("float64")
    calls = {
        "trainer": lambda: dr.Trainer(network("float32"), dr.Rprop(), 16),
        "oracle": lambda: oracle.Trainer(oracle.MLP([9, 3]), dr.Rprop(), 16),
        "fit": lambda: network("float32").fit(X, Y, dr.Rprop()),
        "radial": lambda: dr.RBFNetwork(4).fit(X, np.arange(N) % 2, dr.Rprop()),
    }
    with pytest.raises(ValueError, match=r"batch_size: \d+; expected None: Rprop compares"):
        calls[kind]()


def test_autoencoders_and_radial_units_take_every_rule() -> None:
    X, _ = data("float64")
    for rule in RULES:
        autoencoder = dr.Autoencoder([9, 3, 9], seed=0)
        assert np.isfinite(autoencoder.fit(X, rule, None, epochs=2).loss).all()
        units = dr.RBFNetwork(4, output="softmax", seed=0)
        units.fit(X, np.arange(N) % 2, rule, batch_size=None, epochs=2)


def test_nadam_s_decay_is_the_power_to_a_rounding() -> None:
    for psi in (0, 0.004, 0.3, 1):
        exact = 0.96**psi  # the C library's
        assert_within(dr.NAdam(momentum_decay=psi).mu_decay, exact, gamma(4))


@pytest.mark.parametrize("rule", OPTIMIZERS.values())
def test_every_rule_judges_what_it_takes(rule: type[Optimizer]) -> None:
    for field in fields(rule):
        if field.name in ("eta_factors",):
            continue
        with pytest.raises(TypeError, match=rf"{field.name}: 'x' of type str; expected"):
            rule(**{field.name: "x"})
        if isinstance(field.default, float):
            with pytest.raises(ValueError, match=f"{field.name}: -1"):
                rule(**{field.name: -1})
    for name in rule.moving:
        moving = rule(**{name: Exponential(0.1, 0.9)})
        assert list(moving.schedules) == [name]
    assert rule().schedules == {}


def test_rprop_s_own_refusals() -> None:
    with pytest.raises(TypeError, match=r"eta: Exponential.*expected a finite number > 0"):
        dr.Rprop(Exponential(0.1, 0.9))
    for name, value in (("shrink", 1), ("grow", 1), ("least", 0), ("most", 0)):
        with pytest.raises(ValueError, match=f"{name}: {value}; expected"):
            dr.Rprop(**{name: value})
    with pytest.raises(ValueError, match=r"least, most: 2\.0 and 1\.0; expected least <= most"):
        dr.Rprop(least=2, most=1)


def test_reprs_of_rules() -> None:
    assert repr(dr.SGD(0.5)) == "SGD(eta=0.5, momentum=0.0)"
    assert repr(dr.SGD(nesterov=True)) == "SGD(eta=0.1, momentum=0.0, nesterov=True)"
    for rule in RULES:
        assert eval(repr(rule), vars(dr)) == rule
    lion = "Lion(eta=0.0001, beta_1=0.9, beta_2=0.99, clip_value=1.0)"
    assert repr(dr.Lion(clip_value=1)) == lion


def test_an_unknown_kernel_is_named() -> None:
    with pytest.raises(ValueError, match="optimizer: got 'x', expected sgd, momentum, adam"):
        _core.Trainer(network("float32")._network, "x", {}, 0, 0)
