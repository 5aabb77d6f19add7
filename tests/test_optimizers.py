# SPDX-License-Identifier: BSD-3-Clause
"""The optimizers: what all of them take, numbers that move, native against literal reference."""

from __future__ import annotations

import copy
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
    dr.Lion(0.003, beta_1=0.8, beta_2=0.9),
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


@pytest.mark.parametrize("batch_size", [1, 16, None])
@pytest.mark.parametrize("frozen", [0, 1])
def test_a_factor_of_0_freezes_a_layer_under_every_option(
    batch_size: int | None, frozen: int, dtype: str
) -> None:
    """Its norms are beyond max_norm, and stay so, natively, literally and by the oracle."""
    X, Y = data(dtype)
    factors = tuple(float(k != frozen) for k in range(2))
    options = {"max_norm": 0.05, "clip_norm": 0.1, "clip_value": 0.05, "weight_decay": 0.1}
    rule = dr.SGD(0.1, 0.9, eta_factors=factors, **options)
    mlp = network(dtype)
    before = [np.array(W) for W in mlp.W]
    other = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    loops = literal.MLP(mlp.architecture, mlp.w, dtype)
    oracle.Trainer(other, rule, batch_size).epoch(X, Y)
    literal.Trainer(loops, rule, batch_size).epoch(X, Y)
    dr.Trainer(mlp, rule, batch_size, average=dr.EMA(0.5)).epoch(X, Y)
    assert mlp.w.tobytes() == np.asarray(loops.w).tobytes()
    for W in (mlp.W, other.W):
        assert np.array_equal(W[frozen], before[frozen])
        moved = W[1 - frozen][:, :-1]
        assert np.linalg.norm(moved, axis=1).max() < 0.0501
    assert np.linalg.norm(before[frozen][:, :-1], axis=1).max() > 0.1


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
        ({"eta_factors": "111"}, TypeError, "eta_factors: '111' of type str; expected a sequence"),
        ({"eta_factors": {1: 2, 3: 4}}, TypeError, "eta_factors: .* of type dict; expected a seq"),
        ({"eta_factors": {1, 2}}, TypeError, "eta_factors: .* of type set; expected a sequence"),
        ({"eta_factors": np.ones((2, 1))}, TypeError, "of type ndarray; expected a sequence"),
        ({"momentum": 1 - 1e-9}, ValueError, r"momentum: 0\.999999999 is 1 as float32; .* < 1"),
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


@pytest.mark.parametrize("name", ["beta_1", "beta_2"])
@pytest.mark.parametrize("kind", [dr.Adam, dr.AdamW, dr.NAdam, dr.Lion])
def test_a_mean_that_never_fades_is_refused(kind: Any, name: str) -> None:
    rule = kind(**{name: 1 - 1e-9})
    for trainer, mlp in ((dr.Trainer, dr.MLP), (oracle.Trainer, oracle.MLP)):
        trainer(mlp(SIZES, dtype="float64", seed=1), rule)
        with pytest.raises(ValueError, match=rf"{name}: 0\.999999999 is 1 as float32"):
            trainer(mlp(SIZES, seed=1), rule)
    with pytest.raises(ValueError, match=r"beta: .* is 1 as float32"):
        dr.Trainer(dr.MLP(SIZES, seed=1), dr.RMSProp(beta=1 - 1e-9))


@pytest.mark.parametrize(
    "rule", [dr.Adam(eps=1e-60), dr.AdaGrad(eps=1e-60), dr.Adadelta(eps=1e-60)]
)
def test_an_eps_that_vanishes_is_refused(rule: Optimizer) -> None:
    with pytest.raises(ValueError, match=r"eps: 1e-60 is 0\.0 as float32; expected it > 0"):
        dr.Trainer(dr.MLP(SIZES, seed=1), rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (dr.AdaGrad(start=1e300), r"start: 1e\+300 is inf as float32; expected it finite"),
        (dr.SGD(weight_decay=1e39), r"weight_decay: 1e\+39 is inf as float32; expected it finite"),
        (dr.Rprop(grow=1e39), r"grow: 1e\+39 is inf as float32; expected it > 1, finite"),
        (dr.Rprop(grow=1 + 1e-9), r"grow: 1\.000000001 is 1\.0 as float32; expected it > 1"),
        (dr.Rprop(shrink=1 - 1e-9), r"shrink: 0\.999999999 is 1 as float32; expected it < 1"),
    ],
)
def test_numbers_that_leave_their_range_as_float32_are_refused(
    rule: Optimizer, message: str
) -> None:
    for trainer, mlp in ((dr.Trainer, dr.MLP), (oracle.Trainer, oracle.MLP)):
        trainer(mlp(SIZES, dtype="float64", seed=1), rule, None)
        with pytest.raises(ValueError, match=message):
            trainer(mlp(SIZES, seed=1), rule, None)


