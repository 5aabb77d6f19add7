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
from deltarule import oracle, schedules
from deltarule.oracle import literal
from deltarule.schedules.moving import Moving

ROWS, BATCH, STEPS = 20, 8, 3


def problem(dtype: str = "float64") -> tuple[dr.MLP, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    mlp = dr.MLP([4, 6, 2], "tanh", dtype=dtype, seed=1)
    return mlp, rng.normal(size=(ROWS, 4)).astype(dtype), rng.normal(size=(ROWS, 2)).astype(dtype)


def rules() -> list[Any]:
    eta, momentum = schedules.Exponential(0.1, 0.5), schedules.Exponential(0.9, 0.8)
    return [dr.SGD(eta), dr.SGD(eta, momentum), dr.SGD(0.05, momentum), dr.Adam(eta)]


def test_one_number_for_each_step() -> None:
    eta = schedules.Exponential(0.1, 0.25)
    moving = Moving({"eta": eta}, "float64")
    for epoch in range(3):
        numbers = moving.numbers(epoch, ROWS, BATCH)
        assert numbers is not None
        t = epoch + np.arange(STEPS) / STEPS
        assert numbers["eta"].tobytes() == np.array([eta(float(s)) for s in t]).tobytes()
        moving.finish(numbers, 1.0)
    assert moving.state["steps"] == 3 * STEPS


def test_nothing_moves() -> None:
    mlp, X, Y = problem()
    moving = Moving({}, "float32")
    assert not moving
    assert moving.numbers(0, 10, 2) is None
    moving.finish(None, 1.0)
    assert mlp.fit(X, Y, dr.SGD(0.25), epochs=2).eta == [0.25, 0.25]


@pytest.mark.parametrize("rule", rules(), ids=repr)
def test_each_step_takes_its_number(rule: Any) -> None:
    """A scheduled epoch is its batches one by one, each with numbers that stand still."""
    mlp, X, Y = problem()
    net, order = mlp.architecture, np.random.default_rng(1).permutation(ROWS)
    scheduled = oracle.Trainer(oracle.MLP.from_architecture(net, mlp.w), rule, BATCH)
    stepwise = oracle.MLP.from_architecture(net, mlp.w)
    state = None
    for epoch in range(2):
        scheduled.epoch(X, Y, order)
        for j in range(STEPS):
            now = {name: schedule(epoch + j / STEPS) for name, schedule in rule.schedules.items()}
            trainer = oracle.Trainer(stepwise, replace(rule, **now), BATCH)
            if state is not None:
                trainer._state = state
            trainer.epoch(X, Y, order[j * BATCH : (j + 1) * BATCH])
            state = trainer._state
    assert scheduled.mlp.w.tobytes() == stepwise.w.tobytes()


@pytest.mark.parametrize("rule", rules(), ids=repr)
def test_native_literal_and_oracle_train_alike(rule: Any, dtype: str, isa: str) -> None:
    mlp, X, Y = problem(dtype)
    expected = oracle.Trainer(oracle.MLP.from_architecture(mlp.architecture, mlp.w), rule, BATCH)
    loops = literal.Trainer(literal.MLP(mlp.architecture, mlp.w, dtype), rule, BATCH)
    native = dr.Trainer(mlp, rule, BATCH)
    for _ in range(3):
        assert native.epoch(X, Y) == loops.epoch(X, Y)
        expected.epoch(X, Y)
        assert native.eta == expected.eta
    assert mlp.w.tobytes() == np.asarray(loops.mlp.w).tobytes()
    # A few hundred roundings of numbers near 1; Adam divides by small ones.
    assert_within(mlp.w, expected.mlp.w, 5000 * unit_roundoff(dtype))


def trainers(rule: Any) -> list[Any]:
    mlp, _, _ = problem()
    other = oracle.MLP.from_architecture(mlp.architecture, mlp.w)
    return [dr.Trainer(mlp, rule, BATCH), oracle.Trainer(other, rule, BATCH)]


@pytest.mark.parametrize("native", [True, False])
def test_a_copy_goes_on_with_the_schedule(native: bool) -> None:
    _, X, Y = problem()
    trainer = trainers(rules()[1])[not native]
    trainer.epoch(X, Y)
    twins = [pickle.loads(pickle.dumps(trainer)), copy.deepcopy(trainer)]
    trainer.epoch(X, Y)
    for twin in twins:
        twin.epoch(X, Y)
        assert twin.eta == trainer.eta
        assert twin.mlp.w.tobytes() == trainer.mlp.w.tobytes()
