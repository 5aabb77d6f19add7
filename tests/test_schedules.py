# SPDX-License-Identifier: BSD-3-Clause
"""Schedules at work: the numbers a trainer asks for, in the native, oracle and literal training."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, unit_roundoff

import deltarule as dr
from deltarule import oracle
from deltarule import schedules as s
from deltarule.oracle import literal
from deltarule.schedules.base import Clock
from deltarule.schedules.moving import Moving

ROWS, BATCH, STEPS = 20, 8, 3


def problem(dtype: str = "float64") -> tuple[dr.MLP, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mlp = dr.MLP([4, 6, 2], "tanh", dtype=dtype, seed=1)
    return mlp, rng.normal(size=(ROWS, 4)).astype(dtype), rng.normal(size=(ROWS, 2)).astype(dtype)


def trainers(rule: Any, dtype: str = "float64") -> tuple[dr.Trainer, oracle.Trainer, Any]:
    """Native, oracle and literal, of the same weights."""
    mlp, _, _ = problem(dtype)
    other = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    loops = literal.MLP(mlp.architecture, mlp.w, dtype)
    return (
        dr.Trainer(mlp, rule, BATCH),
        oracle.Trainer(other, rule, BATCH),
        literal.Trainer(loops, rule, BATCH),
    )


def eighth(step: int) -> float:
    return 0.1 / (8 + step)


ETAS = [
    s.Step(0.1, 0.5, at=(0.5, 1.4)),
    s.Exponential(0.1, 0.5),
    s.InverseScaling(0.1),
    s.Linear(0.1, 0.01, 2),
    s.Cosine(0.1, 0, 3, 2),
    s.OneCycle(0.1, 3),
    s.CosLog4(0.1, 3),
    s.FlatCosine(0.1, 0, 3),
    s.WarmUp(s.Linear(0.1, 0.01, 2), 1),
    s.WarmUp(s.Plateau(0.1, 0.5, 0, 10.0), 2),
    s.Plateau(0.1, 0.5, 0, 10.0),
    s.OfEpoch(eighth),
    s.OfStep(eighth),
]
MOMENTUM = s.Linear(0.9, 0.5, 3)
RULES = [
    *(dr.SGD(eta) for eta in ETAS),
    dr.SGD(0.05, MOMENTUM),
    dr.SGD(s.Exponential(0.1), MOMENTUM, weight_decay=s.Cosine(0.5, 0, 3)),
    dr.Adam(s.Exponential(0.1)),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_native_literal_and_oracle_train_alike(rule: Any, dtype: str) -> None:
    _, X, Y = problem(dtype)
    native, expected, loops = trainers(rule, dtype)
    for _ in range(4):
        assert native.epoch(X, Y) == loops.epoch(X, Y)
        expected.epoch(X, Y)
        assert native.eta == expected.eta
    assert native.mlp.w.tobytes() == np.asarray(loops.mlp.w).tobytes()
    # A few hundred roundings of numbers near 1; Adam divides by small ones.
    assert_within(native.mlp.w, expected.mlp.w, 5000 * unit_roundoff(dtype))


@pytest.mark.parametrize("n_threads", [1, 2])
def test_every_instruction_set_and_thread_count(isa: str, dtype: str, n_threads: int) -> None:
    mlp, X, Y = problem(dtype)
    rule = RULES[-2]
    loops = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, BATCH)
    native = dr.Trainer(mlp, rule, BATCH, n_threads)
    for _ in range(2):
        assert native.epoch(X, Y) == loops.epoch(X, Y)
    assert mlp.w.tobytes() == np.asarray(loops.mlp.w).tobytes()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_each_step_takes_its_number(rule: Any) -> None:
    """A scheduled epoch is its batches one by one, each with numbers that stand still."""
    mlp, X, Y = problem()
    net, order = mlp.architecture, np.random.default_rng(1).permutation(ROWS)
    moving = Moving(rule.schedules, "float64")
    scheduled = trainers(rule)[1]
    stepwise = oracle.MLP.from_architecture(net, mlp.w)
    state = None
    for epoch in range(3):
        numbers = moving.numbers(epoch, ROWS, BATCH)
        assert numbers is not None
        loss = scheduled.epoch(X, Y, order)
        moving.finish(numbers, loss)
        for j in range(STEPS):
            now = {name: max(values[j], 1e-300) for name, values in numbers.items()}  # not 0
            trainer = oracle.Trainer(stepwise, replace(rule, **now), BATCH)
            if state is not None:
                trainer._state = state
            trainer.epoch(X, Y, order[j * BATCH : (j + 1) * BATCH])
            state = trainer._state
    assert scheduled.mlp.w.tobytes() == stepwise.w.tobytes()


def test_numbers_are_the_schedule_s_at_each_step() -> None:
    eta, counted = s.Exponential(0.1, 0.25), s.OfStep(lambda step: step)
    moving = Moving({"eta": eta, "weight_decay": counted, "momentum": MOMENTUM}, "float64")
    for epoch in range(3):
        numbers = moving.numbers(epoch, ROWS, BATCH)
        assert numbers is not None
        t = epoch + np.arange(STEPS) / STEPS
        assert numbers["eta"].tolist() == [eta(float(at)) for at in t]
        assert numbers["momentum"].tolist() == [MOMENTUM(float(at)) for at in t]
        assert numbers["weight_decay"].tolist() == [3 * epoch, 3 * epoch + 1, 3 * epoch + 2]
        moving.finish(numbers, 1.0)
    whole = moving.numbers(3, ROWS, None)
    assert whole is not None
    assert whole["eta"].shape == (1,)


@pytest.mark.parametrize("eta", ETAS, ids=repr)
def test_epochs_ahead_change_no_bit(eta: s.Schedule) -> None:
    """Numbers of many short epochs come from one call, whatever their lengths, in any order."""
    moving = Moving({"eta": eta}, "float64")
    for epoch, n_rows in ((0, 20), (1, 20), (2, 20), (3, 50), (4, 20), (300, 20), (6, 20)):
        if epoch > 5 and eta.watches:
            break  # it was told too little by then
        numbers = moving.numbers(epoch, n_rows, BATCH)
        alone = Moving({"eta": eta}, "float64")
        alone.state = moving.state
        expected = alone._judged(
            eta, Clock("eta", epoch, moving.state["steps"], -(-n_rows // BATCH))
        )
        assert numbers is not None
        assert numbers["eta"].tobytes() == expected.tobytes()
        moving.finish(numbers, 1.0)


def test_a_fault_to_come_is_found_when_it_comes() -> None:
    moving = Moving({"momentum": s.Linear(0, 2, 10)}, "float64")
    for epoch in range(5):
        moving.finish(moving.numbers(epoch, ROWS, BATCH), 1.0)
    with pytest.raises(ValueError, match=r"momentum: 1\.0 in epoch 6, step 1, by"):
        moving.numbers(5, ROWS, BATCH)


def test_nothing_moves() -> None:
    mlp, X, Y = problem()
    moving = Moving({}, "float32")
    assert not moving
    assert moving.numbers(0, 10, 2) is None
    moving.finish(None, 1.0)
    assert mlp.fit(X, Y, dr.SGD(0.25), epochs=2).eta == [0.25, 0.25]


def test_fit_gives_lengths_and_notes_eta() -> None:
    """Without `over` a schedule lasts as long as the fit; a hand-driven trainer does the same."""
    mlp, X, Y = problem()
    history = mlp.fit(X, Y, dr.SGD(s.Cosine(0.1)), BATCH, epochs=5, seed=0)
    assert history.eta == [s.Cosine(0.1, over=5)(e + 2 / 3) for e in range(5)]
    other, _, _ = problem()
    trainer, rng = dr.Trainer(other, dr.SGD(s.Cosine(0.1, over=5)), BATCH), np.random.default_rng(0)
    for _ in range(5):
        trainer.epoch(X, Y, rng.permutation(ROWS))
    assert other.w.tobytes() == mlp.w.tobytes()
    warm = mlp.fit(X, Y, dr.SGD(s.WarmUp(s.Linear(0.1, 0), 2)), None, epochs=6)
    assert warm.eta == pytest.approx([0, 0.05, 0.1, 0.075, 0.05, 0.025])


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("rule", [RULES[1], RULES[9], RULES[12], RULES[-2]], ids=repr)
def test_a_copy_goes_on_with_the_schedule(kind: int, rule: Any) -> None:
    _, X, Y = problem()
    trainer = trainers(rule)[kind]
    for _ in range(2):
        trainer.epoch(X, Y)
    twins = [pickle.loads(pickle.dumps(trainer)), copy.deepcopy(trainer)]
    assert twins[0].eta == trainer.eta
    for _ in range(2):
        trainer.epoch(X, Y)
        for twin in twins:
            twin.epoch(X, Y)
            assert twin.eta == trainer.eta
            assert twin.mlp.w.tobytes() == trainer.mlp.w.tobytes()


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("rule", [RULES[1], RULES[9], RULES[12]], ids=repr)
def test_a_failed_epoch_moves_nothing(kind: int, rule: Any) -> None:
    _, X, Y = problem()
    bad = X.copy()
    bad[-1] = np.inf
    trainer, undisturbed = trainers(rule)[kind], trainers(rule)[kind]
    for _ in range(3):
        trainer.epoch(X, Y)
        undisturbed.epoch(X, Y)
        before = trainer.eta
        with pytest.raises(ValueError, match="X"):
            trainer.epoch(bad, Y)
        assert trainer.eta == before
        with pytest.raises(FloatingPointError):
            trainer.epoch(X, Y * 1e300)
        assert trainer.eta == before
    assert trainer.mlp.w.tobytes() == undisturbed.mlp.w.tobytes()


def test_plateau_of_the_training_loss() -> None:
    """The loss of a perfect fit stays where it is: a fall every second epoch after the first."""
    mlp, X, _ = problem()
    Y = mlp.predict(X)
    history = mlp.fit(X, Y, dr.SGD(s.Plateau(0.5, 0.5, 1)), None, epochs=6)
    assert history.loss == [0] * 6
    assert history.eta == [0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


@pytest.mark.parametrize("kind", ["native", "oracle"])
def test_plateau_of_the_validation_loss(kind: str) -> None:
    mlp, X, Y = problem()
    network: Any = mlp
    if kind == "oracle":
        network = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    rule = dr.SGD(s.Plateau(0.1, 0.5, 0, 0.01, watch="validation_loss"))
    with pytest.raises(ValueError, match=r"validation: None; expected \(X, Y\)"):
        network.fit(X, Y, rule)
    history = network.fit(X, Y, rule, BATCH, 12, validation=(X, -Y))
    expected, best = [0.1], history.validation_loss[0]
    for loss in history.validation_loss[1:]:
        gains = loss < best * 0.99
        expected.append(expected[-1] if gains else expected[-1] / 2)
        best = loss if gains else best
    assert history.eta == [0.1, *expected[:-1]]
    assert history.eta[-1] < 0.1


def test_a_trainer_without_fit_is_told() -> None:
    mlp, X, Y = problem()
    trainer = dr.Trainer(mlp, dr.SGD(s.Plateau(0.1, 0.5, 0, watch="validation_loss")), BATCH)
    trainer.epoch(X, Y)
    w = mlp.w.copy()
    with pytest.raises(ValueError, match=r"eta: told 0 .* 1 epochs; expected Trainer.observe"):
        trainer.epoch(X, Y)
    assert mlp.w.tobytes() == w.tobytes()
    for loss, eta in ((1.0, 0.1), (2.0, 0.05), (0.5, 0.05)):
        trainer.observe(loss)
        trainer.epoch(X, Y)
        assert trainer.eta == eta
    with pytest.raises(ValueError, match="validation_loss: nan"):
        trainer.observe(float("nan"))
    with pytest.raises(TypeError, match="validation_loss: 'low'"):
        trainer.observe("low")  # type: ignore[arg-type]


BAD_VALUES: list[tuple[Any, type[Exception], str]] = [
    (dr.SGD(s.OfStep(lambda step: "high")), TypeError, r"eta: <function .* of step 0 returned: 'h"),
    (dr.SGD(s.OfEpoch(lambda epoch: None)), TypeError, "eta: .* of epoch 0 returned: None"),
    (dr.SGD(s.OfStep(lambda step: -1.0)), ValueError, "eta: .* returned: -1.0; expected .* >= 0"),
    (dr.SGD(s.OfStep(lambda step: [1][step])), IndexError, "list index"),
    (dr.SGD(s.OfEpoch(lambda epoch: float("nan"))), ValueError, "returned: nan"),
    (dr.SGD(0.1, s.OfEpoch(lambda epoch: 1)), ValueError, "momentum: 1.0 in epoch 1, step 1, by"),
    (dr.SGD(0.1, s.Linear(0.5, 2, 0.5)), ValueError, "momentum: .* step 2, by Linear.* and < 1"),
    (dr.SGD(s.Exponential(1, 1e300, 0.5)), ValueError, r"eta: 9.*e\+199 .* step 2,.* float32"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "error", "message"), BAD_VALUES)
@pytest.mark.parametrize("kind", [0, 1])
def test_bad_values_come_before_the_first_step(
    kind: int, rule: Any, error: type[Exception], message: str
) -> None:
    _, X, Y = problem("float32")
    trainer = trainers(rule, "float32")[kind]
    w = np.array(trainer.mlp.w)
    with pytest.raises(error, match=message):
        trainer.epoch(X, Y)
    assert trainer.n_epochs == 0
    assert np.array_equal(trainer.mlp.w, w)


BAD_ARGUMENTS: list[tuple[Any, type[Exception], str]] = [
    (lambda: s.Step("high"), TypeError, "start: 'high'"),
    (lambda: s.Step(-0.1), ValueError, "start: -0.1; expected a finite number >= 0"),
    (lambda: s.Step(0.1, 0), ValueError, "factor: 0; expected a finite number > 0"),
    (lambda: s.Step(0.1, every=0), ValueError, "every: 0; expected a number of epochs >= 1e-100"),
    (lambda: s.Step(0.1, every=3, at=(1,)), ValueError, "every: 3 beside at"),
    (lambda: s.Step(0.1, at=3), TypeError, "at: 3; expected increasing times"),
    (lambda: s.Step(0.1, at=(3, 3)), ValueError, r"at: \(3, 3\); expected increasing"),
    (lambda: s.Step(0.1, at=(0, 3)), ValueError, r"at\[0\]: 0; expected"),
    (lambda: s.Exponential(float("inf")), ValueError, "start: inf"),
    (lambda: s.Exponential(0.1, per="batch"), ValueError, "per: 'batch'; expected 'step' or"),
    (lambda: s.InverseScaling(0.1, 0), ValueError, "power: 0"),
    (lambda: s.InverseScaling(0.1, scale=-1), ValueError, "scale: -1"),
    (lambda: s.Linear(0.1, True), TypeError, "end: True"),
    (lambda: s.Linear(0.1, over=0), ValueError, "over: 0; expected a number of epochs > 0"),
    (lambda: s.Cosine(0.1, cycles=0), ValueError, "cycles: 0"),
    (lambda: s.Cosine(0.1, growth=0), ValueError, "growth: 0"),
    (lambda: s.OneCycle(0.1, rise=1), ValueError, "rise: 1; expected a number > 0 and < 1"),
    (lambda: s.OneCycle(0.1, shape="sine"), ValueError, "shape: 'sine'"),
    (lambda: s.FlatCosine(0.1, flat=1), ValueError, "flat: 1"),
    (lambda: s.WarmUp("soon"), TypeError, "after: 'soon'"),
    (lambda: s.WarmUp(0.1, 0), ValueError, "over: 0"),
    (lambda: s.WarmUp(0.1, 2, 1.5), ValueError, "start: 1.5"),
    (lambda: s.Plateau(0.1, 1), ValueError, "factor: 1"),
    (lambda: s.Plateau(0.1, patience=0.5), TypeError, "patience: 0.5"),
    (lambda: s.Plateau(0.1, relative=1), TypeError, "relative: 1; expected True or False"),
    (lambda: s.Plateau(0.1, watch="score"), ValueError, "watch: 'score'"),
    (lambda: s.OfStep(0.1), TypeError, "function: 0.1"),
    (lambda: s.OfStep(eighth)(1.0), TypeError, "counts steps, not epochs"),
    (lambda: s.Cosine(0.1)(1.0), ValueError, "over: None in Cosine"),
    (lambda: s.Cosine(0.1, over=3)(-1.0), ValueError, "t: -1.0; expected finite times >= 0"),
    (lambda: dr.SGD(eighth), TypeError, "eta: <function .*OfEpoch.function. or"),
    (lambda: dr.SGD(0.1, eighth), TypeError, "momentum: <function"),
    (lambda: dr.Adam(beta_1=s.Linear(0.9)), TypeError, "beta_1: Linear"),
    (lambda: trainers(dr.SGD(s.Cosine(0.1))), ValueError, r"eta: Cosine.*without a length"),
    (lambda: problem()[0].fit(*problem()[1:], dr.SGD(s.WarmUp(s.Cosine(0.1), 9)), epochs=9),
     ValueError, "over: 9.0 epochs of warm-up; expected fewer than the 9 that"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "message"), BAD_ARGUMENTS, ids=lambda v: str(v)[:40])
def test_bad_arguments(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_models_take_schedules() -> None:
    _, X, Y = problem()
    coder = dr.Autoencoder([4, 3, 4], seed=0)
    assert coder.fit(X, dr.SGD(s.Linear(0.1)), None, 4, noise=0.1).eta == pytest.approx(
        [0.1, 0.075, 0.05, 0.025]
    )
    labels = (Y[:, 0] > 0).astype(int)
    radial = dr.RBFNetwork(4, output="softmax", seed=0)
    radial.fit(X, labels, optimizer=dr.SGD(s.Linear(0.1)), epochs=2)


def test_lazy_names_are_all_there() -> None:
    assert set(s.__all__) <= set(dir(s))
    for name in s.__all__:
        assert getattr(s, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Cosinus'"):
        _ = s.Cosinus


@pytest.mark.parametrize("kind", [0, 2])
def test_a_batch_of_weight_0_uses_up_its_number(kind: int) -> None:
    """It makes no step, but the next batch's number stays its own."""
    _, X, Y = problem()
    seen = s.OfStep(lambda step: [0.5, 0.25, 0.125][step])
    weight = np.ones(ROWS)
    weight[BATCH : 2 * BATCH] = 0
    trainer, alone = trainers(dr.SGD(seen))[kind], trainers(dr.SGD(0.5))[0]
    trainer.epoch(X, Y, None, weight)
    alone.epoch(X[:BATCH], Y[:BATCH])
    last = dr.Trainer(alone.mlp, dr.SGD(0.125), BATCH)
    last.epoch(X[2 * BATCH :], Y[2 * BATCH :])
    assert np.array_equal(trainer.mlp.w, alone.mlp.w)
