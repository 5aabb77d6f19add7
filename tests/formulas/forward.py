# SPDX-License-Identifier: BSD-3-Clause
"""(1) to (13): docs/derivation.md, against the oracle, the native core and differences."""

from math import exp, log

import numpy as np
from differences import exact

import deltarule as dr
from deltarule import oracle
from deltarule.oracle import activations, losses
from formulas.registry import formula, same_bits, values

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 3))
Y = RNG.random((5, 2))
SHIFT, SCALE = np.array([0.5, -1.0, 0.25]), np.array([2.0, -0.5, 1.5])
L2, L1 = 0.3, 0.2
NET, TARGET = np.array([0.4, -1.0, 0.9]), np.array([0.2, 0.5, 0.1])
FUNCTIONS = {
    "identity": lambda net: net,
    "logistic": lambda net: 1 / (1 + exp(-net)),
    "tanh": lambda net: (exp(net) - exp(-net)) / (exp(net) + exp(-net)),
    "relu": lambda net: max(net, 0.0),
}
SLOPES = {
    "identity": lambda o: 1.0,
    "logistic": lambda o: o * (1 - o),
    "tanh": lambda o: 1 - o**2,
    "relu": lambda o: float(o > 0),
}
ROW_LOSSES = {  # (9) to (11), of one row
    "half_squared_error": lambda y, p: 0.5 * np.sum((y - p) ** 2),
    "binary_cross_entropy": lambda y, p: -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)),
    "cross_entropy": lambda y, p: -np.sum(y * np.log(p)),
}
DESCENTS = {  # (16)
    "half_squared_error": lambda y, p: y - p,
    "binary_cross_entropy": lambda y, p: (y - p) / (p * (1 - p)),
    "cross_entropy": lambda y, p: y / p,
}


def network(**options):
    mlp = oracle.MLP([3, 4, 3, 2], "tanh", "logistic", "half_squared_error", "float64",
                     input_shift=SHIFT, input_scale=SCALE, **options)  # fmt: skip
    mlp.w = np.random.default_rng(1).normal(0, 0.6, mlp.n_weights)
    return mlp


def loss_with(k, i, **options):
    """L_i as a function of W[k], the other weights as they are."""
    mlp = network(**options)
    rows = slice(None) if i is None else slice(i, i + 1)

    def of(w):
        mlp.W = [w if q == k else network().W[q] for q in range(3)]
        return mlp.loss(X[rows], Y[rows])

    return of


def softmax(net):
    return np.exp(net - np.max(net)) / np.sum(np.exp(net - np.max(net)))


def logistic(net):
    return 1 / (1 + np.exp(-net))


@formula("1", r"(x - \mathrm{shift}) \odot \mathrm{scale}")
def standardised():
    claimed = [[(x[f] - SHIFT[f]) * SCALE[f] for f in range(3)] for x in X]
    yield from values(claimed, network().forward(X).o[0])


@formula(
    "2", r"\sum_{i=1}^{H_k} W^{(k)}_{ji} o^{(k)}_i + W^{(k)}_{j,H_k+1}", r"& 1 \end{bmatrix}^T"
)
def nets():
    mlp = network()
    trace = mlp.forward(X)
    for k, W in enumerate(mlp.W):
        o = trace.o[k]
        H = o.shape[1]
        claimed = [
            [sum(W[j, i] * row[i] for i in range(H)) + W[j, H] for j in range(len(W))] for row in o
        ]
        yield from values(claimed, trace.net[k + 1])
        yield from values(claimed, np.column_stack([o, np.ones(len(o))]) @ W.T)


@formula("3", r"f \left( \mathrm{net}^{(k+1)} \right)", r"\hat y = o^{(m+1)}")
def outputs():
    trace = network().forward(X)
    for k, f in enumerate(("tanh", "tanh", "logistic"), 1):
        yield from values([[FUNCTIONS[f](v) for v in row] for row in trace.net[k]], trace.o[k])
    yield from same_bits(trace.o[3], trace.y_hat)


def of_the_core(name):
    """The same activation by the native core: one unit with weight 1."""
    nets = np.linspace(-3, 3, 13)
    mlp = dr.MLP([1, 1], output=name, dtype="float64")
    mlp.w = [1.0, 0.0]
    yield from values([FUNCTIONS[name](v) for v in nets], mlp.predict(nets[:, None])[:, 0])
    yield from values([FUNCTIONS[name](v) for v in nets], getattr(activations, name)(nets))


