# SPDX-License-Identifier: BSD-3-Clause
"""(I1) to (I4): docs/reference/initialisation.md, drawn by hand from the same generator."""

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
