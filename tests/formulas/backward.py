# SPDX-License-Identifier: BSD-3-Clause
"""(14) to (28): docs/derivation.md, against differences of the loss."""

from itertools import product
from math import exp, log

import numpy as np
from differences import derivative, exact, partial
from tolerances import FD_STEP

from formulas.forward import (
    DESCENTS,
    FUNCTIONS,
    L1,
    L2,
    NET,
    ROW_LOSSES,
    SCALE,
    SLOPES,
    TARGET,
    X,
    Y,
    logistic,
    loss_with,
    network,
    softmax,
)
from formulas.registry import formula, slopes, values


def deltas(i):
    """delta[k] of row i from (17), (19), in loops."""
    mlp = network()
    o = [rows[i] for rows in mlp.forward(X).o]
    d = {3: (Y[i] - o[3]) * SLOPES["logistic"](o[3])}
    for k in (2, 1):
        W = mlp.W[k]
        d[k] = np.array([
            SLOPES["tanh"](o[k][p]) * sum(d[k + 1][j] * W[j, p] for j in range(len(W)))
            for p in range(len(o[k]))
        ])  # fmt: skip
    return o, d


@formula("14", r"= - \delta^{(k+1)}_j o^{(k)}_i")
def weight_slope():
    for k, i in product(range(3), (0, 4)):
        o, d = deltas(i)
        claimed = -np.outer(d[k + 1], np.append(o[k], 1.0))
        yield from slopes(claimed, loss_with(k, i), network().W[k])


@formula("15", r"- \frac{\partial L_i}{\partial \mathrm{net}^{(k)}_j}")
def delta_is_minus_the_slope():
    back = network().backward(network().forward(X), Y)
    for k in range(3):  # a bias moves net, and nothing else
        W = network().W[k]
        for j in range(len(W)):
            slope = partial(loss_with(k, 2), W, (j, W.shape[1] - 1))
            yield back.delta[k + 1][2, j], slope._replace(value=-slope.value)


@formula(
    "16",
    r"u_j = y_j - \hat y_j",
    r"\frac{y_j - \hat y_j}{\hat y_j (1 - \hat y_j)}",
    r"\frac{y_j}{\hat y_j}",
)
def descent():
    y_hat = np.array([0.3, 0.6, 0.8])
    for name, u in DESCENTS.items():
        minus = [-v for v in u(TARGET, y_hat)]
        yield from slopes(minus, lambda p, name=name: float(ROW_LOSSES[name](TARGET, p)), y_hat)


@formula("17", r"f'(\mathrm{net}_j) u_j")
def output_delta():
    for f, loss in product(FUNCTIONS, ROW_LOSSES):
        net = np.array([0.6, 0.5, 0.55])  # outputs in (0, 1), away from relu's kink
        o = np.array([FUNCTIONS[f](v) for v in net])
        delta = [SLOPES[f](v) * u for v, u in zip(o, DESCENTS[loss](TARGET, o), strict=True)]

        def of(v, f=f, loss=loss):
            return float(ROW_LOSSES[loss](TARGET, np.array([FUNCTIONS[f](q) for q in v])))

        yield from slopes(np.negative(delta), of, net)


@formula("18", r"f' = 1 ,", r"f' = o (1 - o)", r"f' = 1 - o^2", r"f' = [ o > 0 ]")
def slopes_from_outputs():
    for f, net in product(FUNCTIONS, (-1.0, 0.3, 1.7)):
        yield SLOPES[f](FUNCTIONS[f](net)), derivative(FUNCTIONS[f], net)


@formula("19", r"\sum_{j=1}^{H_{k+1}} \delta^{(k+1)}_j W^{(k)}_{ji}")
def hidden_delta():
    for k, i in product((1, 2), (0, 3)):
        W = network().W[k - 1]
        for j, delta in enumerate(deltas(i)[1][k]):
            slope = partial(loss_with(k - 1, i), W, (j, W.shape[1] - 1))
            yield delta, slope._replace(value=-slope.value)


def batch_deltas():
    """delta[k] of all rows by (20)."""
    mlp = network()
    trace = mlp.forward(X)
    d = {3: (Y - trace.o[3]) * trace.o[3] * (1 - trace.o[3])}
    for k in (2, 1):
        d[k] = (1 - trace.o[k] ** 2) * (d[k + 1] @ mlp.W[k][:, :-1])
    return mlp, trace, d


