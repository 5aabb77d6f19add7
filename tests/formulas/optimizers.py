# SPDX-License-Identifier: BSD-3-Clause
"""(O1) to (O14): docs/reference/optimizers.md, each step from sums and products over the past."""

from math import prod, sqrt

import numpy as np

import deltarule as dr
from deltarule.oracle import optimizers
from formulas.registry import formula, values
from formulas.steps import GRADIENTS, START

ETA, MU, EPS = 0.1, 0.9, 1e-3
B_1, B_2 = 0.9, 0.8


def past(t):
    """The gradients of the first t steps."""
    return GRADIENTS[:t]


def decayed_sum(beta, terms):
    """The sum over s of beta^(t - s) terms_s."""
    return np.array([beta ** (len(terms) - 1 - s) for s in range(len(terms))]) @ terms


def mean(beta, terms):
    return (1 - beta) * decayed_sum(beta, terms)


@formula("O1", r"w - \eta (\mu v + g)")
def nesterov():
    w, v = START, np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        claimed = w - ETA * (MU * decayed_sum(MU, past(t)) + g)
        w, v = optimizers.nesterov(w, g, v, ETA, MU)
        yield from values(claimed, w)


@formula("O2", r"v \leftarrow \mu v + \eta g", r"w \leftarrow w - v")
def velocity():
    """From rest the same as momentum, which has eta outside."""
    w, v, other, u = START, np.zeros(3), START, np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        w, v = optimizers.velocity(w, g, v, ETA, MU)
        other, u = optimizers.momentum(other, g, u, ETA, MU)
        yield from values(ETA * decayed_sum(MU, past(t)), v)
        yield from values(other, w)


def ratio_of_adam(t):
    m, v = mean(B_1, past(t)), mean(B_2, past(t) ** 2)
    return m / (1 - B_1**t), v / (1 - B_2**t)


@formula("O3", r"\eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t} \frac{m}{\sqrt{v} + \varepsilon}")
def eps_inside():
    w, m, v = START, np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        m_hat, v_hat = ratio_of_adam(t)
        outside = EPS / sqrt(1 - B_2**t)  # the same step with an eps that falls
        claimed = w - ETA * m_hat / (np.sqrt(v_hat) + outside)
        w, m, v = optimizers.adam(w, g, m, v, ETA, B_1, B_2, EPS, B_1**t, B_2**t, True)
        yield from values(claimed, w)


@formula("O4", r"h \leftarrow \max(h, v)", r"\sqrt{h / (1 - \beta_2^t)}")
def amsgrad():
    w, m, v, h = START, np.zeros(3), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        largest = np.max([mean(B_2, past(s) ** 2) for s in range(1, t + 1)], axis=0)
        claimed = w - ETA * ratio_of_adam(t)[0] / (np.sqrt(largest / (1 - B_2**t)) + EPS)
        w, m, v, h = optimizers.amsgrad(w, g, m, v, h, ETA, B_1, B_2, EPS, B_1**t, B_2**t)
        yield from values(claimed, w)


@formula(
    "O5",
    r"\mu_t = \beta_1 \left( 1 - \tfrac{1}{2} 0.96^{t \psi} \right)",
    r"\frac{\mu_{t+1} m}{1 - \prod_{s \le t+1} \mu_s}",
    r"\frac{(1 - \mu_t) g}{1 - \prod_{s \le t} \mu_s}",
)
def nadam():
    rule = dr.NAdam(ETA, B_1, B_2, EPS, momentum_decay=0.5)
    yield from values([0.96**0.5], [rule.mu_decay])
    mus = [B_1 * (1 - 0.5 * 0.96 ** (0.5 * t)) for t in range(5)]
    w, m, v = START, np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        so_far, further = prod(mus[1 : t + 1]), prod(mus[1 : t + 2])
        ahead = mus[t + 1] * mean(B_1, past(t)) / (1 - further) + (1 - mus[t]) * g / (1 - so_far)
        claimed = w - ETA * ahead / (np.sqrt(ratio_of_adam(t)[1]) + EPS)
        w, m, v = optimizers.nadam(
            w, g, m, v, ETA, B_1, B_2, EPS, B_2**t, mus[t], mus[t + 1], so_far
        )
        yield from values(claimed, w)


@formula("O6", r"q \leftarrow q + g \odot g", r"\frac{g}{\sqrt{q} + \varepsilon}")
def adagrad():
    w, q = START, np.full(3, 0.5)
    for t, g in enumerate(GRADIENTS, 1):
        claimed = w - ETA * g / (np.sqrt(0.5 + np.sum(past(t) ** 2, axis=0)) + EPS)
        w, q = optimizers.adagrad(w, g, q, ETA, EPS)
        yield from values(claimed, w)