@formula("4", r"f(\mathrm{net}) = \mathrm{net}")
def identity():
    yield from of_the_core("identity")


@formula("5", r"\frac{1}{1 + e^{-\mathrm{net}}}")
def logistic_function():
    yield from of_the_core("logistic")


@formula("6", r"\frac{e^{\mathrm{net}} - e^{-\mathrm{net}}}{e^{\mathrm{net}} + e^{-\mathrm{net}}}")
def tanh_function():
    yield from of_the_core("tanh")


@formula("7", r"\max(\mathrm{net}, 0)")
def relu_function():
    yield from of_the_core("relu")


@formula("8", r"e^{\mathrm{net}_j - M}", r"M = \max_l \mathrm{net}_l")
def softmax_function():
    yield from values(softmax(NET), np.exp(NET) / np.exp(NET).sum())  # without M: the same
    yield from values(softmax(NET), activations.softmax(NET[None])[0])
    yield softmax(np.array([1000.0, 1000.0]))[0], exact(0.5)


def row_of_the_oracle(loss, output):
    eps = float(np.finfo(np.float64).eps)
    o = softmax(NET) if output == "softmax" else logistic(NET)
    row = losses.row_loss(loss, output, TARGET[None], NET[None], o[None], eps)
    yield ROW_LOSSES[loss](TARGET, o), exact(row[0])


@formula("9", r"\frac{1}{2} \sum_{j=1}^{K} (y_j - \hat y_j)^2")
def half_squared_error():
    yield from row_of_the_oracle("half_squared_error", "logistic")
    yield ROW_LOSSES["half_squared_error"](np.array([3.0, 4.0]), np.zeros(2)), exact(12.5)


@formula("10", r"y_j \log \hat y_j + (1 - y_j) \log(1 - \hat y_j)")
def binary_cross_entropy():
    yield from row_of_the_oracle("binary_cross_entropy", "logistic")
    p = logistic(NET)
    answers = np.array([1.0, 0.0, 1.0])
    likelihood = p[0] * (1 - p[1]) * p[2]
    yield ROW_LOSSES["binary_cross_entropy"](answers, p), exact(-log(likelihood))


@formula("11", r"- \sum_{j=1}^{K} y_j \log \hat y_j")
def cross_entropy():
    yield from row_of_the_oracle("cross_entropy", "softmax")
    p = softmax(NET)
    yield ROW_LOSSES["cross_entropy"](np.array([0.0, 1.0, 0.0]), p), exact(-log(p[1]))


def penalty(W):
    """(12), weight by weight; the last column holds the biases."""
    weights = [w[j, i] for w in W for j, i in np.ndindex(len(w), w.shape[1] - 1)]
    return sum(L2 / 2 * w**2 + L1 * abs(w) for w in weights)


@formula(
    "12",
    r"\frac{l_2}{2} \left( W^{(k)}_{ji} \right)^2 + l_1 \left\lvert W^{(k)}_{ji} \right\rvert",
    r"\sum_{i \le H_k}",
)
def penalty_of_the_weights():
    with_it, without = network(l2=L2, l1=L1).loss(X, Y), network().loss(X, Y)
    yield penalty(network().W), exact(with_it - without)
    core = dr.MLP([3, 4, 2], dtype="float64", l2=L2, l1=L1, seed=0)
    bare = dr.MLP([3, 4, 2], dtype="float64", seed=0)
    yield penalty(core.W), exact(core.loss(X, Y) - bare.loss(X, Y))


@formula("13", r"\frac{1}{S} \sum_{i=1}^{n} L_i + \gamma(w)")
def empirical_risk():
    y_hat = network().forward(X).y_hat
    rows = [ROW_LOSSES["half_squared_error"](y, p) for y, p in zip(Y, y_hat, strict=True)]
    for reduction, S in (("mean", len(X)), ("sum", 1)):
        mlp = network(l2=L2, l1=L1, reduction=reduction)
        yield sum(rows) / S + penalty(mlp.W), exact(mlp.loss(X, Y))
