# SPDX-License-Identifier: BSD-3-Clause
"""(I1) to (I8): docs/reference/initialisation.md, drawn and trained by hand."""

from math import sqrt

import numpy as np

import deltarule as dr
from deltarule.initialisers import orthonormal_columns
from formulas.registry import formula, same_bits, values

# c, and F of (H_k, H_{k+1}): the page's table.
LAWS = {
    "glorot": (2, lambda n_in, n_out: n_in + n_out),
    "he": (2, lambda n_in, n_out: n_in),
    "lecun": (1, lambda n_in, n_out: n_in),
}


def drawn(init):
    return dr.MLP([5, 7], seed=3, init=init, dtype="float64").W[0][:, :-1]


@formula("I1", r"U(-r, r)", r"\sqrt{ \frac{3 c}{F} }")
def uniform():
    for name, (c, F) in LAWS.items():
        r = sqrt(3 * c / F(5, 7))
        claimed = np.random.default_rng(3).uniform(-r, r, (7, 5))
        yield from same_bits(claimed, drawn(f"{name}_uniform"))


@formula("I2", r"N(0, \sigma^2)", r"\sigma = \sqrt{ \frac{c}{F} }")
def normal():
    for name, (c, F) in {**LAWS, "ntk": LAWS["lecun"]}.items():
        claimed = np.random.default_rng(3).standard_normal((7, 5)) * sqrt(c / F(5, 7))
        yield from same_bits(claimed, drawn("ntk" if name == "ntk" else f"{name}_normal"))


def reflections(rng, n, p):
    """x and D_kk of every k."""
    for k in range(p):
        x = rng.standard_normal(n - k)
        yield x, -np.sign(x[0])


def reflected(x, sign):
    return x - sign * np.linalg.norm(x) * np.eye(len(x))[0]


@formula("I3", r"Q = H_1 H_2 \ldots H_p", r"I - \frac{2 v_k v_k^T}{v_k^T v_k}", r"D \cr 0")
def orthogonal():
    n, p = 7, 5
    Q, D = np.eye(n), np.zeros((n, p))
    for k, (x, sign) in enumerate(reflections(np.random.default_rng(3), n, p)):
        v = reflected(x, sign)
        H = np.eye(n)
        H[k:, k:] -= 2 * np.outer(v, v) / (v @ v)
        Q, D[k, k] = Q @ H, sign
    yield from values(Q @ D, orthonormal_columns(np.random.default_rng(3), n, p))
    yield from values(Q @ D, drawn("orthogonal"))


@formula("I4", r"v_k = x - D_{kk} \lvert x \rvert e_1", r"H_k x = D_{kk} \lvert x \rvert e_1")
def reflection():
    for x, sign in reflections(np.random.default_rng(3), 7, 5):
        v = reflected(x, sign)
        yield from values(
            x - 2 * v * (v @ x) / (v @ v), sign * np.linalg.norm(x) * np.eye(len(x))[0]
        )


@formula("I5", r"\frac{1}{\sqrt{H_k}} V^{(k)} [o^{(k)}; 1]", r"N(0, 1)")
def ntk_network():
    mlp, rng = dr.MLP([4, 6, 2], "tanh", seed=3, init="ntk", dtype="float64"), np.random.default_rng
    x, draws = rng(0).normal(size=4), rng(3)
    V = [draws.standard_normal(shape) for shape in ((6, 4), (2, 6))]
    trace = mlp.forward(x[None])
    yield from values(V[0] @ x / sqrt(4), trace.net[1][0])
    yield from values(V[1] @ np.tanh(V[0] @ x / sqrt(4)) / sqrt(6), trace.net[2][0])


@formula("I6", r"V - \eta \frac{\partial L}{\partial V}", r"\frac{\eta}{H_k}")
def ntk_step():
    mlp, rng = dr.MLP([4, 2], seed=3, init="ntk", dtype="float64"), np.random.default_rng(0)
    x, y, eta = rng.normal(size=4), rng.normal(size=2), 0.3
    V = np.random.default_rng(3).standard_normal((2, 4))
    c, error = np.zeros(2), V @ x / sqrt(4) - y
    dr.Trainer(mlp, dr.SGD(eta, eta_factors=dr.ntk_factors(mlp)), 1).epoch(x[None], y[None])
    V, c = V - eta * np.outer(error, x) / sqrt(4), c - eta * error / sqrt(4)
    yield from values(np.column_stack([V, c]) / sqrt(4), mlp.W[0])


def scaled(**options):
    mlp = dr.MLP([4, 3, 2], "tanh", seed=3, dtype="float64")
    rng = np.random.default_rng(0)
    mlp.w = mlp.w + 0.1 * rng.normal(size=mlp.n_weights)  # biases too
    X = rng.normal(size=(9, 4)) + 2
    by_hand = [W.copy() for W in mlp.W]
    dr.unit_variance(mlp, X, **options)
    return mlp, by_hand, X


@formula("I7", r"\frac{W^{(k)}}{s}", r"\frac{1}{H_{k+1}} \sum_j \mathrm{Var}_i")
def variance_by_layer():
    mlp, by_hand, o = scaled()
    for W, claimed in zip(mlp.W, by_hand, strict=True):
        net = np.column_stack([o, np.ones(len(o))]) @ claimed.T
        s = sqrt(sum(np.mean(column**2) - np.mean(column) ** 2 for column in net.T) / net.shape[1])
        yield from values(claimed / s, W)
        o = np.tanh(net / s)


@formula("I8", r"s_j^2 = \mathrm{Var}_i", r"b_j - \mathrm{Mean}_i")
def variance_by_unit():
    mlp, by_hand, o = scaled(by="unit", zero_mean=True)
    for W, claimed in zip(mlp.W, by_hand, strict=True):
        augmented = np.column_stack([o, np.ones(len(o))])
        claimed[:, -1] -= (augmented @ claimed.T).mean(axis=0)
        net = augmented @ claimed.T
        s = np.sqrt((net**2).mean(axis=0))
        yield from values(claimed / s[:, None], W)
        o = np.tanh(net / s)