@formula("O7", r"v \leftarrow \beta v + (1 - \beta) g \odot g", r"\frac{g}{\sqrt{v} + \varepsilon}")
def rmsprop():
    w, v = START, np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        claimed = w - ETA * g / (np.sqrt(mean(B_2, past(t) ** 2)) + EPS)
        w, v = optimizers.rmsprop(w, g, v, ETA, B_2, EPS)
        yield from values(claimed, w)


def scaled(s, centered):
    """g / (sqrt + eps) of step s."""
    v = mean(B_2, past(s) ** 2) - centered * mean(B_2, past(s)) ** 2
    return GRADIENTS[s - 1] / (np.sqrt(v) + EPS)


@formula("O8", r"b \leftarrow \mu b + \frac{g}{\sqrt{v} + \varepsilon}", r"w - \eta b")
def rmsprop_momentum():
    w, v, b = START, np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        terms = np.array([scaled(s, False) for s in range(1, t + 1)])
        claimed = w - ETA * decayed_sum(MU, terms)
        w, v, b = optimizers.rmsprop_momentum(w, g, v, b, ETA, B_2, EPS, MU)
        yield from values(claimed, w)


@formula("O9", r"a \leftarrow \beta a + (1 - \beta) g", r"\sqrt{\max(v - a \odot a, 0)}")
def rmsprop_centered():
    w, v, b, a = START, np.zeros(3), np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        terms = np.array([scaled(s, True) for s in range(1, t + 1)])
        claimed = w - ETA * decayed_sum(MU, terms)
        w, v, b, a = optimizers.rmsprop_centered(w, g, v, b, a, ETA, B_2, EPS, MU)
        yield from values(claimed, w)


@formula("O10", r"d = \frac{\sqrt{a + \varepsilon}}{\sqrt{v + \varepsilon}} \odot g", r"w - \eta d")
def adadelta():
    w, v, a, steps = START, np.zeros(3), np.zeros(3), []
    for t, g in enumerate(GRADIENTS, 1):
        before = mean(B_2, np.array(steps) ** 2) if steps else np.zeros(3)
        steps.append(np.sqrt((before + EPS) / (mean(B_2, past(t) ** 2) + EPS)) * g)
        w, v, a = optimizers.adadelta(w, g, v, a, ETA, B_2, EPS)
        yield from values(START - ETA * np.sum(steps, axis=0), w)


@formula(
    "O11",
    r"\mathrm{sign} \left( \beta_1 m + (1 - \beta_1) g \right)",
    r"\beta_2 m + (1 - \beta_2) g",
)
def lion():
    w, m, moved = START, np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        c = B_1 * mean(B_2, past(t - 1)) + (1 - B_1) * g if t > 1 else (1 - B_1) * g
        moved += np.where(c > 0, 1, -1)
        w, m = optimizers.lion(w, g, m, ETA, B_1, B_2)
        yield from values(START - ETA * moved, w)
        yield from values(mean(B_2, past(t)), m)


@formula("O12", r"\eta_+ s", r"\eta_- s", r"w \leftarrow w - s \odot \mathrm{sign}(p)")
def rprop():
    """By hand, a weight that goes on, one that turns, and one whose gradient is 0 between."""
    gradients = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0], [0.25, -1.0, 1.0]])
    sizes = [[0.1, 0.1, 0.1], [0.12, 0.05, 0.1], [0.12 * 1.2, 0.05, 0.1]]
    signs = [[1, 1, 1], [1, 0, 0], [1, -1, 1]]  # after a turn the gradient counts as 0, once
    w, p, s = np.zeros(3), np.zeros(3), np.full(3, 0.1)
    for t, g in enumerate(gradients, 1):
        w, p, s = optimizers.rprop(w, g, p, s, 0.5, 1.2, 1e-6, 50.0)
        yield from values(sizes[t - 1], s)
        yield from values(-np.sum(np.multiply(sizes, signs)[:t], axis=0), w)


@formula("O13", r"w \leftarrow w - \eta_k \lambda w")
def decoupled_decay():
    """W[0] of a network whose gradient is 0 shrinks by 1 - eta_k lambda a step; its bias stays."""
    mlp = dr.MLP([2, 1], dtype="float64", seed=0)
    w = np.array([0.5, -0.25, 0.0])
    mlp.w = w
    rule = dr.AdamW(ETA, weight_decay=0.5, eta_factors=(2,))
    dr.Trainer(mlp, rule, 1).epoch(np.zeros((3, 2)), np.zeros((3, 1)))
    yield from values(w * [(1 - 2 * ETA * 0.5) ** 3, (1 - 2 * ETA * 0.5) ** 3, 1], mlp.w)


@formula("O14", r"\min(\max(g_i, -c), c)")
def clipping():
    for c in (0.3, 1.5):
        g = GRADIENTS.ravel()
        yield from values([min(max(x, -c), c) for x in g], optimizers.clipped(g, c))