@formula("20", r"\odot \left( \delta^{(k+1)} \bar W^{(k)} \right)")
def hidden_deltas():
    _, _, d = batch_deltas()
    for k, i in product((1, 2), range(len(X))):
        yield from values(d[k][i], deltas(i)[1][k])


@formula(
    "21",
    r"- \frac{1}{S} \left( \delta^{(k+1)} \right)^T",
    r"+ l_2 \begin{bmatrix} \bar W^{(k)} & 0 \end{bmatrix}",
    r"+ l_1 \begin{bmatrix} \mathrm{sign} \ \bar W^{(k)} & 0 \end{bmatrix}",
)
def batch_gradient():
    mlp, trace, d = batch_deltas()
    for k, (reduction, S) in product(range(3), (("mean", len(X)), ("sum", 1))):
        augmented = np.column_stack([trace.o[k], np.ones(len(X))])
        weights, no_biases = mlp.W[k][:, :-1], np.zeros(len(mlp.W[k]))
        assert np.min(np.abs(weights)) > 4 * FD_STEP, "a difference would cross a kink"
        decay = np.column_stack([L2 * weights + L1 * np.sign(weights), no_biases])
        claimed = -d[k + 1].T @ augmented / S + decay
        yield from slopes(claimed, loss_with(k, None, l2=L2, l1=L1, reduction=reduction), mlp.W[k])


@formula("22", r"- \left( \delta^{(1)} \bar W^{(0)} \right) \odot \mathrm{scale}")
def input_slope():
    mlp, _, d = batch_deltas()
    claimed = -(d[1] @ mlp.W[0][:, :-1]) * SCALE
    for i in range(len(X)):
        yield from slopes(claimed[i], lambda x, i=i: mlp.loss(x[None], Y[i : i + 1]), X[i])


@formula("23", r"= o_j \left( [ j = l ] - o_l \right)")
def jacobian():
    o = softmax(NET)
    for j in range(3):
        claimed = [o[j] * ((j == k) - o[k]) for k in range(3)]
        yield from slopes(claimed, lambda v, j=j: float(softmax(v)[j]), NET)


@formula("24", r"= o_l \left( u_l - \sum_j u_j o_j \right)")
def softmax_delta():
    o = softmax(NET)
    for loss, u_of in DESCENTS.items():
        u = u_of(TARGET, o)
        delta = [o[k] * (u[k] - sum(u[j] * o[j] for j in range(3))) for k in range(3)]

        def of(v, loss=loss):
            return float(ROW_LOSSES[loss](TARGET, softmax(v)))

        yield from slopes(np.negative(delta), of, NET)


@formula("25", r"= y_j - \hat y_j")
def logistic_collapses():
    def of(net):
        return float(ROW_LOSSES["binary_cross_entropy"](TARGET, logistic(net)))

    o = logistic(NET)
    general = o * (1 - o) * (TARGET - o) / (o * (1 - o))
    for delta in (TARGET - o, general):
        yield from slopes(-delta, of, NET)


@formula("26", r"= y_l - \hat y_l \sum_j y_j")
def softmax_collapses():
    def of(net):
        return float(ROW_LOSSES["cross_entropy"](TARGET, softmax(net)))

    yield from slopes(-(TARGET - softmax(NET) * TARGET.sum()), of, NET)  # the sum is 0.8


@formula(
    "27",
    r"\max(\mathrm{net}_j, 0) - \mathrm{net}_j y_j + \log \left( 1 + e^{- \lvert \mathrm{net}_j",
)
def loss_from_net():
    terms = [max(v, 0) - v * y + log(1 + exp(-abs(v))) for v, y in zip(NET, TARGET, strict=True)]
    yield sum(terms), exact(ROW_LOSSES["binary_cross_entropy"](TARGET, logistic(NET)))


@formula("28", r"y_j \left( \log \sum_l e^{\mathrm{net}_l - M} - (\mathrm{net}_j - M) \right)")
def softmax_loss_from_net():
    M = max(NET)
    log_sum = log(sum(exp(v - M) for v in NET))
    claimed = sum(y * (log_sum - (v - M)) for y, v in zip(TARGET, NET, strict=True))
    yield claimed, exact(ROW_LOSSES["cross_entropy"](TARGET, softmax(NET)))