def test_numbers_that_may_vanish() -> None:
    """0 may be given, too."""
    dr.Trainer(dr.MLP(SIZES, seed=1), dr.AdaGrad(start=1e-60, weight_decay=1e-60))


def test_numpy_s_bools_are_bools() -> None:
    rule = dr.Adam(amsgrad=np.True_, eps_inside=np.False_)
    assert rule == dr.Adam(amsgrad=True)
    assert rule.amsgrad is True
    assert dr.schedules.Plateau(0.1, relative=np.False_).relative is False


def test_arrays_are_sequences_of_factors() -> None:
    assert dr.SGD(eta_factors=np.array([1, 0.5])).eta_factors == (1.0, 0.5)
    assert dr.SGD(eta_factors=[1, 0.5]).eta_factors == (1.0, 0.5)


class Heavy(dr.SGD):
    """A rule of the user's: momentum 0.75 whatever is asked for."""

    @property
    def parameters(self) -> dict[str, float]:
        return {**super().parameters, "momentum": 0.75}


def test_a_subclass_is_pickled_as_itself() -> None:
    X, Y = data("float32")
    trainer = dr.Trainer(dr.MLP(SIZES, seed=1), Heavy(0.1, 0.5))
    trainer.epoch(X, Y)
    for twin in (pickle.loads(pickle.dumps(trainer)), copy.deepcopy(trainer)):
        assert type(twin.optimizer) is Heavy
        assert twin.epoch(X, Y) == copy.deepcopy(trainer).epoch(X, Y)


def _damage(path: str, value: Any) -> Any:
    def change(state: dict[str, Any]) -> None:
        *outer, last = path.split(".")
        for name in outer:
            state = state[name]
        if value is KeyError:
            del state[last]
        else:
            state[last] = value

    return change


DAMAGED = [
    *(
        (_damage(name, KeyError), ValueError, f"state: no '{name}'")
        for name in ("mlp", "optimizer", "batch_size", "n_threads", "state")
    ),
    *(
        (_damage(f"state.{name}", KeyError), ValueError, f"state: no '{name}'")
        for name in ("slots", "epochs", "steps", "average")
    ),
    (
        _damage("optimizer.name", "X"),
        ValueError,
        "an optimizer of the name 'X'; expected one of SG",
    ),
    (_damage("optimizer.rho", 1), ValueError, "optimizer SGD: .*unexpected keyword argument 'rho'"),
    (_damage("sparsity", {"layers": 1}), ValueError, "sparsity: .*unexpected keyword"),
    (_damage("key", 2**70), ValueError, "state: key 1180591620717411303424; expected it < 2"),
    (_damage("key", 2**64), ValueError, "state: key 18446744073709551616; expected it < 2"),
    (_damage("key", -1), ValueError, "state: key: -1"),
    (_damage("state.epochs", -5), ValueError, "state: epochs: -5; expected an integer >= 0"),
    (_damage("state.steps", -5), ValueError, "state: steps: -5"),
    (_damage("state.steps", 2**63), ValueError, "state: steps: 92233.*; expected an"),
    (_damage("state.steps", 2.0), TypeError, "state: steps: 2.0 of type float"),
    (_damage("state.beta_1_power", 1.5), ValueError, "state: beta_1_power: 1.5; expected"),
    (_damage("state.mu_product", np.nan), ValueError, "state: mu_product: nan"),
    (_damage("state.slots", []), ValueError, "state: 0 slots; expected 1"),
    (
        _damage("state.slots", [np.ones(3)]),
        ValueError,
        r"state: slots\[0\]: shape \(3,\); expected",
    ),
    (_damage("state.slots", ["abc"]), TypeError, r"state: slots\[0\]: dtype"),
    (_damage("state.average", np.zeros(3)), ValueError, r"state: average: shape \(3,\)"),
    (_damage("moving.steps", -1), ValueError, "state of the schedules: steps: -1"),
    (_damage("moving.steps", KeyError), ValueError, "state of the schedules: no steps"),
    (_damage("moving.memory", {}), ValueError, "eta remembers None; expected .*'bad', 'best'"),
]


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGED)
def test_a_damaged_state_is_named(damage: Any, error: type[Exception], message: str) -> None:
    X, Y = data("float32")
    rule = dr.SGD(dr.schedules.Plateau(0.1), 0.5)
    trainer = dr.Trainer(dr.MLP(SIZES, seed=1), rule, dropout=0.5, average=dr.EMA(0.5), seed=1)
    trainer.epoch(X, Y)
    state = trainer.__getstate__()
    twin = dr.Trainer.__new__(dr.Trainer)
    twin.__setstate__(copy.deepcopy(state))
    assert twin.epoch(X, Y) == trainer.epoch(X, Y)
    damage(state)
    with pytest.raises(error, match=message):
        dr.Trainer.__new__(dr.Trainer).__setstate__(state)


