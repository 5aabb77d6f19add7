# SPDX-License-Identifier: BSD-3-Clause
"""The timer of phases: it accounts for the whole of an epoch, and changes nothing."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

import deltarule as dr
from deltarule.phases import PhaseTimer

PHASES = ["start", "gather", "forward", "output", "backward", "weights", "wait", "finish"]
X = np.random.default_rng(0).standard_normal((2000, 40)).astype("f4")
Y = np.random.default_rng(1).standard_normal((2000, 3)).astype("f4")


def trainer(n_threads: int, **options: float) -> dr.Trainer:
    mlp = dr.MLP([40, 300, 200, 3], "tanh", seed=0, **options)
    return dr.Trainer(mlp, batch_size=64, n_threads=n_threads)


def workers(n_threads: int) -> int:
    """Threads that really work: one core each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(n_threads, cores or 1)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_second_has_a_phase(n_threads: int) -> None:
    timed = trainer(n_threads)
    with PhaseTimer(timed) as timer:
        assert not timer.seconds["forward"].size
        begin = time.perf_counter()
        for _ in range(5):
            timed.epoch(X, Y)
        wall = time.perf_counter() - begin
        assert list(timer.seconds) == PHASES
    seconds = np.array(list(timer.seconds.values()))
    assert seconds.shape == (len(PHASES), workers(n_threads))
    assert (seconds >= 0).all()
    each = seconds.sum(axis=0)  # every thread's whole time
    assert (each <= 1.01 * wall).all()
    assert (each >= 0.8 * wall).all()
    named = dict(zip(PHASES, seconds, strict=True))
    for phase in ("gather", "forward", "output", "backward", "weights"):
        assert (named[phase] > 0).all()


def test_phases_are_told_apart() -> None:
    """A network whose work is known: nothing goes backward through one layer."""
    mlp = dr.MLP([400, 400], seed=0)
    shallow = dr.Trainer(mlp, dr.SGD(1e-6), batch_size=200, n_threads=1)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2000, 400)), rng.standard_normal((2000, 400))
    with PhaseTimer(shallow) as timer:
        shallow.epoch(x, y)
    part = {phase: each.sum() for phase, each in timer.seconds.items()}
    whole = sum(part.values())
    assert part["forward"] + part["weights"] > 0.5 * whole
    assert part["backward"] < 0.05 * whole
    assert part["wait"] < 0.05 * whole


def test_off_unless_asked_for_and_starts_anew() -> None:
    timed = trainer(2)
    timed.epoch(X, Y)
    assert timed._trainer.phase_seconds is None
    timer = PhaseTimer(timed)
    assert timer.seconds == {}
    for _ in range(2):
        with timer:
            assert not any(each.any() for each in timer.seconds.values())
            timed.epoch(X[:64], Y[:64])
        first = timer.seconds
    assert timed._trainer.phase_seconds is None
    timed.epoch(X, Y)
    np.testing.assert_equal(timer.seconds, first)


@pytest.mark.parametrize("options", [{}, {"l2": 1e-3}])
def test_the_same_bits(options: dict[str, float]) -> None:
    plain, timed = trainer(2, **options), trainer(2, **options)
    with PhaseTimer(timed):
        for _ in range(3):
            assert timed.epoch(X, Y) == plain.epoch(X, Y)
    assert timed.mlp.w.tobytes() == plain.mlp.w.tobytes()


def test_a_failed_epoch_counts_too() -> None:
    timed = trainer(2)
    bad = X.copy()
    bad[77, 7] = np.nan
    with PhaseTimer(timed) as timer:
        with pytest.raises(ValueError, match="row 77"):
            timed.epoch(bad, Y)
        timed.epoch(X, Y)
    assert all(each.shape == (workers(2),) for each in timer.seconds.values())
