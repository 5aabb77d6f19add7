# SPDX-License-Identifier: BSD-3-Clause
"""(29) to (32): docs/derivation.md, optimizers against sums over the past, initial weights."""

from math import sqrt

import numpy as np

import deltarule as dr
from deltarule.oracle import optimizers
from formulas.registry import formula, same_bits, values

GRADIENTS = np.array([[0.5, -2.0, 1e-3], [0.1, 1.0, -4.0], [-0.3, 0.2, 0.7]])
START = np.array([1.0, -1.0, 0.5])


@formula("29", r"w - \eta g")
def sgd():
    w = START
    for g in GRADIENTS:
        yield from values(
            [a - 0.1 * b for a, b in zip(w, g, strict=True)], optimizers.sgd(w, g, 0.1)
        )
        w = optimizers.sgd(w, g, 0.1)


@formula("30", r"\mu v + g", r"w - \eta v")
def momentum():
    w, v = START, np.zeros(3)
    for step, g in enumerate(GRADIENTS, 1):
        w, v = optimizers.momentum(w, g, v, 0.1, 0.9)
        earlier = GRADIENTS[:step]  # v is the sum of all gradients, each mu weaker a step
        yield from values(sum(0.9 ** (step - 1 - t) * earlier[t] for t in range(step)), v)
    sums = [sum(0.9**p for p in range(3 - t)) for t in range(3)]
    yield from values(START - 0.1 * np.array(sums) @ GRADIENTS, w)


@formula(
    "31",
    r"\beta_2 v + (1 - \beta_2) g \odot g",
    r"\frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}",
)
def adam():
    b_1, b_2, eta, eps = 0.9, 0.999, 0.1, 1e-8
    w, m, v = START, np.zeros(3), np.zeros(3)
    for t, g in enumerate(GRADIENTS, 1):
        past = GRADIENTS[:t]
        weights = (
            [(1 - b_1) * b_1 ** (t - 1 - s) for s in range(t)],
            [(1 - b_2) * b_2 ** (t - 1 - s) for s in range(t)],
        )
        means = [np.array(weights[0]) @ past / (1 - b_1**t), np.array(weights[1]) @ past**2]
        claimed = w - eta * means[0] / (np.sqrt(means[1] / (1 - b_2**t)) + eps)
        w, m, v = optimizers.adam(w, g, m, v, eta, b_1, b_2, eps, b_1**t, b_2**t)
        yield from values(claimed, w)
        yield from values(means[0] * (1 - b_1**t), m)


@formula("32", r"r = \sqrt{ \frac{6}{H_k} } \quad (\mathrm{relu})", r"\frac{6}{H_k + H_{k+1}}")
def initial_weights():
    sizes = [5, 40, 30]
    mlp = dr.MLP(sizes, "relu", "identity", dtype="float64", seed=3)
    rng = np.random.default_rng(3)
    for k, r in enumerate([sqrt(6 / 5), sqrt(6 / (40 + 30))]):
        claimed = rng.uniform(-r, r, (sizes[k + 1], sizes[k]))
        yield from same_bits(claimed, mlp.W[k][:, :-1])
        yield from same_bits(np.zeros(sizes[k + 1]), mlp.W[k][:, -1])