def test_the_core_judges_counts_and_powers_too() -> None:
    native = dr.Trainer(dr.MLP(SIZES, seed=1), dr.SGD())._trainer
    for name, value in (("epochs", -1), ("steps", -1), ("beta_1_power", 2.0), ("mu_power", np.nan)):
        before = native.state
        with pytest.raises(ValueError, match=f"state: {name} -?"):
            native.set_state({**before, name: value})
        assert native.state == before


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


@pytest.mark.parametrize("rule", [dr.Lion(), dr.Rprop(), dr.SGD(), dr.Adam()], ids=name_of)
def test_a_gradient_that_is_no_number_is_found(rule: Optimizer) -> None:
    """The loss is finite and the gradient inf - inf, block against block: not a step of 0."""
    mlp = dr.MLP([1, 1], init="zeros")
    trainer = dr.Trainer(mlp, rule, None)
    with pytest.raises(FloatingPointError, match="a weight is not finite in epoch 1"):
        trainer.epoch(np.full((512, 1), 1e30), np.repeat([1e15, -1e15], 256))
    assert not np.any(mlp.w)


def test_rprop_takes_signs_of_gradients_whose_product_underflows(dtype: str) -> None:
    tiny = 1e-30 if dtype == "float32" else 1e-200
    mlp = dr.MLP([1, 1], loss="absolute", dtype=dtype, seed=0)
    trainer = dr.Trainer(mlp, dr.Rprop(0.25, grow=2.0), None)
    for _ in range(3):
        trainer.epoch([[tiny]], [100.0])
    assert trainer.state["slots"][1].tolist() == [1.0, 1.0]  # of the weight as of the bias


def test_a_variance_is_never_below_0(dtype: str) -> None:
    """Of gradients that stand still roundings leave v - a^2 on either side of 0."""
    x = np.random.default_rng(4).normal(size=(1, 64)).astype(dtype)
    mlp = dr.MLP([64, 1], loss="absolute", dtype=dtype, seed=0)
    rule = dr.RMSProp(1e-4, beta=0.5, centered=True, eps=1.0)
    loops = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, None)
    trainer = dr.Trainer(mlp, rule, None)
    for _ in range(80):
        assert trainer.epoch(x, [100.0]) == loops.epoch(x, np.array([[100.0]], dtype))
    v, _, a = (slot.astype(np.longdouble) for slot in trainer.state["slots"])
    assert np.any(v - a * a < 0), "the case that is meant"
    assert mlp.w.tobytes() == np.asarray(loops.mlp.w).tobytes()
    assert np.isfinite(mlp.w).all()


