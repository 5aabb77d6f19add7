# SPDX-License-Identifier: BSD-3-Clause
"""50 steps of each optimizer beside PyTorch's, scikit-learn's or its paper's formula, in float64.

Trajectories are recorded (tests/fixtures/record_optimizers.py); no test needs the peers themselves.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tolerances import assert_within, trajectory_bound

import deltarule as dr
from deltarule import oracle
from deltarule.optimizers import Optimizer

PEERS = np.load(Path(__file__).parent / "fixtures" / "optimizers.npz")
BATCH, N = 4, 12
CASES: dict[str, Optimizer] = {
    "sgd": dr.SGD(0.1),
    "momentum": dr.SGD(0.05, 0.9),
    "nesterov": dr.SGD(0.05, 0.9, nesterov=True),
    "adam": dr.Adam(0.01),
    "amsgrad": dr.Adam(0.01, 0.9, 0.8, amsgrad=True),
    "adamw": dr.AdamW(0.01, weight_decay=0.1),
    "nadam": dr.NAdam(0.01),
    "adagrad": dr.AdaGrad(0.05, start=0.01),
    "rmsprop": dr.RMSProp(0.01, beta=0.9),
    "rmsprop_momentum": dr.RMSProp(0.01, beta=0.9, momentum=0.5),
    "rmsprop_centered": dr.RMSProp(0.01, beta=0.9, momentum=0.5, centered=True),
    "adadelta": dr.Adadelta(1.0),
    "rprop": dr.Rprop(0.01, least=1e-4, most=0.1),
    "clip_value": dr.SGD(0.1, clip_value=0.02),
    "velocity": dr.SGD(0.05, 0.9, eta_in_velocity=True),
    "velocity_nesterov": dr.SGD(0.05, 0.9, nesterov=True, eta_in_velocity=True),
    "adam_eps_inside": dr.Adam(0.01, eps=1e-3, eps_inside=True),
    "lion": dr.Lion(0.003),
    "lion_decay": dr.Lion(0.003, weight_decay=1.0),
}


def trajectory(module: Any, rule: Optimizer, w: Any) -> Any:
    """w after each of the recorded steps, from w on."""
    mlp = module.MLP([5, 7, 3], "tanh", "identity", dtype="float64", seed=0)
    mlp.w = w
    trainer = module.Trainer(mlp, rule, None if rule.full_batch else BATCH)
    order, reached, kept = np.arange(N), 0, []
    for steps in PEERS["steps"]:
        for _ in range(steps - reached):
            part = order if rule.full_batch else order[:BATCH]
            trainer.epoch(PEERS["X"], PEERS["Y"], part)
            order = np.roll(order, -BATCH)
        reached = steps
        kept.append(np.array(mlp.w))
    return np.stack(kept)


@cache
def growth(name: str) -> Any:
    """How much a small change of the start has grown, at most, after each recorded step."""
    w = PEERS["w"]
    change = 1e-6 * np.random.default_rng(0).choice([-1.0, 1.0], w.shape)
    moved = trajectory(oracle, CASES[name], w + change) - trajectory(oracle, CASES[name], w)
    return np.maximum(1.0, np.abs(moved).max(axis=1) / 1e-6)


def test_every_recorded_trajectory_is_compared() -> None:
    assert set(PEERS) - {"X", "Y", "w", "steps", "versions"} == set(CASES)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("module", [dr, oracle], ids=["native", "oracle"])
def test_fifty_steps_beside_a_peer(module: Any, name: str) -> None:
    """Both round each step; what is off by then grows as a small change of the start does."""
    w, peer = PEERS["w"], PEERS[name]
    ours = trajectory(module, CASES[name], w)
    for steps, a, b, grown in zip(PEERS["steps"], ours, peer, growth(name), strict=True):
        assert_within(a, b, trajectory_bound(steps, np.abs(peer).max(), grown))
    assert np.abs(peer[-1] - w).max() > 0.05  # it went somewhere
