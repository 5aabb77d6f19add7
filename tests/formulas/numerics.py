# SPDX-License-Identifier: BSD-3-Clause
"""(33) to (36): the order of sums, clipping, epochs; the references are the core's own bits."""

from fractions import Fraction

import numpy as np

import deltarule as dr
from deltarule.oracle import losses
from formulas.registry import formula, same_bits, values


def fma(a, b, c):
    """a b + c with one rounding."""
    return float(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)))


@formula("33", r"\mathrm{fma}(a_{k_0}, b_{k_0}, +0)", r"t = ((+0 + s_0) + s_1) + \ldots")
def blocks_of_a_contraction():
    rng = np.random.default_rng(5)
    mlp = dr.MLP([600, 2], output="identity", dtype="float64")
    mlp.w = rng.normal(size=mlp.n_weights)
    x = rng.normal(size=600)
    claimed = []
    for row in mlp.W[0]:
        total = 0.0
        for first in range(0, 600, 256):
            block = 0.0
            for k in range(first, min(first + 256, 600)):
                block = fma(x[k], row[k], block)
            total += block
        claimed.append(total + row[-1])
    yield from same_bits(claimed, mlp.predict(x[None])[0])
    assert claimed[0] != sum(x * mlp.W[0][0, :-1]) + mlp.W[0][0, -1], "any order would do"


@formula("34", r"a_l + a_{l+8}", r"a_l + a_{l+4}", r"a_l + a_{l+2}", r"a_l + a_{l+1}")
def tree_of_sixteen_lanes():
    K = 53
    mlp = dr.MLP([1, K], output="identity", dtype="float64")
    y = np.random.default_rng(6).normal(size=K)
    mlp.w = np.zeros(2 * K)  # y_hat = 0, so d = y: L_i = 1/2 of the tree over fma(d, d, .)
    lanes = [0.0] * 16
    for j, d in enumerate(y):
        lanes[j % 16] = fma(d, d, lanes[j % 16])
    for half in (8, 4, 2, 1):
        for i in range(half):
            lanes[i] += lanes[i + half]
    yield from same_bits(0.5 * lanes[0], mlp.loss([[0.0]], y[None]))
    assert lanes[0] != sum(y * y), "any order would do"


@formula("35", r"\min(\max(\hat y, \varepsilon), 1 - \varepsilon)")
def clipping():
    for dtype in ("float32", "float64"):
        eps = float(np.finfo(dtype).eps)
        y_hat = np.array([0.0, eps / 2, 0.3, 1 - eps / 4, 1.0])
        claimed = [min(max(p, eps), 1 - eps) for p in y_hat]
        yield from same_bits(claimed, losses.clip(y_hat, eps))
    # a softmax output of exactly 1, under (10): log(1 - c) = log(eps)
    mlp = dr.MLP([1, 2], output="softmax", loss="binary_cross_entropy", dtype="float64")
    mlp.w = [0.0, 1000.0, 0.0, -1000.0]
    eps = float(np.finfo(np.float64).eps)
    yield from values(-2 * np.log(eps), mlp.loss([[0.0]], [[0.0, 1.0]]))


@formula("36", r"\frac{1}{n} \sum_{\mathrm{batches\ } b} n_b L_b")
def epoch_loss():
    rng = np.random.default_rng(8)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 1))
    mlp = dr.MLP([3, 4, 1], "tanh", dtype="float64", seed=0)
    one_by_one = dr.MLP([3, 4, 1], "tanh", dtype="float64", seed=0)
    total = 0.0
    for first in (0, 4, 8):  # batches of 4, 4 and 2, each loss taken before its update
        rows = slice(first, first + 4)
        total += len(X[rows]) * one_by_one.loss(X[rows], Y[rows])
        one_by_one.w = one_by_one.w - 0.1 * one_by_one.gradient(X[rows], Y[rows])
    epoch = dr.Trainer(mlp, dr.SGD(eta=0.1), batch_size=4).epoch(X, Y)
    yield from values(total / 10, epoch)
