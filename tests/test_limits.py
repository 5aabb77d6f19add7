# SPDX-License-Identifier: BSD-3-Clause
"""Clipping by the gradient's norm, bounds on units' norms, averages: their bits on every path of a
step, their values by hand and against the oracle, what they promise."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tolerances import assert_within, gamma, unit_roundoff

import deltarule as dr
from deltarule import _core, oracle
from deltarule.oracle import limits, literal
from deltarule.sparsity import Sparsity

Array = NDArray[Any]

# layers, activation, batch size, rows, more arguments of Trainer: batches of one row, short last
# ones, blocks of rows dealt to the threads, several chunks of a batch, more inputs than a block of
# the sum, rows that are coupled, units that learn a parameter of their own.
PATHS: dict[str, tuple[list[int], str | list[str], int | None, int, dict[str, Any]]] = {
    "weights": ([64, 32, 10], "relu", 32, 150, {}),
    "remainders": ([17, 33, 31, 9, 5], "tanh", 7, 60, {}),
    "one row": ([30, 33, 3], "tanh", 1, 30, {}),
    "wide": ([300, 260, 2], "logistic", 13, 30, {}),
    "blocks": ([6, 34, 2], "relu", None, 1300, {}),
    "chunks": ([200, 40, 8], "relu", None, 1100, {}),
    "kl": ([9, 40, 7], "logistic", 16, 50, {"sparsity": Sparsity(1, "kl", 0.3, 0.1)}),
    "kl in chunks": ([9, 40, 7], "logistic", None, 1300, {"sparsity": Sparsity(1, "kl", 0.3, 0.1)}),
    "l1": ([9, 40, 7], "relu", 16, 50, {"sparsity": Sparsity(1, "l1", 0.3)}),
    "learned": ([17, 33, 9, 5], ["prelu", "blend(mish, alpha=0.5)"], 7, 60, {}),
    "learned, one row": ([9, 33, 3], "prelu", 1, 20, {}),
    "learned, blocks": ([6, 34, 2], "blend(tanh, alpha=0.5)", None, 1300, {}),
}
paths = pytest.mark.parametrize("path", PATHS)

# What is asked of the optimizer, and the average: each alone, then together. The bounds take hold.
bounds = {"clip_norm": 0.1, "max_norm": 0.4}
OPTIONS: dict[str, tuple[dict[str, float], Any]] = {
    "clip_norm": ({"clip_norm": 0.1}, None),
    "max_norm": ({"max_norm": 0.4}, None),
    "ema": ({}, dr.EMA(0.75)),
    "swa": ({}, dr.SWA(2)),
    "all": (bounds, dr.EMA(0.75)),
    "bounds and swa": (bounds, dr.SWA(1, 2)),
    "all and more": ({**bounds, "clip_value": 5e-3, "weight_decay": 0.1}, dr.EMA(0.75)),
}
options = pytest.mark.parametrize("option", OPTIONS)
RULES = {"sgd": dr.SGD(0.03), "momentum": dr.SGD(0.01, momentum=0.9), "adam": dr.Adam(0.02)}


def network(path: str, dtype: str, **more: Any) -> dr.MLP:
    layers, activation, *_ = PATHS[path]
    return dr.MLP(layers, activation, dtype=dtype, seed=1, l2=1e-3, **more)


def data(path: str, dtype: str) -> tuple[Array, Array]:
    layers, _, _, rows, _ = PATHS[path]
    rng = np.random.default_rng(2)
    X = rng.standard_normal((rows, layers[0])).astype(dtype)
    return X, rng.random((rows, layers[-1])).astype(dtype)


def trained(mlp: dr.MLP, rule: Any, path: str, n_threads: int, average: Any = None) -> dr.Trainer:
    _, _, batch_size, _, more = PATHS[path]
    return dr.Trainer(mlp, rule, batch_size, n_threads, average=average, **more)


def bits(array: Any) -> bytes:
    return np.asarray(array).tobytes()


@options
@paths
def test_every_bit_is_the_literal_reference_s(path: str, option: str, dtype: str) -> None:
    """Weights, losses, state and average: any instruction set, any number of threads, any path."""
    numbers, average = OPTIONS[option]
    names = list(RULES)
    rule = RULES[names[(list(PATHS).index(path) + list(OPTIONS).index(option)) % len(names)]]
    layers, *_ = PATHS[path]
    factors = tuple(1 / (k + 1) for k in range(len(layers) - 1)) if "more" in option else None
    rule = replace(rule, **numbers, eta_factors=factors)
    X, Y = data(path, dtype)
    start = network(path, dtype)
    *_, batch_size, rows, more = PATHS[path]
    reference = literal.MLP(start.architecture, start.w, dtype)
    loops = literal.Trainer(reference, rule, batch_size, average=average, **more)
    rng = np.random.default_rng(3)
    orders = [rng.permutation(rows) for _ in range(2)]
    losses = [loops.epoch(X, Y, order) for order in orders]
    before = _core.isa()
    try:
        for isa in _core.available_isas():
            _core.select_isa(isa)
            for n_threads in (1, 2, 3):
                trainer = trained(copy.deepcopy(start), rule, path, n_threads, average)
                assert [trainer.epoch(X, Y, order) for order in orders] == losses
                assert bits(trainer.mlp.w) == bits(reference.w)
                assert bits(trainer.averaged_w) == bits(loops.averaged_w)
                for slot, expected in zip(trainer.state["slots"], loops.state.slots, strict=True):
                    assert bits(slot) == bits(expected)
    finally:
        _core.select_isa(before)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@paths
def test_a_bound_that_no_gradient_reaches_changes_no_bit(
    path: str, rule: Any, dtype: str, isa: str
) -> None:
    """The step in a pass of its own is the step in the epilogue of the gradient."""
    X, Y = data(path, dtype)
    results = []
    for clip in (None, 1e30):
        trainer = trained(network(path, dtype, l1=1e-3), replace(rule, clip_norm=clip), path, 2)
        losses = [trainer.epoch(X, Y) for _ in range(2)]
        results.append((losses, bits(trainer.mlp.w), *map(bits, trainer.state["slots"])))
    assert results[0] == results[1]


def one_unit(x: list[float], w: list[float], **more: Any) -> tuple[dr.MLP, Array]:
    mlp = dr.MLP([len(x), 1], output="identity", dtype="float64", **more)
    mlp.w = np.array(w)
    return mlp, np.array([x])


def test_clip_norm_by_hand() -> None:
    """x = 3/4, w = b = 0, y = 4: g = (-3, -4) of norm 5, halved by clip_norm = 5/2; eta = 1."""
    for clip, expected in ((2.5, [1.5, 2.0]), (5.0, [3.0, 4.0]), (6.0, [3.0, 4.0])):
        mlp, X = one_unit([0.75], [0.0, 0.0])
        assert dr.Trainer(mlp, dr.SGD(1.0, clip_norm=clip)).epoch(X, [4.0]) == 8.0
        assert mlp.w.tolist() == expected


def test_a_penalty_is_part_of_the_norm() -> None:
    """w = 8 and l2 = 1/2 on a row that fits: g = (4, 0), clipped to (1, 0)."""
    mlp, X = one_unit([0.5], [8.0, 0.0], l2=0.5)
    dr.Trainer(mlp, dr.SGD(1.0, clip_norm=1.0)).epoch(X, [4.0])
    assert mlp.w.tolist() == [7.0, 0.0]


def test_max_norm_by_hand() -> None:
    """Incoming weights (3, 4) of a unit with a bias of 7; the row fits, so g = 0."""
    for most, expected in ((2.5, [1.5, 2.0, 7.0]), (5.0, [3.0, 4.0, 7.0]), (6.0, [3.0, 4.0, 7.0])):
        mlp, X = one_unit([0.0, 0.0], [3.0, 4.0, 7.0])
        dr.Trainer(mlp, dr.SGD(1.0, max_norm=most)).epoch(X, [7.0])
        assert mlp.w.tolist() == expected


def test_max_norm_looks_at_weights_after_their_step() -> None:
    """x = 1, w = 1/2, y = 4 and eta = 1: w = 4 after the step, then 2; b = 3.5."""
    mlp, X = one_unit([1.0], [0.5, 0.0])
    dr.Trainer(mlp, dr.SGD(1.0, max_norm=2.0)).epoch(X, [4.0])
    assert mlp.w.tolist() == [2.0, 3.5]


@paths
def test_training_follows_the_oracle(path: str) -> None:
    """All options together in float64: both sides differ by rounding, hardly amplified."""
    X, Y = data(path, "float64")
    mlp = network(path, "float64")
    twin = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    *_, batch_size, rows, more = PATHS[path]
    rule = dr.SGD(0.03, clip_norm=0.1, max_norm=0.4)
    for average in (dr.EMA(0.75), dr.SWA(1, 2)):
        trainer = trained(mlp, rule, path, 2, average)
        expected = oracle.Trainer(twin, rule, batch_size, average=average, **more)
        steps = 3 * -(-rows // (batch_size or rows))
        for _ in range(3):
            loss = expected.epoch(X, Y)
            assert_within(trainer.epoch(X, Y), loss, gamma(100 * rows * steps) * loss)
        error = gamma(100 * rows * steps) * np.max(np.abs(twin.w))
        assert_within(mlp.w, twin.w, error)
        assert_within(trainer.averaged_w, expected.averaged_w, error)


@given(
    g=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=300),
    most=st.floats(1e-3, 1e3),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_a_clipped_gradient_is_no_longer_than_the_bound(
    g: list[float], most: float, dtype: str
) -> None:
    """The factor and its products round once each; a gradient within the bound keeps its bits."""
    given_g = np.array(g, dtype)
    norm = literal.gradient_norm([given_g[None, :]])
    clipped = literal.clip_norm([given_g[None, :]], most)
    error = gamma(2, dtype) + gamma(len(g) + 4)
    tiny = float(np.finfo(dtype).smallest_subnormal)
    assert np.linalg.norm(clipped.astype(float)) <= most * (1 + error) + tiny * np.sqrt(len(g))
    if norm <= most:
        assert clipped.tobytes() == given_g.tobytes()
    expected = limits.clip_norm([given_g.astype(float)], most)
    assert_within(clipped, expected, error * np.abs(expected) + tiny)


@settings(max_examples=40)
@given(
    layers=st.lists(st.sampled_from([1, 2, 5, 16, 31, 33, 70]), min_size=2, max_size=4),
    batch_size=st.sampled_from([None, 1, 7, 16]),
    most=st.floats(0.05, 2.0),
    rule=st.sampled_from(list(RULES)),
    dtype=st.sampled_from(["float32", "float64"]),
    clip=st.sampled_from([None, 1e-2, 1.0]),
)
def test_no_unit_s_weights_are_longer_than_max_norm(
    layers: list[int], batch_size: int | None, most: float, rule: str, dtype: str,
    clip: float | None,
) -> None:  # fmt: skip
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, layers[0])), rng.normal(size=(20, layers[-1]))
    mlp = dr.MLP(layers, "tanh", dtype=dtype, seed=0)
    bounded = replace(RULES[rule], max_norm=most, clip_norm=clip)
    trainer = dr.Trainer(mlp, bounded, batch_size)
    for _ in range(3):
        trainer.epoch(X, Y)
        for W in mlp.W:
            norms = np.linalg.norm(W[:, :-1].astype(float), axis=1)
            assert np.all(norms <= most * (1 + gamma(2, dtype) + gamma(W.shape[1] + 4)))


def test_averages_are_those_of_the_weights_along_the_way(dtype: str) -> None:
    """From w after every step: full batches, so that steps are epochs."""
    X, Y = data("weights", dtype)
    u = unit_roundoff(dtype)
    kept = {"ema": dr.EMA(0.75), "swa": dr.SWA(2, 3)}
    trainers = {
        name: dr.Trainer(network("weights", dtype), dr.Adam(0.01), None, average=average)
        for name, average in kept.items()
    }
    seen: list[Array] = []
    for epoch in range(1, 9):
        for trainer in trainers.values():
            trainer.epoch(X, Y)
        seen.append(trainers["ema"].mlp.w.astype(float))
        scale = 4 * epoch * u * np.max(np.abs(seen), axis=0)
        # sum_t decay^(n-t) (1 - decay) w_t, but all of the first
        shares = [0.75 ** (epoch - t) * (1.0 if t == 1 else 0.25) for t in range(1, epoch + 1)]
        assert_within(trainers["ema"].averaged_w, np.tensordot(shares, seen, 1), scale)
        counted = seen[1::3]
        if counted:
            assert_within(trainers["swa"].averaged_w, np.mean(counted, axis=0), scale)
        else:
            assert trainers["swa"].averaged_w is None


def test_averages_leave_the_training_alone(dtype: str) -> None:
    for path in PATHS:
        X, Y = data(path, dtype)
        plain = trained(network(path, dtype), RULES["adam"], path, 2)
        losses = [plain.epoch(X, Y) for _ in range(2)]
        for average in (dr.EMA(), dr.SWA()):
            trainer = trained(network(path, dtype), RULES["adam"], path, 2, average)
            assert [trainer.epoch(X, Y) for _ in range(2)] == losses
            assert bits(trainer.mlp.w) == bits(plain.mlp.w)


@pytest.mark.parametrize("average", [dr.EMA(0.9), dr.SWA(2, 2)], ids=repr)
@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
def test_fit_ends_with_the_average(package: Any, average: Any) -> None:
    X, Y = data("weights", "float32")
    mlp = package.MLP([64, 32, 10], seed=1)
    by_hand = copy.deepcopy(mlp)
    history = mlp.fit(X, Y, epochs=5, seed=4, average=average, validation=(X, Y))
    rng = np.random.default_rng(4)
    trainer = package.Trainer(by_hand, average=average)
    assert trainer.averaged_w is None
    losses = [trainer.epoch(X, Y, rng.permutation(len(X))) for _ in range(5)]
    assert history.loss == losses
    assert history.validation_loss[-1] == by_hand.loss(X, Y)  # of the weights as they are trained
    assert bits(mlp.w) == bits(trainer.averaged_w) != bits(by_hand.w)


def test_a_fit_that_stops_before_the_average_begins_keeps_its_weights() -> None:
    X, Y = data("weights", "float32")
    mlp, plain = network("weights", "float32"), network("weights", "float32")
    stopped = {"epochs": 9, "seed": 0, "stop_tol": 1e9}
    assert len(mlp.fit(X, Y, average=dr.SWA(5), **stopped)) == 2
    plain.fit(X, Y, **stopped)
    assert bits(mlp.w) == bits(plain.w)


@pytest.mark.parametrize("average", [dr.EMA(0.9), dr.SWA(2, 2), dr.SWA(9)], ids=repr)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_copies_go_on_with_the_average(copied: Any, average: Any, dtype: str) -> None:
    X, Y = data("remainders", dtype)
    rule = dr.SGD(0.03, clip_norm=0.1, max_norm=0.4)
    trainer = trained(network("remainders", dtype), rule, "remainders", 2, average)
    for _ in range(3):
        twin = copied(trainer)
        assert twin.average == trainer.average == average
        assert twin.optimizer == rule
        assert bits(twin.averaged_w) == bits(trainer.averaged_w)
        assert twin.epoch(X, Y) == trainer.epoch(X, Y)
        assert bits(twin.averaged_w) == bits(trainer.averaged_w)


def test_a_pickle_from_before_has_no_average() -> None:
    state = dr.Trainer(dr.MLP([2, 3, 1])).__getstate__()
    del state["average"]
    trainer = dr.Trainer.__new__(dr.Trainer)
    trainer.__setstate__(state)
    assert trainer.average is None
    assert trainer.averaged_w is None


@pytest.mark.parametrize("average", [dr.EMA(0.9), dr.SWA()], ids=repr)
@pytest.mark.parametrize("path", ["weights", "blocks", "one row"])
def test_a_failed_epoch_leaves_everything(path: str, average: Any) -> None:
    """A bad row, after steps that were taken, then a training on as if nothing had been."""
    X, Y = data(path, "float32")
    rule = dr.Adam(0.01, clip_norm=0.1, max_norm=0.4)
    trainer, twin = (
        trained(network(path, "float32"), rule, path, 2, average) for _ in range(2)
    )  # fmt: skip
    for one in (trainer, twin):
        one.epoch(X, Y)
    before = bits(trainer.averaged_w)
    bad = X.copy()
    bad[-1, 0] = np.nan
    with pytest.raises(ValueError, match=f"X: .*row {len(X) - 1}"):
        trainer.epoch(bad, Y)
    assert bits(trainer.averaged_w) == before
    assert trainer.epoch(X, Y) == twin.epoch(X, Y)
    assert bits(trainer.mlp.w) == bits(twin.mlp.w)
    assert bits(trainer.averaged_w) == bits(twin.averaged_w)


@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
def test_a_norm_beyond_float64_is_an_error(package: Any) -> None:
    """Loss 1e200 / 2 and gradient 1e200 are finite, the sum of squares is not."""
    mlp = package.MLP([1, 1], output="identity", dtype="float64")
    mlp.w = np.zeros(2)
    trainer = package.Trainer(mlp, dr.SGD(1e-300, clip_norm=1.0), average=dr.EMA())
    with pytest.raises(FloatingPointError, match="finite"):
        trainer.epoch([[1e100]], [1e100])
    assert mlp.w.tolist() == [0.0, 0.0]
    assert trainer.averaged_w is None


@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
def test_a_unit_s_norm_beyond_float64_is_an_error(package: Any) -> None:
    """Weights of 1e200 and their sum are finite, their squares are not: no factor of 0 hides it."""
    mlp = package.MLP([2, 1], output="identity", dtype="float64")
    w = [1e200, 1e200, 0.0]
    mlp.w = w
    trainer = package.Trainer(mlp, dr.SGD(1e-300, max_norm=1.0))
    with pytest.raises(FloatingPointError, match="a weight is not finite"):
        trainer.epoch([[1e-200, 1e-200]], [2.0])
    assert mlp.w.tolist() == w


def test_repr_names_the_average() -> None:
    for package in (dr, oracle):
        mlp = package.MLP([2, 3, 1])
        assert repr(package.Trainer(mlp, average=dr.SWA(3))).endswith(
            ", average=SWA(start=3, every=1))"
        )
        assert "average" not in repr(package.Trainer(mlp))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dr.EMA(1.0), ValueError, "decay: 1.0; expected a number > 0 and < 1"),
        (lambda: dr.EMA(0), ValueError, "decay: 0; expected a number > 0 and < 1"),
        (lambda: dr.EMA("most"), TypeError, "decay: 'most' of type str; expected a number > 0"),
        (lambda: dr.SWA(0), ValueError, "start: 0; expected an integer >= 1"),
        (lambda: dr.SWA(1.0), TypeError, "start: 1.0 of type float; expected an integer >= 1"),
        (lambda: dr.SWA(1, 0), ValueError, "every: 0; expected an integer >= 1"),
        (lambda: dr.SWA(2**63), ValueError, "start: 9223372036854775808; expected an integer < 2"),
    ],
)
def test_bad_averages(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        make()
    assert message in str(raised.value)


@pytest.mark.parametrize("package", [dr, oracle], ids=["native", "oracle"])
@pytest.mark.parametrize(
    ("average", "error", "message"),
    [
        ("ema", TypeError, "average: 'ema' of type str; expected EMA, SWA or None"),
        (dr.EMA, TypeError, "expected EMA, SWA or None"),
        (0.9, TypeError, "average: 0.9 of type float"),
        (dr.SWA(4), ValueError, "average: start 4; expected it <= epochs, 3"),
    ],
)
def test_bad_averages_of_fit(
    package: Any, average: Any, error: type[Exception], message: str
) -> None:
    mlp = package.MLP([2, 3, 1], seed=0)
    w = mlp.w.copy()
    with pytest.raises(error) as raised:
        mlp.fit(np.zeros((4, 2)), np.zeros(4), epochs=3, average=average)
    assert message in str(raised.value)
    assert np.array_equal(mlp.w, w)


PEER = np.load(Path(__file__).parent / "fixtures" / "regularisation.npz")
PAIR, TORCH = (PEER["X"], PEER["Y"]), 1e-6  # what PyTorch adds to a norm


def followed(rule: Any, reduction: str, average: Any = None) -> dr.Trainer:
    mlp = dr.MLP([5, 8, 3], "tanh", "identity", dtype="float64", reduction=reduction)
    mlp.w = PEER["start"]
    return dr.Trainer(mlp, rule, None, average=average)


def assert_follows(actual: Array, expected: Array, steps: int, difference: float = 0.0) -> None:
    """Some hundred roundings a step, and what the peer does otherwise; ten doublings on the way."""
    rounding = gamma(100 * steps) * np.max(np.abs(expected))
    assert_within(actual, expected, 2**10 * (rounding + steps * difference))


def test_clipping_follows_pytorch() -> None:
    """50 steps of clip_grad_norm_, whose scale is c / (norm + 1e-6), and SGD with momentum."""
    trainer = followed(dr.SGD(0.01, momentum=0.9, clip_norm=2.0), "sum")
    longest_step = 0.01 * 2.0 / (1 - 0.9)
    first = literal.gradient_norm(trainer.mlp.architecture.views(trainer.mlp.gradient(*PAIR)))
    assert_within(first, PEER["norms"][0], gamma(1000) * first)
    for step in range(1, 51):
        trainer.epoch(*PAIR)
        if step % 10 == 0:
            peer = PEER["clipped"][step // 10 - 1]
            assert_follows(trainer.mlp.w, peer, step, longest_step * TORCH / PEER["norms"].min())


@pytest.mark.parametrize(
    ("name", "average"), [("ema", dr.EMA(0.9)), ("swa", dr.SWA(10, 5))], ids=["ema", "swa"]
)
def test_averages_follow_pytorch(name: str, average: Any) -> None:
    """AveragedModel along 50 steps of Adam."""
    trainer = followed(dr.Adam(0.05), "mean", average)
    for step in range(1, 51):
        trainer.epoch(*PAIR)
        if step % 10 == 0:
            assert_follows(trainer.averaged_w, PEER[name][step // 10 - 1], step)
