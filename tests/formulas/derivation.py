# SPDX-License-Identifier: BSD-3-Clause
"""(1) to (32): docs/derivation.md, against the oracle, the native core and differences."""

from itertools import product
from math import exp, log, sqrt

import numpy as np
from differences import derivative, exact, partial

import deltarule as dr
from deltarule import oracle
from deltarule.oracle import activations, losses, optimizers
from formulas.registry import formula, same_bits, slopes, values

RNG = np.random.default_rng(7)
X = RNG.normal(size=(5, 3))
Y = RNG.random((5, 2))
SHIFT, SCALE = np.array([0.5, -1.0, 0.25]), np.array([2.0, -0.5, 1.5])
L2 = 0.3
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


def penalty(W, l2):
    return l2 / 2 * sum(w[j, i] ** 2 for w in W for j, i in np.ndindex(len(w), w.shape[1] - 1))


@formula("12", r"\frac{l_2}{2}", r"\sum_{i \le H_k} \left( W^{(k)}_{ji} \right)^2")
def penalty_of_the_weights():
    W = network().W
    with_it, without = network(l2=L2).loss(X, Y), network().loss(X, Y)
    yield penalty(W, L2), exact(with_it - without)


@formula("13", r"\frac{1}{S} \sum_{i=1}^{n} L_i + \gamma(w)")
def empirical_risk():
    y_hat = network().forward(X).y_hat
    rows = [ROW_LOSSES["half_squared_error"](y, p) for y, p in zip(Y, y_hat, strict=True)]
    for reduction, S in (("mean", len(X)), ("sum", 1)):
        mlp = network(l2=L2, reduction=reduction)
        yield sum(rows) / S + penalty(mlp.W, L2), exact(mlp.loss(X, Y))


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
    r"+ l_2 \begin{bmatrix} \bar W^{(k)} & 0",
)
def batch_gradient():
    mlp, trace, d = batch_deltas()
    for k, (reduction, S) in product(range(3), (("mean", len(X)), ("sum", 1))):
        augmented = np.column_stack([trace.o[k], np.ones(len(X))])
        decay = np.column_stack([mlp.W[k][:, :-1], np.zeros(len(mlp.W[k]))])
        claimed = -d[k + 1].T @ augmented / S + L2 * decay
        yield from slopes(claimed, loss_with(k, None, l2=L2, reduction=reduction), mlp.W[k])


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