FADING = [
    dr.SGD(0.05, momentum=0.5),
    dr.SGD(0.05, momentum=0.5, nesterov=True),
    dr.SGD(0.05, momentum=0.5, eta_in_velocity=True),
    dr.SGD(0.05, momentum=0.5, nesterov=True, eta_in_velocity=True),
    dr.Adam(0.01, beta_1=0.6, beta_2=0.5),
    dr.Adam(0.01, beta_1=0.6, beta_2=0.5, amsgrad=True),
    dr.NAdam(0.01, beta_1=0.6, beta_2=0.5),
    dr.RMSProp(0.01, beta=0.5),
    dr.RMSProp(0.01, beta=0.5, momentum=0.6),
    dr.RMSProp(0.01, beta=0.5, momentum=0.6, centered=True),
    dr.Adadelta(1.0, beta=0.5),
]


@pytest.mark.parametrize("rule", [dr.Adam(1.0, beta_2=0.9, eps=1e-30), dr.RMSProp(1.0, eps=1e-30)])
def test_gradients_whose_squares_are_subnormal_take_no_leap(rule: Optimizer) -> None:
    """v fades only where its root divides nothing: eps alone would make the step huge."""
    mlp = dr.MLP([1, 1], loss="binary_cross_entropy", seed=0)
    trainer, X, Y = dr.Trainer(mlp, rule, 4), np.ones((4, 1), "f4"), np.zeros((4, 1), "f4")
    for _ in range(8200):
        before = mlp.w.copy()
        trainer.epoch(X, Y)
        assert np.abs(mlp.w - before).max() < 20
    assert mlp.w.sum() < -45  # the gradient is 1e-20 there


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("rule", FADING, ids=name_of)
def test_slots_fade_to_0(rule: Optimizer, batch_size: int, dtype: str, isa: str) -> None:
    """Of weights without gradients: none ends among the subnormal numbers, where it would stay."""
    n = batch_size * (200 if dtype == "float32" else 1500)
    X, Y = np.zeros((n, 40), dtype), np.zeros((n, 2), dtype)
    X[:4], Y[:4] = np.random.default_rng(0).normal(size=(4, 40)), 1
    mlp = dr.MLP([40, 2], dtype=dtype, seed=0)
    trainer = dr.Trainer(mlp, rule, batch_size)
    loops = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, batch_size)
    seen = 0
    for part in np.array_split(np.arange(n), 10):
        assert trainer.epoch(X, Y, part) == loops.epoch(X, Y, part)
        assert mlp.w.tobytes() == np.asarray(loops.mlp.w).tobytes()
        for slot, other in zip(trainer.state["slots"], loops.state.slots, strict=True):
            assert slot.tobytes() == np.asarray(other).tobytes()
            seen += slot.reshape(2, 41)[:, :-1].any()
    largest = 1 if getattr(rule, "amsgrad", False) else 0  # h never falls
    left = [slot.reshape(2, 41)[:, :-1].any() for slot in trainer.state["slots"]]
    assert seen > 0
    assert sum(left) == largest


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


def test_rprop_s_steps_start_at_the_layer_s_eta() -> None:
    rule = dr.Rprop(0.25, eta_factors=(0.5, 2))
    for trainer in (
        dr.Trainer(dr.MLP(SIZES, "prelu"), rule, None),
        oracle.Trainer(oracle.MLP(SIZES, "prelu"), rule, None),
    ):
        net, s = trainer.mlp.architecture, trainer.state["slots"][1]
        assert [set(W.ravel().tolist()) for W in net.views(s)] == [{0.125}, {0.5}]
        assert set(net.alphas(s)[0].tolist()) == {0.125}  # type: ignore[union-attr]


def test_rprop_s_bounds_are_the_layer_s() -> None:
    """least = most = eta: steps that cannot change, each layer's by its factor."""
    X, Y = data("float64")
    rule = dr.Rprop(0.25, least=0.25, most=0.25, eta_factors=(0.5, 2))
    for package in (dr, oracle):
        mlp = package.MLP(SIZES, "tanh", dtype="float64", seed=1)
        trainer = package.Trainer(mlp, rule, None)
        for _ in range(4):
            trainer.epoch(X, Y)
        s = mlp.architecture.views(trainer.state["slots"][1])
        assert [set(W.ravel().tolist()) for W in s] == [{0.125}, {0.5}]


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
