# SPDX-License-Identifier: BSD-3-Clause
"""(S1) to (S11): docs/reference/schedules.md, with the C library's functions and by recursion."""

from math import cos, floor, log, log2, pi, sqrt

import numpy as np

import deltarule as dr
from deltarule import schedules as s
from formulas.registry import formula, values

T = 8.0
TIMES = [0.0, 0.5, 1.0, 2.75, 4.0, 6.0, 7.9, 8.0, 11.0]


def at(schedule):
    return [schedule(t) for t in TIMES]


@formula("S1", r"a \ c^n", r"\lfloor t / e \rfloor")
def step():
    claimed = [0.3 * 0.5 ** floor(t / 3) for t in TIMES]
    yield from values(claimed, at(s.Step(0.3, 0.5, 3)))
    yield from values(claimed, at(s.Step(0.3, 0.5, at=(3, 6, 9))))


@formula("S2", r"a \ c^{t/e}")
def exponential():
    yield from values([0.3 * 0.5 ** (t / 3) for t in TIMES], at(s.Exponential(0.3, 0.5, 3)))


@formula("S3", r"\frac{a}{(1 + t / e)^p}")
def inverse_scaling():
    yield from values([0.3 / (1 + t / 3) ** 0.7 for t in TIMES], at(s.InverseScaling(0.3, 0.7, 3)))


@formula("S4", r"a (1 - u) + b \ u")
def linear():
    claimed = [0.3 + (0.1 - 0.3) * min(t / T, 1) for t in TIMES]
    yield from values(claimed, at(s.Linear(0.3, 0.1, T)))


def fall(u):
    return (1 - cos(pi * u)) / 2


@formula("S5", r"a (1 - h(u)) + b \ h(u)", r"\frac{1 - \cos(\pi u)}{2}")
def cosine():
    claimed = [0.3 - 0.2 * fall(min(t / T, 1)) for t in TIMES]
    yield from values(claimed, at(s.Cosine(0.3, 0.1, T)))
    begins = {0: 0, 1: 1, 2: 1, 3: 3, 4: 3, 5: 3, 6: 3, 7: 7}  # cycles of 1, 2, 4, 8 epochs
    for t in np.arange(0, 8, 0.25):
        begin = begins[floor(t)]
        claimed = 0.3 - 0.2 * fall((t - begin) / (begin + 1))
        yield from values([claimed], [s.Cosine(0.3, 0.1, 15, 4, 2)(t)])


@formula("S6", r"h(u / r)", r"h\left( \frac{u - r}{1 - r} \right)")
def one_cycle():
    claimed = []
    for u in (min(t / T, 1) for t in TIMES):
        share = fall(u / 0.25) if u < 0.25 else fall((u - 0.25) / 0.75)
        claimed.append(0.1 + 0.2 * share if u < 0.25 else 0.3 - 0.25 * share)
    yield from values(claimed, at(s.OneCycle(0.3, T, 0.1, 0.05, 0.25)))


@formula("S7", r"\frac{1 - \cos(2 \pi \log_2(1 + 15 u))}{2}")
def coslog4():
    claimed = [0.15 * (1 - cos(2 * pi * log2(1 + 15 * min(t / T, 1)))) for t in TIMES]
    yield from values(claimed, at(s.CosLog4(0.3, T)))


@formula("S8", r"h\left( \frac{\max(u - q, 0)}{1 - q} \right)")
def flat_cosine():
    claimed = [0.3 - 0.2 * fall(max(min(t / T, 1) - 0.25, 0) / 0.75) for t in TIMES]
    yield from values(claimed, at(s.FlatCosine(0.3, 0.1, T, 0.25)))


@formula("S9", r"\min(1, \ q + (1 - q) \ t / w)", r"\eta'(\max(t - w, 0))")
def warm_up():
    after = s.Exponential(0.3, 0.5)
    claimed = [min(1, 0.25 + 0.75 * t / 3) * 0.3 * 0.5 ** max(t - 3, 0) for t in TIMES]
    yield from values(claimed, at(s.WarmUp(after, 3, 0.25)))


@formula("S10", r"\max(c \ \eta, \ b)", r"L_e \ge L_\ast - \epsilon |L_\ast|")
def plateau():
    losses = [3, 2, 1.99, 1.98, 1.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    schedule, claimed, told = s.Plateau(0.4, 0.5, 1, 0.1, lowest=0.15), [], []
    memory = schedule.begin()
    eta, best, bad = 0.4, float("inf"), 0
    for loss in losses:
        bad = bad + 1 if loss >= best - 0.1 * abs(best) else 0
        best = best if bad else loss
        if bad > 1:
            eta, bad = max(0.5 * eta, 0.15), 0
        memory = schedule.told(memory, loss)
        claimed.append(eta)
        told.append(memory["value"])
    assert sorted(set(claimed)) == [0.15, 0.2, 0.4]
    yield from values(claimed, told)


@formula("S11", r"\eta_0 \left( \frac{\eta_1}{\eta_0} \right)^{i / (n - 1)}")
def sweep():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 3))
    found = dr.find_learning_rate(
        dr.MLP([3, 2]), X, X[:, :2], smallest=1e-4, largest=1e-2, n_steps=21, seed=0
    )
    claimed = np.exp(np.linspace(log(1e-4), log(1e-2), 21))
    yield from values(claimed, found.etas)
    assert sqrt(found.etas[0] * found.etas[-1]) - found.etas[10] < 1e-15
